// SPDX-License-Identifier: MIT
/* A call that was just narrow enough. */
#include "minfs.h"

struct case_item { char bytes[100]; };

void *
case_alloc(struct case_item **first_item, int nr)
{
	*first_item = kmem_zalloc(nr * sizeof(struct case_item) + nr,
				  KM_NOFS);
	first_item[1] = kmem_zalloc(nr * sizeof(struct case_item), KM_NOFS);
	return first_item[1];
}
