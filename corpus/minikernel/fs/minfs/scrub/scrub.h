/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_SCRUB_H__
#define __MINFS_SCRUB_H__

/* Blocks that were met, in the order of their numbers, without gaps joined. */
struct mbitmap_range {
	struct mbitmap_range	*next;
	u32			start;
	u32			len;
};

struct mbitmap {
	struct mbitmap_range	*first;
};

struct minfs_scrub {
	struct minfs_mount	*mp;
	struct mbitmap		seen;
	u32			problems;
};

/* Scrub may fail for lack of memory, and a user is waiting for the answer. */
#define mchk_zalloc(size)	kmem_zalloc((size), KM_NOFS | KM_MAYFAIL)

int mbitmap_set(struct mbitmap *map, u32 start, u32 len);
bool mbitmap_test(const struct mbitmap *map, u32 start, u32 len);
void mbitmap_destroy(struct mbitmap *map);

int mchk_inodes(struct minfs_scrub *sc);

#endif /* __MINFS_SCRUB_H__ */
