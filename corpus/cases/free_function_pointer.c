// SPDX-License-Identifier: MIT
/* Memory that is handed on through a pointer to a function. */
#include "minfs.h"

struct case_item {
	void			*known;
	void			*large;
};

struct case_ops {
	void			(*release)(struct case_item *item, void *more);
};

static void
case_release(struct case_item *item, void *more)
{
	kmem_free(more);
	kmem_free(item->large);
}

static const struct case_ops case_ops = {
	.release		= case_release,
};

void
case_work(struct case_item *item, size_t size)
{
	const struct case_ops	*ops = &case_ops;

	item->large = kvmalloc(size, GFP_KERNEL);
	ops->release(item, kmem_alloc(size, KM_NOFS));
}
