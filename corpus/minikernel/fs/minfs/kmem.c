// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_message.h"
#include "minfs_trace.h"

/*
 * Memory of the slab.  Without KM_MAYFAIL this comes back with memory or not at
 * all, and says so now and then.
 */
void *
kmem_alloc(size_t size, minfs_km_flags_t flags)
{
	gfp_t	mask = kmem_flags_convert(flags);
	int	failures = 0;
	void	*p;

	trace_kmem_alloc(size, flags, _RET_IP_);

	do {
		p = kmalloc(size, mask);
		if (p || (flags & KM_MAYFAIL))
			return p;
		if (++failures % 100 == 0)
			minfs_err(NULL,
	"%s(%d) waits for %u bytes in %s (mask 0x%x), possible deadlock",
				  current->comm, current->pid,
				  (unsigned int)size, __func__, mask);
		memalloc_retry_wait(mask);
	} while (1);
}
