// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "scrub.h"

int
mbitmap_set(
	struct mbitmap		*map,
	u32			start,
	u32			len)
{
	struct mbitmap_range	**link = &map->first;
	struct mbitmap_range	*range;

	while (*link && (*link)->start < start)
		link = &(*link)->next;

	range = kmem_alloc(sizeof(struct mbitmap_range), KM_MAYFAIL);
	if (!range)
		return -ENOMEM;
	range->start = start;
	range->len = len;
	range->next = *link;
	*link = range;
	return 0;
}

/* Whether any of these blocks is set. */
bool
mbitmap_test(
	const struct mbitmap	*map,
	u32			start,
	u32			len)
{
	const struct mbitmap_range *range;

	for (range = map->first; range; range = range->next) {
		if (range->start < start + len &&
		    start < range->start + range->len)
			return true;
	}
	return false;
}

void
mbitmap_destroy(
	struct mbitmap		*map)
{
	struct mbitmap_range	*range;

	while ((range = map->first)) {
		map->first = range->next;
		kmem_free(range);
	}
}
