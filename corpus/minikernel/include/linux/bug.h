/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_BUG_H
#define _LINUX_BUG_H

#include <linux/types.h>

void panic_at(const char *what, const char *file, int line)
	__attribute__((noreturn));
void warn_at(const char *what, const char *file, int line);

#define BUG()		panic_at("BUG", __FILE__, __LINE__)

#define BUG_ON(condition) \
	do { \
		if (unlikely(condition)) \
			panic_at("BUG_ON(" #condition ")", __FILE__, __LINE__); \
	} while (0)

#define WARN_ON(condition) ({ \
	bool __warned = (condition); \
	if (__warned) \
		warn_at("WARN_ON(" #condition ")", __FILE__, __LINE__); \
	__warned; \
})

#define WARN_ON_ONCE(condition) ({ \
	static bool __said; \
	bool __warned = (condition); \
	if (__warned && !__said) { \
		__said = true; \
		warn_at("WARN_ON(" #condition ")", __FILE__, __LINE__); \
	} \
	__warned; \
})

#endif /* _LINUX_BUG_H */
