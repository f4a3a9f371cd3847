// SPDX-License-Identifier: MIT
/* A comment behind the flags, at the end of a line. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc(size,		/* bytes */
			  KM_MAYFAIL	/* checked */);
}
