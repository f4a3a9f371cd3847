// SPDX-License-Identifier: MIT
/* Flags kept in a structure. */
#include "minfs.h"

struct case_request {
	size_t			size;
	minfs_km_flags_t	flags;
};

void *
case_alloc(const struct case_request *req)
{
	return kmem_alloc(req->size, req->flags);
}

void *
case_caller(size_t size)
{
	struct case_request req = { .size = size };

	return case_alloc(&req);
}
