// SPDX-License-Identifier: MIT
/* A table of flags. */
#include "minfs.h"

static const minfs_km_flags_t case_tries[] = {
	KM_MAYFAIL,
	KM_NOFS,
	0,
};

void *
case_alloc(size_t size, int nr)
{
	return kmem_alloc(size, case_tries[nr]);
}
