/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_DA_H__
#define __MINFS_DA_H__

/* Limits of directories and attributes, fixed by the block size. */
struct minfs_da_geometry {
	u32			blksize;
	u32			max_local;	/* bytes in the inode */
	u32			max_block;	/* bytes in a block */
};

/* What one operation on a directory or on attributes works with. */
struct minfs_da_args {
	const struct minfs_da_geometry *geo;
	struct minfs_trans	*trans;
	struct minfs_inode	*dp;
	const char		*name;
	u8			namelen;
	u8			valuelen;
	void			*value;
	minfs_ino_t		inumber;
};

int minfs_da_mount(struct minfs_mount *mp);
void minfs_da_unmount(struct minfs_mount *mp);

int minfs_dir_lookup(struct minfs_inode *dp, const char *name,
		minfs_ino_t *ino);
int minfs_dir_createname(struct minfs_trans *tp, struct minfs_inode *dp,
		const char *name, minfs_ino_t ino);
int minfs_dir_removename(struct minfs_trans *tp, struct minfs_inode *dp,
		const char *name);
int minfs_dir_read(struct minfs_inode *dp, char **namesp, u32 *countp);

#endif /* __MINFS_DA_H__ */
