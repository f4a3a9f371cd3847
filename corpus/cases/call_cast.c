// SPDX-License-Identifier: MIT
/* Casts around calls and arguments. */
#include "minfs.h"

struct case_ops {
	const char		*name;
};

struct case_ops *
case_alloc(const struct case_ops *old)
{
	struct case_ops *ops = (struct case_ops *)kmem_alloc(sizeof(*ops), 0);

	(void)kmem_zalloc((size_t)8, KM_NOFS);
	kmem_free((void *)old);
	return ops;
}
