/* SPDX-License-Identifier: MIT */
#include "philox.h"
#include <baton/rng.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Random123's known-answer vectors for philox4x32-10 (kat_vectors). */
static const struct {
	uint32_t counter[4], key[2], out[4];
} known[] = {
	{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
	{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
	{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

Test(rng, philox_gives_random123s_known_answers)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		uint32_t out[4];

		baton_philox4x32(known[i].counter, known[i].key, out);
		cr_assert_arr_eq(out, known[i].out, sizeof(out));
	}
}

Test(rng, every_width_bounds_a_group_alike)
{
	static const uint32_t bounds[] = {1,        2,         3, 10000, 1u << 31, (1u << 31) + 1,
	                                  3u << 30, UINT32_MAX};
	baton_multiply_fn *wide = baton_multiply_of("avx2");

	cr_assert_null(baton_multiply_of("other"));
	for (uint64_t n = 0; n < 800; n++) {
		uint32_t bound = bounds[n % 8], excess = (uint32_t)-bound % bound;
		uint32_t words[64], high[64], by_avx2[64];
		bool below = false;

		baton_philox_of("plain")(n, 0, 0, words);
		words[n % 64] = n % 16 < 8 ? 0 : UINT32_MAX;
		cr_assert_eq(baton_multiply_of("plain")(words, bound, excess, high),
		             wide ? wide(words, bound, excess, by_avx2)
		                  : baton_multiply_of("plain")(words, bound, excess, by_avx2));
		for (int i = 0; i < 64; i++) {
			uint64_t product = (uint64_t)words[i] * bound;

			cr_assert_eq(high[i], product >> 32);
			cr_assert_eq(by_avx2[i], product >> 32);
			below |= (uint32_t)product < excess;
		}
		cr_assert_eq(below, baton_multiply_of("plain")(words, bound, excess, high));
	}
	if (!wide)
		fprintf(stderr, "skipped: no avx2 here\n");
}

/* What this processor lacks is said, not passed over. */
Test(rng, every_width_of_vectors_gives_the_same_bits)
{
	static const char *const widths[] = {"plain", "avx2", "avx512"};
	const uint64_t seed = 0x0123456789abcdef, k = 0xfedcba9876543210;

	for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
		baton_philox_fn *make = baton_philox_of(widths[w]);

		if (!make)
			fprintf(stderr, "skipped: no %s here\n", widths[w]);
		for (uint64_t n = 0; make && n < 1000; n++) {
			uint32_t group =
				n % 2 ? (uint32_t)n * 268435 : UINT32_MAX / 16 - (uint32_t)n;
			uint64_t s = n ? seed * n : UINT64_MAX, t = n % 3 ? k * n : n;
			const uint32_t key[2] = {(uint32_t)s, (uint32_t)(s >> 32)};
			uint32_t words[64], out[4];

			make(s, t, group, words);
			for (uint32_t i = 0; i < 16; i++) {
				const uint32_t counter[4] = {16 * group + i, 0, (uint32_t)t,
				                             (uint32_t)(t >> 32)};

				baton_philox4x32(counter, key, out);
				for (int j = 0; j < 4; j++)
					cr_assert_eq(words[16 * j + i], out[j], "%s, group %u",
					             widths[w], group);
			}
		}
	}
	cr_assert(baton_philox_of("plain") && !baton_philox_of("mmx"));
}

Test(rng, value_i_is_the_documented_word_of_the_documented_block)
{
	const uint64_t seed = 0x0123456789abcdef, k = 0xfedcba9876543210;
	const uint32_t key[2] = {0x89abcdef, 0x01234567};
	baton_rng rng;

	baton_rng_init(&rng, seed, k);
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t counter[4] = {16 * (i / 64) + i % 16, 0, 0x76543210, 0xfedcba98};
		uint32_t out[4];

		baton_philox4x32(counter, key, out);
		cr_assert_eq(baton_rng_u32(&rng), out[i % 64 / 16], "value %u", i);
	}
}

Test(rng, a_stream_is_a_function_of_seed_and_k_alone)
{
	baton_rng a, b;

	baton_rng_init(&a, 7, 3);
	baton_rng_init(&b, 7, 3);
	for (int i = 0; i < 200; i++)
		cr_assert_eq(baton_rng_u32(&a), baton_rng_u32(&b));
	baton_rng_init(&a, 7, 4);
	baton_rng_init(&b, 8, 3);
	cr_assert_neq(baton_rng_u32(&a), baton_rng_u32(&b));
}

Test(rng, many_at_once_are_the_same_as_one_by_one)
{
	static const uint32_t bounds[] = {0, 1, 2, 100, 10000, 3u << 30, UINT32_MAX};
	uint32_t many[300];

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		for (size_t skip = 0; skip < 70; skip += 23) {
			baton_rng a, b;

			baton_rng_init(&a, 1, i);
			baton_rng_init(&b, 1, i);
			for (size_t j = 0; j < skip; j++)
				cr_assert_eq(baton_rng_u32(&a), baton_rng_u32(&b));
			baton_rng_fill_below(&a, bounds[i], many, 300);
			for (size_t j = 0; j < 300; j++)
				cr_assert_eq(many[j], baton_rng_below(&b, bounds[i]), "%zu", j);
			cr_assert_eq(baton_rng_u32(&a), baton_rng_u32(&b));
		}
}

/* 3 * 2^30 rejects a quarter of all words: without that every third value, which two words
 * lead to, would come twice as often as the rest. */
Test(rng, a_bound_that_does_not_divide_2_to_the_32_is_not_biased)
{
	const uint32_t bound = 3u << 30;
	unsigned third[3] = {0};
	baton_rng rng;

	baton_rng_init(&rng, 42, 0);
	for (int i = 0; i < 30000; i++) {
		uint32_t v = baton_rng_below(&rng, bound);

		cr_assert_lt(v, bound);
		third[v % 3]++;
	}
	for (int i = 0; i < 3; i++) /* sd of each is 82 */
		cr_assert(third[i] > 9600 && third[i] < 10400, "%d: %u", i, third[i]);
}

Test(rng, a_rejected_value_does_not_move_the_next_one)
{
	baton_rng plain, bounded;

	baton_rng_init(&plain, 42, 0);
	baton_rng_init(&bounded, 42, 0);
	for (int i = 0; i < 1000; i++) {
		baton_rng_below(&bounded, 3u << 30);
		baton_rng_u32(&plain);
	}
	cr_assert_eq(baton_rng_u32(&plain), baton_rng_u32(&bounded));
}

Test(rng, uniform_lies_in_0_to_1_and_averages_a_half)
{
	double sum = 0;
	baton_rng rng;

	baton_rng_init(&rng, 1, 1);
	for (int i = 0; i < 100000; i++) {
		float u = baton_rng_uniform(&rng);

		cr_assert(u >= 0.0f && u < 1.0f);
		sum += (double)u;
	}
	cr_assert(sum > 49500 && sum < 50500, "%f", sum); /* sd 91 */
}
