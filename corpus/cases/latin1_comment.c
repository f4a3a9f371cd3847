// SPDX-License-Identifier: MIT
/* Bytes that are no UTF-8: äöü ß. */
#include "minfs.h"

/* Für Größe: siehe unten. */
void *
case_alloc(size_t size)
{
	return kmem_alloc(size, KM_NOFS);
}
