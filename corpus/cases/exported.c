// SPDX-License-Identifier: MIT
/* The wrapper exported to modules. */
#include <linux/export.h>
#include "minfs.h"

EXPORT_SYMBOL(kmem_alloc);
