/* SPDX-License-Identifier: MIT */
#ifndef _LIB_HOST_H
#define _LIB_HOST_H

/* What the C library gives this kernel; see tools/host.c. */
void host_vprint(const char *fmt, __builtin_va_list args);
void host_abort(void) __attribute__((noreturn));

#endif /* _LIB_HOST_H */
