// SPDX-License-Identifier: MIT
/* A comment between the arguments. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, /* a lock is held */ KM_NOFS);
}
