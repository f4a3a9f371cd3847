/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_SUPER_H__
#define __MINFS_SUPER_H__

int minfs_init(void);
void minfs_exit(void);

#endif /* __MINFS_SUPER_H__ */
