// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_buf.h"
#include "minfs_inode.h"
#include "scrub.h"

struct mchk_file {
	struct minfs_inode	*ip;
	struct minfs_buf_map	*maps;
	u32			nr_maps;
};

static struct mchk_file *
mchk_file_setup(
	struct minfs_scrub	*sc,
	struct minfs_inode	*ip)
{
	struct mchk_file	*file;
	struct minfs_iext	*ext;

	if (!(file = mchk_zalloc(sizeof(*file))))
		return NULL;
	file->ip = ip;
	if (!ip->i_df.if_nextents)
		return file;

	file->maps = (struct minfs_buf_map *)kmem_zalloc(
			ip->i_df.if_nextents * sizeof(*file->maps),
			KM_NOFS |
			KM_MAYFAIL);
	if (!file->maps) {
		kmem_free(file);
		return NULL;
	}
	for (ext = ip->i_df.if_root; ext; ext = ext->next) {
		file->maps[file->nr_maps].bm_bn = ext->rec.br_startblock;
		file->maps[file->nr_maps++].bm_len = ext->rec.br_blockcount;
	}
	return file;
}

static void
mchk_file_teardown(
	struct mchk_file	*file)
{
	kmem_free((void *)file->maps);
	kmem_free(file);
}

/* No block belongs to two files or lies outside of the data area. */
static int
mchk_extents(
	struct minfs_scrub	*sc,
	struct mchk_file	*file)
{
	struct minfs_dsb	*sb = &sc->mp->m_sb;
	u32			data = sb->sb_logstart + sb->sb_logblocks;
	u32			i;
	int			error;

	for (i = 0; i < file->nr_maps; i++) {
		struct minfs_buf_map *map = &file->maps[i];

		if (map->bm_bn < data ||
		    map->bm_bn + map->bm_len > sb->sb_blocks ||
		    mbitmap_test(&sc->seen, map->bm_bn, map->bm_len))
			sc->problems++;
		error = mbitmap_set(&sc->seen, map->bm_bn, map->bm_len);
		if (error)
			return error;
	}
	return 0;
}

static int
mchk_inode(
	struct minfs_scrub	*sc,
	struct minfs_inode	*ip)
{
	struct mchk_file	*file;
	int			error;

	file = mchk_file_setup(sc, ip);
	if (!file)
		return -ENOMEM;
	error = mchk_extents(sc, file);
	mchk_file_teardown(file);
	return error;
}

int
mchk_inodes(
	struct minfs_scrub	*sc)
{
	struct minfs_inode	*ip;
	minfs_ino_t		ino;
	int			error = 0;

	for (ino = MINFS_ROOT_INO; ino <= sc->mp->m_sb.sb_inodes; ino++) {
		error = minfs_iget(sc->mp, ino, &ip);
		if (error == -ENOENT) {
			error = 0;
			continue;
		}
		if (error)
			break;
		error = mchk_inode(sc, ip);
		minfs_irele(ip);
		if (error)
			break;
	}
	mbitmap_destroy(&sc->seen);
	return error;
}
