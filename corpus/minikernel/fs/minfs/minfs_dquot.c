// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_inode.h"
#include "minfs_quota.h"
#include "minfs_message.h"

#define MINFS_DQ_HISTORY	64

struct minfs_quotainfo {
	struct mutex		qi_tree_lock;
	struct radix_tree_root	qi_tree;
	struct list_head	qi_lru;		/* dquots without users */
	struct shrinker		qi_shrinker;
};

/*
 * A dquot without users.  Only who said KM_MAYFAIL has to look at the result.
 */
struct minfs_dquot *
minfs_dquot_alloc(
	u32			id,
	minfs_km_flags_t	km_flags)
{
	struct minfs_dquot	*dqp;

	dqp = kmem_zalloc(sizeof(struct minfs_dquot), km_flags);
	if (!dqp)
		return NULL;
#ifdef CONFIG_MINFS_DEBUG
	dqp->q_history = kmem_alloc(MINFS_DQ_HISTORY, km_flags | KM_ZERO);
	if (!dqp->q_history) {
		kmem_free(dqp);
		return NULL;
	}
	snprintf(dqp->q_history, MINFS_DQ_HISTORY, "made by %s", current->comm);
#endif
	INIT_LIST_HEAD(&dqp->q_lru);
	dqp->q_id = id;
	return dqp;
}

static void
minfs_dquot_free(
	struct minfs_dquot	*dqp)
{
#ifdef CONFIG_MINFS_DEBUG
	kmem_free(dqp->q_history);
#endif
	kmem_free(dqp);
}

/*
 * The tree allocates while the lock is held that the shrinker takes, by the
 * mask that minfs_qm_init() has stored in it.
 */
static int
minfs_qm_dqget_insert(
	struct minfs_quotainfo	*qi,
	struct minfs_dquot	*dqp)
{
	int			error;

	mutex_lock(&qi->qi_tree_lock);
	error = radix_tree_insert(&qi->qi_tree, dqp->q_id, dqp);
	mutex_unlock(&qi->qi_tree_lock);
	return error;
}

static int
minfs_qm_dqget(
	struct minfs_mount	*mp,
	u32			id,
	minfs_km_flags_t	km_flags,
	struct minfs_dquot	**dqpp)
{
	struct minfs_quotainfo	*qi = mp->m_quotainfo;
	struct minfs_dquot	*dqp;
	int			error;

	mutex_lock(&qi->qi_tree_lock);
	dqp = radix_tree_lookup(&qi->qi_tree, id);
	if (dqp) {
		list_del_init(&dqp->q_lru);
		dqp->q_nrefs++;
	}
	mutex_unlock(&qi->qi_tree_lock);

	if (!dqp) {
		dqp = minfs_dquot_alloc(id, km_flags);
		if (!dqp)
			return -ENOMEM;
		dqp->q_nrefs = 1;
		error = minfs_qm_dqget_insert(qi, dqp);
		if (error) {
			minfs_dquot_free(dqp);
			return error;
		}
	}
	*dqpp = dqp;
	return 0;
}

/* Only takes the reference away: the LRU is filled by the shrinker itself. */
void
minfs_qm_dqrele(
	struct minfs_dquot	*dqp)
{
	if (dqp)
		dqp->q_nrefs--;
}

/* Inside of the transaction that makes the inode. */
int
minfs_qm_dqattach(
	struct minfs_inode	*ip)
{
	int			error;

	if (!ip->i_mount->m_quotainfo || ip->i_dquot)
		return 0;
	error = minfs_qm_dqget(ip->i_mount, ip->i_uid, KM_NOFS, &ip->i_dquot);
	if (!error)
		ip->i_dquot->q_inodes++;
	return error;
}

/* Count who owns what, at mount time: nothing is locked, nothing is dirty. */
int
minfs_qm_quotacheck(
	struct minfs_mount	*mp)
{
	struct minfs_inode	*ip;
	minfs_ino_t		ino;
	int			error;

