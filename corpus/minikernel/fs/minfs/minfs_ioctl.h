/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_IOCTL_H__
#define __MINFS_IOCTL_H__

struct minfs_getbmap {
	u32			bmv_offset;
	u32			bmv_block;
	u32			bmv_length;
};

int minfs_ioc_getbmap(struct minfs_inode *ip, struct minfs_getbmap __user *ubuf,
		u32 *countp);
int minfs_ioc_attr_list(struct minfs_inode *ip, char __user *ubuf, u32 bytes);
int minfs_ioc_scrub(struct minfs_mount *mp, u32 *problems);

int minfs_create(struct minfs_inode *dp, const char *name, umode_t mode,
		u32 uid, minfs_ino_t *inop);
int minfs_remove(struct minfs_inode *dp, const char *name);
int minfs_fallocate(struct minfs_inode *ip, u32 blocks);

#endif /* __MINFS_IOCTL_H__ */
