// SPDX-License-Identifier: MIT
/* An allocation that is freed at once. */
#include "minfs.h"

void
case_warm_up(size_t size)
{
	kmem_free(kmem_alloc(size, KM_NOFS));
}
