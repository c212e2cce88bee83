/* SPDX-License-Identifier: MIT */
#include "../../apps/latency.h"
#include <criterion/criterion.h>

Test(latency, a_value_lies_in_its_bucket_and_no_other)
{
	for (unsigned i = 1; i < LATENCY_BUCKETS; i++) {
		uint64_t most = latency_most(i), first = latency_most(i - 1) + 1;

		cr_assert(first <= most);
		cr_assert_eq(latency_bucket(most), i);
		cr_assert_eq(latency_bucket(first), i);
	}
	cr_assert_eq(latency_bucket(0), 0);
	cr_assert_eq(latency_most(LATENCY_BUCKETS - 1), UINT64_MAX);
}

Test(latency, a_bucket_is_no_wider_than_a_32nd_of_its_values)
{
	for (unsigned i = 1; i < LATENCY_BUCKETS; i++) {
		uint64_t first = latency_most(i - 1) + 1;

		cr_assert((latency_most(i) - first) <= first / 32);
	}
}

Test(latency, quantiles_are_those_of_what_was_added)
{
	static struct latency l;

	cr_assert_eq(latency_at(&l, 0.5), 0);
	for (uint64_t ns = 1; ns <= 1000; ns++)
		latency_add(&l, ns);
	cr_assert(latency_at(&l, 0.5) >= 500 && latency_at(&l, 0.5) <= 500 + 500 / 32);
	cr_assert(latency_at(&l, 0.99) >= 990 && latency_at(&l, 0.99) <= 1000);
	cr_assert_eq(latency_at(&l, 1), 1000);
	cr_assert_eq(latency_at(&l, 0.001), 1);
	latency_add(&l, UINT64_C(5000000000));
	cr_assert_eq(l.max, UINT64_C(5000000000));
	cr_assert(latency_at(&l, 0.999) <= 1023);
	cr_assert_eq(latency_at(&l, 1), l.max);
}
