// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_inode_fork.h"

/*
 * The extents of a file in memory: a list in the order of the file.
 */
static struct minfs_iext *
minfs_iext_new(
	const struct minfs_bmbt_rec *rec)
{
	struct minfs_iext	*new = kmem_zalloc(sizeof(*new), KM_NOFS);

	new->rec = *rec;
	return new;
}

static bool
minfs_iext_merge(
	struct minfs_iext	*last,
	const struct minfs_bmbt_rec *rec)
{
	struct minfs_bmbt_rec	*left = &last->rec;

	if (left->br_startoff + left->br_blockcount != rec->br_startoff ||
	    left->br_startblock + left->br_blockcount != rec->br_startblock)
		return false;
	left->br_blockcount += rec->br_blockcount;
	return true;
}

void
minfs_iext_append(
	struct minfs_ifork	*ifp,
	const struct minfs_bmbt_rec *rec)
{
	struct minfs_iext	**link = &ifp->if_root;

	while (*link && (*link)->next)
		link = &(*link)->next;
	if (*link) {
		if (minfs_iext_merge(*link, rec))
			return;
		link = &(*link)->next;
	}
	*link = minfs_iext_new(rec);
	ifp->if_nextents++;
}

void
minfs_iext_destroy(
	struct minfs_ifork	*ifp)
{
	struct minfs_iext	*ext, *next;

	for (ext = ifp->if_root; ext; ext = next) {
		next = ext->next;
		kmem_free(ext);
	}
	ifp->if_root = NULL;
	ifp->if_nextents = 0;
}
