"""The counts of an inventory against a recount that shares no code with it."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from convert.profiles.kernel import load_kernel_names
from convert.sites.inventory import take_inventory
from convert.sites.inventory_model import Inventory, WrapperForm, WrapperNames
from convert.tree.directory import DirectoryTree

MINIKERNEL = Path(__file__).parents[2] / "corpus" / "minikernel"

# What is not code, in the order of precedence of the C standard (ISO C17, 5.1.1.2 and 6.4.9).
_NOT_CODE = re.compile(
    r"/\*.*?\*/|//(?:\\\n|[^\n])*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.S
)
_OTHER_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(?!define\b)(?:\\\n|[^\n])*", re.M)
_DEFINED_NAME = re.compile(r"^[ \t]*#[ \t]*define[ \t]+\w+", re.M)


def code(path: Path) -> str:
    """The file's code: no comments, literals and directives, but the bodies of macros."""
    text = path.read_bytes().decode("latin-1")
    text = _NOT_CODE.sub(" ", text)
    return _DEFINED_NAME.sub(" ", _OTHER_DIRECTIVE.sub(" ", text))


def recount(root: Path, under: str, names: set[str], left_out: frozenset[str]) -> Counter[str]:
    """How often each name stands in code below a directory."""
    pattern = re.compile(rf"\b(?:{'|'.join(sorted(names))})\b")
    counts: Counter[str] = Counter()
    for path in sorted((root / under).rglob("*.[ch]")):
        if path.is_file() and str(path.relative_to(root)) not in left_out:
            counts.update(pattern.findall(code(path)))
    return counts


def counted(inventory: Inventory) -> Counter[str]:
    """The same from an inventory, without scopes' declarations."""
    counts = Counter(use.name for use in (*inventory.masks, *inventory.never_fails))
    counts.update(use.name for use in inventory.scopes)
    counts.update(use.name for use in inventory.task_flags)
    counts.update(use.wrapper for use in inventory.wrappers)
    return counts


def compare(root: Path, under: str, wrappers: WrapperNames) -> Inventory:
    kernel = load_kernel_names()
    inventory = take_inventory(DirectoryTree(root, str(root)), [under], wrappers, kernel)
    names = {fact.name for fact in (*kernel.mask, *kernel.never_fails, *kernel.task_flag)}
    names |= {*kernel.scope_calls, *wrappers.flag_slots}
    assert counted(inventory) == recount(root, under, names, wrappers.own_files)
    assert inventory.unread == ()
    return inventory


def wrappers_of(directory: str) -> WrapperNames:
    return WrapperNames(
        {"kmem_alloc": 1, "kmem_zalloc": 1, "kmem_free": None},
        frozenset(["KM_NOFS", "KM_MAYFAIL", "KM_ZERO", "KM_NOLOCKDEP"]),
        frozenset([f"{directory}/kmem.c", f"{directory}/kmem.h"]),
    )


def test_the_mini_kernel() -> None:
    inventory = compare(MINIKERNEL, "fs", wrappers_of("fs/minfs"))
    assert inventory.masks and inventory.scopes and inventory.stored and inventory.wrappers


@pytest.mark.real
@pytest.mark.skipif("KERNEL" not in os.environ, reason="KERNEL=dir names no Linux 6.1 tree")
@pytest.mark.parametrize(
    ("under", "nofs"),
    [
        ("fs/xfs", 26),
        ("fs/ext4", 65),
        ("fs/jbd2", 13),
        ("fs/btrfs", 226),
        ("fs/f2fs", 58),
        ("fs/ocfs2", 70),
        ("fs/gfs2", 48),
    ],
)
def test_linux_6_1(under: str, nofs: int) -> None:
    inventory = compare(Path(os.environ["KERNEL"]), under, wrappers_of("fs/xfs"))
    assert sum(use.name == "GFP_NOFS" for use in inventory.masks) == nofs
    calls = Counter(use.wrapper for use in inventory.wrappers if use.form is WrapperForm.CALL)
    expected = {"kmem_alloc": 30, "kmem_zalloc": 44, "kmem_free": 155}
    assert calls == (expected if under == "fs/xfs" else {})
