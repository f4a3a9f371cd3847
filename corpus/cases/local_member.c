// SPDX-License-Identifier: MIT
/* Members and labels of the name of a wrapper. */
#include "minfs.h"

struct case_stats {
	int			kmem_alloc;
	int			kmem_free;
};

int
case_count(struct case_stats *stats)
{
	if (!stats->kmem_alloc)
		goto kmem_free;
	stats->kmem_alloc++;
kmem_free:
	return stats->kmem_free;
}
