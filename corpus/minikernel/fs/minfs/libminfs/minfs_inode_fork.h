/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_INODE_FORK_H__
#define __MINFS_INODE_FORK_H__

struct minfs_inode;

/* One extent of a file in memory. */
struct minfs_iext {
	struct minfs_iext	*next;
	struct minfs_bmbt_rec	rec;
};

struct minfs_ifork {
	u16			if_format;
	u32			if_bytes;	/* of if_data */
	u32			if_nextents;
	char			*if_data;	/* MINFS_DINODE_FMT_LOCAL */
	struct minfs_iext	*if_root;	/* MINFS_DINODE_FMT_EXTENTS */
};

void minfs_init_local_fork(struct minfs_ifork *ifp, const void *data, u32 size);
void minfs_idata_realloc(struct minfs_ifork *ifp, int byte_diff);
void minfs_idestroy_fork(struct minfs_ifork *ifp);
int minfs_iformat_fork(struct minfs_inode *ip, struct minfs_ifork *ifp,
		u16 format, const void *data, u32 bytes);
u32 minfs_iflush_fork(const struct minfs_ifork *ifp, void *to);

void minfs_iext_append(struct minfs_ifork *ifp,
		const struct minfs_bmbt_rec *rec);
void minfs_iext_destroy(struct minfs_ifork *ifp);

#endif /* __MINFS_INODE_FORK_H__ */