	if (!mp->m_quotainfo)
		return 0;
	for (ino = MINFS_ROOT_INO; ino <= mp->m_sb.sb_inodes; ino++) {
		error = minfs_iget(mp, ino, &ip);
		if (error == -ENOENT)
			continue;
		if (error)
			return error;
		if (!ip->i_dquot) {
			error = minfs_qm_dqget(mp, ip->i_uid, KM_MAYFAIL,
					       &ip->i_dquot);
			if (!error)
				ip->i_dquot->q_inodes++;
		}
		minfs_irele(ip);
		if (error)
			return error;
	}
	return 0;
}

static inline struct minfs_quotainfo *
minfs_shrinker_qi(
	struct shrinker		*shrink)
{
	return container_of(shrink, struct minfs_quotainfo, qi_shrinker);
}

static unsigned long
minfs_qm_shrink_count(
	struct shrinker		*shrink,
	struct shrink_control	*sc)
{
	struct minfs_quotainfo	*qi = minfs_shrinker_qi(shrink);

	return qi->qi_tree.xa_head != NULL;
}

static unsigned long
minfs_qm_shrink_scan(
	struct shrinker		*shrink,
	struct shrink_control	*sc)
{
	struct minfs_quotainfo	*qi = minfs_shrinker_qi(shrink);
	struct minfs_dquot	*dqp, *n;
	void			*batch[8];
	unsigned long		freed = 0;
	unsigned int		nr, i;

	if (!(sc->gfp_mask & __GFP_FS))
		return SHRINK_STOP;

	mutex_lock(&qi->qi_tree_lock);
	nr = radix_tree_gang_lookup(&qi->qi_tree, batch, 0, ARRAY_SIZE(batch));
	for (i = 0; i < nr; i++) {
		dqp = batch[i];
		/* What counts inodes can only be found again by quotacheck. */
		if (!dqp->q_nrefs && !dqp->q_inodes && list_empty(&dqp->q_lru))
			list_add_tail(&dqp->q_lru, &qi->qi_lru);
	}
	list_for_each_entry_safe(dqp, n, &qi->qi_lru, q_lru) {
		list_del_init(&dqp->q_lru);
		radix_tree_delete(&qi->qi_tree, dqp->q_id);
		minfs_dquot_free(dqp);
		freed++;
	}
	mutex_unlock(&qi->qi_tree_lock);
	return freed;
}

int
minfs_qm_init(
	struct minfs_mount	*mp)
{
	struct minfs_quotainfo	*qi;

	if (!(mp->m_sb.sb_flags & MINFS_SB_QUOTA))
		return 0;

	/* Mounting waits for memory: it has done nothing yet. */
	qi = mp->m_quotainfo = kmem_zalloc(sizeof(struct minfs_quotainfo), 0);
	INIT_RADIX_TREE(&qi->qi_tree, GFP_NOFS);
	INIT_LIST_HEAD(&qi->qi_lru);
	mutex_init(&qi->qi_tree_lock);

	qi->qi_shrinker.count_objects = minfs_qm_shrink_count;
	qi->qi_shrinker.scan_objects = minfs_qm_shrink_scan;
	qi->qi_shrinker.seeks = DEFAULT_SEEKS;
	return register_shrinker(&qi->qi_shrinker, "minfs-qm:%s", mp->m_name);
}

void
minfs_qm_destroy(
	struct minfs_mount	*mp)
{
	struct minfs_quotainfo	*qi = mp->m_quotainfo;
	void			*found;
	struct minfs_dquot	*dqp;

	if (!qi)
		return;
	unregister_shrinker(&qi->qi_shrinker);
	while (radix_tree_gang_lookup(&qi->qi_tree, &found, 0, 1)) {
		dqp = found;
		radix_tree_delete(&qi->qi_tree, dqp->q_id);
		minfs_dquot_free(dqp);
	}
	kmem_free(qi);
	mp->m_quotainfo = NULL;
}
