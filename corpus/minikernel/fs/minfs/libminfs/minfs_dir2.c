// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_buf.h"
#include "minfs_trans.h"
#include "minfs_inode.h"
#include "minfs_da.h"
#include "minfs_message.h"

int
minfs_da_mount(
	struct minfs_mount	*mp)
{
	u32			blksize = mp->m_sb.sb_blocksize;

	mp->m_dir_geo = kmem_zalloc(sizeof(struct minfs_da_geometry),
				    KM_MAYFAIL);
	mp->m_attr_geo = kmem_zalloc(sizeof(struct minfs_da_geometry),
				     KM_MAYFAIL);
	if (!mp->m_dir_geo || !mp->m_attr_geo) {
		minfs_da_unmount(mp);
		return -ENOMEM;
	}
	mp->m_dir_geo->blksize = blksize;
	mp->m_dir_geo->max_local = MINFS_LITINO(mp) / 2;
	mp->m_dir_geo->max_block = blksize - sizeof(struct minfs_dir_hdr);
	mp->m_attr_geo->blksize = blksize;
	mp->m_attr_geo->max_local = MINFS_LITINO(mp) / 2;
	return 0;
}

void
minfs_da_unmount(
	struct minfs_mount	*mp)
{
	kmem_free(mp->m_dir_geo);
	kmem_free(mp->m_attr_geo);
	mp->m_dir_geo = mp->m_attr_geo = NULL;
}

/*
 * Arguments live on the heap: the stack is deep enough already.  Inside of a
 * transaction the scope says all that there is to say about reclaim.
 */
static struct minfs_da_args *
minfs_dir_args(
	struct minfs_trans	*tp,
	struct minfs_inode	*dp,
	const char		*name)
{
	struct minfs_da_args	*args;

	args = kmem_zalloc(sizeof(struct minfs_da_args), tp ? 0 : KM_NOFS);
	args->geo = dp->i_mount->m_dir_geo;
	args->trans = tp;
	args->dp = dp;
	args->name = name;
	args->namelen = strlen(name);
	return args;
}

static inline u32
minfs_dir_entsize(
	u8			namelen)
{
	return sizeof(struct minfs_dir_entry) + namelen;
}

/* The entry of a name among so many bytes of entries, or NULL. */
static struct minfs_dir_entry *
minfs_dir_find(
	const struct minfs_da_args *args,
	void			*entries,
	u32			bytes)
{
	struct minfs_dir_entry	*dep;
	u32			pos;

	for (pos = 0; pos < bytes; pos += minfs_dir_entsize(dep->namelen)) {
		dep = entries + pos;
		if (dep->namelen == args->namelen &&
		    !memcmp(dep->name, args->name, args->namelen))
			return dep;
	}
	return NULL;
}

static void
minfs_dir_fill(
	const struct minfs_da_args *args,
	struct minfs_dir_entry	*dep)
{
	dep->ino = args->inumber;
	dep->namelen = args->namelen;
	memcpy(dep->name, args->name, args->namelen);
}

static int
minfs_dir_block_read(
	struct minfs_inode	*dp,
	struct minfs_buf	**bpp)
{
	struct minfs_buf	*bp;
	struct minfs_dir_hdr	*hdr;

	bp = minfs_buf_get(dp->i_mount, dp->i_df.if_root->rec.br_startblock,
			   MINFS_B_READ);
	if (IS_ERR(bp))
		return PTR_ERR(bp);
	hdr = bp->b_addr;
	if (hdr->magic != MINFS_DIR_MAGIC) {
		minfs_corruption(dp->i_mount, "directory block", hdr);
		minfs_buf_relse(bp);
		return -EUCLEAN;
	}
	*bpp = bp;
	return 0;
}

