// SPDX-License-Identifier: MIT
/* A member that only kmalloc memory is stored in. */
#include "minfs.h"

struct case_map {
	void			*table;
};

void
case_fill(struct case_map *map, size_t size)
{
	map->table = kmem_alloc(size, KM_NOFS);
}

void
case_empty(struct case_map *map)
{
	kmem_free(map->table);
	map->table = NULL;
}
