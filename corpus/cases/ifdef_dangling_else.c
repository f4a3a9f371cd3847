// SPDX-License-Identifier: MIT
/* A condition whose branches hang on a configuration. */
#include "minfs.h"

void *
case_alloc(size_t size, bool clean)
{
	void *p;

#ifdef CONFIG_MINFS_DEBUG
	if (clean)
		p = kmem_zalloc(size, KM_NOFS);
	else
#endif
		p = kmem_alloc(size, KM_NOFS);
	return p;
}
