/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_TYPES_H
#define _LINUX_TYPES_H

#include <linux/compiler.h>

#define NULL ((void *)0)

typedef unsigned char		u8;
typedef unsigned short		u16;
typedef unsigned int		u32;
typedef unsigned long long	u64;
typedef signed int		s32;
typedef signed long long	s64;

typedef unsigned char		__u8;
typedef unsigned short		__u16;
typedef unsigned int		__u32;
typedef unsigned long long	__u64;

typedef u16 __bitwise		__le16;
typedef u32 __bitwise		__le32;
typedef u64 __bitwise		__le64;

typedef __SIZE_TYPE__		size_t;
typedef long			ssize_t;
typedef long long		loff_t;
typedef unsigned long		pgoff_t;
typedef unsigned long		uintptr_t;
typedef int			pid_t;
typedef unsigned short		umode_t;

typedef _Bool			bool;
enum { false = 0, true = 1 };

/* How memory may be found; the bits are in gfp_types.h. */
typedef unsigned int __bitwise gfp_t;

typedef struct {
	int	counter;
} atomic_t;

struct list_head {
	struct list_head *next, *prev;
};

#endif /* _LINUX_TYPES_H */
