// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_buf.h"
#include "minfs_trans.h"
#include "minfs_log.h"
#include "minfs_inode.h"
#include "minfs_quota.h"
#include "minfs_message.h"
#include "minfs_trace.h"

static struct minfs_inode *
minfs_inode_alloc(
	struct minfs_mount	*mp,
	minfs_ino_t		ino)
{
	struct minfs_inode	*ip;

	ip = kzalloc(sizeof(*ip), GFP_NOFS | __GFP_NOFAIL);
	ip->i_mount = mp;
	ip->i_ino = ino;
	ip->i_refs = 1;
	mutex_init(&ip->i_lock);
	ip->i_vnode.i_ino = ino;
	ip->i_vnode.i_mapping = &ip->i_vnode.i_data;

	/* Whoever fills the page cache of this inode may hold its lock. */
	mapping_set_gfp_mask(ip->i_vnode.i_mapping, GFP_NOFS);
	return ip;
}

static void
minfs_inode_free(
	struct minfs_inode	*ip)
{
	minfs_idestroy_fork(&ip->i_df);
	minfs_idestroy_fork(&ip->i_af);
	minfs_qm_dqrele(ip->i_dquot);
	kmem_free(ip->i_itemp);
	kfree(ip);
}

static int
minfs_inode_read(
	struct minfs_inode	*ip)
{
	struct minfs_dinode	*dip;
	struct minfs_buf	*bp;
	int			error;

	if (ip->i_ino == 0 || ip->i_ino > ip->i_mount->m_sb.sb_inodes)
		return -EINVAL;
	bp = minfs_buf_get(ip->i_mount, ip->i_ino, MINFS_B_READ);
	if (IS_ERR(bp))
		return PTR_ERR(bp);

	dip = bp->b_addr;
	error = -ENOENT;
	if (!dip->di_mode)
		goto out_relse;
	error = -EUCLEAN;
	if (dip->di_magic != MINFS_DINODE_MAGIC) {
		minfs_corruption(ip->i_mount, "inode", dip);
		goto out_relse;
	}
	ip->i_vnode.i_mode = dip->di_mode;
	ip->i_vnode.i_size = dip->di_size;
	ip->i_uid = dip->di_uid;
	error = minfs_iformat_fork(ip, &ip->i_df, dip->di_format,
				   dip->di_literal, dip->di_dbytes);
	if (!error)
		error = minfs_iformat_fork(ip, &ip->i_af,
				MINFS_DINODE_FMT_LOCAL,
				dip->di_literal + dip->di_dbytes,
				dip->di_abytes);
out_relse:
	minfs_buf_relse(bp);
	return error;
}

/*
 * Reclaim takes m_icache_lock to evict inodes, and the tree allocates under it:
 * that is why it was set up with GFP_NOFS.
 */
static int
minfs_inode_insert(
	struct minfs_inode	*ip)
{
	struct minfs_mount	*mp = ip->i_mount;
	int			error;

	mutex_lock(&mp->m_icache_lock);
	error = radix_tree_insert(&mp->m_inodes, ip->i_ino, ip);
	mutex_unlock(&mp->m_icache_lock);
	return error;
}

int
minfs_iget(
	struct minfs_mount	*mp,
	minfs_ino_t		ino,
	struct minfs_inode	**ipp)
{
	struct minfs_inode	*ip;
	int			error;

	mutex_lock(&mp->m_icache_lock);
	ip = radix_tree_lookup(&mp->m_inodes, ino);
	if (ip)
		ip->i_refs++;
	mutex_unlock(&mp->m_icache_lock);
	if (ip) {
		*ipp = ip;
		return 0;
	}

	ip = minfs_inode_alloc(mp, ino);
	error = minfs_inode_read(ip);
	if (!error)
		error = minfs_inode_insert(ip);
	if (error) {
		minfs_inode_free(ip);
		return error;
	}
	*ipp = ip;
	return 0;
}

/* The inode stays in the cache until reclaim or unmount. */
void
minfs_irele(
	struct minfs_inode	*ip)
{
	ASSERT(ip->i_refs > 0);
	ip->i_refs--;
}

/* A new inode, its quota attached. */
int
minfs_ialloc(
	struct minfs_trans	*tp,
	umode_t			mode,
	u32			uid,
	struct minfs_inode	**ipp)
{
	struct minfs_mount	*mp = tp->t_mountp;
	struct minfs_inode	*ip;
	minfs_ino_t		ino;
	int			error = -ENOSPC;

	/* The one after the last that is in use: simple, and never reused. */
	for (ino = MINFS_ROOT_INO; ino <= mp->m_sb.sb_inodes; ino++) {
		error = minfs_iget(mp, ino, &ip);
		if (error == -ENOENT)
			break;
		if (error)
			return error;
		minfs_irele(ip);
		error = -ENOSPC;
	}
	if (error != -ENOENT)
		return error;

	ip = minfs_inode_alloc(mp, ino);
	ip->i_vnode.i_mode = mode;
	ip->i_uid = uid;
	ip->i_df.if_format = S_ISDIR(mode) ? MINFS_DINODE_FMT_LOCAL :
					     MINFS_DINODE_FMT_EXTENTS;
	error = minfs_qm_dqattach(ip);
	if (!error)
		error = minfs_inode_insert(ip);
	if (error) {
		minfs_inode_free(ip);
		return error;
	}
	minfs_trans_log_inode(tp, ip);
	*ipp = ip;
	return 0;
}

