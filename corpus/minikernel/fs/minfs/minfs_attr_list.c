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
	struct minfs_attr_sort	*sbuf,
	u32			nsbuf)
{
	u32			i, j;

	for (i = 1; i < nsbuf; i++) {
		for (j = i; j && sbuf[j - 1].hash > sbuf[j].hash; j--)
			swap(sbuf[j - 1], sbuf[j]);
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
	struct minfs_attr_sort	*sbuf, *sbp;
	struct minfs_attr_entry	*aep;
	struct minfs_attr_list_entry *list;
	u32			pos, nsbuf = 0, i, sbsize;
	int			error = 0;

	minfs_ilock(ip);
	for (pos = 0; pos < ip->i_af.if_bytes; nsbuf++) {
		aep = (struct minfs_attr_entry *)(ip->i_af.if_data + pos);
		pos += sizeof(*aep) + aep->namelen + aep->valuelen;
	}

	sbsize = nsbuf * sizeof(*sbuf);
	sbp = sbuf = kmem_alloc(sbsize, KM_NOFS);
	for (pos = 0; pos < ip->i_af.if_bytes; sbp++) {
		aep = (struct minfs_attr_entry *)(ip->i_af.if_data + pos);
		pos += sizeof(*aep) + aep->namelen + aep->valuelen;
		sbp->hash = minfs_attr_hash(aep->nameval, aep->namelen);
		sbp->entry = aep;
	}
	minfs_attr_sort_by_hash(sbuf, nsbuf);

	list = kvcalloc(nsbuf, sizeof(*list), GFP_NOFS | __GFP_RETRY_MAYFAIL);
	if (!list) {
		error = -ENOMEM;
		goto out_free;
	}
	for (i = 0; i < nsbuf; i++) {
		list[i].hash = sbuf[i].hash;
		list[i].valuelen = sbuf[i].entry->valuelen;
		memcpy(list[i].name, sbuf[i].entry->nameval, sbuf[i].entry->namelen);
	}
	*listp = list;
	*countp = nsbuf;
out_free:
	kmem_free(sbuf);
	minfs_iunlock(ip);
	return error;
}
