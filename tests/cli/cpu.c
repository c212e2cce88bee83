/* SPDX-License-Identifier: MIT */
/* cpu: which vectors this processor has, as the library's choice between kernels sees it; a word
 * each. Another processor's, under an emulator. */

#include <stdio.h>

int main(void)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
		puts("avx2");
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
		puts("avx512");
#endif
	return 0;
}
