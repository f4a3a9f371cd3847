// SPDX-License-Identifier: MIT
/* Direct uses of GFP_NOFS. */
#include "minfs.h"

void *
case_alloc(struct inode *inode, size_t size)
{
	mapping_set_gfp_mask(inode->i_mapping, GFP_NOFS);
	return kmalloc(size, GFP_KERNEL | GFP_NOFS);
}
