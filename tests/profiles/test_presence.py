"""Whether what the profile names is in a tree: on small trees, and on real ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.profiles.locks import load_locks, parse_locks
from convert.profiles.presence import Presence, absent, read_presence, table_members
from convert.tree.directory import DirectoryTree

FACTS = """schema = 1
[[take]]
names = ["take_it", "take_gone"]
owner = "struct thing"
member = "lock"
what = "mutex"
source = "here"
[[wait]]
names = ["wait_for_it"]
slot = 0
what = "bit wait"
event = "thing.I_BUSY"
source = "here"
[[reclaim]]
owner = "struct thing_operations"
members = ["evict"]
reason = "it does"
source = "here"
[[outside]]
names = ["put_it"]
takes = ["thing.other"]
calls = ["struct thing_operations.drop"]
source = "here"
[[harmless]]
names = ["ask_it"]
begin = ["whatever_"]
reason = "it asks"
source = "here"
"""
HEADER = """
void take_it(struct thing *thing);
#define wait_for_it(thing) wait_on_bit(&(thing)->state, I_BUSY)
void put_it(struct thing *thing);
int ask_it(struct thing *thing);
struct thing { struct { int inner; } part; struct mutex lock; int other; };
struct thing_operations { void (*evict)(struct thing *); int (*drop)(void); };
struct after { int evicted; };
"""


def presence(tmp_path: Path, text: str) -> Presence:
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "thing.h").write_text(text, encoding="utf-8")
    (tmp_path / "include" / "thing.c").write_text("int take_gone;", encoding="utf-8")
    return read_presence(DirectoryTree(tmp_path), ("include",))


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        pytest.param("", "", ["take_gone"], id="only-headers-count"),
        pytest.param("put_it(", "(", ["put_it", "take_gone"], id="name"),
        pytest.param("ask_it(", "(", ["ask_it", "take_gone"], id="harmless-name"),
        pytest.param("I_BUSY", "1", ["I_BUSY", "take_gone"], id="bit"),
        pytest.param("other;", ";", ["struct thing.other", "take_gone"], id="lock"),
        pytest.param("*evict)", "*e)", ["struct thing_operations.evict", "take_gone"], id="member"),
        pytest.param("*drop)", "*d)", ["struct thing_operations.drop", "take_gone"], id="called"),
        pytest.param(
            "struct mutex lock;", "", ["struct thing.lock", "take_gone"], id="behind-inner-braces"
        ),
    ],
)
def test_what_is_not_in_a_tree(tmp_path: Path, old: str, new: str, missing: list[str]) -> None:
    assert not old or old in HEADER
    tree = presence(tmp_path, HEADER.replace(old, new) if old else HEADER)
    assert absent(parse_locks(FACTS, "facts"), [tree]) == tuple(missing)


def test_one_tree_that_has_a_name_is_enough(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    trees = [presence(tmp_path, HEADER), presence(tmp_path / "new", "int take_gone(void);")]
    assert absent(parse_locks(FACTS, "facts"), trees) == ()


def test_a_tree_without_headers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_presence(DirectoryTree(tmp_path), ("include",))


@pytest.fixture(scope="module")
def kernels() -> list[Presence]:
    """The tree of ``KERNEL``, and those of ``MORE_KERNELS`` (separated like paths of PATH)."""
    names = [os.environ.get("KERNEL", ""), *os.environ.get("MORE_KERNELS", "").split(os.pathsep)]
    found = [read_presence(DirectoryTree(Path(name))) for name in names if name]
    if not found:
        pytest.skip("KERNEL names no kernel tree (run by `make real`)")
    return found


@pytest.mark.real
def test_every_name_is_in_one_of_the_trees(kernels: list[Presence]) -> None:
    if len(kernels) < 2:
        pytest.skip("one tree cannot have all names; MORE_KERNELS=… names others, e.g. Linux 6.12")
    assert absent(load_locks(), kernels) == ()


@pytest.mark.real
def test_each_tree_has_all_members_and_most_names(kernels: list[Presence]) -> None:
    facts = load_locks()
    for kernel in kernels:
        for owner, member in table_members(facts):
            assert kernel.has_member(owner, member), f"{owner}.{member}"
        assert len(absent(facts, [kernel])) < len(facts.names) // 8
