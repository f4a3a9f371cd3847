// SPDX-License-Identifier: MIT
/* A macro over several lines. */
#include "minfs.h"

#define case_alloc_array(p, nr) \
	do { \
		(p) = kmem_alloc((nr) * sizeof(*(p)), \
				 KM_NOFS); \
		if ((nr) > 8) \
			printk("many\n"); \
	} while (0)

int *
case_alloc(int nr)
{
	int *p;

	case_alloc_array(p, nr);
	return p;
}
