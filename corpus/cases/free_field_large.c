// SPDX-License-Identifier: MIT
/* A member that two kinds of memory are stored in. */
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
case_fill_large(struct case_map *map, size_t size)
{
	map->table = kvmalloc(size, GFP_KERNEL);
}

void
case_empty(struct case_map *map)
{
	kmem_free(map->table);
}
