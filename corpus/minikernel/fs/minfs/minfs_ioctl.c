// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_trans.h"
#include "minfs_inode.h"
#include "minfs_attr.h"
#include "minfs_da.h"
#include "minfs_ioctl.h"
#include "scrub.h"

int
minfs_create(
	struct minfs_inode	*dp,
	const char		*name,
	umode_t			mode,
	u32			uid,
	minfs_ino_t		*inop)
{
	struct minfs_trans	*tp;
	struct minfs_inode	*ip;
	minfs_ino_t		ino;
	int			error;

	if (!minfs_dir_lookup(dp, name, &ino))
		return -EEXIST;
	error = minfs_trans_alloc(dp->i_mount, &tp);
	if (error)
		return error;
	minfs_ilock(dp);
	error = minfs_ialloc(tp, mode, uid, &ip);
	if (error)
		goto out_cancel;
	*inop = ip->i_ino;
	error = minfs_dir_createname(tp, dp, name, ip->i_ino);
	minfs_irele(ip);
	if (error)
		goto out_cancel;
	error = minfs_trans_commit(tp);
	minfs_iunlock(dp);
	return error;

out_cancel:
	minfs_trans_cancel(tp);
	minfs_iunlock(dp);
	return error;
}

int
minfs_remove(
	struct minfs_inode	*dp,
	const char		*name)
{
	struct minfs_trans	*tp;
	int			error;

	error = minfs_trans_alloc(dp->i_mount, &tp);
	if (error)
		return error;
	minfs_ilock(dp);
	error = minfs_dir_removename(tp, dp, name);
	if (error)
		minfs_trans_cancel(tp);
	else
		error = minfs_trans_commit(tp);
	minfs_iunlock(dp);
	return error;
}

/* Give a file so many more blocks. */
int
minfs_fallocate(
	struct minfs_inode	*ip,
	u32			blocks)
{
	struct minfs_bmbt_rec	rec = { .br_blockcount = blocks };
	u32			blocksize = ip->i_mount->m_sb.sb_blocksize;
	struct minfs_trans	*tp;
	int			error;

	error = minfs_trans_alloc(ip->i_mount, &tp);
	if (error)
		return error;
	minfs_ilock(ip);
	rec.br_startoff = ip->i_vnode.i_size / blocksize;
	error = minfs_alloc_blocks(ip->i_mount, blocks, &rec.br_startblock);
	if (error) {
		minfs_trans_cancel(tp);
	} else {
		minfs_iext_append(&ip->i_df, &rec);
		ip->i_vnode.i_size += (loff_t)blocks * blocksize;
		minfs_trans_log_inode(tp, ip);
		error = minfs_trans_commit(tp);
	}
	minfs_iunlock(ip);
	return error;
}

/*
 * Extents go to a buffer first, since copying to the user may fault and must
 * not happen under the inode lock.  There can be many.
 */
int
minfs_ioc_getbmap(
	struct minfs_inode	*ip,
	struct minfs_getbmap __user *ubuf,
	u32			*countp)
{
	struct minfs_getbmap	*out;
	struct minfs_iext	*ext;
	u32			nr = 0;

	if (!*countp)
		return -EINVAL;
	out = kvcalloc(*countp, sizeof(*out), GFP_KERNEL);
	if (!out)
		return -ENOMEM;

	minfs_ilock(ip);
	for (ext = ip->i_df.if_root; ext && nr < *countp; ext = ext->next) {
		out[nr].bmv_offset = ext->rec.br_startoff;
		out[nr].bmv_block = ext->rec.br_startblock;
		out[nr++].bmv_length = ext->rec.br_blockcount;
	}
	minfs_iunlock(ip);

	memcpy((void *)ubuf, out, nr * sizeof(*out));
	*countp = nr;
	kmem_free(out);
	return 0;
}

/*
 * The names of all attributes, each with its NUL.
 */
int
minfs_ioc_attr_list(
	struct minfs_inode	*ip,
	char __user		*ubuf,
	u32			bytes)
{
	struct minfs_attr_list_entry *list;
	u32			i, count, pos = 0;
	char			*buf;
	int			error;

	buf = kvzalloc(bytes, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	error = minfs_attr_list(ip, &list, &count);
	if (error)
		goto out_free;
	for (i = 0; i < count && !error; i++) {
		u32		len = strlen(list[i].name) + 1;

		if (pos + len > bytes) {
			error = -ERANGE;
			continue;
		}
		memcpy(buf + pos, list[i].name, len);
		pos += len;
	}
	kvfree(list);
	if (!error)
		memcpy((void *)ubuf, buf, bytes);
out_free:
	kmem_free(buf);
	return error;
}

int
minfs_ioc_scrub(
	struct minfs_mount	*mp,
	u32			*problems)
{
#ifdef CONFIG_MINFS_ONLINE_SCRUB
	struct minfs_scrub	*sc;
	int			error;

	sc = kmem_zalloc(sizeof(struct minfs_scrub), KM_NOFS | KM_MAYFAIL);
	if (!sc)
		return -ENOMEM;
	sc->mp = mp;
	error = mchk_inodes(sc);
	*problems = sc->problems;
	kmem_free(sc);
	return error;
#else
	*problems = 0;
	return -EINVAL;
#endif
}
