// SPDX-License-Identifier: MIT
/*
 * Mounts a filesystem in memory, works with it, lets it crash, mounts it again.
 *
 *   --trace        print every allocation: what, bytes, what the mask allows
 *   --blocksize N  512 to 4096, default 1024
 *   --reclaim N    about every N-th request that may reclaim does so
 *   --fail N       about every N-th request of those that may fail, fails
 *   --retry N      the same for those that say nothing about failing
 *
 * Exit code 0: everything is as it should be.  A deadlock or memory given back
 * in the wrong way ends in abort().
 */
#include "minfs.h"
#include "minfs_mount.h"
#include "minfs_trans.h"
#include "minfs_log.h"
#include "minfs_inode.h"
#include "minfs_attr.h"
#include "minfs_da.h"
#include "minfs_ioctl.h"
#include "minfs_super.h"
#include "../mm/internal.h"

/* As many names as fit into one directory block. */
#define NR_FILES(mp)	((mp)->m_sb.sb_blocksize < 1024 ? 20 : 40)

static u8 disk_memory[1024 * 1024];
static struct minfs_bdev disk = { disk_memory, sizeof(disk_memory) };
static int failures;

/*
 * Prints what an operation gave if that is not what it should be.  Where memory
 * is refused on purpose, operations fail and others miss their results.
 */
static bool expect(const char *what, int error, int expected)
{
	if (error == expected)
		return true;
	printk("%s: error %d\n", what, error);
	if (!mm_knobs.fail_every && !mm_knobs.retry_every)
		failures++;
	return false;
}

static void file_name(char *name, int i)
{
	snprintf(name, 32, "file-%d-%s", i, i % 2 ? "odd" : "even");
}

static void make_files(struct minfs_mount *mp)
{
	struct minfs_inode *root, *ip;
	minfs_ino_t ino;
	char name[32];
	int i;

	if (!expect("root", minfs_iget(mp, MINFS_ROOT_INO, &root), 0))
		return;
	for (i = 0; i < NR_FILES(mp); i++) {
		file_name(name, i);
		if (!expect("create", minfs_create(root, name, S_IFREG | 0644,
						   i % 3, &ino), 0))
			continue;
		if (!expect("iget", minfs_iget(mp, ino, &ip), 0))
			continue;
		expect("fallocate", minfs_fallocate(ip, 1 + i % 3), 0);
		expect("attr", minfs_attr_set(ip, "user.colour", name), 0);
		expect("attr again", minfs_attr_set(ip, "user.colour", "green"), 0);
		expect("second attr", minfs_attr_set(ip, "user.size", "small"), 0);
		minfs_irele(ip);
	}
	expect("create twice", minfs_create(root, name, S_IFREG, 0, &ino), -EEXIST);
	file_name(name, 1);
	expect("remove", minfs_remove(root, name), 0);
	expect("lookup", minfs_dir_lookup(root, name, &ino), -ENOENT);
	minfs_irele(root);
}

static void read_files(struct minfs_mount *mp)
{
	struct minfs_inode *root, *ip;
	static struct minfs_getbmap map[1024];	/* more than the slab gives */
	char name[32], list[64], *value, *names;
	minfs_ino_t ino;
	u32 count;
	int i, error;

	if (!expect("root", minfs_iget(mp, MINFS_ROOT_INO, &root), 0))
		return;
	error = minfs_dir_read(root, &names, &count);
	if (expect("readdir", error, 0)) {
		printk("%u names, the first is %s\n", count, names);
		kvfree(names);
	}
	for (i = 0; i < NR_FILES(mp); i += 4) {
		file_name(name, i);
		if (!expect("lookup", minfs_dir_lookup(root, name, &ino), 0) ||
		    !expect("iget", minfs_iget(mp, ino, &ip), 0))
			continue;
		count = ARRAY_SIZE(map);
		error = minfs_ioc_getbmap(ip, map, &count);
		if (expect("getbmap", error, 0) && map[0].bmv_length != 1 + i % 3)
			expect("extent", -EUCLEAN, 0);
		expect("list attrs", minfs_ioc_attr_list(ip, list, sizeof(list)), 0);
		error = minfs_attr_get(ip, "user.colour", &value);
		if (expect("get attr", error, 0)) {
			expect("value", strcmp(value, "green"), 0);
			kvfree(value);
		}
		minfs_irele(ip);
	}
	minfs_irele(root);
}

