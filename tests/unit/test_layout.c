/* SPDX-License-Identifier: MIT */
#include "block.h"
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

/* Asserts that the fields are refused, with a text that says each of the words. */
static void refuse(const baton_field *fields, size_t n, size_t rows, const char *word,
                   const char *other)
{
	int not_a_layout;
	struct baton_layout *layout = (struct baton_layout *)&not_a_layout;
	baton_error err = {0};

	cr_assert_eq(baton_layout_create(&layout, fields, n, rows, &err), -EINVAL, "%s", word);
	cr_assert_null(layout);
	cr_assert_eq(err.code, -EINVAL, "%s: code %d", word, err.code);
	cr_assert_not_null(strstr(err.text, word), "\"%s\" lacks \"%s\"", err.text, word);
	cr_assert_not_null(strstr(err.text, other), "\"%s\" lacks \"%s\"", err.text, other);
	cr_assert_null(strchr(err.text, '\n'));
}

static struct baton_layout *create(const baton_field *fields, size_t n, size_t rows)
{
	struct baton_layout *layout = NULL;
	baton_error err = {0};

	cr_assert_eq(baton_layout_create(&layout, fields, n, rows, &err), BATON_OK, "%s", err.text);
	cr_assert_not_null(layout);
	return layout;
}

Test(layout, every_field_starts_at_a_multiple_of_64_after_the_one_before)
{
	const baton_field fields[] = {
	        {.name = "a", .dtype = BATON_U8, .rank = 0},
	        {.name = "b", .dtype = BATON_F32, .rank = 1, .shape = {16}},
	        {.name = "c", .dtype = BATON_F64, .rank = 2, .shape = {3, 3}},
	};
	struct baton_layout *l = create(fields, 3, 3);

	cr_assert_eq(l->offset[0], 0);
	/* 3 bytes, padded; 3 * 16 * 4: already a multiple; 3 * 9 * 8 = 216, padded */
	cr_assert_eq(l->offset[1], 64 + BATON_RED_ZONE);
	cr_assert_eq(l->offset[2], 64 + 192 + 2 * BATON_RED_ZONE);
	cr_assert_eq(l->batch_bytes, 64 + 192 + 256 + 3 * BATON_RED_ZONE);
	baton_layout_unref(&l);
}

/* Also where one is made in the other's place. */
Test(layout, each_has_a_number_that_no_other_had)
{
	const baton_field field = {.name = "x", .dtype = BATON_F32, .rank = 0};
	uint64_t before = 0;

	for (int i = 0; i < 10; i++) {
		struct baton_layout *l = create(&field, 1, 1);

		cr_assert_gt(l->number, before);
		before = l->number;
		baton_layout_unref(&l);
	}
}

Test(layout, every_dtype_has_the_size_that_its_name_says)
{
	static const struct {
		int dtype;
		size_t bytes;
	} sizes[] = {
	        {BATON_I8, 1},  {BATON_I16, 2}, {BATON_I32, 4}, {BATON_I64, 8}, {BATON_U8, 1},
	        {BATON_U16, 2}, {BATON_U32, 4}, {BATON_U64, 8}, {BATON_F16, 2}, {BATON_F32, 4},
	        {BATON_F64, 8}, {BATON_BF16, 2}, {BATON_BOOL, 1},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		baton_field f = {.name = "a", .dtype = sizes[i].dtype, .rank = 1, .shape = {64}};
		struct baton_layout *l = create(&f, 1, 5);

		cr_assert_eq(l->used[0], 5 * 64 * sizes[i].bytes, "0x%x",
		             (unsigned)sizes[i].dtype);
		baton_layout_unref(&l);
	}
}

Test(layout, fields_and_their_names_are_copied)
{
	char name[] = "image";
	baton_field f = {.name = name, .dtype = BATON_U8, .rank = 2, .shape = {28, 28}};
	struct baton_layout *l = create(&f, 1, 7);

	memset(name, 'z', sizeof(name) - 1);
	memset(&f, 0, sizeof(f));
	cr_assert_eq(l->rows, 7);
	cr_assert_eq(l->n_fields, 1);
	cr_assert_str_eq(l->fields[0].name, "image");
	cr_assert_eq(l->fields[0].dtype, BATON_U8);
	cr_assert_eq(l->fields[0].rank, 2);
	cr_assert_eq(l->fields[0].shape[1], 28);
	baton_layout_unref(&l);
}

Test(layout, no_fields_and_too_many_are_refused)
{
	static const char *names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
	                              "j", "k", "l", "m", "n", "o", "p", "q"};
	baton_field fields[BATON_MAX_FIELDS + 1];

	for (size_t i = 0; i <= BATON_MAX_FIELDS; i++)
		fields[i] = (baton_field){.name = names[i], .dtype = BATON_F32};
	refuse(fields, 0, 1, "0 fields", "1 to 16");
	refuse(NULL, 1, 1, "fields", "NULL");
	refuse(fields, BATON_MAX_FIELDS + 1, 1, "17 fields", "1 to 16");

	struct baton_layout *l = create(fields, BATON_MAX_FIELDS, 1);

	cr_assert_eq(l->offset[BATON_MAX_FIELDS - 1], 15 * (64 + BATON_RED_ZONE));
	baton_layout_unref(&l);
}

