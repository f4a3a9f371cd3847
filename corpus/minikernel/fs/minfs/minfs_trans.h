/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_TRANS_H__
#define __MINFS_TRANS_H__

struct minfs_buf;
struct minfs_inode;
struct minfs_log_item;

/*
 * The new contents of one region of the log, formatted by a log item.
 */
struct mlog_vec {
	struct list_head	lv_list;
	u32			lv_type;	/* enum minfs_log_type */
	u32			lv_bytes;
	u64			lv_id;
	void			*lv_buf;
};

struct minfs_item_ops {
	u32	(*iop_size)(struct minfs_log_item *lip);
	void	(*iop_format)(struct minfs_log_item *lip, struct mlog_vec *lv);
	void	(*iop_release)(struct minfs_log_item *lip);
};

/* What a transaction has changed; embedded in the item of its kind. */
struct minfs_log_item {
	struct list_head	li_trans;
	const struct minfs_item_ops *li_ops;
};

struct minfs_trans {
	struct minfs_mount	*t_mountp;
	struct list_head	t_items;
	unsigned int		t_pflags;	/* scope to go back to */
	unsigned int		t_rolled;
};

int minfs_trans_init_cache(void);
void minfs_trans_destroy_cache(void);

int minfs_trans_alloc(struct minfs_mount *mp, struct minfs_trans **tpp);
int minfs_trans_commit(struct minfs_trans *tp);
int minfs_trans_roll(struct minfs_trans **tpp);
void minfs_trans_cancel(struct minfs_trans *tp);
void minfs_trans_add_item(struct minfs_trans *tp, struct minfs_log_item *lip);

void minfs_trans_log_buf(struct minfs_trans *tp, struct minfs_buf *bp);
void minfs_trans_log_inode(struct minfs_trans *tp, struct minfs_inode *ip);

/* An item of a kind that starts with a struct minfs_log_item. */
#define minfs_item_zalloc(type, ops) \
({ \
	type	*__item = kmem_zalloc(sizeof(type), KM_NOFS); \
 \
	INIT_LIST_HEAD(&__item->item.li_trans); \
	__item->item.li_ops = (ops); \
	__item; \
})

#endif /* __MINFS_TRANS_H__ */
