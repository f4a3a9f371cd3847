/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_MESSAGE_H__
#define __MINFS_MESSAGE_H__

struct minfs_mount;

__printf(2, 3)
void minfs_err(const struct minfs_mount *mp, const char *fmt, ...);
void minfs_corruption(const struct minfs_mount *mp, const char *what,
		const void *buf);

#endif /* __MINFS_MESSAGE_H__ */
