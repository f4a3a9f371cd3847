"""A kernel that a series can be verified on in seconds: the mini kernel under a small kbuild.

Its Makefile knows what `verify` asks of the kernel's: O=, defconfig, olddefconfig, W=1, C=1, a
directory as target, and the lines that kbuild prints.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import MINIKERNEL, commit_all, git
from tests.verify.toy import CHECKPATCH, CONFIG_SCRIPT

MAKEFILE = """\
O ?= build
CHECK ?= sparse
-include $(O)/.config
srctree := $(CURDIR)
src := fs/minfs
include fs/minfs/Makefile

DEFINES := $(foreach v,$(filter CONFIG_%,$(.VARIABLES)),$(if $(filter y,$($(v))),-D$(v)=1))
FLAGS := -std=gnu11 -O1 -Wall -fno-strict-aliasing -ffreestanding -nostdinc -I include \\
\t-include include/linux/kconfig.h $(DEFINES) $(ccflags-y)
FLAGS += $(if $(filter 1,$(W)),-Wunused-but-set-variable,-Wno-unused-but-set-variable)
objects := $(addprefix $(O)/fs/minfs/,$(if $(obj-y),$(minfs-y)))

.PHONY: defconfig olddefconfig fs/minfs/
defconfig:
\t@mkdir -p $(O) && echo CONFIG_LOCKDEP=y > $(O)/.config
olddefconfig:
\t@sed -i /NOWHERE/d $(O)/.config
fs/minfs/: $(objects)
\t@test ! -e HANGS || sleep 613
\t@test ! -e KILLS || kill -KILL $$PPID
$(O)/%.o: %.c $(O)/.config
\t@mkdir -p $(@D)
\t@echo "  CC      $*.o"
\t@gcc $(FLAGS) -MMD -c -o $@ $<
\t@$(if $(filter 1,$(C)),echo "  CHECK   $(CURDIR)/$<"; $(CHECK) $(FLAGS) $<,:)
-include $(objects:.o=.d)
"""

FS_MAKEFILE = """\
ccflags-y += -I $(srctree)/$(src) -I $(srctree)/$(src)/libminfs -I $(srctree)/$(src)/scrub
obj-$(CONFIG_MINFS_FS)\t\t+= minfs.o
minfs-y\t\t\t\t+= minfs_attr_list.o minfs_bio_io.o
minfs-$(CONFIG_MINFS_QUOTA)\t+= minfs_dquot.o
"""

KCONFIG = """\
# What the mini filesystem can be told.
config MINFS_FS
\ttristate "A small filesystem"
\tdepends on BLOCK
\thelp
\t  The first sentence.

\t  config IN_HELP is no option.

config MINFS_QUOTA
\tbool "Quota"
\tdepends on MINFS_FS

config MINFS_DEBUG
\tbool "Debugging"
\tdepends on MINFS_FS && !MINFS_QUIET

config MINFS_QUIET
\tbool "No debugging"
\tdepends on MINFS_FS && !MINFS_DEBUG

config MINFS_HOOKS
\tbool

config MINFS_NAME
\tstring "Name"
"""

SEMANTIC_PATCH = """\
/// Memory of vmalloc() that goes to kfree(), for the tests.
// Options: --no-includes --include-headers
virtual report

@r@
expression E;
position p;
@@
E = vmalloc(...)
... when any
kfree@p(E)

@script:python depends on report@
p << r.p;
@@
coccilib.report.print_report(p[0], "WARNING vmalloc is used to allocate this memory")
"""

REPLACED: Mapping[str, str] = {
    "Makefile": MAKEFILE,
    "fs/minfs/Makefile": FS_MAKEFILE,
    "fs/minfs/Kconfig": KCONFIG,
    "scripts/config": CONFIG_SCRIPT,
    "scripts/checkpatch.pl": CHECKPATCH,
    "scripts/coccinelle/api/kfree_mismatch.cocci": SEMANTIC_PATCH,
}

LIST = "fs/minfs/minfs_attr_list.c"
QUOTA = "fs/minfs/minfs_dquot.c"
BIO = "fs/minfs/minfs_bio_io.c"
HEADER = "fs/minfs/minfs.h"


@dataclass(frozen=True)
class FakeKernel:
    """A repository whose HEAD is the base of the series that are made in it."""

    path: Path

    def series(self, outdir: Path, steps: Sequence[tuple[str, Mapping[str, str]]]) -> Path:
        """Write a series of mails, with a cover letter; the repository is as before.

        Each step: the subject, and files by path; text is added to the file's end, or to its
        beginning where ``:top`` follows the path.
        """
        base = git(self.path, "rev-parse", "HEAD")
        for subject, files in steps:
            for name, text in files.items():
                place = self.path / name.removesuffix(":top")
                old = place.read_text() if place.exists() else ""
                place.write_text(text + old if name.endswith(":top") else old + text)
            commit_all(self.path, f"{subject}\n\nA reason.")
        git(self.path, "format-patch", "-q", "--cover-letter", "-o", str(outdir), f"{base}..HEAD")
        git(self.path, "reset", "-q", "--hard", base)
        return outdir


def fake_kernel(path: Path) -> FakeKernel:
    """Make the repository at ``path``."""
    shutil.copytree(MINIKERNEL, path)
    for name, text in REPLACED.items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (path / ".gitignore").unlink(missing_ok=True)
    git(path.parent, "init", "-q", "-b", "main", str(path))
    git(path, "config", "user.name", "A")
    git(path, "config", "user.email", "a@example.org")
    commit_all(path)
    return FakeKernel(path)


def function(name: str, body: str) -> str:
    """A function of a size, with its prototype, to be added to a file."""
    head = f"int {name}(u32 bytes)"
    return f"\n{head};\n{head}\n{{\n{body.strip(chr(10))}\n}}\n"
