// SPDX-License-Identifier: MIT
/*
 * Reclaim: calls the registered shrinkers.  Those of filesystems look at
 * __GFP_FS themselves; here it decides whether they are called at all.
 */
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include "internal.h"

static LIST_HEAD(shrinker_list);

int register_shrinker(struct shrinker *shrinker, const char *fmt, ...)
{
	list_add_tail(&shrinker->list, &shrinker_list);
	return 0;
}

void unregister_shrinker(struct shrinker *shrinker)
{
	list_del_init(&shrinker->list);
}

void shrink_slab(gfp_t gfp)
{
	struct shrink_control sc = { .gfp_mask = gfp, .nr_to_scan = 4 };
	struct shrinker *shrinker;
	unsigned int noreclaim;

	if (!(gfp & __GFP_FS))
		return;
	noreclaim = memalloc_noreclaim_save();
	list_for_each_entry(shrinker, &shrinker_list, list) {
		if (shrinker->count_objects(shrinker, &sc))
			shrinker->scan_objects(shrinker, &sc);
	}
	memalloc_noreclaim_restore(noreclaim);
}
