// SPDX-License-Identifier: MIT
/* Continuations that are indented by tabs. */
#include "minfs.h"

struct case_structure { char bytes[100]; };

void *
case_alloc(int nr)
{
	void *item;

	item = kmem_zalloc(nr * sizeof(struct case_structure),
			KM_MAYFAIL);
	if (!item)
		item = kmem_alloc(
				sizeof(struct case_structure),
				KM_NOFS);
	return item;
}
