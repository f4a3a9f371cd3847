"""The answers themselves: classes, witnesses, sums, and that they are the same every time."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from itertools import permutations

import pytest

from convert.flow.hazards import find
from convert.flow.hazards.find import find_hazards
from convert.flow.hazards.model import HazardReport, SiteClass
from convert.profiles.locks import Locks, load_locks, parse_locks
from tests.flow.hazards.support import (
    HEADER,
    HEADER_PATH,
    LOCKS,
    PRELUDE,
    ROOT,
    SCAN,
    report_of,
    site_of,
    told,
)
from tests.flow.scopes.support import PATH, MemoryTree
from tests.support import ROOT as ROOT_DIR

EXCUSE = """
schema = 1
[[unreferenced]]
id = "toy-fact"
lock = "toy.lock"
statement = "reclaim only takes the lock of toys that nobody refers to"
quote = "nobody refers to them"
source = "a mail"
"""
BOTH = SCAN % "mutex_lock(&t->lock); mutex_unlock(&t->lock); mutex_lock(&t->ilock);"


def with_excuse() -> Locks:
    """The facts that ship, and one that excuses a lock."""
    known = load_locks()
    return known.model_copy(
        update={"unreferenced": parse_locks(EXCUSE, "excuse.toml").unreferenced}
    )


def line_of(text: str, what: str) -> int:
    """The line of the small file that a text stands in."""
    whole = PRELUDE + text
    return whole.count("\n", 0, whole.index(what)) + 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("mutex_lock(&t->lock); here(1);", "b toy.lock", id="excused"),
        pytest.param("mutex_lock(&t->ilock); here(1);", "c toy.ilock", id="not excused"),
        pytest.param(
            "mutex_lock(&t->lock); mutex_lock(&t->ilock); here(1);",
            "c toy.ilock toy.lock",
            id="one of two is excused",
        ),
        pytest.param("here(1);", "e", id="nothing held"),
    ],
)
def test_excused(monkeypatch: pytest.MonkeyPatch, code: str, expected: str) -> None:
    """A fact of the profile excuses its lock and no other one."""
    monkeypatch.setattr(find, "load_locks", with_excuse)
    report = report_of(BOTH + ROOT % code)
    assert told(site_of(report)) == expected
    cited = {fact.id for fact in report.facts}
    assert cited == ({"toy-fact"} if "toy.lock" in expected else set())


def test_witnesses() -> None:
    """Both chains, the line that takes the lock, and the line that blocks."""
    below = (
        "static void below(struct toy *t)\n{\n\tother(t);\n\there(1);\n}\n"
        "static void take(struct toy *t)\n{\n\tmutex_lock(&t->lock); /* taken */\n}\n"
    )
    scan = "static void drop(struct toy *t)\n{\n\tmutex_lock(&t->lock); /* blocks */\n}\n"
    code = scan + SCAN % "drop(t);" + below + ROOT % "take(t);\n\tbelow(t); /* step */"
    site = site_of(report_of(code))
    (hazard,) = site.hazards
    frames = hazard.hold.chain.frames
    assert [frame.function for frame in frames] == ["toy_run", "below", "here"]
    assert frames[0].place.line == line_of(code, "/* step */")
    assert frames[1].place.line == line_of(code, "here(1);\n}")
    assert hazard.hold.chain.root.detail == "struct inode_operations.get_link"
    assert (hazard.hold.frame, hazard.hold.call) == (0, "take")
    assert hazard.hold.taken.line == line_of(code, "take(t);\n\tbelow")
    waits = hazard.wait.chain
    assert [frame.function for frame in waits.frames] == ["toy_scan", "drop"]
    assert waits.frames[-1].place.line == line_of(code, "/* blocks */")
    assert hazard.wait.call == "mutex_lock" and not hazard.wait.behind
    assert f"{PATH}:{line_of(code, '/* blocks */')}" in site.reason


def test_the_shortest_way_is_shown() -> None:
    """Of two ways to hold the lock, with others or alone, that with fewer calls."""
    code = (
        BOTH
        + "static void far(struct toy *t) { here(1); }\n"
        + ROOT
        % ("mutex_lock(&t->lock); if (arg) { far(t); return 0; } mutex_lock(&t->ilock); here(2);")
    )
    for hazard in site_of(report_of(code)).hazards:
        assert [frame.function for frame in hazard.hold.chain.frames] == ["toy_run", "here"]


def test_plain_allocations() -> None:
    """Masks that allow the filesystem are judged as well, apart from the others."""
    plain = "static void plain(int n) { void *p = kmalloc(n, GFP_KERNEL); kfree(p); }\n"
    code = "mutex_lock(&t->lock); plain(1); here(1); mutex_unlock(&t->lock);"
    report = report_of(LOCKS + plain + ROOT % code)
    assert {one.site.function for one in report.sites} == {"here"}
    assert {one.site.function: told(one) for one in report.plain} == {"plain": "c toy.lock"}


MANY = (
    BOTH
    + "static void a(struct toy *t) { kfree(kmalloc(1, GFP_NOFS)); }\n"
    + "static void b(struct toy *t) { kfree(kmalloc(2, GFP_NOFS)); }\n"
    + "int c(struct toy *t) { kfree(kmalloc(3, GFP_NOFS)); return 0; }\nEXPORT_SYMBOL(c);\n"
    + ROOT
    % (
        "unsigned int f; a(t); mutex_lock(&t->lock); mutex_lock(&t->ilock); b(t);"
        " f = memalloc_nofs_save(); here(1); memalloc_nofs_restore(f);"
    )
)


def test_sums() -> None:
    """Each site that the proofs know is in one list, once."""
    report = report_of(MANY)
    assert {one.site.function: told(one).split()[0] for one in report.sites} == {
        "a": "e",
        "b": "c",
        "c": "missing",
        "here": "a",
    }
    known = [(one.path, one.offset) for one in report.proofs.sites if one.forbids]
    assert sorted(known) == sorted((one.site.path, one.site.offset) for one in report.sites)
    for one in report.sites:
        assert (one.answer is None) == (bool(one.missing) and one.answer is not SiteClass.HAZARD)
        assert (one.answer is SiteClass.HAZARD) == bool(one.hazards)
        assert one.reason


def comparable(report: HazardReport) -> HazardReport:
    """Without what differs in any case: times, and trees that are built when asked for."""
    proofs = replace(report.proofs, statistics=replace(report.proofs.statistics, seconds={}))
    return replace(report, seconds={}, proofs=replace(proofs, trees={}))


PRINT = """
from tests.flow.hazards.test_answers import MANY, report_of
report = report_of(MANY)
print(report.sites, report.plain, report.waits, report.facts, report.notes)
"""


def test_runs_agree() -> None:
    """The same text gives the same report, whatever the order of sets is."""
    found = set()
    for seed in ("1", "2", "3"):
        env = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", PRINT], env=env, cwd=ROOT_DIR, capture_output=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1


@dataclass(frozen=True)
class Backwards(MemoryTree):
    """A tree that lists its files the other way round."""

    def files(self, under: str = "") -> tuple[str, ...]:
        """All files below a directory."""
        return super().files(under)[::-1]


def test_the_order_of_files_does_not_matter() -> None:
    """Several files, in any order of the tree: the same answers."""
    lock = "static inline void lock_toy(struct toy *t) { mutex_lock(&t->lock); }\n"
    start = '#include "toy.h"\n'
    declared = "void use(struct toy *t);\nvoid more(struct toy *t);\n"
    head = PRELUDE.split("static void here")[0] + lock + declared
    files = {
        HEADER_PATH: HEADER,
        "fs/small/toy.h": head,
        "fs/small/a.c": start + LOCKS,
        "fs/small/b.c": start + "void use(struct toy *t) { kfree(kmalloc(1, GFP_NOFS)); }\n",
        "fs/small/c.c": start + ROOT % "lock_toy(t); use(t); more(t);",
        "fs/small/d.c": start
        + "void more(struct toy *t) { use(t); kfree(kmalloc(2, GFP_NOFS)); }\n",
    }
    one = comparable(find_hazards(MemoryTree(files), ["fs/small"]))
    other = comparable(find_hazards(Backwards(files), ["fs/small"]))
    assert (one.sites, one.waits, one.notes) == (other.sites, other.waits, other.notes)
    assert [told(each) for each in one.sites] == ["c toy.lock", "c toy.lock"]


def test_the_order_of_functions_does_not_matter() -> None:
    """Functions of a file in any order have the same answers."""
    functions = [
        "static void use(struct toy *t)\n{\n\tkfree(kmalloc(1, GFP_NOFS));\n}\n",
        "static void take(struct toy *t)\n{\n\tmutex_lock(&t->lock);\n}\n",
        "static void free(struct toy *t)\n{\n\tkfree(kmalloc(2, GFP_NOFS));\n}\n",
        ROOT % "free(t);\n\ttake(t);\n\tuse(t);",
        LOCKS,
    ]
    found = set()
    for order in permutations(functions):
        report = report_of("".join(order))
        used = [one for one in report.sites if one.site.function != "here"]
        found.add(frozenset((one.site.function, told(one)) for one in used))
    assert found == {frozenset({("use", "c toy.lock"), ("free", "e")})}


def test_nobody_else_calls_what_is_exported() -> None:
    """No code outside of the paths names it: what its callers hold was read."""
    code = LOCKS + "int toy_use(struct toy *t) { here(1); return 0; }\nEXPORT_SYMBOL(toy_use);\n"
    assert told(site_of(report_of(code))) == "missing"
    assert told(site_of(report_of(code, more={"fs/user.c": "int unrelated;\n"}))) == "e"
