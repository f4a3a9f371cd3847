// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_buf.h"
#include "minfs_trans.h"
#include "minfs_log.h"
#include "minfs_message.h"

static void
mlog_free_iclogs(
	struct mlog		*log)
{
	struct mlog_in_core	*iclog = log->l_iclog, *next;

	if (!iclog)
		return;
	do {
		next = iclog->ic_next;
		kmem_free(iclog);
		iclog = next;
	} while (iclog && iclog != log->l_iclog);
}

static struct mlog *
mlog_alloc(
	struct minfs_mount	*mp)
{
	struct minfs_dsb	*sb = &mp->m_sb;
	size_t			size = sb->sb_logblocks * sb->sb_blocksize;
	struct mlog		*log;
	struct mlog_in_core	**iclogp;
	struct mlog_in_core	*iclog, *prev_iclog = NULL;
	int			i, error = -ENOMEM;

	log = kmem_zalloc(sizeof(struct mlog), KM_MAYFAIL);
	if (!log)
		goto out;
	log->l_mp = mp;
	INIT_LIST_HEAD(&log->l_ail);

	iclogp = &log->l_iclog;
	for (i = 0; i < MLOG_NR_ICLOGS; i++) {
		size_t		data_size = min(size, MLOG_MAX_ICLOG);

		iclog = kmem_zalloc(sizeof(*iclog) + data_size, KM_MAYFAIL);
		if (!iclog)
			goto out_free_iclog;

		*iclogp = iclog;
		iclog->ic_size = data_size;
		prev_iclog = iclog;
		iclogp = &iclog->ic_next;
	}
	prev_iclog->ic_next = log->l_iclog;	/* close the ring */

	log->l_wq = alloc_workqueue("minfs-cil", WQ_MEM_RECLAIM, 1);
	if (!log->l_wq)
		goto out_free_iclog;

	error = mlog_cil_init(log);
	if (error)
		goto out_destroy_workqueue;
	return log;

out_destroy_workqueue:
	destroy_workqueue(log->l_wq);
out_free_iclog:
	mlog_free_iclogs(log);
	kmem_free(log);
out:
	return ERR_PTR(error);
}

static void
mlog_dealloc(
	struct mlog		*log)
{
	mlog_cil_destroy(log);
	mlog_free_lv_chain(&log->l_ail);
	destroy_workqueue(log->l_wq);
	mlog_free_iclogs(log);
	log->l_mp->m_log = NULL;
	kmem_free(log);
}

static void
mlog_add_bytes(
	struct mlog_in_core	*iclog,
	const void		*data,
	size_t			len)
{
	memcpy(iclog->ic_data + iclog->ic_used, data, len);
	iclog->ic_used += len;
}

/*
 * Write the regions of a checkpoint behind each other.  Runs in the CIL worker,
 * which reclaim waits for when it meets a dirty inode.
 */
int
mlog_write_checkpoint(
	struct mlog		*log,
	struct mlog_cil_ctx	*ctx)
{
	u32			blocksize = log->l_mp->m_sb.sb_blocksize;
	struct mlog_in_core	*iclog = log->l_iclog;
	struct minfs_log_hdr	hdr = {
		.h_magic	= MINFS_LOG_MAGIC,
		.h_regions	= ctx->nr_regions,
		.h_bytes	= ctx->bytes,
		.h_sequence	= ctx->sequence,
	};
	struct mlog_vec		*lv;
	size_t			bytes;
	u32			blocks;
	int			error;

	bytes = sizeof(hdr) + ctx->bytes +
		ctx->nr_regions * sizeof(struct minfs_log_region);
	blocks = DIV_ROUND_UP(bytes, blocksize);
	if (blocks * blocksize > iclog->ic_size)
		return -ENOSPC;
	if (log->l_head + blocks > log->l_mp->m_sb.sb_logblocks) {
		error = mlog_write_back(log);
		if (error)
			return error;
	}

	iclog->ic_used = 0;
	mlog_add_bytes(iclog, &hdr, sizeof(hdr));
	list_for_each_entry(lv, &ctx->lv_chain, lv_list) {
		struct minfs_log_region	reg = {
			.r_type		= lv->lv_type,
			.r_bytes	= lv->lv_bytes,
			.r_id		= lv->lv_id,
		};

		mlog_add_bytes(iclog, &reg, sizeof(reg));
		mlog_add_bytes(iclog, lv->lv_buf, lv->lv_bytes);
	}

	error = minfs_rw_bdev(log->l_mp,
			      log->l_mp->m_sb.sb_logstart + log->l_head,
			      iclog->ic_data, (size_t)blocks * blocksize,
			      MINFS_WRITE);
	if (!error)
		log->l_head += blocks;
	log->l_iclog = iclog->ic_next;
	return error;
}

/* Put everything that is in the log into its place and empty the log. */
int
mlog_write_back(
	struct mlog		*log)
{
	struct minfs_log_hdr	*hdr;
	struct mlog_vec		*lv;
	int			error = 0;

	list_for_each_entry(lv, &log->l_ail, lv_list) {
		if (lv->lv_type == MINFS_LI_IMAGE)
			error = minfs_rw_bdev(log->l_mp, lv->lv_id, lv->lv_buf,
					      lv->lv_bytes, MINFS_WRITE);
		if (error)
			return error;
	}
	mlog_free_lv_chain(&log->l_ail);

	/* An empty log remembers its sequence, so that old blocks stay old. */
	hdr = kmem_alloc(log->l_mp->m_sb.sb_blocksize, KM_NOFS | KM_ZERO);
	hdr->h_sequence = log->l_sequence;
	error = minfs_rw_bdev(log->l_mp, log->l_mp->m_sb.sb_logstart, hdr,
			      log->l_mp->m_sb.sb_blocksize, MINFS_WRITE);
	kmem_free(hdr);
	log->l_head = 0;
	return error;
}

/* Wait until all that was committed so far is on disk. */
void
mlog_force(
	struct mlog		*log)
{
	queue_work(log->l_wq, &log->l_cilp->xc_push_work);
	flush_work(&log->l_cilp->xc_push_work);
}

int
mlog_mount(
	struct minfs_mount	*mp)
{
	int			error;

	mp->m_log = mlog_alloc(mp);
	if (IS_ERR(mp->m_log)) {
		error = PTR_ERR(mp->m_log);
		mp->m_log = NULL;
		return error;
	}
	error = mlog_recover(mp->m_log);
	if (error) {
		minfs_err(mp, "log recovery failed, error %d", error);
		mlog_dealloc(mp->m_log);
	}
	return error;
}

void
mlog_unmount(
	struct minfs_mount	*mp)
{
	if (!mp->m_shutdown) {
		mlog_force(mp->m_log);
		mlog_write_back(mp->m_log);
	}
	mlog_dealloc(mp->m_log);
}
