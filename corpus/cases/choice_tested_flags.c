// SPDX-License-Identifier: MIT
/* A condition that is itself a test of flags. */
#include "minfs.h"

void *
case_alloc(size_t size, minfs_km_flags_t how)
{
	return kmem_alloc(size, how & KM_NOFS ? how : KM_MAYFAIL);
}

void *
case_caller(size_t size)
{
	return case_alloc(size, KM_NOFS);
}
