// SPDX-License-Identifier: MIT
/* Nothing to do. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kzalloc(size, GFP_NOFS | __GFP_NOFAIL);
}
