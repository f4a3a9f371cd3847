// SPDX-License-Identifier: MIT
/* A mask that makes the call of another function too wide. */
#include "minfs.h"

static int
case_get(struct list_head *owner, size_t size, minfs_km_flags_t flags,
	 void **result)
{
	*result = kmem_zalloc(size, flags);
	return *result ? 0 : -ENOMEM;
}

int
case_all(struct list_head *owner, void **results)
{
	int error;

	error = case_get(owner, sizeof(struct inode) + 16, KM_NOFS, &results[0]);
	if (error)
		return error;
	return case_get(owner, sizeof(struct super_block), KM_MAYFAIL,
			&results[1]);
}
