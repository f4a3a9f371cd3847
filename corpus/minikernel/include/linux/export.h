/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_EXPORT_H
#define _LINUX_EXPORT_H

/* A reference is enough to make a name that does not exist an error. */
#define EXPORT_SYMBOL(sym) \
	static const void *__ksymtab_##sym __attribute__((used)) = (const void *)&sym
#define EXPORT_SYMBOL_GPL(sym)	EXPORT_SYMBOL(sym)

#endif /* _LINUX_EXPORT_H */
