// SPDX-License-Identifier: MIT
/* A macro on one line that gets too wide. */
#include "minfs.h"

#define case_get_blocks_of(nr) kmem_zalloc((nr) * sizeof(long), KM_NOFS | KM_ZERO)

void *
case_alloc(int nr)
{
	return case_get_blocks_of(nr);
}