int
minfs_dir_lookup(
	struct minfs_inode	*dp,
	const char		*name,
	minfs_ino_t		*ino)
{
	struct minfs_dir_entry	*dep;
	struct minfs_da_args	*args;
	struct minfs_dir_hdr	*hdr;
	struct minfs_buf	*bp;
	int			error = -ENOENT;

	/*
	 * KM_NOFS is not about a deadlock: lockdep does not know that the inode
	 * lock held here is never that of an inode in reclaim.
	 */
	args = kmem_zalloc(sizeof(*args), KM_NOFS | KM_NOLOCKDEP);
	args->dp = dp;
	args->name = name;
	args->namelen = strlen(name);

	if (dp->i_df.if_format == MINFS_DINODE_FMT_LOCAL) {
		dep = minfs_dir_find(args, dp->i_df.if_data, dp->i_df.if_bytes);
		if (dep) {
			*ino = dep->ino;
			error = 0;
		}
	} else {
		error = minfs_dir_block_read(dp, &bp);
		if (error)
			goto out_free;
		hdr = bp->b_addr;
		dep = minfs_dir_find(args, hdr + 1, hdr->bytes);
		if (dep)
			*ino = dep->ino;
		else
			error = -ENOENT;
		minfs_buf_relse(bp);
	}
out_free:
	kmem_free(args);
	return error;
}

/*
 * The entries have outgrown the inode: move them to a block.  They are copied
 * first, since the fork changes its shape in between.
 */
STATIC int
minfs_dir_sf_to_block(
	struct minfs_da_args	*args)
{
	struct minfs_inode	*dp = args->dp;
	struct minfs_bmbt_rec	rec = { .br_blockcount = 1 };
	struct minfs_dir_hdr	*hdr;
	struct minfs_buf	*bp;
	u32			bytes = dp->i_df.if_bytes;
	void			*sfp;
	int			error;

	error = minfs_alloc_blocks(dp->i_mount, 1, &rec.br_startblock);
	if (error)
		return error;
	bp = minfs_buf_get(dp->i_mount, rec.br_startblock, 0);
	if (IS_ERR(bp))
		return PTR_ERR(bp);

	sfp = kmem_alloc(bytes, 0);
	memcpy(sfp, dp->i_df.if_data, bytes);

	minfs_idata_realloc(&dp->i_df, -bytes);
	dp->i_df.if_format = MINFS_DINODE_FMT_EXTENTS;
	minfs_iext_append(&dp->i_df, &rec);

	hdr = bp->b_addr;
	hdr->magic = MINFS_DIR_MAGIC;
	hdr->bytes = bytes;
	memcpy(hdr + 1, sfp, bytes);
	kmem_free(sfp);

	minfs_trans_log_buf(args->trans, bp);
	minfs_buf_relse(bp);
	return 0;
}

static int
minfs_dir_block_addname(
	struct minfs_da_args	*args)
{
	u32			size = minfs_dir_entsize(args->namelen);
	struct minfs_dir_hdr	*hdr;
	struct minfs_buf	*bp;
	int			error;

	error = minfs_dir_block_read(args->dp, &bp);
	if (error)
		return error;
	hdr = bp->b_addr;
	if (hdr->bytes + size > args->geo->max_block) {
		error = -ENOSPC;
	} else {
		minfs_dir_fill(args, (void *)(hdr + 1) + hdr->bytes);
		hdr->bytes += size;
		minfs_trans_log_buf(args->trans, bp);
	}
	minfs_buf_relse(bp);
	return error;
}

