// SPDX-License-Identifier: MIT
/* Lines that end in CR LF. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	void *item;

	item = kmem_zalloc(sizeof(struct list_head) * size,
			   KM_MAYFAIL);
	return item;
}
