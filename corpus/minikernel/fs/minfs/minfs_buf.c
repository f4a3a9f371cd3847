// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_buf.h"
#include "minfs_trace.h"

static struct kmem_cache	*minfs_buf_cache;

int
minfs_buf_cache_init(void)
{
	minfs_buf_cache = kmem_cache_create("minfs_buf",
			sizeof(struct minfs_buf), 0, SLAB_HWCACHE_ALIGN, NULL);
	return minfs_buf_cache ? 0 : -ENOMEM;
}

void
minfs_buf_cache_destroy(void)
{
	kmem_cache_destroy(minfs_buf_cache);
}

/*
 * Slab memory is good enough if the buffer does not straddle pages.
 */
static int
minfs_buf_alloc_kmem(
	struct minfs_buf	*bp,
	unsigned int		flags)
{
	minfs_km_flags_t	kmflag_mask = KM_NOFS;
	size_t			size = bp->b_bytes;

	/* What is not read from disk must not show old memory. */
	if (!(flags & MINFS_B_READ))
		kmflag_mask |= KM_ZERO;

	bp->b_addr = kmem_alloc(size, kmflag_mask);
	if (!bp->b_addr)
		return -ENOMEM;

	if (offset_in_page(bp->b_addr) + size > PAGE_SIZE) {
		kmem_free(bp->b_addr);
		bp->b_addr = NULL;
		return -ENOMEM;
	}
	bp->b_page = kmem_to_page(bp->b_addr);
	bp->b_flags |= _MINFS_B_KMEM;
	return 0;
}

static int
minfs_buf_alloc_pages(
	struct minfs_buf	*bp,
	unsigned int		flags)
{
	gfp_t			gfp_mask = __GFP_NOWARN;

	gfp_mask |= GFP_NOFS;
	if (!(flags & MINFS_B_READ))
		gfp_mask |= __GFP_ZERO;

	bp->b_page = alloc_pages(gfp_mask | __GFP_NOFAIL,
				 get_order(bp->b_bytes));
	bp->b_addr = page_address(bp->b_page);
	bp->b_flags |= _MINFS_B_PAGES;
	return 0;
}

static void
minfs_buf_free(
	struct minfs_buf	*bp)
{
	trace_minfs_buf_free(bp, _RET_IP_);

	ASSERT(!bp->b_item);
	if (bp->b_flags & _MINFS_B_KMEM)
		kmem_free(bp->b_addr);
	else if (bp->b_flags & _MINFS_B_PAGES)
		__free_pages(bp->b_page, get_order(bp->b_bytes));
	kmem_free(bp->b_maps);
	kmem_cache_free(minfs_buf_cache, bp);
}

static int
minfs_buf_alloc(
	struct minfs_mount	*mp,
	const struct minfs_buf_map *map,
	int			nmaps,
	unsigned int		flags,
	struct minfs_buf	**bpp)
{
	struct minfs_buf	*bp;
	int			error, i;

	*bpp = NULL;
	bp = kmem_cache_zalloc(minfs_buf_cache, GFP_NOFS | __GFP_NOFAIL);
	INIT_LIST_HEAD(&bp->b_list);
	bp->b_mount = mp;
	bp->b_blkno = map[0].bm_bn;
	bp->b_hold = 1;

	bp->b_map_count = nmaps;
	bp->b_maps = kmem_zalloc(nmaps * sizeof(struct minfs_buf_map),
				KM_NOFS);
	for (i = 0; i < nmaps; i++) {
		bp->b_maps[i] = map[i];
		bp->b_bytes += map[i].bm_len * mp->m_sb.sb_blocksize;
	}

	error = -ENOMEM;
	if (bp->b_bytes < PAGE_SIZE)
		error = minfs_buf_alloc_kmem(bp, flags);
	if (error)
		error = minfs_buf_alloc_pages(bp, flags);
	if (error) {
		minfs_buf_free(bp);
		return error;
	}
	trace_minfs_buf_init(bp, _RET_IP_);
	*bpp = bp;
	return 0;
}

static int
minfs_buf_io(
	struct minfs_buf	*bp,
	enum minfs_rw		op)
{
	size_t			done = 0;
	int			error, i;

	for (i = 0; i < bp->b_map_count; i++) {
		size_t		len = bp->b_maps[i].bm_len *
				      bp->b_mount->m_sb.sb_blocksize;

		error = minfs_rw_bdev(bp->b_mount, bp->b_maps[i].bm_bn,
				      bp->b_addr + done, len, op);
		if (error)
			return error;
		done += len;
	}
	return 0;
}

int
minfs_buf_write(
	struct minfs_buf	*bp)
{
	return minfs_buf_io(bp, MINFS_WRITE);
}

/*
 * A buffer for one or more runs of blocks, from the cache if it is there.
 */
struct minfs_buf *
minfs_buf_get_map(
	struct minfs_mount	*mp,
	const struct minfs_buf_map *map,
	int			nmaps,
	unsigned int		flags)
{
	struct minfs_buf	*bp;
	int			error;

	list_for_each_entry(bp, &mp->m_bufs, b_list) {
		if (bp->b_blkno == map[0].bm_bn) {
			bp->b_hold++;
			return bp;
		}
	}

	error = minfs_buf_alloc(mp, map, nmaps, flags, &bp);
	if (!error && (flags & MINFS_B_READ)) {
		error = minfs_buf_io(bp, MINFS_READ);
		if (error)
			minfs_buf_free(bp);
	}
	if (error)
		return ERR_PTR(error);
	list_add(&bp->b_list, &mp->m_bufs);
	return bp;
}

/* A buffer that is not logged has no reason to stay. */
void
minfs_buf_relse(
	struct minfs_buf	*bp)
{
	if (--bp->b_hold || bp->b_item)
		return;
	list_del_init(&bp->b_list);
	minfs_buf_free(bp);
}

void
minfs_buf_purge(
	struct minfs_mount	*mp)
{
	struct minfs_buf	*bp, *n;

	list_for_each_entry_safe(bp, n, &mp->m_bufs, b_list) {
		kmem_free(bp->b_item);
		bp->b_item = NULL;
		list_del_init(&bp->b_list);
		minfs_buf_free(bp);
	}
}
