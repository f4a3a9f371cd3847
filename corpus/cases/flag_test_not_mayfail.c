// SPDX-License-Identifier: MIT
/* A negated test for KM_MAYFAIL. */
#include "minfs.h"

void *
case_alloc(size_t size, minfs_km_flags_t how)
{
	void *p = kmem_alloc(size, how);

	if (!p && !(how & KM_MAYFAIL))
		BUG();
	return p;
}

void *
case_caller(size_t size)
{
	return case_alloc(size, KM_MAYFAIL);
}
