/* SPDX-License-Identifier: MIT */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM minfs

#if !defined(_TRACE_MINFS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_MINFS_H

#include <linux/tracepoint.h>

struct minfs_buf;
struct minfs_inode;
struct minfs_mount;

DECLARE_EVENT_CLASS(minfs_buf_class,
	TP_PROTO(struct minfs_buf *bp, unsigned long caller),
	TP_ARGS(bp, caller),
	TP_STRUCT__entry(
		__field(u32, blkno)
		__field(unsigned long, caller)
	),
	TP_fast_assign(
		__entry->blkno = bp->b_blkno;
		__entry->caller = caller;
	),
	TP_printk("block %u, for %pS", __entry->blkno, (void *)__entry->caller)
)

#define DEFINE_BUF_EVENT(name) \
DEFINE_EVENT(minfs_buf_class, name, \
	TP_PROTO(struct minfs_buf *bp, unsigned long caller), \
	TP_ARGS(bp, caller))
DEFINE_BUF_EVENT(minfs_buf_init);
DEFINE_BUF_EVENT(minfs_buf_free);

DECLARE_EVENT_CLASS(minfs_kmem_class,
	TP_PROTO(ssize_t bytes, int how, unsigned long caller),
	TP_ARGS(bytes, how, caller),
	TP_STRUCT__entry(
		__field(ssize_t, bytes)
		__field(int, how)
		__field(unsigned long, caller)
	),
	TP_fast_assign(
		__entry->bytes = bytes;
		__entry->how = how;
		__entry->caller = caller;
	),
	TP_printk("%zd bytes, flags 0x%x, for %pS",
		  __entry->bytes, __entry->how, (void *)__entry->caller)
)

#define DEFINE_KMEM_EVENT(name) \
DEFINE_EVENT(minfs_kmem_class, name, \
	TP_PROTO(ssize_t bytes, int how, unsigned long caller), \
	TP_ARGS(bytes, how, caller))
DEFINE_KMEM_EVENT(kmem_alloc);

TRACE_EVENT(minfs_inode_evict,
	TP_PROTO(struct minfs_mount *mp, unsigned long long ino),
	TP_ARGS(mp, ino),
	TP_STRUCT__entry(
		__field(unsigned long long, ino)
	),
	TP_fast_assign(
		__entry->ino = ino;
	),
	TP_printk("ino 0x%llx", __entry->ino)
)

#endif /* _TRACE_MINFS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE minfs_trace
#include <trace/define_trace.h>
