// SPDX-License-Identifier: MIT
/* Flags that leave as a number. */
#include "minfs.h"

void *
case_alloc(size_t size, minfs_km_flags_t how)
{
	printk("flags 0x%x\n", how);
	return kmem_alloc(size, how);
}

void *
case_caller(size_t size)
{
	return case_alloc(size, KM_NOFS);
}
