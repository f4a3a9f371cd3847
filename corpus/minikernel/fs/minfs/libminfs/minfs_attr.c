// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_trans.h"
#include "minfs_log.h"
#include "minfs_inode.h"
#include "minfs_attr.h"
#include "minfs_da.h"
#include "minfs_message.h"

#define minfs_attr_entsize(aep) \
	(sizeof(struct minfs_attr_entry) + (aep)->namelen + (aep)->valuelen)

/* The attribute of that name in the inode, or NULL. */
static struct minfs_attr_entry *
minfs_attr_find(
	struct minfs_inode	*ip,
	const char		*name)
{
	struct minfs_attr_entry	*aep;
	u32			pos;

	for (pos = 0; pos < ip->i_af.if_bytes; pos += minfs_attr_entsize(aep)) {
		aep = (struct minfs_attr_entry *)(ip->i_af.if_data + pos);
		if (aep->namelen == strlen(name) &&
		    !memcmp(aep->nameval, name, aep->namelen))
			return aep;
	}
	return NULL;
}

/*
 * The value with a NUL, for the caller to free.
 */
int
minfs_attr_get(
	struct minfs_inode	*ip,
	const char		*name,
	char			**valuep)
{
	struct minfs_attr_entry	*aep;
	int			error = -ENODATA;

	minfs_ilock(ip);
	aep = minfs_attr_find(ip, name);
	if (aep) {
		error = -ENOMEM;
		*valuep = kmem_zalloc(aep->valuelen + 1, KM_NOFS | KM_MAYFAIL);
		if (*valuep) {
			memcpy(*valuep, aep->nameval + aep->namelen,
			       aep->valuelen);
			error = 0;
		}
	}
	minfs_iunlock(ip);
	return error;
}

static void
minfs_attr_sf_remove(
	struct minfs_inode	*ip,
	struct minfs_attr_entry	*aep)
{
	u32			size = minfs_attr_entsize(aep);
	char			*rest = (char *)aep + size;

	memmove(aep, rest, ip->i_af.if_data + ip->i_af.if_bytes - rest);
	minfs_idata_realloc(&ip->i_af, -size);
}

/* Runs in the transaction args->trans. */
static int
minfs_attr_apply(
	struct minfs_da_args	*args)
{
	struct minfs_inode	*ip = args->dp;
	struct minfs_attr_entry	*aep;
	u32			old, size;

	aep = minfs_attr_find(ip, args->name);
	if (aep)
		minfs_attr_sf_remove(ip, aep);
	old = ip->i_af.if_bytes;
	size = sizeof(*aep) + args->namelen + args->valuelen;
	if (old + size > args->geo->max_local)
		return -ENOSPC;
	minfs_idata_realloc(&ip->i_af, size);
	aep = (struct minfs_attr_entry *)(ip->i_af.if_data + old);
	aep->namelen = args->namelen;
	aep->valuelen = args->valuelen;
	memcpy(aep->nameval, args->name, args->namelen);
	memcpy(aep->nameval + args->namelen, args->value, args->valuelen);
	minfs_trans_log_inode(args->trans, ip);
	return 0;
}

/* An intent, or that it is done: the same item with and without a body. */
struct minfs_attri_item {
	struct minfs_log_item	item;
	u32			type;
	u64			id;
	u32			bytes;
	char			*body;
};

static u32
minfs_attri_item_size(
	struct minfs_log_item	*lip)
{
	return ((struct minfs_attri_item *)lip)->bytes;
}

static void
minfs_attri_item_format(
	struct minfs_log_item	*lip,
	struct mlog_vec		*lv)
{
	struct minfs_attri_item	*aip = (struct minfs_attri_item *)lip;

	lv->lv_type = aip->type;
	lv->lv_id = aip->id;
	if (aip->bytes)
		memcpy(lv->lv_buf, aip->body, aip->bytes);
}

static void
minfs_attri_item_release(
	struct minfs_log_item	*lip)
{
	kmem_free(((struct minfs_attri_item *)lip)->body);
	kmem_free((void *)lip);
}

