// SPDX-License-Identifier: MIT
/* A call in a statement expression. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return ({
		void *p = kmem_alloc(size, KM_NOFS);

		*(char *)p = 0;
		p;
	});
}
