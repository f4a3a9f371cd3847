// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_buf.h"
#include "minfs_trans.h"
#include "minfs_log.h"
#include "minfs_inode.h"
#include "minfs_attr.h"
#include "minfs_message.h"

struct mlog_recover_item {
	struct list_head	ri_list;
	u32			ri_type;
	u32			ri_len;
	u64			ri_id;
	void			*ri_buf;
};

static void
mlog_recover_free_item(
	struct mlog_recover_item *item)
{
	list_del_init(&item->ri_list);
	kmem_free(item->ri_buf);
	kmem_free(item);
}

static void
mlog_recover_free_items(
	struct list_head	*items)
{
	struct mlog_recover_item *item, *n;

	list_for_each_entry_safe(item, n, items, ri_list)
		mlog_recover_free_item(item);
}

static void
mlog_recover_add_item(
	struct list_head	*items,
	const struct minfs_log_region *reg,
	const void		*data)
{
	struct mlog_recover_item *item;

	item = kmem_zalloc(sizeof(struct mlog_recover_item), 0);
	item->ri_type = reg->r_type;
	item->ri_len = reg->r_bytes;
	item->ri_id = reg->r_id;
	if (item->ri_len) {
		item->ri_buf = kmem_alloc(item->ri_len, 0);
		memcpy(item->ri_buf, data, item->ri_len);
	}
	list_add_tail(&item->ri_list, items);
}

/* The intent is done: it needs no recovery. */
static void
mlog_recover_cancel_intent(
	struct list_head	*items,
	u64			id)
{
	struct mlog_recover_item *item, *n;

	list_for_each_entry_safe(item, n, items, ri_list) {
		if (item->ri_type == MINFS_LI_ATTRI && item->ri_id == id)
			mlog_recover_free_item(item);
	}
}

/* What follows the header of a checkpoint. */
static inline size_t
mlog_body_bytes(
	const struct minfs_log_hdr *hdr)
{
	return hdr->h_bytes + hdr->h_regions * sizeof(struct minfs_log_region);
}

static int
mlog_recover_checkpoint(
	struct mlog		*log,
	const struct minfs_log_hdr *hdr,
	struct list_head	*items)
{
	const u8		*p = (const u8 *)(hdr + 1);
	const u8		*end = p + mlog_body_bytes(hdr);
	u32			i;

	for (i = 0; i < hdr->h_regions; i++) {
		struct minfs_log_region	reg;

		memcpy(&reg, p, sizeof(reg));
		p += sizeof(reg);
		if (reg.r_bytes > end - p) {
			minfs_corruption(log->l_mp, "log region", p);
			return -EUCLEAN;
		}
		if (reg.r_type == MINFS_LI_ATTRD)
			mlog_recover_cancel_intent(items, reg.r_id);
		else
			mlog_recover_add_item(items, &reg, p);
		p += reg.r_bytes;
	}
	return 0;
}

/*
 * Collect the items of all whole checkpoints, oldest first.
 */
static int
mlog_recover_scan(
	struct mlog		*log,
	const void		*buf,
	size_t			bytes,
	struct list_head	*items)
{
	u32			blocksize = log->l_mp->m_sb.sb_blocksize;
	const struct minfs_log_hdr *hdr = buf;
	size_t			pos = 0, len;
	u32			last;
	int			error;

	last = hdr->h_sequence;
	if (hdr->h_magic == MINFS_LOG_MAGIC)
		last--;
	while (pos < bytes) {
		hdr = buf + pos;
		if (hdr->h_magic != MINFS_LOG_MAGIC ||
		    hdr->h_sequence != last + 1)
			break;
		len = sizeof(*hdr) + mlog_body_bytes(hdr);
		if (len > bytes - pos)
			break;
		error = mlog_recover_checkpoint(log, hdr, items);
		if (error)
			return error;
		last++;
		pos += roundup(len, blocksize);
	}
	log->l_sequence = last;
	return 0;
}

static int
mlog_recover_images(
	struct mlog		*log,
	struct list_head	*items)
{
	struct mlog_recover_item *item, *n;
	int			error;

	list_for_each_entry_safe(item, n, items, ri_list) {
		if (item->ri_type != MINFS_LI_IMAGE)
			continue;
		error = minfs_rw_bdev(log->l_mp, item->ri_id, item->ri_buf,
				      item->ri_len, MINFS_WRITE);
		if (error)
			return error;
		mlog_recover_free_item(item);
	}
	return 0;
}

/*
 * Finish what was begun: every intent that is left opens transactions of its
 * own, but its inode is read and its arguments are allocated before that.  (The
 * log is empty by now: a second crash would lose what is left.)
 */
static int
mlog_recover_finish(
	struct mlog		*log,
	struct list_head	*items)
{
	struct mlog_recover_item *item, *n;
	int			error = 0;

	list_for_each_entry_safe(item, n, items, ri_list) {
		error = minfs_attri_recover(log->l_mp, item->ri_buf,
					    item->ri_len);
		if (error)
			break;
		mlog_recover_free_item(item);
	}
	return error;
}

int
mlog_recover(
	struct mlog		*log)
{
	size_t			bytes = log->l_mp->m_sb.sb_logblocks *
					log->l_mp->m_sb.sb_blocksize;
	void			*buf;
	int			error;
	LIST_HEAD(items);

	buf = kvzalloc(bytes, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;

	error = minfs_rw_bdev(log->l_mp, log->l_mp->m_sb.sb_logstart, buf,
			      bytes, MINFS_READ);
	if (!error)
		error = mlog_recover_scan(log, buf, bytes, &items);
	kmem_free(buf);
	if (!error)
		error = mlog_recover_images(log, &items);
	if (!error)
		error = mlog_write_back(log);
	if (!error)
		error = mlog_recover_finish(log, &items);
	mlog_recover_free_items(&items);
	return error;
}
