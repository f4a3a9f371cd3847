/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_QUOTA_H__
#define __MINFS_QUOTA_H__

struct minfs_inode;

struct minfs_dquot {
	struct list_head	q_lru;
	u32			q_id;
	int			q_nrefs;
	u64			q_inodes;	/* owned by this user */
	char			*q_history;	/* for debugging */
};

#ifdef CONFIG_MINFS_QUOTA
struct minfs_dquot *minfs_dquot_alloc(u32 id, minfs_km_flags_t km_flags);
int minfs_qm_init(struct minfs_mount *mp);
void minfs_qm_destroy(struct minfs_mount *mp);
int minfs_qm_dqattach(struct minfs_inode *ip);
void minfs_qm_dqrele(struct minfs_dquot *dqp);
int minfs_qm_quotacheck(struct minfs_mount *mp);
#else
static inline int minfs_qm_init(struct minfs_mount *mp)
{
	return 0;
}

static inline int minfs_qm_dqattach(struct minfs_inode *ip)
{
	return 0;
}

static inline int minfs_qm_quotacheck(struct minfs_mount *mp)
{
	return 0;
}

#define minfs_qm_destroy(mp)	((void)0)
#define minfs_qm_dqrele(dqp)	((void)0)
#endif /* CONFIG_MINFS_QUOTA */

#endif /* __MINFS_QUOTA_H__ */
