/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_SHRINKER_H
#define _LINUX_SHRINKER_H

#include <linux/list.h>
#include <linux/gfp_types.h>

struct shrink_control {
	gfp_t		gfp_mask;
	unsigned long	nr_to_scan;
};

#define SHRINK_STOP	(~0UL)

struct shrinker {
	unsigned long (*count_objects)(struct shrinker *shrink,
				       struct shrink_control *sc);
	unsigned long (*scan_objects)(struct shrinker *shrink,
				      struct shrink_control *sc);
	int			seeks;
	struct list_head	list;
};

#define DEFAULT_SEEKS	2

int register_shrinker(struct shrinker *shrinker, const char *fmt, ...);
void unregister_shrinker(struct shrinker *shrinker);

#endif /* _LINUX_SHRINKER_H */
