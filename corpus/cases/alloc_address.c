// SPDX-License-Identifier: MIT
/* kmem_alloc as a value. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	void *(*get)(size_t, minfs_km_flags_t) = kmem_alloc;

	return get(size, KM_NOFS);
}
