// SPDX-License-Identifier: MIT
/* kmem_free as a value. */
#include "minfs.h"

typedef void (*case_destroy_t)(const void *);

void
case_run(case_destroy_t destroy, const void *p);

void
case_all(const void *p)
{
	void (*fn)(const void *) = kmem_free;

	fn(p);
	case_run(kmem_free, p);
}
