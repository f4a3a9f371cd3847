// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_inode.h"
#include "minfs_message.h"

/*
 * Bytes that live in the inode.  A fork without bytes has no memory.
 */
void
minfs_init_local_fork(
	struct minfs_ifork	*ifp,
	const void		*data,
	u32			size)
{
	ifp->if_format = MINFS_DINODE_FMT_LOCAL;
	ifp->if_bytes = size;
	ifp->if_data = NULL;
	if (size) {
		ifp->if_data = kmem_alloc(size, KM_NOFS);
		memcpy(ifp->if_data, data, size);
	}
}

/*
 * Grow or shrink the bytes of a local fork.  The caller holds the inode lock
 * and has a transaction.
 */
void
minfs_idata_realloc(
	struct minfs_ifork	*ifp,
	int			byte_diff)
{
	u32			new_size = ifp->if_bytes + byte_diff;

	ASSERT(ifp->if_format == MINFS_DINODE_FMT_LOCAL);
	if (!byte_diff)
		return;
	if (new_size == 0) {
		kmem_free(ifp->if_data);
		ifp->if_data = NULL;
	} else {
		ifp->if_data = krealloc(ifp->if_data, new_size,
					GFP_NOFS | __GFP_NOFAIL);
	}
	ifp->if_bytes = new_size;
}

void
minfs_idestroy_fork(
	struct minfs_ifork	*ifp)
{
	switch (ifp->if_format) {
	case MINFS_DINODE_FMT_LOCAL:
		kmem_free(ifp->if_data);
		ifp->if_data = NULL;
		break;
	case MINFS_DINODE_FMT_EXTENTS:
		minfs_iext_destroy(ifp);
		break;
	}
}

/*
 * Build a fork from its bytes on disk.  A size that cannot be right is refused
 * here, rather than by a crash in kmem_alloc() or memcpy() below.
 */
int
minfs_iformat_fork(
	struct minfs_inode	*ip,
	struct minfs_ifork	*ifp,
	u16			format,
	const void		*data,
	u32			bytes)
{
	const struct minfs_bmbt_rec *rec = data;
	u32			i, nr = bytes / sizeof(*rec);

	if (bytes > MINFS_LITINO(ip->i_mount)) {
		minfs_corruption(ip->i_mount, "inode fork", data);
		return -EUCLEAN;
	}
	if (format == MINFS_DINODE_FMT_LOCAL) {
		minfs_init_local_fork(ifp, data, bytes);
		return 0;
	}
	ifp->if_format = format;
	for (i = 0; i < nr; i++) {
		struct minfs_bmbt_rec	copy;

		memcpy(&copy, &rec[i], sizeof(copy));
		minfs_iext_append(ifp, &copy);
	}
	return 0;
}

/* The bytes of a fork as they go to disk; how many they are. */
u32
minfs_iflush_fork(
	const struct minfs_ifork *ifp,
	void			*to)
{
	const struct minfs_iext	*ext;

	if (ifp->if_format == MINFS_DINODE_FMT_LOCAL) {
		if (ifp->if_bytes)
			memcpy(to, ifp->if_data, ifp->if_bytes);
		return ifp->if_bytes;
	}
	for (ext = ifp->if_root; ext; ext = ext->next) {
		memcpy(to, &ext->rec, sizeof(ext->rec));
		to += sizeof(ext->rec);
	}
	return ifp->if_nextents * sizeof(ext->rec);
}
