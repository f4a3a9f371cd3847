// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_buf.h"

/*
 * Move bytes between memory and the disk, a page at a time, as a bio would get
 * them.  The memory may come from the slab or from vmalloc.
 */
int
minfs_rw_bdev(
	struct minfs_mount	*mp,
	minfs_fsblock_t		bno,
	void			*data,
	size_t			bytes,
	enum minfs_rw		op)
{
	size_t			pos = (size_t)bno * mp->m_sb.sb_blocksize;

	if (pos + bytes > mp->m_bdev->bd_bytes)
		return -EIO;

	while (bytes) {
		struct page	*page = kmem_to_page(data);
		size_t		off = offset_in_page(data);
		size_t		len = min(bytes, PAGE_SIZE - off);
		u8		*mem = (u8 *)page_address(page) + off;

		if (op == MINFS_WRITE)
			memcpy(mp->m_bdev->bd_data + pos, mem, len);
		else
			memcpy(mem, mp->m_bdev->bd_data + pos, len);
		data += len;
		pos += len;
		bytes -= len;
	}
	return 0;
}
