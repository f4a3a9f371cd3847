/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_ATTR_H__
#define __MINFS_ATTR_H__

struct minfs_attr_list_entry {
	u32			hash;
	u8			valuelen;
	char			name[MINFS_NAME_MAX + 1];
};

struct minfs_attri_item;

int minfs_attr_set(struct minfs_inode *ip, const char *name, const char *value);
int minfs_attr_get(struct minfs_inode *ip, const char *name, char **valuep);
int minfs_attr_list(struct minfs_inode *ip,
		struct minfs_attr_list_entry **listp, u32 *countp);

u64 minfs_attri_log(struct minfs_trans *tp, struct minfs_inode *ip,
		const char *name, const char *value);
int minfs_attri_recover(struct minfs_mount *mp, const void *buf, u32 len);

#endif /* __MINFS_ATTR_H__ */
