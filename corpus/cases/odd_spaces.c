// SPDX-License-Identifier: MIT
/* Odd white space. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc (size ,KM_NOFS );
}
