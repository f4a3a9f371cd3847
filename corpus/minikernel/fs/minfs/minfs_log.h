/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_LOG_H__
#define __MINFS_LOG_H__

struct minfs_trans;
struct mlog_vec;

#define MLOG_NR_ICLOGS		2
#define MLOG_MAX_ICLOG		(8 * PAGE_SIZE)

/* A buffer from which the log is written, one checkpoint at a time. */
struct mlog_in_core {
	struct mlog_in_core	*ic_next;
	size_t			ic_used;
	size_t			ic_size;
	u8			ic_data[];
};

/* What one checkpoint will hold. */
struct mlog_cil_ctx {
	u32			sequence;
	u32			nr_regions;
	size_t			bytes;
	struct list_head	lv_chain;
};

/* Committed items: gathered in memory until a worker writes a checkpoint. */
struct mlog_cil {
	struct mlog		*xc_log;
	struct mlog_cil_ctx	*xc_ctx;
	struct mutex		xc_ctx_lock;
	struct work_struct	xc_push_work;
};

struct mlog {
	struct minfs_mount	*l_mp;
	struct mlog_cil		*l_cilp;
	struct mlog_in_core	*l_iclog;	/* ring */
	struct workqueue_struct	*l_wq;
	struct list_head	l_ail;		/* logged, not yet in place */
	u32			l_head;		/* next free block of the log */
	u32			l_sequence;
	u64			l_next_intent;
};

int mlog_mount(struct minfs_mount *mp);
void mlog_unmount(struct minfs_mount *mp);
void mlog_force(struct mlog *log);
int mlog_write_back(struct mlog *log);
int mlog_write_checkpoint(struct mlog *log, struct mlog_cil_ctx *ctx);

int mlog_cil_init(struct mlog *log);
void mlog_cil_destroy(struct mlog *log);
int mlog_cil_commit(struct mlog *log, struct minfs_trans *tp);
void mlog_free_lv_chain(struct list_head *chain);

int mlog_recover(struct mlog *log);

/*
 * Log vectors can be large.  Contiguous memory is tried once and quietly, then
 * vmalloc, until one of them has memory.
 */
static inline void *
mlog_kvmalloc(
	size_t		size)
{
	gfp_t		flags = GFP_NOFS | __GFP_NOWARN | __GFP_NORETRY;
	void		*p;

	flags &= ~__GFP_DIRECT_RECLAIM;
	do {
		p = kmalloc(size, flags);
		if (!p)
			p = __vmalloc(size, GFP_NOFS);
	} while (!p);
	return p;
}

#endif /* __MINFS_LOG_H__ */