static const struct minfs_item_ops minfs_attri_item_ops = {
	.iop_size	= minfs_attri_item_size,
	.iop_format	= minfs_attri_item_format,
	.iop_release	= minfs_attri_item_release,
};

static struct minfs_attri_item *
minfs_attri_item_new(
	struct minfs_trans	*tp,
	u32			type,
	u64			id)
{
	struct minfs_attri_item	*aip;

	aip = minfs_item_zalloc(struct minfs_attri_item, &minfs_attri_item_ops);
	aip->type = type;
	aip->id = id;
	minfs_trans_add_item(tp, &aip->item);
	return aip;
}

/*
 * Say in the log what is going to be done, so that recovery can finish it.
 */
u64
minfs_attri_log(
	struct minfs_trans	*tp,
	struct minfs_inode	*ip,
	const char		*name,
	const char		*value)
{
	struct minfs_attri_log	*log;
	struct minfs_attri_item	*aip;

	aip = minfs_attri_item_new(tp, MINFS_LI_ATTRI,
				   ++tp->t_mountp->m_log->l_next_intent);
	aip->bytes = sizeof(*log) + strlen(name) + strlen(value);
	aip->body = kmem_zalloc(aip->bytes,
			KM_NOFS);

	log = (struct minfs_attri_log *)aip->body;
	log->ai_ino = ip->i_ino;
	log->ai_namelen = strlen(name);
	log->ai_valuelen = strlen(value);
	memcpy(log + 1, name, log->ai_namelen);
	memcpy((char *)(log + 1) + log->ai_namelen, value, log->ai_valuelen);
	return aip->id;
}

int
minfs_attr_set(
	struct minfs_inode	*ip,
	const char		*name,
	const char		*value)
{
	struct minfs_da_args	*args;
	struct minfs_trans	*tp;
	u64			id;
	int			error;

	if (strlen(name) > MINFS_NAME_MAX || strlen(value) > 255)
		return -ERANGE;

	if (!(args = kmem_zalloc(sizeof(*args), KM_NOFS | KM_MAYFAIL)))
		return -ENOMEM;
	error = minfs_trans_alloc(ip->i_mount, &tp);
	if (error)
		goto out_free;

	minfs_ilock(ip);
	id = minfs_attri_log(tp, ip, name, value);
	error = minfs_trans_roll(&tp);
	if (error)
		goto out_cancel;

	args->geo = ip->i_mount->m_attr_geo;
	args->trans = tp;
	args->dp = ip;
	args->name = name;
	args->namelen = strlen(name);
	args->value = (void *)value;
	args->valuelen = strlen(value);
	error = minfs_attr_apply(args);
	if (error && error != -ENOSPC)
		goto out_cancel;
	minfs_attri_item_new(tp, MINFS_LI_ATTRD, id);
	if (!error)
		error = minfs_trans_commit(tp);
	else
		minfs_trans_commit(tp);
	minfs_iunlock(ip);
	goto out_free;

out_cancel:
	minfs_trans_cancel(tp);
	minfs_iunlock(ip);
out_free:
	kmem_free(args);
	return error;
}

/*
 * Called from log recovery with the body of an intent.
 */
int
minfs_attri_recover(
	struct minfs_mount	*mp,
	const void		*buf,
	u32			len)
{
	const struct minfs_attri_log *log = buf;
	struct minfs_inode	*ip;
	char			*name, *value;
	int			error;

	if (len < sizeof(*log) ||
	    len - sizeof(*log) < log->ai_namelen + log->ai_valuelen) {
		minfs_err(mp, "bad attribute intent in the log");
		return -EUCLEAN;
	}
	error = minfs_iget(mp, log->ai_ino, &ip);
	if (error)
		return error;

	name = kmem_zalloc(log->ai_namelen + log->ai_valuelen + 2, KM_NOFS);
	value = name + log->ai_namelen + 1;
	memcpy(name, log + 1, log->ai_namelen);
	memcpy(value, (char *)(log + 1) + log->ai_namelen, log->ai_valuelen);
	error = minfs_attr_set(ip, name, value);
	kmem_free(name);
	minfs_irele(ip);
	return error;
}
