// SPDX-License-Identifier: MIT
/* A copy of memory. */
#include "minfs.h"

void *
case_copy(
	const void		*data,
	size_t			len)
{
	void			*p;

	p = kmem_alloc(len, 0);
	memcpy(p, data, len);
	return p;
}
