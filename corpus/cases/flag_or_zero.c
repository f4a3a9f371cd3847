// SPDX-License-Identifier: MIT
/* KM_ZERO in a variable, names kept in their column. */
#include "minfs.h"

void *
case_alloc(size_t size, bool read)
{
	minfs_km_flags_t	f = KM_NOFS;
	void			*p;

	if (!read)
		f |= KM_ZERO;
	p = kmem_alloc(size, f);
	return p;
}