int
minfs_dir_createname(
	struct minfs_trans	*tp,
	struct minfs_inode	*dp,
	const char		*name,
	minfs_ino_t		ino)
{
	struct minfs_ifork	*ifp = &dp->i_df;
	struct minfs_da_args	*args;
	u32			size, old = ifp->if_bytes;
	int			error = 0;

	if (strlen(name) > MINFS_NAME_MAX)
		return -ENAMETOOLONG;
	args = minfs_dir_args(tp, dp, name);
	args->inumber = ino;

	size = minfs_dir_entsize(args->namelen);
	if (ifp->if_format == MINFS_DINODE_FMT_LOCAL &&
	    old + size > args->geo->max_local)
		error = minfs_dir_sf_to_block(args);
	if (error)
		goto out_free;

	if (ifp->if_format == MINFS_DINODE_FMT_LOCAL) {
		minfs_idata_realloc(ifp, size);
		minfs_dir_fill(args, (void *)ifp->if_data + old);
	} else {
		error = minfs_dir_block_addname(args);
	}
	if (!error)
		minfs_trans_log_inode(tp, dp);
out_free:
	kmem_free(args);
	return error;
}

/* Close the gap that an entry leaves. */
static u32
minfs_dir_cut(
	struct minfs_dir_entry	*dep,
	void			*end)
{
	u32			size = minfs_dir_entsize(dep->namelen);
	void			*rest = (void *)dep + size;

	memmove(dep, rest, end - rest);
	return size;
}

int
minfs_dir_removename(
	struct minfs_trans	*tp,
	struct minfs_inode	*dp,
	const char		*name)
{
	struct minfs_ifork	*ifp = &dp->i_df;
	struct minfs_da_args	*args = minfs_dir_args(tp, dp, name);
	struct minfs_dir_entry	*dep;
	struct minfs_dir_hdr	*hdr;
	struct minfs_buf	*bp;
	u32			size;
	int			error = -ENOENT;

	if (ifp->if_format == MINFS_DINODE_FMT_LOCAL) {
		dep = minfs_dir_find(args, ifp->if_data, ifp->if_bytes);
		if (dep) {
			size = minfs_dir_cut(dep, ifp->if_data + ifp->if_bytes);
			minfs_idata_realloc(ifp, -size);
			error = 0;
		}
	} else {
		error = minfs_dir_block_read(dp, &bp);
		if (error)
			goto out_free;
		hdr = bp->b_addr;
		dep = minfs_dir_find(args, hdr + 1, hdr->bytes);
		if (dep) {
			size = minfs_dir_cut(dep, bp->b_addr + sizeof(*hdr) +
						  hdr->bytes);
			hdr->bytes -= size;
			minfs_trans_log_buf(tp, bp);
		} else {
			error = -ENOENT;
		}
		minfs_buf_relse(bp);
	}
	if (!error)
		minfs_trans_log_inode(tp, dp);
out_free:
	kmem_free(args);
	return error;
}

/*
 * All names, each with its NUL, in memory that the caller frees by kmem_free().
 */
int
minfs_dir_read(
	struct minfs_inode	*dp,
	char			**namesp,
	u32			*countp)
{
	struct minfs_ifork	*ifp = &dp->i_df;
	struct minfs_buf	*bp = NULL;
	struct minfs_dir_entry	*dep;
	void			*entries = ifp->if_data;
	char			*names, *to;
	u32			pos, bytes = ifp->if_bytes;
	int			error;

	if (ifp->if_format == MINFS_DINODE_FMT_EXTENTS) {
		error = minfs_dir_block_read(dp, &bp);
		if (error)
			return error;
		entries = bp->b_addr + sizeof(struct minfs_dir_hdr);
		bytes = ((struct minfs_dir_hdr *)bp->b_addr)->bytes;
	}

	*countp = 0;
	to = names = (char *)kmem_zalloc(bytes + 1, KM_NOFS | KM_MAYFAIL);
	if (!names) {
		error = -ENOMEM;
		goto out_relse;
	}
	for (pos = 0; pos < bytes; pos += minfs_dir_entsize(dep->namelen)) {
		dep = entries + pos;
		memcpy(to, dep->name, dep->namelen);
		to += dep->namelen + 1;
		(*countp)++;
	}
	*namesp = names;
	error = 0;
out_relse:
	if (bp)
		minfs_buf_relse(bp);
	return error;
}
