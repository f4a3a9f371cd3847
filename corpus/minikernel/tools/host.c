// SPDX-License-Identifier: MIT
/*
 * The only file that sees the C library's headers.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "../lib/host.h"

void host_vprint(const char *fmt, va_list args)
{
	vprintf(fmt, args);
}

void host_abort(void)
{
	fflush(stdout);
	abort();
}
