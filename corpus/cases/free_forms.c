// SPDX-License-Identifier: MIT
/* Frees as they come. */
#include "minfs.h"

struct case_pair {
	void			*a;
	void			*b;
};

#define case_free_and_clear(p) \
	do { \
		kmem_free(p); \
		(p) = NULL; \
	} while (0)

void
case_all(struct case_pair *pair, const char *name)
{
	if (pair->a)
		kmem_free(pair->a);
	kmem_free(pair->b), pair->b = NULL;
	kmem_free((void *)name);
	case_free_and_clear(pair->a);
	kmem_free(pair);
}
