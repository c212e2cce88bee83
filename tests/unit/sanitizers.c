/* SPDX-License-Identifier: MIT */
/* Criterion 2.4.1 and the sanitizers.
 *
 * Under TSan it does not start (Snaipe/Criterion#274): BoxFort, which runs each test in
 * a process of its own, maps its arena at an address that it picks with rand_r(), and
 * that falls on TSan's shadow memory. Our rand_r keeps the arena between 0x5500... and
 * 0x5550..., where nothing else lies.
 *
 * And a report that only changes the exit status of a test's process is swallowed: the
 * test passes. So every report must abort on the spot. test_swallowed.c proves, for
 * each sanitizer, that a test with such an error fails. */

int rand_r(unsigned *seed);
const char *__tsan_default_options(void);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

#if defined(__SANITIZE_THREAD__)
#define TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif

#ifdef TSAN
int rand_r(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return (int)(0x350000u + (*seed >> 8 & 0x4fffu));
}
#endif

const char *__tsan_default_options(void)
{
	return "halt_on_error=1:abort_on_error=1";
}

const char *__asan_default_options(void)
{
	return "abort_on_error=1:detect_leaks=1";
}

const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}
