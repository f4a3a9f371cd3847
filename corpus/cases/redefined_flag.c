// SPDX-License-Identifier: MIT
/* A flag with another meaning in this file. */
#include "minfs.h"

#undef KM_NOFS
#define KM_NOFS		KM_MAYFAIL

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, KM_NOFS);
}
