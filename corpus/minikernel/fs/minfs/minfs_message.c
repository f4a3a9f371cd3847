// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_message.h"
#include "minfs_mount.h"

void
minfs_err(
	const struct minfs_mount	*mp,
	const char			*fmt,
	...)
{
	va_list				args;

	printk("minfs%s%s: ", mp ? " " : "", mp ? mp->m_name : "");
	va_start(args, fmt);
	vprintk(fmt, args);
	va_end(args);
	printk("\n");
}

#define MINFS_DUMP_BYTES	16

/*
 * Say what is wrong with a buffer and show its first bytes.
 */
void
minfs_corruption(
	const struct minfs_mount	*mp,
	const char			*what,
	const void			*buf)
{
	const u8			*bytes = buf;
	char				*line;
	int				i;

	/* Only a message: better none than waiting for memory. */
	line = kmem_alloc(3 * MINFS_DUMP_BYTES + 1, KM_NOFS | KM_MAYFAIL);
	if (!line) {
		minfs_err(mp, "%s is corrupt", what);
		return;
	}
	for (i = 0; i < MINFS_DUMP_BYTES; i++)
		snprintf(line + 3 * i, 4, " %02x", bytes[i]);
	minfs_err(mp, "%s is corrupt:%s", what, line);
	kmem_free(line);
}
