/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_INODE_H__
#define __MINFS_INODE_H__

#include "minfs_inode_fork.h"

struct minfs_dquot;
struct minfs_log_item;
struct minfs_trans;

struct minfs_inode {
	struct minfs_mount	*i_mount;
	minfs_ino_t		i_ino;
	struct mutex		i_lock;
	int			i_refs;
	bool			i_dirty;	/* logged, maybe not in place */
	u32			i_uid;
	struct minfs_ifork	i_df;		/* data or directory */
	struct minfs_ifork	i_af;		/* attributes */
	struct minfs_dquot	*i_dquot;
	struct minfs_log_item	*i_itemp;
	struct inode		i_vnode;
};

int minfs_iget(struct minfs_mount *mp, minfs_ino_t ino,
		struct minfs_inode **ipp);
void minfs_irele(struct minfs_inode *ip);
int minfs_ialloc(struct minfs_trans *tp, umode_t mode, u32 uid,
		struct minfs_inode **ipp);

int minfs_inode_cache_init(struct minfs_mount *mp);
void minfs_inode_cache_destroy(struct minfs_mount *mp);

static inline void minfs_ilock(struct minfs_inode *ip)
{
	mutex_lock(&ip->i_lock);
}

static inline void minfs_iunlock(struct minfs_inode *ip)
{
	mutex_unlock(&ip->i_lock);
}

#endif /* __MINFS_INODE_H__ */
