// SPDX-License-Identifier: MIT
/* A message that names the wrapper. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	void *p = kmem_alloc(size, KM_MAYFAIL);

	if (!p)
		printk("kmem_alloc() of %u bytes failed\n", (unsigned int)size);
	return p;
}
