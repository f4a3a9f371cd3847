// SPDX-License-Identifier: MIT
/* A condition around calls. */
#include "minfs.h"

void *
case_alloc(size_t size, bool clean)
{
	return clean ? kmem_zalloc(size, KM_NOFS) : kmem_alloc(size, 0);
}
