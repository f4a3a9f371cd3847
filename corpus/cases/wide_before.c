// SPDX-License-Identifier: MIT
/* A line that was too long already. */
#include "minfs.h"

void *
case_alloc(size_t size)
{
	return kmem_alloc(size, KM_NOFS); /* this comment is here because somebody had a lot to say about the reasons for which the lock is held at this point, and did not like to break lines */
}
