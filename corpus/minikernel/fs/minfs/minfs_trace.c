// SPDX-License-Identifier: MIT
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_buf.h"
#include "minfs_inode.h"

/* The headers above come first: the events look into their structures. */
#define CREATE_TRACE_POINTS
#include "minfs_trace.h"