/* An attribute is promised in the log, then the machine stops. */
static void crash_in_the_middle(struct minfs_mount *mp)
{
	struct minfs_inode *root;
	struct minfs_trans *tp;

	if (!expect("root", minfs_iget(mp, MINFS_ROOT_INO, &root), 0) ||
	    !expect("transaction", minfs_trans_alloc(mp, &tp), 0))
		return;
	minfs_attri_log(tp, root, "user.late", "recovered");
	expect("roll", minfs_trans_roll(&tp), 0);
	mlog_force(mp->m_log);
	minfs_force_shutdown(mp);
	minfs_trans_cancel(tp);
	minfs_irele(root);
}

static void check_recovery(struct minfs_mount *mp)
{
	struct minfs_inode *root;
	char *value;

	if (!expect("root", minfs_iget(mp, MINFS_ROOT_INO, &root), 0))
		return;
	if (expect("recovered attr", minfs_attr_get(root, "user.late", &value), 0)) {
		printk("user.late is %s\n", value);
		kvfree(value);
	}
	minfs_irele(root);
}

static void scrub(struct minfs_mount *mp)
{
	u32 problems = 0;
	int error = minfs_ioc_scrub(mp, &problems);

	if (IS_ENABLED(CONFIG_MINFS_ONLINE_SCRUB))
		expect("scrub", error, 0);
	expect("problems", problems, 0);
}

static bool mount(struct minfs_mount **mpp)
{
	int tries;

	for (tries = 0; tries < 100; tries++) {
		int error = minfs_mount(&disk, "mini0", mpp);

		if (expect("mount", error, 0))
			return true;
		if (error != -ENOMEM)
			break;
	}
	return false;
}

static void run(u32 blocksize, const struct mm_knobs *knobs)
{
	struct minfs_mount *mp;

	expect("init", minfs_init(), 0);
	expect("mkfs", minfs_mkfs(&disk, blocksize, 64, MINFS_SB_QUOTA), 0);
	mm_knobs = *knobs;
	if (mount(&mp)) {
		make_files(mp);
		read_files(mp);
		scrub(mp);
		crash_in_the_middle(mp);
		minfs_unmount(mp);
	}
	if (mount(&mp)) {
		check_recovery(mp);
		read_files(mp);
		scrub(mp);
		printk("%u inodes evicted\n", mp->m_reclaimed);
		minfs_unmount(mp);
	}
	minfs_exit();
	mm_knobs.fail_every = mm_knobs.retry_every = 0;
	expect("current->flags", current->flags, 0);
	expect("memory in use", mm_nr_objects, 0);
}

static unsigned int number(const char *s)
{
	unsigned int n = 0;

	while (s && *s >= '0' && *s <= '9')
		n = 10 * n + (*s++ - '0');
	return n;
}

int main(int argc, char **argv)
{
	struct mm_knobs knobs = { 0 };
	u32 blocksize = 1024;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--trace"))
			knobs.trace = true;
		else if (!strcmp(argv[i], "--blocksize"))
			blocksize = number(argv[++i]);
		else if (!strcmp(argv[i], "--reclaim"))
			knobs.reclaim_every = number(argv[++i]);
		else if (!strcmp(argv[i], "--fail"))
			knobs.fail_every = number(argv[++i]);
		else if (!strcmp(argv[i], "--retry"))
			knobs.retry_every = number(argv[++i]);
		else
			expect(argv[i], -EINVAL, 0);
	}
	run(blocksize, &knobs);
	printk(failures ? "FAILED\n" : "ok\n");
	return failures != 0;
}
