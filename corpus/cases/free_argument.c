// SPDX-License-Identifier: MIT
/* Arguments of a function that only this file calls, and of one that anybody may call. */
#include "minfs.h"

static void
case_drop(void *p)
{
	kmem_free(p);
}

void
case_drop_any(void *any)
{
	kmem_free(any);
}

void
case_work(size_t size)
{
	case_drop(kmem_alloc(size, KM_NOFS));
	case_drop_any(kmem_alloc(size, KM_NOFS));
}
