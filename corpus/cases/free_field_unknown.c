// SPDX-License-Identifier: MIT
/* A member that memory of another file is stored in. */
#include "minfs.h"

struct case_map {
	void			*table;
};

void *
case_elsewhere(size_t size);

void
case_fill(struct case_map *map, size_t size)
{
	map->table = size > 64 ? case_elsewhere(size) :
				 kmem_alloc(size, KM_NOFS);
}

void
case_empty(struct case_map *map)
{
	kmem_free(map->table);
}
