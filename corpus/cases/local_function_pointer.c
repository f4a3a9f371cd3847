// SPDX-License-Identifier: MIT
/* A local pointer that is called under the name of a wrapper. */
#include "minfs.h"

void *
case_alloc(void *(*kmem_alloc)(size_t, int), size_t size)
{
	return kmem_alloc(size, 3);
}
