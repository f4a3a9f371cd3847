/* SPDX-License-Identifier: MIT */
#ifndef __MINFS_FORMAT_H__
#define __MINFS_FORMAT_H__

/*
 * The disk: a superblock, one block for each inode, the log, then data blocks.
 * Numbers are in the order of the machine, which is enough for a small tree.
 */
#define MINFS_SB_MAGIC		0x4d4e4653u
#define MINFS_DINODE_MAGIC	0x494eu
#define MINFS_DIR_MAGIC		0x4449u
#define MINFS_LOG_MAGIC		0x4c4f4748u

#define MINFS_ROOT_INO		1
#define MINFS_MIN_BLOCKSIZE	512
#define MINFS_MAX_BLOCKSIZE	4096
#define MINFS_NAME_MAX		60

#define MINFS_SB_QUOTA		(1u << 0)

struct minfs_dsb {
	u32		sb_magic;
	u32		sb_blocksize;
	u32		sb_blocks;
	u32		sb_inodes;
	u32		sb_logstart;
	u32		sb_logblocks;
	u32		sb_flags;
};

enum minfs_dinode_fmt {
	MINFS_DINODE_FMT_LOCAL,		/* bytes in the inode */
	MINFS_DINODE_FMT_EXTENTS,	/* struct minfs_bmbt_rec */
};

struct minfs_dinode {
	u16		di_magic;
	u16		di_mode;
	u32		di_uid;
	u64		di_size;
	u16		di_format;	/* of the data fork */
	u16		di_dbytes;	/* length of the data fork */
	u16		di_abytes;	/* of the attributes behind it */
	u8		di_literal[];
};

#define MINFS_LITINO(mp) \
	((mp)->m_sb.sb_blocksize - sizeof(struct minfs_dinode))

struct minfs_bmbt_rec {
	u32		br_startoff;
	u32		br_startblock;
	u32		br_blockcount;
};

/* Directories: entries one after the other, in the inode or in one block. */
struct minfs_dir_entry {
	u32		ino;
	u8		namelen;
	u8		name[];
} __attribute__((packed));

struct minfs_dir_hdr {
	u16		magic;
	u16		bytes;		/* entries that follow */
};

/* Attributes in the inode: name, then value. */
struct minfs_attr_entry {
	u8		namelen;
	u8		valuelen;
	u8		nameval[];
};

/* A checkpoint in the log is this and its regions, from a block boundary on. */
struct minfs_log_hdr {
	u32		h_magic;
	u32		h_regions;
	u32		h_bytes;
	u32		h_sequence;
};

enum minfs_log_type {
	MINFS_LI_IMAGE,			/* new contents of a block */
	MINFS_LI_ATTRI,			/* an attribute will be set */
	MINFS_LI_ATTRD,			/* ... has been set */
};

struct minfs_log_region {
	u32		r_type;
	u32		r_bytes;
	u64		r_id;		/* block, or id of the intent */
};

/* Body of an MINFS_LI_ATTRI region; name and value follow. */
struct minfs_attri_log {
	u64		ai_ino;
	u32		ai_namelen;
	u32		ai_valuelen;
};

#endif /* __MINFS_FORMAT_H__ */