struct minfs_inode_log_item {
	struct minfs_log_item	item;
	struct minfs_inode	*ili_inode;
};

static u32
minfs_inode_item_size(
	struct minfs_log_item	*lip)
{
	struct minfs_inode_log_item *iip = (struct minfs_inode_log_item *)lip;

	return iip->ili_inode->i_mount->m_sb.sb_blocksize;
}

static void
minfs_inode_item_format(
	struct minfs_log_item	*lip,
	struct mlog_vec		*lv)
{
	struct minfs_inode_log_item *iip = (struct minfs_inode_log_item *)lip;
	struct minfs_inode	*ip = iip->ili_inode;
	struct minfs_dinode	*dip = lv->lv_buf;

	lv->lv_type = MINFS_LI_IMAGE;
	lv->lv_id = ip->i_ino;
	memset(dip, 0, lv->lv_bytes);
	dip->di_magic = MINFS_DINODE_MAGIC;
	dip->di_mode = ip->i_vnode.i_mode;
	dip->di_uid = ip->i_uid;
	dip->di_size = ip->i_vnode.i_size;
	dip->di_format = ip->i_df.if_format;
	dip->di_dbytes = minfs_iflush_fork(&ip->i_df, dip->di_literal);
	dip->di_abytes = minfs_iflush_fork(&ip->i_af,
					   dip->di_literal + dip->di_dbytes);
}

static void
minfs_inode_item_release(
	struct minfs_log_item	*lip)
{
	minfs_irele(((struct minfs_inode_log_item *)lip)->ili_inode);
}

static const struct minfs_item_ops minfs_inode_item_ops = {
	.iop_size	= minfs_inode_item_size,
	.iop_format	= minfs_inode_item_format,
	.iop_release	= minfs_inode_item_release,
};

void
minfs_trans_log_inode(
	struct minfs_trans	*tp,
	struct minfs_inode	*ip)
{
	struct minfs_inode_log_item *iip;

	iip = (struct minfs_inode_log_item *)ip->i_itemp;
	if (!iip) {
		iip = minfs_item_zalloc(struct minfs_inode_log_item,
					&minfs_inode_item_ops);
		iip->ili_inode = ip;
		ip->i_itemp = &iip->item;
	}
	if (list_empty(&iip->item.li_trans))
		ip->i_refs++;
	ip->i_dirty = true;
	minfs_trans_add_item(tp, &iip->item);
}

#define MINFS_LOOKUP_BATCH	16

static unsigned long
minfs_inode_count(
	struct shrinker		*shrink,
	struct shrink_control	*sc)
{
	struct minfs_mount	*mp = container_of(shrink, struct minfs_mount,
						   m_inode_shrinker);

	return mp->m_inodes.xa_head != NULL;
}

/*
 * Evict inodes that nobody uses.  What a dirty one has changed must be in its
 * place on disk before: that waits for the log.
 */
static unsigned long
minfs_inode_scan(
	struct shrinker		*shrink,
	struct shrink_control	*sc)
{
	struct minfs_mount	*mp = container_of(shrink, struct minfs_mount,
						   m_inode_shrinker);
	void			*batch[MINFS_LOOKUP_BATCH];
	unsigned long		freed = 0;
	unsigned int		nr, i;

	if (!(sc->gfp_mask & __GFP_FS))
		return SHRINK_STOP;

	/* A transaction would wait here for log space that it holds itself. */
	BUG_ON(current->journal_info);

	mutex_lock(&mp->m_icache_lock);
	nr = radix_tree_gang_lookup(&mp->m_inodes, batch, 0,
				    MINFS_LOOKUP_BATCH);
	for (i = 0; i < nr && freed < sc->nr_to_scan; i++) {
		struct minfs_inode *ip = batch[i];

		if (ip->i_refs || mutex_is_locked(&ip->i_lock))
			continue;
		if (ip->i_dirty) {
			mlog_force(mp->m_log);
			if (mp->m_shutdown || mlog_write_back(mp->m_log))
				break;
		}
		trace_minfs_inode_evict(mp, ip->i_ino);
		radix_tree_delete(&mp->m_inodes, ip->i_ino);
		minfs_inode_free(ip);
		freed++;
	}
	mp->m_reclaimed += freed;
	mutex_unlock(&mp->m_icache_lock);
	return freed;
}

int
minfs_inode_cache_init(
	struct minfs_mount	*mp)
{
	mutex_init(&mp->m_icache_lock);
	INIT_RADIX_TREE(&mp->m_inodes, GFP_NOFS);
	mp->m_inode_shrinker.count_objects = minfs_inode_count;
	mp->m_inode_shrinker.scan_objects = minfs_inode_scan;
	mp->m_inode_shrinker.seeks = DEFAULT_SEEKS;
	return register_shrinker(&mp->m_inode_shrinker, "minfs-inode:%s",
				 mp->m_name);
}

void
minfs_inode_cache_destroy(
	struct minfs_mount	*mp)
{
	struct minfs_inode	*ip;
	void			*found;

	unregister_shrinker(&mp->m_inode_shrinker);
	while (radix_tree_gang_lookup(&mp->m_inodes, &found, 0, 1)) {
		ip = found;
		radix_tree_delete(&mp->m_inodes, ip->i_ino);
		minfs_inode_free(ip);
	}
}
