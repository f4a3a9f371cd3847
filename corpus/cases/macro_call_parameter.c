// SPDX-License-Identifier: MIT
/* A macro that takes flags. */
#include "minfs.h"

#define case_new(type, flags)	((type *)kmem_zalloc(sizeof(type), flags))

int *
case_alloc(void)
{
	return case_new(int, KM_MAYFAIL);
}
