// SPDX-License-Identifier: MIT
/* A backslash newline in the middle of code. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, \
			  KM_NOFS);
}
