/* SPDX-License-Identifier: MIT */
/* version X.Y.Z: exit 0 if that is the version of the headers and of the library, 1 after
 * saying what is another. */

#include <baton/version.h>
#include <stdio.h>
#include <string.h>

#if BATON_VERSION_NUMBER < BATON_VERSION_MAKE(0, 1, 0)
#error a version is no number for the preprocessor
#endif

int main(int argc, char **argv)
{
	char numbers[64];
	int wrong = 0;

	if (argc != 2)
		return 1;
	snprintf(numbers, sizeof(numbers), "%d.%d.%d", baton_version_number() / 1000000,
	         baton_version_number() / 1000 % 1000, baton_version_number() % 1000);
	if (strcmp(BATON_VERSION, argv[1]) != 0)
		wrong = printf("version.h says %s, the project %s\n", BATON_VERSION, argv[1]);
	if (strcmp(baton_version(), argv[1]) != 0)
		wrong = printf("the library says %s, the project %s\n", baton_version(), argv[1]);
	if (strcmp(numbers, argv[1]) != 0)
		wrong = printf("the library's number is %s, the project %s\n", numbers, argv[1]);
	return wrong ? 1 : 0;
}
