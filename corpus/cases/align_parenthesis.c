// SPDX-License-Identifier: MIT
/* Continuations aligned with the parenthesis. */
#include "minfs.h"

struct case_item { char bytes[100]; };

void *
case_alloc(int nr)
{
	void *item, *other_item;

	item = kmem_zalloc(nr * sizeof(struct case_item),
			   KM_MAYFAIL);
	other_item = kmem_alloc(nr *
				sizeof(struct case_item), KM_NOFS);
	return nr ? item : other_item;
}
