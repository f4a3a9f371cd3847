// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_trans.h"
#include "minfs_log.h"
#include "minfs_message.h"

#define MLOG_CIL_LIMIT		(2 * PAGE_SIZE)

static struct mlog_cil_ctx *
mlog_cil_ctx_alloc(void)
{
	struct mlog_cil_ctx	*ctx;

	ctx = kmem_zalloc(sizeof(*ctx), KM_NOFS);
	INIT_LIST_HEAD(&ctx->lv_chain);
	return ctx;
}

void
mlog_free_lv_chain(
	struct list_head	*chain)
{
	struct mlog_vec		*lv, *n;

	list_for_each_entry_safe(lv, n, chain, lv_list) {
		list_del_init(&lv->lv_list);
		/* From mlog_kvmalloc(): either kind of memory. */
		kmem_free(lv);
	}
}

/*
 * Memory for all log vectors is taken before the context is locked, since it
 * may take long.
 */
static void
mlog_cil_format_items(
	struct minfs_trans	*tp,
	struct list_head	*chain)
{
	struct minfs_log_item	*lip;

	list_for_each_entry(lip, &tp->t_items, li_trans) {
		u32		bytes = lip->li_ops->iop_size(lip);
		struct mlog_vec	*lv = mlog_kvmalloc(sizeof(*lv) + bytes);

		lv->lv_bytes = bytes;
		lv->lv_buf = lv + 1;
		lip->li_ops->iop_format(lip, lv);
		list_add_tail(&lv->lv_list, chain);
	}
}

int
mlog_cil_commit(
	struct mlog		*log,
	struct minfs_trans	*tp)
{
	struct mlog_cil		*cil = log->l_cilp;
	struct mlog_cil_ctx	*ctx;
	struct mlog_vec		*lv;
	bool			full;
	LIST_HEAD(chain);

	mlog_cil_format_items(tp, &chain);

	mutex_lock(&cil->xc_ctx_lock);
	ctx = cil->xc_ctx;
	list_for_each_entry(lv, &chain, lv_list) {
		ctx->bytes += lv->lv_bytes;
		ctx->nr_regions++;
	}
	list_splice_init(&chain, &ctx->lv_chain);
	full = ctx->bytes > MLOG_CIL_LIMIT / 2;
	mutex_unlock(&cil->xc_ctx_lock);

	if (full)
		mlog_force(log);
	return log->l_mp->m_shutdown ? -EIO : 0;
}

/*
 * Write one checkpoint.  This is a worker: it has no transaction, yet memory
 * reclaim waits for it through mlog_force(), so nothing here may enter reclaim
 * of the filesystem.
 */
static void
mlog_cil_push_work(
	struct work_struct	*work)
{
	struct mlog_cil		*cil = container_of(work, struct mlog_cil,
						    xc_push_work);
	struct mlog		*log = cil->xc_log;
	struct mlog_cil_ctx	*ctx, *new_ctx;
	int			error = 0;

	new_ctx = mlog_cil_ctx_alloc();

	mutex_lock(&cil->xc_ctx_lock);
	ctx = cil->xc_ctx;
	if (list_empty(&ctx->lv_chain)) {
		mutex_unlock(&cil->xc_ctx_lock);
		kmem_free(new_ctx);
		return;
	}
	ctx->sequence = ++log->l_sequence;
	cil->xc_ctx = new_ctx;
	mutex_unlock(&cil->xc_ctx_lock);

	if (!log->l_mp->m_shutdown)
		error = mlog_write_checkpoint(log, ctx);
	if (error) {
		minfs_err(log->l_mp, "log write failed, error %d", error);
		minfs_force_shutdown(log->l_mp);
	}
	list_splice_init(&ctx->lv_chain, &log->l_ail);
	kmem_free(ctx);
}

int
mlog_cil_init(
	struct mlog		*log)
{
	struct mlog_cil		*cil;

	cil = kmem_zalloc(sizeof(*cil), KM_MAYFAIL);
	if (!cil)
		return -ENOMEM;
	cil->xc_log = log;
	cil->xc_ctx = mlog_cil_ctx_alloc();
	mutex_init(&cil->xc_ctx_lock);
	INIT_WORK(&cil->xc_push_work, mlog_cil_push_work);
	log->l_cilp = cil;
	return 0;
}

void
mlog_cil_destroy(
	struct mlog		*log)
{
	mlog_free_lv_chain(&log->l_cilp->xc_ctx->lv_chain);
	kmem_free(log->l_cilp->xc_ctx);
	kmem_free(log->l_cilp);
}
