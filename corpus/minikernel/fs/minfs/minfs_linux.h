/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_LINUX_H__
#define __MINFS_LINUX_H__

/*
 * What minfs takes from the kernel.
 */
#include <linux/types.h>

#include "kmem.h"

#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/radix-tree.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>

typedef u64	minfs_ino_t;
typedef u32	minfs_fsblock_t;

#define STATIC	static noinline

#ifdef DEBUG
#define ASSERT(expr)	BUG_ON(!(expr))
#else
#define ASSERT(expr)	((void)0)
#endif

#endif /* __MINFS_LINUX_H__ */