Test(layout, a_field_without_a_name_is_refused)
{
	baton_field fields[] = {{.name = "a", .dtype = BATON_F32}, {.name = "", .dtype = BATON_F32}};

	refuse(fields, 2, 1, "field 1", "no name");
	fields[1].name = NULL;
	refuse(fields, 2, 1, "field 1", "no name");
}

Test(layout, two_fields_of_one_name_are_refused)
{
	const baton_field fields[] = {{.name = "a", .dtype = BATON_F32},
	                              {.name = "b", .dtype = BATON_F32},
	                              {.name = "a", .dtype = BATON_U8}};

	refuse(fields, 3, 1, "0 and 2", "\"a\"");
}

Test(layout, an_unknown_dtype_is_refused)
{
	static const int unknown[] = {0, -1, BATON_DTYPE(2, 8), BATON_DTYPE(5, 64), 1 << 20};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		baton_field f = {.name = "pixels", .dtype = unknown[i]};

		refuse(&f, 1, 1, "\"pixels\"", "dtype");
	}
}

Test(layout, a_rank_out_of_range_is_refused)
{
	baton_field f = {.name = "deep", .dtype = BATON_F32, .rank = BATON_MAX_RANK + 1};

	refuse(&f, 1, 1, "\"deep\"", "rank 7");
	f.rank = -1;
	refuse(&f, 1, 1, "\"deep\"", "rank -1");
}

Test(layout, the_greatest_rank_is_allowed)
{
	baton_field f = {.name = "deep", .dtype = BATON_U8, .rank = BATON_MAX_RANK,
	                 .shape = {2, 2, 2, 2, 2, 2}};
	struct baton_layout *l = create(&f, 1, 1);

	cr_assert_eq(l->used[0], 64);
	baton_layout_unref(&l);
}

Test(layout, a_zero_dimension_is_refused_by_its_place)
{
	const baton_field f = {.name = "x", .dtype = BATON_F32, .rank = 3, .shape = {4, 0, 4}};

	refuse(&f, 1, 1, "\"x\"", "shape[1]");
}

Test(layout, what_lies_past_the_rank_is_not_looked_at)
{
	const baton_field f = {.name = "x", .dtype = BATON_F32, .rank = 1, .shape = {4, 0, SIZE_MAX}};
	struct baton_layout *l = create(&f, 1, 4);

	cr_assert_eq(l->used[0], 64);
	baton_layout_unref(&l);
}

Test(layout, a_field_whose_bytes_overflow_is_refused)
{
	baton_field f = {.name = "huge", .dtype = BATON_F32, .rank = 2,
	                 .shape = {SIZE_MAX / 2, 3}};

	refuse(&f, 1, 1, "\"huge\"", "fit"); /* in the shape */
	f = (baton_field){.name = "huge", .dtype = BATON_F32, .rank = 1, .shape = {SIZE_MAX / 64}};
	refuse(&f, 1, 1000, "\"huge\"", "fit"); /* in the rows */
	f.shape[0] = SIZE_MAX / 8;
	refuse(&f, 1, 1, "\"huge\"", "fit"); /* no overflow, and yet too large */
}

/* Each of them fits, together they do not. */
Test(layout, fields_whose_sum_overflows_are_refused)
{
	baton_field fields[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"},
	                        {.name = "e"}};

	for (size_t i = 0; i < 5; i++) {
		fields[i].dtype = BATON_U8;
		fields[i].rank = 1;
		fields[i].shape[0] = SIZE_MAX / 4;
	}
	refuse(fields, 5, 1, "field", "fit");
}

Test(layout, no_rows_and_too_many_are_refused)
{
	const baton_field f = {.name = "x", .dtype = BATON_U8};

	refuse(&f, 1, 0, "0 rows", "1 to");
	refuse(&f, 1, (size_t)UINT32_MAX + 1, "4294967296 rows", "1 to");
}

Test(layout, a_refusal_needs_no_error_to_write_to)
{
	struct baton_layout *l;

	cr_assert_eq(baton_layout_create(&l, NULL, 0, 1, NULL), -EINVAL);
	cr_assert_null(l);
}

Test(layout, the_last_reference_frees_it)
{
	const baton_field f = {.name = "x", .dtype = BATON_U8};
	struct baton_layout *a = create(&f, 1, 1), *b = baton_layout_ref(a), *still = a;

	cr_assert_eq(a, b);
	cr_assert_eq(atomic_load(&a->refs), 2);
	baton_layout_unref(&a);
	cr_assert_null(a);
	cr_assert_eq(atomic_load(&still->refs), 1);
	cr_assert_str_eq(b->fields[0].name, "x");
	baton_layout_unref(&b); /* a leak, or a second free, is the sanitizers' to see */
	cr_assert_null(b);
	baton_layout_unref(&b); /* of nothing */
}

Test(layout, a_block_whose_bytes_overflow_is_none)
{
	const baton_field f = {.name = "x", .dtype = BATON_U8, .rank = 1, .shape = {SIZE_MAX / 4}};
	struct baton_layout *l = create(&f, 1, 1);

	cr_assert_null(baton_block_create(l, 4));
	cr_assert_eq(atomic_load(&l->refs), 1);
	baton_layout_unref(&l);
}
