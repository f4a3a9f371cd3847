// SPDX-License-Identifier: MIT
/* The trace event of the wrapper, used once more. */
#include "minfs.h"
#include "minfs_trace.h"

void *
case_alloc(size_t size)
{
	trace_kmem_alloc(size, 0, _RET_IP_);
	return kmalloc(size, GFP_NOFS | __GFP_NOFAIL);
}
