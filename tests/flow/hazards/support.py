"""Small kernel-shaped programs whose hazards are known, and their answers as plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from convert.flow.hazards.find import find_hazards
from convert.flow.hazards.model import HazardReport, SiteHazards
from tests.flow.scopes.support import PATH, MemoryTree

HEADER_PATH = "include/linux/fs.h"

# What the headers say besides those of the mini kernel. Functions of the profile (mutex_lock() and
# so on) are not defined: the profile says what they do.
HEADER = """\
struct mutex { int owner; };
struct rw_semaphore { int count; };
struct semaphore { int count; };
struct wait_queue_head { int first; };
typedef struct wait_queue_head wait_queue_head_t;
struct completion { unsigned int done; struct wait_queue_head wait; };
struct super_block { struct rw_semaphore s_umount; void *s_fs_info; };
struct inode { struct rw_semaphore i_rwsem; struct super_block *i_sb; void *i_private; };
struct dentry { struct inode *d_inode; };
struct super_operations {
\tvoid (*evict_inode)(struct inode *inode);
\tvoid (*dirty_inode)(struct inode *inode, int flags);
\tvoid (*put_super)(struct super_block *sb);
};
struct inode_operations {
\tint (*create)(struct inode *dir, struct dentry *dentry, int mode);
\tint (*get_link)(struct inode *inode, int flags);
};
"""

# `here(n)` is the allocation that a test asks about.
PRELUDE = """\
struct count_lock { struct rw_semaphore sem; int writer; };
struct toy_base { struct mutex lock; void *data; };
struct toy {
\tstruct mutex lock;
\tstruct mutex ilock;
\tstruct rw_semaphore rwsem;
\tstruct semaphore sem;
\tstruct count_lock mr;
\tstruct mutex many[4];
\tstruct toy_base base;
\tstruct toy *parent;
\tstruct toy_base *side;
\tstruct completion done;
\tstruct wait_queue_head wait;
\tstruct work_struct work;
\tstruct work_struct more;
\tstruct workqueue_struct *queue;
\tint kind;
\tunsigned int cookie;
\tint depth;
};
#define TOY_SHARED 1
#define TOY_EXCL 2
#define TOY_OUTER 4
#define TOY_INNER 8
int other(void *p);
static void here(int n) { void *p = kmalloc(n, GFP_NOFS); kfree(p); }
"""

# What starts with nothing held, as far as the kernel's core is concerned.
ROOT = (
    "static int toy_run(struct inode *inode, int arg)\n{\n\tstruct toy *t = inode->i_private;\n\n"
    "\t%s\n\treturn 0;\n}\n"
    "static const struct inode_operations toy_operations = { .get_link = toy_run };\n"
)
# What reclaim calls.
SCAN = (
    "static unsigned long toy_scan(struct shrinker *s, struct shrink_control *c)\n"
    "{\n\tstruct toy *t = found_toy(s);\n\n\t%s\n\treturn 0;\n}\n"
    "static struct shrinker toy_shrinker = { .scan_objects = toy_scan };\n"
)
LOCKS = SCAN % "mutex_lock(&t->lock); mutex_unlock(&t->lock);"


def report_of(code: str, *, more: Mapping[str, str] | None = None) -> HazardReport:
    """The hazards of a small file, with further files; other code uses what it exports."""
    names = re.findall(r"EXPORT_SYMBOL\((\w+)\)", code)
    texts = {HEADER_PATH: HEADER, PATH: PRELUDE + code}
    if names:
        texts["fs/user.c"] = "".join(f"void use_{n}(void) {{ {n}(0, 0); }}\n" for n in names)
    texts.update(more or {})
    return find_hazards(MemoryTree(texts), ["fs/small"])


def site_of(report: HazardReport, function: str = "here") -> SiteHazards:
    """The one allocation of a function."""
    found = [one for one in (*report.sites, *report.plain) if one.site.function == function]
    assert len(found) == 1, [one.site for one in found]
    return found[0]


def told(one: SiteHazards) -> str:
    """The class, or ``missing``, and what is held: ``c toy.lock``."""
    answer = "missing" if one.answer is None else one.answer.value
    return " ".join((answer, *sorted(str(hazard.danger) for hazard in one.hazards)))


def answer(code: str) -> str:
    """The answer for the allocation of ``here``."""
    return told(site_of(report_of(code)))
