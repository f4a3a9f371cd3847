// SPDX-License-Identifier: MIT
/* Every constant combination. */
#include "minfs.h"

void
case_alloc(void *p[8], size_t s)
{
	p[0] = kmem_alloc(s, 0);
	p[1] = kmem_alloc(s, KM_NOFS);
	p[2] = kmem_alloc(s, KM_MAYFAIL);
	p[3] = kmem_alloc(s, KM_NOFS | KM_MAYFAIL);
	p[4] = kmem_alloc(s, KM_NOLOCKDEP);
	p[5] = kmem_alloc(s, KM_NOFS | KM_NOLOCKDEP);
	p[6] = kmem_alloc(s, KM_MAYFAIL | KM_NOLOCKDEP);
	p[7] = kmem_alloc(s, KM_NOLOCKDEP | KM_NOFS | KM_MAYFAIL);
}
