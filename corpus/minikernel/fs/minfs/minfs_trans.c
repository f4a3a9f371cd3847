// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_buf.h"
#include "minfs_trans.h"
#include "minfs_log.h"

static struct kmem_cache	*minfs_trans_cache;

int
minfs_trans_init_cache(void)
{
	minfs_trans_cache = kmem_cache_create("minfs_trans",
			sizeof(struct minfs_trans), 0, SLAB_RECLAIM_ACCOUNT,
			NULL);
	return minfs_trans_cache ? 0 : -ENOMEM;
}

void
minfs_trans_destroy_cache(void)
{
	kmem_cache_destroy(minfs_trans_cache);
}

static inline void
minfs_trans_set_context(
	struct minfs_trans	*tp)
{
	ASSERT(!current->journal_info);
	tp->t_pflags = memalloc_nofs_save();
	current->journal_info = tp;
}

static inline void
minfs_trans_clear_context(
	struct minfs_trans	*tp)
{
	current->journal_info = NULL;
	memalloc_nofs_restore(tp->t_pflags);
}

/* The open scope goes over to the next transaction of a chain. */
static inline void
minfs_trans_switch_context(
	struct minfs_trans	*from,
	struct minfs_trans	*to)
{
	to->t_pflags = from->t_pflags;
	from->t_pflags = 0;
	current->journal_info = to;
}

/*
 * Everything between this and the commit or the cancel runs in a NOFS scope:
 * reclaim must not wait for log space that this transaction holds.
 */
int
minfs_trans_alloc(
	struct minfs_mount	*mp,
	struct minfs_trans	**tpp)
{
	struct minfs_trans	*tp;

	*tpp = NULL;
	if (mp->m_shutdown)
		return -EIO;
	tp = kmem_cache_zalloc(minfs_trans_cache, GFP_KERNEL | __GFP_NOFAIL);
	tp->t_mountp = mp;
	INIT_LIST_HEAD(&tp->t_items);
	minfs_trans_set_context(tp);
	*tpp = tp;
	return 0;
}

void
minfs_trans_add_item(
	struct minfs_trans	*tp,
	struct minfs_log_item	*lip)
{
	if (list_empty(&lip->li_trans))
		list_add_tail(&lip->li_trans, &tp->t_items);
}

static void
minfs_trans_free_items(
	struct minfs_trans	*tp)
{
	struct minfs_log_item	*lip, *n;

	list_for_each_entry_safe(lip, n, &tp->t_items, li_trans) {
		list_del_init(&lip->li_trans);
		lip->li_ops->iop_release(lip);
	}
}

STATIC int
__minfs_trans_commit(
	struct minfs_trans	*tp,
	bool			regrant)
{
	int			error = 0;

	if (!list_empty(&tp->t_items))
		error = mlog_cil_commit(tp->t_mountp->m_log, tp);
	minfs_trans_free_items(tp);
	if (!regrant)
		minfs_trans_clear_context(tp);
	kmem_cache_free(minfs_trans_cache, tp);
	return error;
}

int
minfs_trans_commit(
	struct minfs_trans	*tp)
{
	return __minfs_trans_commit(tp, false);
}

void
minfs_trans_cancel(
	struct minfs_trans	*tp)
{
	/* What is dirty in memory cannot be taken back. */
	if (!list_empty(&tp->t_items))
		minfs_force_shutdown(tp->t_mountp);
	minfs_trans_free_items(tp);
	minfs_trans_clear_context(tp);
	kmem_cache_free(minfs_trans_cache, tp);
}

/*
 * Commit what there is and go on in a new transaction, under the same scope.
 */
int
minfs_trans_roll(
	struct minfs_trans	**tpp)
{
	struct minfs_trans	*tp = *tpp;
	struct minfs_trans	*ntp;

	ntp = kmem_cache_zalloc(minfs_trans_cache, GFP_KERNEL | __GFP_NOFAIL);
	ntp->t_mountp = tp->t_mountp;
	ntp->t_rolled = tp->t_rolled + 1;
	INIT_LIST_HEAD(&ntp->t_items);
	minfs_trans_switch_context(tp, ntp);
	*tpp = ntp;
	return __minfs_trans_commit(tp, true);
}

/* The log item of a buffer lives as long as the buffer is dirty. */
struct minfs_buf_log_item {
	struct minfs_log_item	item;
	struct minfs_buf	*bli_buf;
};

static u32
minfs_buf_item_size(
	struct minfs_log_item	*lip)
{
	struct minfs_buf_log_item *bip = (struct minfs_buf_log_item *)lip;

	return bip->bli_buf->b_bytes;
}

static void
minfs_buf_item_format(
	struct minfs_log_item	*lip,
	struct mlog_vec		*lv)
{
	struct minfs_buf_log_item *bip = (struct minfs_buf_log_item *)lip;

	lv->lv_type = MINFS_LI_IMAGE;
	lv->lv_id = bip->bli_buf->b_blkno;
	memcpy(lv->lv_buf, bip->bli_buf->b_addr, lv->lv_bytes);
}

static void
minfs_buf_item_release(
	struct minfs_log_item	*lip)
{
	struct minfs_buf_log_item *bip = (struct minfs_buf_log_item *)lip;
	struct minfs_buf	*bp = bip->bli_buf;

	/* The log has a copy; until it is written back the cache is right. */
	bp->b_hold--;
}

static const struct minfs_item_ops minfs_buf_item_ops = {
	.iop_size	= minfs_buf_item_size,
	.iop_format	= minfs_buf_item_format,
	.iop_release	= minfs_buf_item_release,
};

void
minfs_trans_log_buf(
	struct minfs_trans	*tp,
	struct minfs_buf	*bp)
{
	struct minfs_buf_log_item *bip;

	bip = (struct minfs_buf_log_item *)bp->b_item;
	if (!bip) {
		bip = minfs_item_zalloc(struct minfs_buf_log_item,
					&minfs_buf_item_ops);
		bip->bli_buf = bp;
		bp->b_item = &bip->item;
	}
	if (list_empty(&bip->item.li_trans))
		bp->b_hold++;
	minfs_trans_add_item(tp, &bip->item);
}
