"""What `python -m scripts.nofail_boot` reads from consoles, and what it makes of it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.verify.boot.launch import Booted, Ending
from convert.verify.process import run
from scripts.nofail_boot import find_series
from scripts.nofailboot.kunit import Costs, KunitResult, costs, kunit_result
from scripts.nofailboot.reading import Faulted, Injected, read_faulted
from scripts.nofailboot.results import CallCounts, call_counts, results_patch
from scripts.nofailboot.showing import judged
from scripts.nofailboot.workload import read_workload
from tests.semantics.trees import MemoryTree

WORKLOAD = """\
folder = "fs/xfs"

[[boot]]
name = "one"
memory_mb = 256
seconds = 60

[[boot.phase]]
name = "some"
works = ["stubborn"]
faults = "all"
percent = 30

[[boot.phase]]
name = "none"
works = ["links"]
"""
KUNIT = """\
[    0.600000]     # Subtest: memalloc_nofail
[    0.600000]     1..3
[    0.610000]         ok 1 a mask
[    0.610000]     # nofail_masks: pass:20 fail:0 skip:0 total:20
[    0.610000]     ok 1 nofail_masks
[    0.620000]     ok 2 nofail_nests
[    0.700000]     # nofail_costs: 100000 rounds: loop 100 us, save and restore 1600 us
[    0.710000]     # nofail_costs: kmalloc and kfree 52000 us, in the scope 53000 us
[    0.710000]     ok 3 nofail_costs
[    0.710000] # memalloc_nofail: pass:3 fail:0 skip:0 total:3
[    0.710000] # Totals: pass:22 fail:0 skip:0 total:22
[    0.710000] ok 1 memalloc_nofail
"""
COUNTED = (
    "[   20.000000] kmem-convert-boot: counter kmem-convert-results: fs/toy/a.c:12 toy_get() "
    "calls=90 in_scope=80 covered=80 covered_null=0 mayfail=0 mayfail_null=0 other_null=3\n"
    "[   20.000000] kmem-convert-boot: counter kmem-convert-results: fs/toy/b.c:7 toy_copy() "
    "calls=40 in_scope=40 covered=0 covered_null=0 mayfail=40 mayfail_null=11 other_null=0\n"
)
CONSOLE = f"""\
{KUNIT}[    1.000000] kmem-convert-boot: begin some
[    9.000000] kmem-convert-boot: injected some stubborn failslab=160 fail_page_alloc=4
[    9.500000] kmem-convert-boot: end some 8.50 passed
[   10.000000] kmem-convert-boot: begin none
[   11.000000] kmem-convert-boot: end none 1.00 passed
{COUNTED}[   20.100000] kmem-convert-boot: done
"""
LOCKDEP = """\
[    5.000000]
[    5.000000] ======================================================
[    5.000000] WARNING: possible circular locking dependency detected
[    5.000000] 6.1.192 #1 Not tainted
[    5.000000] ------------------------------------------------------
[    5.000000] Call Trace:
[    5.000000]  [<60021be4>] show_stack+0x184/0x193
[    5.000000]  [<6007b2f0>] toy_insert+0x6a/0xcc
"""
SHUTDOWN = "[    6.000000] TOY (ubda): Shutting down filesystem.\n"


def reading(
    tmp_path: Path, console: str, more: str = "", where: str = "end some", ending: Ending = "halted"
) -> Faulted:
    file = tmp_path / "workload.toml"
    file.write_text(WORKLOAD)
    profile = read_workload(file).profile
    at = console.index(f"[    9.500000] kmem-convert-boot: {where}")
    return read_faulted(profile, [Booted("one", console[:at] + more + console[at:], ending, 9.0)])


def test_everything_that_a_boot_shows(tmp_path: Path) -> None:
    found = reading(tmp_path, CONSOLE, SHUTDOWN)
    assert found.injected == (Injected("some", "stubborn", 160, 4),)
    assert (found.failures, found.shutdowns, found.complete) == (164, 1, True)
    assert found.kunit == KunitResult(22, 0, 0)
    assert found.costs == Costs(pair=15.0, outside=520.0, inside=530.0)
    assert [call.place for call in found.calls] == [
        "fs/toy/a.c:12 toy_get()",
        "fs/toy/b.c:7 toy_copy()",
    ]
    assert (found.broken, [c.mayfail_null for c in found.failing]) == ((), [11])
    assert judged({"last": found}).wrong is False


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        pytest.param("covered_null=0 mayfail=0", "covered_null=2 mayfail=0", "a.c:12", id="null"),
        pytest.param("failslab=160 fail_page_alloc=4", "failslab=0 fail_page_alloc=0",
                     "no allocation was made to fail", id="no-faults"),
        pytest.param("pass:22 fail:0", "pass:21 fail:1", "did not pass", id="kunit"),
        pytest.param("pass:22 fail:0 skip:0", "pass:16 fail:0 skip:6", "did not pass",
                     id="kunit-skipped"),
        pytest.param("] ok 1 memalloc_nofail", "] not ok 1 memalloc_nofail", "did not pass",
                     id="suite"),
        pytest.param("ok 1 memalloc_nofail", "ok 1 another", "did not run", id="no-kunit"),
        pytest.param("kmem-convert-boot: done", "and so on", "died", id="died"),
    ],
)  # fmt: skip
def test_what_must_not_be(tmp_path: Path, old: str, new: str, wrong: str) -> None:
    assert old in CONSOLE
    verdict = judged({"last": reading(tmp_path, CONSOLE.replace(old, new))})
    assert verdict.wrong
    assert any(line.startswith("WRONG: ") and wrong in line for line in verdict.lines)


def test_reports_count_only_if_the_base_does_not_give_them(tmp_path: Path) -> None:
    clean = reading(tmp_path, CONSOLE)
    told = reading(tmp_path, CONSOLE, LOCKDEP)
    assert len(told.lockdep) == 1
    assert not judged({"base": told, "last": told}).wrong
    verdict = judged({"base": clean, "last": told})
    assert any("WRONG: lockdep: WARNING: possible circular" in line for line in verdict.lines)
    assert judged({"base": clean, "last": clean}).wrong is False


def test_counts_are_the_last_of_a_boot_and_added_up_over_boots() -> None:
    earlier = COUNTED.replace("calls=90", "calls=5").replace("other_null=3", "other_null=1")
    first, second = call_counts([earlier + COUNTED, COUNTED])
    assert first == CallCounts("fs/toy/a.c", 12, "toy_get", 180, 160, 160, 0, 0, 0, 6)
    assert second.mayfail_null == 22


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(KUNIT.replace("] ok 1 memalloc", "] ok 1 other"), id="another-suite"),
        pytest.param(KUNIT[: KUNIT.index("[    0.710000] # Totals")], id="cut-off"),
    ],
)
def test_a_suite_that_did_not_end(text: str) -> None:
    assert kunit_result(text) is None


def test_the_names_of_cases_that_failed() -> None:
    text = KUNIT.replace("    ok 2 nofail_nests", "    not ok 2 nofail_nests")
    text = text.replace("pass:22 fail:0", "pass:21 fail:1").replace("] ok 1 mem", "] not ok 1 mem")
    result = kunit_result(text)
    assert result == KunitResult(21, 1, 0, ("nofail_nests",))


def test_costs_that_were_not_told() -> None:
    assert costs(KUNIT.replace("save and restore", "")) is None


def test_the_patch_that_counts_applies(tmp_path: Path) -> None:
    makefile = "# SPDX-License-Identifier: GPL-2.0\n\nobj-y += toy.o\nobj-y += more.o\n"
    patch = results_patch(MemoryTree({"fs/toy/Makefile": makefile}), "fs/toy")
    (tmp_path / "fs/toy").mkdir(parents=True)
    (tmp_path / "fs/toy/Makefile").write_text(makefile)
    (tmp_path / "a.patch").write_text(patch)
    done = run(["git", "apply", "a.patch"], tmp_path)
    assert done.code == 0, done.output
    text = (tmp_path / "fs/toy/Makefile").read_text()
    assert text.startswith(
        "ccflags-y += -include $(srctree)/fs/toy/kmem_convert_results.h\n"
        "obj-y += kmem_convert_results.o\n"
    )
    assert text.endswith(makefile)
    header = (tmp_path / "fs/toy/kmem_convert_results.h").read_text()
    assert re.search(r"^#define kmalloc\(", header, re.MULTILINE)


def test_a_folder_without_a_makefile_is_refused() -> None:
    with pytest.raises(InputError, match="no fs/toy/Makefile"):
        results_patch(MemoryTree({}), "fs/toy")


def test_a_workload_is_read_and_changed(tmp_path: Path) -> None:
    file = tmp_path / "w.toml"
    file.write_text(WORKLOAD)
    some, none = read_workload(file, 5, ["one"]).profile.boot[0].phase
    assert (some.percent, none.percent) == (5, 0)
    assert read_workload(file).folder == "fs/xfs"


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        pytest.param(WORKLOAD, ["two"], "no boot two; there are one", id="unknown-boot"),
        pytest.param(WORKLOAD.replace("fs/xfs", "fs/toy"), None, "no boot profile", id="folder"),
        pytest.param(WORKLOAD.replace("percent", "per_cent"), None, "per_cent", id="misspelt"),
        pytest.param(WORKLOAD.split("\n[[")[0], None, "boot", id="no-boot"),
    ],
)
def test_a_bad_workload_is_refused(
    tmp_path: Path, text: str, names: list[str] | None, message: str
) -> None:
    file = tmp_path / "w.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        read_workload(file, None, names)


def test_the_workload_of_the_repository_is_good() -> None:
    file = Path(__file__).parents[2] / "scripts/nofailboot/xfs.toml"
    phases = [phase for boot in read_workload(file).profile.boot for phase in boot.phase]
    assert {phase.percent for phase in phases if phase.faults == "all"} == {5, 30}


def test_the_patches_of_a_series(tmp_path: Path) -> None:
    for name in ("0000-cover.patch", "0002-b.patch", "0001-a.patch", "notes"):
        (tmp_path / name).write_text("")
    assert [file.name for file in find_series(tmp_path, None)] == ["0001-a.patch", "0002-b.patch"]
    assert [file.name for file in find_series(tmp_path, 1)] == ["0001-a.patch"]
    with pytest.raises(InputError, match="no patches"):
        find_series(tmp_path / "none", None)


def test_a_call_that_failed_is_listed(tmp_path: Path) -> None:
    found = reading(tmp_path, CONSOLE)
    many = replace(found, calls=tuple(replace(found.calls[1], line=n) for n in range(20)))
    lines = judged({"last": many}).lines
    assert "failed by __GFP_RETRY_MAYFAIL: 20 calls" in lines
    assert "    fs/toy/b.c:0 toy_copy(): 11 NULL of 40, 40 in scope" in lines
