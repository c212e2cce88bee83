/* SPDX-License-Identifier: MIT */
#include "options.h"
#define main pitfalls_main
#define args_parse_words options_parse
static __attribute__((unused)) int pitfalls_main(int argc, char **argv);
#include "../../apps/pitfalls/main.c"

int options_of_pitfalls(int argc, char **argv)
{
	static struct program p;
	int rc;

	memset(&p, 0, sizeof(p));
	p.setup.speed = SPEED_ALWAYS_AHEAD;
	rc = read_args(&p, argc, argv);
	if (rc == ARGS_GO_ON && !p.wanted.any && !p.sweep)
		options_broken("there is always something to do");
	return rc;
}
