// SPDX-License-Identifier: MIT
/* A switch over flags. */
#include "minfs.h"

void *
case_alloc(size_t size, minfs_km_flags_t how)
{
	switch (how) {
	case KM_NOFS:
		return kmem_alloc(size, KM_NOFS);
	default:
		return NULL;
	}
}
