// SPDX-License-Identifier: MIT
/* A call that is never made. */
#include "minfs.h"

size_t
case_size(void)
{
	return sizeof(kmem_alloc(8, 0));
}
