/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_FS_H
#define _LINUX_FS_H

#include <linux/list.h>
#include <linux/mutex.h>

struct address_space {
	gfp_t			gfp_mask;	/* for the pages of the cache */
};

struct inode {
	unsigned long		i_ino;
	umode_t			i_mode;
	loff_t			i_size;
	struct address_space	*i_mapping;
	struct address_space	i_data;
};

struct super_block {
	unsigned long		s_blocksize;
	void			*s_fs_info;
};

#define S_IFMT		0170000
#define S_IFDIR		0040000
#define S_IFREG		0100000
#define S_ISDIR(m)	(((m) & S_IFMT) == S_IFDIR)
#define S_ISREG(m)	(((m) & S_IFMT) == S_IFREG)

#endif /* _LINUX_FS_H */
