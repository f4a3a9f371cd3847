// SPDX-License-Identifier: MIT
/* Assignment and test in one. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	void *p;

	if (!(p = kmem_zalloc(size, KM_MAYFAIL)))
		return NULL;
	while (!(p = kmem_alloc(size, KM_MAYFAIL)))
		schedule_timeout(1);
	return p;
}
