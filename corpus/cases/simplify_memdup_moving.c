// SPDX-License-Identifier: MIT
/* A copy from a place that is read after the allocation. */
#include "minfs.h"

struct case_box {
	void			*data;
	size_t			len;
};

void *
case_copy(
	struct case_box		*box)
{
	void			*p;

	p = kmem_alloc(box->len, 0);
	memcpy(p, box->data, box->len);
	return p;
}
