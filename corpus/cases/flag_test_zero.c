// SPDX-License-Identifier: MIT
/* A test for KM_ZERO. */
#include "minfs.h"

void *
case_alloc(size_t size, minfs_km_flags_t how)
{
	void *p = kmem_alloc(size, how);

	if (p && (how & KM_ZERO))
		ASSERT(*(char *)p == 0);
	return p;
}

void *
case_caller(size_t size)
{
	return case_alloc(size, KM_ZERO | KM_MAYFAIL);
}
