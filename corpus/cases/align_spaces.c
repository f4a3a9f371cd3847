// SPDX-License-Identifier: MIT
/* A file that is indented by spaces. */
#include "minfs.h"

void *
case_alloc(int nr)
{
        void *item;

        item = kmem_zalloc(nr * sizeof(struct list_head),
                           KM_MAYFAIL);
        return item;
}
