/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_COMPILER_H
#define _LINUX_COMPILER_H

/* Sparse annotations: the compiler sees nothing of them. */
#define __user
#define __iomem
#define __rcu
#define __force
#define __bitwise
#define __acquires(lock)
#define __releases(lock)
#define __must_hold(lock)

#define __always_inline		inline __attribute__((always_inline))
#define noinline		__attribute__((noinline))
#define __maybe_unused		__attribute__((unused))
#define __must_check		__attribute__((warn_unused_result))
#define __aligned(n)		__attribute__((aligned(n)))
#define __printf(fmt, first)	__attribute__((format(printf, fmt, first)))
#define __init
#define __exit
#define fallthrough		__attribute__((fallthrough))

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, val)	(*(volatile typeof(x) *)&(x) = (val))

/* Where the running function returns to; for trace events. */
#define _RET_IP_		((unsigned long)__builtin_return_address(0))

#endif /* _LINUX_COMPILER_H */
