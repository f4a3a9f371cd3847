// SPDX-License-Identifier: MIT
/* An allocation inside of the size of another. */
#include "minfs.h"

size_t case_size(const void *p);

void *
case_alloc(void)
{
	return kmem_zalloc(case_size(kmem_alloc(8, 0)), KM_NOFS);
}
