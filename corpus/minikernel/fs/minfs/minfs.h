/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_H__
#define __MINFS_H__

#ifdef CONFIG_MINFS_DEBUG
#define DEBUG 1
#endif

#include "minfs_linux.h"
#include "minfs_format.h"

#endif /* __MINFS_H__ */
