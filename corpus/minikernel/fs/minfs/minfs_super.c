// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_buf.h"
#include "minfs_trans.h"
#include "minfs_log.h"
#include "minfs_inode.h"
#include "minfs_da.h"
#include "minfs_quota.h"
#include "minfs_message.h"
#include "minfs_super.h"

#define MINFS_LOG_BLOCKS	24
#define BITS_PER_LONG		(8 * sizeof(long))

/*
 * Make a filesystem: runs before there is a mount, so it uses what the kernel
 * gives to everybody.
 */
int
minfs_mkfs(
	struct minfs_bdev	*bdev,
	u32			blocksize,
	u32			inodes,
	u32			flags)
{
	struct minfs_dsb	*sb;
	struct minfs_dinode	*root;

	if (blocksize < MINFS_MIN_BLOCKSIZE ||
	    blocksize > MINFS_MAX_BLOCKSIZE ||
	    (inodes + MINFS_LOG_BLOCKS + 2) * blocksize > bdev->bd_bytes)
		return -EINVAL;

	sb = kzalloc(sizeof(*sb), GFP_KERNEL);
	if (!sb)
		return -ENOMEM;
	sb->sb_magic = MINFS_SB_MAGIC;
	sb->sb_blocksize = blocksize;
	sb->sb_blocks = bdev->bd_bytes / blocksize;
	sb->sb_inodes = inodes;
	sb->sb_logstart = 1 + inodes;
	sb->sb_logblocks = MINFS_LOG_BLOCKS;
	sb->sb_flags = flags;
	memset(bdev->bd_data, 0, bdev->bd_bytes);
	memcpy(bdev->bd_data, sb, sizeof(*sb));
	kfree(sb);

	root = (void *)(bdev->bd_data + MINFS_ROOT_INO * blocksize);
	root->di_magic = MINFS_DINODE_MAGIC;
	root->di_mode = S_IFDIR | 0755;
	root->di_format = MINFS_DINODE_FMT_LOCAL;
	return 0;
}

void
minfs_mark_used(
	struct minfs_mount	*mp,
	minfs_fsblock_t		bno,
	u32			count)
{
	for (; count; bno++, count--)
		mp->m_freemap[bno / BITS_PER_LONG] |=
				1UL << bno % BITS_PER_LONG;
}

/* The next blocks that were never used; nothing is freed while mounted. */
int
minfs_alloc_blocks(
	struct minfs_mount	*mp,
	u32			count,
	minfs_fsblock_t		*bno)
{
	if (mp->m_nextblock + count > mp->m_sb.sb_blocks)
		return -ENOSPC;
	*bno = mp->m_nextblock;
	mp->m_nextblock += count;
	minfs_mark_used(mp, *bno, count);
	return 0;
}

/* Where data blocks end that inodes refer to. */
static int
minfs_find_space(
	struct minfs_mount	*mp)
{
	struct minfs_inode	*ip;
	struct minfs_iext	*ext;
	minfs_ino_t		ino;
	u32			longs;
	int			error;

	/* A bit per block may be more than the slab likes. */
	longs = DIV_ROUND_UP(mp->m_sb.sb_blocks, BITS_PER_LONG);
	mp->m_freemap = kvcalloc(longs, sizeof(long), GFP_KERNEL);
	if (!mp->m_freemap)
		return -ENOMEM;

	mp->m_nextblock = mp->m_sb.sb_logstart + mp->m_sb.sb_logblocks;
	minfs_mark_used(mp, 0, mp->m_nextblock);
	for (ino = MINFS_ROOT_INO; ino <= mp->m_sb.sb_inodes; ino++) {
		error = minfs_iget(mp, ino, &ip);
		if (error == -ENOENT)
			continue;
		if (error)
			return error;
		for (ext = ip->i_df.if_root; ext; ext = ext->next) {
			minfs_mark_used(mp, ext->rec.br_startblock,
					ext->rec.br_blockcount);
			mp->m_nextblock = max(mp->m_nextblock,
					ext->rec.br_startblock +
					ext->rec.br_blockcount);
		}
		minfs_irele(ip);
	}
	return 0;
}

