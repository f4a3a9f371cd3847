// SPDX-License-Identifier: MIT
/* Flags in a variable of the file. */
#include "minfs.h"

minfs_km_flags_t case_default;

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, case_default);
}
