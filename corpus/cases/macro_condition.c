// SPDX-License-Identifier: MIT
/* A flag in a preprocessor condition. */
#include "minfs.h"

#ifdef KM_NOFS
void *
case_alloc(size_t size)
{
	return kmem_alloc(size, KM_NOFS);
}
#endif
