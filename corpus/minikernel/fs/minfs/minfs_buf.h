/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_BUF_H__
#define __MINFS_BUF_H__

struct minfs_log_item;

#define MINFS_B_READ	(1u << 0)	/* contents come from disk */
#define _MINFS_B_KMEM	(1u << 1)	/* b_addr is slab memory */
#define _MINFS_B_PAGES	(1u << 2)	/* b_addr is a page */

struct minfs_buf_map {
	minfs_fsblock_t		bm_bn;
	u32			bm_len;		/* blocks */
};

struct minfs_buf {
	struct list_head	b_list;		/* of the mount */
	struct minfs_mount	*b_mount;
	minfs_fsblock_t		b_blkno;
	unsigned int		b_flags;
	int			b_hold;
	size_t			b_bytes;
	void			*b_addr;
	struct page		*b_page;	/* first page of b_addr */
	struct minfs_buf_map	*b_maps;
	int			b_map_count;
	struct minfs_log_item	*b_item;
};

int minfs_buf_cache_init(void);
void minfs_buf_cache_destroy(void);

struct minfs_buf *minfs_buf_get_map(struct minfs_mount *mp,
		const struct minfs_buf_map *map, int nmaps, unsigned int flags);
int minfs_buf_write(struct minfs_buf *bp);
void minfs_buf_relse(struct minfs_buf *bp);
void minfs_buf_purge(struct minfs_mount *mp);

static inline struct minfs_buf *
minfs_buf_get(struct minfs_mount *mp, minfs_fsblock_t bno, unsigned int flags)
{
	struct minfs_buf_map map = { .bm_bn = bno, .bm_len = 1 };

	return minfs_buf_get_map(mp, &map, 1, flags);
}

enum minfs_rw { MINFS_READ, MINFS_WRITE };
int minfs_rw_bdev(struct minfs_mount *mp, minfs_fsblock_t bno, void *data,
		size_t bytes, enum minfs_rw op);

#endif /* __MINFS_BUF_H__ */
