// SPDX-License-Identifier: MIT
/* Names that only look like it. */
#include "minfs.h"

enum { CASE_KM_NOFS = 1, KM_NOFS_EXTRA = 2 };

void *my_kmem_alloc(size_t size, int flags);
void kmem_free_all(void);

void *
case_alloc(size_t size)
{
	kmem_free_all();
	return my_kmem_alloc(size, CASE_KM_NOFS | KM_NOFS_EXTRA);
}
