/* SPDX-License-Identifier: MIT */
#ifndef BATON_ATTRIBUTES_H
#define BATON_ATTRIBUTES_H

/* What the headers say to the compiler. Every macro vanishes where a compiler
 * does not know it; none changes a program's meaning.
 *
 * With clang and -Wthread-safety a baton_batch and a baton_claim are
 * capabilities: reading a batch after its release, releasing or submitting
 * twice and forgetting to do so do not compile. Two habits make this work:
 * the call that hands out a handle stands alone in its condition,
 *     while (baton_next(feed, &b) == BATON_OK)
 * or alone in its statement, to keep the code:
 *     int rc = baton_next(feed, &b);
 *     if (rc != BATON_OK)
 *             break;
 * and a function of yours that is lent a handle says so with
 * BATON_REQUIRES(*b). Code that keeps handles in arrays opts out with
 * BATON_NO_ANALYSIS. */

#ifdef __cplusplus
#define BATON_BEGIN_DECLS extern "C" {
#define BATON_END_DECLS }
#else
#define BATON_BEGIN_DECLS
#define BATON_END_DECLS
#endif

#if defined(__GNUC__) || defined(__clang__)
#define BATON_API __attribute__((visibility("default")))
#define BATON_MUST_CHECK __attribute__((warn_unused_result))
#define BATON_PRINTF(string, first) __attribute__((format(printf, string, first)))
#else
#define BATON_API
#define BATON_MUST_CHECK
#define BATON_PRINTF(string, first)
#endif

#if defined(__clang__)
#define BATON_CAPABILITY(name) __attribute__((capability(name)))
#define BATON_ACQUIRES(...) __attribute__((try_acquire_capability(0, __VA_ARGS__)))
#define BATON_RELEASES(...) __attribute__((release_capability(__VA_ARGS__)))
#define BATON_REQUIRES(...) __attribute__((requires_capability(__VA_ARGS__)))
#define BATON_NO_ANALYSIS __attribute__((no_thread_safety_analysis))
#else
#define BATON_CAPABILITY(name)
#define BATON_ACQUIRES(...)
#define BATON_RELEASES(...)
#define BATON_REQUIRES(...)
#define BATON_NO_ANALYSIS
#endif

#endif
