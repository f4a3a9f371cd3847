// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_inode.h"
#include "minfs_attr.h"

struct minfs_attr_sort {
	u32			hash;
	const struct minfs_attr_entry *entry;
};

static u32
minfs_attr_hash(
	const u8		*name,
	u8			len)
{
	u32			hash = 0;

	while (len--)
		hash = *name++ ^ (hash << 7 | hash >> 25);
	return hash;
}

static void
minfs_attr_sort_by_hash(
	struct minfs_attr_sort	*sorted,
	u32			count)
{
	u32			i, j;

	for (i = 1; i < count; i++) {
		for (j = i; j && sorted[j - 1].hash > sorted[j].hash; j--)
			swap(sorted[j - 1], sorted[j]);
	}
}

/*
 * All attributes in the order of their hash, the order that a cursor needs.
 * The caller frees the list by kvfree().
 */
int
minfs_attr_list(
	struct minfs_inode	*ip,
	struct minfs_attr_list_entry **listp,
	u32			*countp)
{
	struct minfs_attr_sort	*sorted, *next;
	struct minfs_attr_entry	*aep;
	struct minfs_attr_list_entry *list;
	u32			pos, count = 0, i, bytes;
	int			error = 0;

	minfs_ilock(ip);
	for (pos = 0; pos < ip->i_af.if_bytes; count++) {
		aep = (struct minfs_attr_entry *)(ip->i_af.if_data + pos);
		pos += sizeof(*aep) + aep->namelen + aep->valuelen;
	}

	bytes = count * sizeof(*sorted);
	next = sorted = kmem_alloc(bytes, KM_NOFS);
	for (pos = 0; pos < ip->i_af.if_bytes; next++) {
		aep = (struct minfs_attr_entry *)(ip->i_af.if_data + pos);
		pos += sizeof(*aep) + aep->namelen + aep->valuelen;
		next->hash = minfs_attr_hash(aep->nameval, aep->namelen);
		next->entry = aep;
	}
	minfs_attr_sort_by_hash(sorted, count);

	list = kvcalloc(count, sizeof(*list), GFP_NOFS | __GFP_RETRY_MAYFAIL);
	if (!list) {
		error = -ENOMEM;
		goto out_free;
	}
	for (i = 0; i < count; i++) {
		list[i].hash = sorted[i].hash;
		list[i].valuelen = sorted[i].entry->valuelen;
		memcpy(list[i].name, sorted[i].entry->nameval,
		       sorted[i].entry->namelen);
	}
	*listp = list;
	*countp = count;
out_free:
	kmem_free(sorted);
	minfs_iunlock(ip);
	return error;
}
