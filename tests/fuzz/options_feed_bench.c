/* SPDX-License-Identifier: MIT */
#include "options.h"
#define main feed_bench_main
#define args_parse(args, argc, argv) options_parse(args, NULL, argc, argv)
static __attribute__((unused)) int feed_bench_main(int argc, char **argv);
#include "../../apps/feed_bench/main.c"

int options_of_feed_bench(int argc, char **argv)
{
	static bool known;
	static char defaults[sizeof(opt)];

	if (!known)
		memcpy(defaults, &opt, sizeof(opt));
	known = true;
	memcpy(&opt, defaults, sizeof(opt));
	return args_parse(&args, argc, argv);
}