static int
minfs_read_sb(
	struct minfs_mount	*mp)
{
	struct minfs_dsb	*sb;
	int			error;

	/* The block size is not known yet: read a page. */
	sb = kmem_alloc(PAGE_SIZE, 0);
	mp->m_sb.sb_blocksize = MINFS_MIN_BLOCKSIZE;
	error = minfs_rw_bdev(mp, 0, sb, PAGE_SIZE, MINFS_READ);
	if (!error && sb->sb_magic != MINFS_SB_MAGIC) {
		minfs_corruption(mp, "superblock", sb);
		error = -EINVAL;
	}
	if (!error)
		mp->m_sb = *sb;
	kmem_free(sb);
	return error;
}

static struct minfs_mount *
minfs_mount_alloc(
	struct minfs_bdev	*bdev,
	const char		*name)
{
	struct minfs_mount	*mp;

	mp = kmem_alloc(sizeof(struct minfs_mount), KM_ZERO);
	mp->m_super = kmem_zalloc(sizeof(struct super_block), KM_MAYFAIL);
	if (!mp->m_super) {
		kmem_free(mp);
		return NULL;
	}
	mp->m_super->s_fs_info = mp;
	mp->m_bdev = bdev;
	mp->m_name = kstrdup(name, GFP_KERNEL | __GFP_NOFAIL);
	INIT_LIST_HEAD(&mp->m_bufs);
	return mp;
}

static void
minfs_mount_free(
	struct minfs_mount	*mp)
{
	minfs_da_unmount(mp);
	kmem_free(mp->m_freemap);	/* from kvcalloc() */
	kfree(mp->m_name);
	kmem_free(mp->m_super);
	kmem_free(mp);
}

int
minfs_mount(
	struct minfs_bdev	*bdev,
	const char		*name,
	struct minfs_mount	**mpp)
{
	struct minfs_mount	*mp;
	int			error;

	mp = minfs_mount_alloc(bdev, name);
	if (!mp)
		return -ENOMEM;
	error = minfs_read_sb(mp);
	if (!error)
		error = minfs_da_mount(mp);
	if (error)
		goto out_free;
	mp->m_super->s_blocksize = mp->m_sb.sb_blocksize;

	error = minfs_inode_cache_init(mp);
	if (error)
		goto out_free;
	error = minfs_qm_init(mp);
	if (!error)
		error = mlog_mount(mp);
	if (error)
		goto out_inodes;
	error = minfs_find_space(mp);
	if (!error)
		error = minfs_qm_quotacheck(mp);
	if (error)
		goto out_log;
	*mpp = mp;
	return 0;

out_log:
	mlog_unmount(mp);
out_inodes:
	minfs_buf_purge(mp);
	minfs_inode_cache_destroy(mp);
	minfs_qm_destroy(mp);
out_free:
	minfs_mount_free(mp);
	return error;
}

/* Nothing more goes to disk; what is in the log is for recovery. */
void
minfs_force_shutdown(
	struct minfs_mount	*mp)
{
	if (!mp->m_shutdown)
		minfs_err(mp, "shut down");
	mp->m_shutdown = true;
}

void
minfs_unmount(
	struct minfs_mount	*mp)
{
	mlog_unmount(mp);
	minfs_inode_cache_destroy(mp);
	minfs_buf_purge(mp);
	minfs_qm_destroy(mp);
	minfs_mount_free(mp);
}

int
minfs_init(void)
{
	int			error;

	error = minfs_buf_cache_init();
	if (error)
		return error;
	error = minfs_trans_init_cache();
	if (error)
		minfs_buf_cache_destroy();
	return error;
}

void
minfs_exit(void)
{
	minfs_trans_destroy_cache();
	minfs_buf_cache_destroy();
}
