// SPDX-License-Identifier: MIT
/* A file that ends without a newline. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, KM_NOFS);
}