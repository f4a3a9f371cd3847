// SPDX-License-Identifier: MIT
/* Frees behind tests. */
#include "minfs.h"

struct case_pair {
	void			*one;
	void			*two;
};

void
case_free(
	struct case_pair	*pair,
	bool			both)
{
	if (pair->one)
		kfree(pair->one);
	if (both)
		kfree(pair->two);
	kfree(pair);
}
