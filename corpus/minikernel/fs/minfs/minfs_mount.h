/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_MOUNT_H__
#define __MINFS_MOUNT_H__

struct mlog;
struct minfs_da_geometry;
struct minfs_quotainfo;

/* The disk below: memory that outlives a mount. */
struct minfs_bdev {
	u8			*bd_data;
	size_t			bd_bytes;
};

struct minfs_mount {
	struct super_block	*m_super;
	struct minfs_bdev	*m_bdev;
	const char		*m_name;
	struct minfs_dsb	m_sb;
	struct minfs_da_geometry *m_dir_geo;
	struct minfs_da_geometry *m_attr_geo;
	struct mlog		*m_log;
	struct minfs_quotainfo	*m_quotainfo;

	/* Inodes by number; the shrinker takes the lock in reclaim. */
	struct mutex		m_icache_lock;
	struct radix_tree_root	m_inodes;
	struct shrinker		m_inode_shrinker;

	struct list_head	m_bufs;		/* cached buffers */
	u32			m_nextblock;	/* first block never used */
	unsigned long		*m_freemap;	/* a bit for each block */
	unsigned int		m_reclaimed;	/* inodes evicted in reclaim */
	bool			m_shutdown;
};

int minfs_mkfs(struct minfs_bdev *bdev, u32 blocksize, u32 inodes, u32 flags);
int minfs_mount(struct minfs_bdev *bdev, const char *name,
		struct minfs_mount **mpp);
void minfs_unmount(struct minfs_mount *mp);
void minfs_force_shutdown(struct minfs_mount *mp);

int minfs_alloc_blocks(struct minfs_mount *mp, u32 count, minfs_fsblock_t *bno);
void minfs_mark_used(struct minfs_mount *mp, minfs_fsblock_t bno, u32 count);

#endif /* __MINFS_MOUNT_H__ */
