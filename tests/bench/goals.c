#include "goals.h"
size_t goals_measure(struct goal *goals, size_t rounds, bool quick)
{
	(void)goals, (void)rounds, (void)quick;
	return 0;
}
