// SPDX-License-Identifier: MIT
/* Allocation in a declaration. */
#include "minfs.h"

struct case_node {
	struct case_node	*next;
	void			*data;
};

struct case_node *
case_alloc(size_t size)
{
	struct case_node	*node = kmem_zalloc(sizeof(*node), KM_NOFS);
	struct case_node	copy = {
		.data	= kmem_alloc(size, KM_NOFS),
	};

	*node = copy;
	return node;
}
