// SPDX-License-Identifier: MIT
/* Flags taken away. */
#include "minfs.h"

void *
case_alloc(size_t size, minfs_km_flags_t how)
{
	how &= ~KM_NOFS;
	how &= ~KM_MAYFAIL;
	return kmem_alloc(size, how);
}

void *
case_caller(size_t size)
{
	return case_alloc(size, KM_NOFS | KM_MAYFAIL);
}
