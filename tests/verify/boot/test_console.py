"""Phases, messages and reports are read from a console as they stand there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from convert.verify.boot.console import (
    Counter,
    counters,
    normalised,
    read_console,
    split_reports,
)
from tests.verify.boot.logs import KFREE, LOCKDEP, console, phase


def test_phases_messages_and_notes() -> None:
    text = console(
        [
            "Linux version 6.1",
            *phase("one", "toy: mounted", "kmem-convert-boot: note one xattrs: no room"),
            *phase("two", verdict="failed: umount: busy"),
        ]
    )
    start, one, two = read_console("main", text)
    assert (start.name, start.messages) == ("start", ("Linux version 6.1",))
    assert (one.name, one.boot, one.seconds, one.passed) == ("one", "main", 1.25, True)
    assert (one.messages, one.notes) == (("toy: mounted",), ("xattrs: no room",))
    assert (two.verdict, two.passed) == ("failed: umount: busy", False)


def test_a_phase_without_an_end_did_not_pass() -> None:
    *_, last = read_console("main", console(phase("one", "toy: mounted", verdict=None)))
    assert (last.verdict, last.passed, last.killed) == ("", False, False)


def test_a_phase_that_was_killed_on_purpose_passed() -> None:
    lines = phase("one", "kmem-convert-boot: kill", verdict=None)
    *_, last = read_console("main", console(lines))
    assert (last.killed, last.passed) == (True, True)


def test_a_workload_that_breaks_is_a_failure() -> None:
    lines = phase("one", "kmem-convert-boot: broken KeyError('x')", verdict=None)
    *_, last = read_console("main", console(lines))
    assert last.verdict == "failed: the workload itself broke: KeyError('x')"


def test_a_lockdep_report_names_the_locks_and_who_takes_them() -> None:
    reports, messages = split_reports(
        ["before", *LOCKDEP.format(pid=56).splitlines(), "toy: after"]
    )
    (report,) = reports
    assert [line for line in messages if line] == ["before", "toy: after"]
    assert report.title == "WARNING: possible circular locking dependency detected"
    assert report.locks == (
        "wants fs_reclaim in toy_cache_alloc()",
        "holds &toy->tree_lock in toy_insert()",
    )
    assert report.functions[-3:] == ("lock_acquire", "toy_cache_alloc", "toy_insert")
    assert str(report).endswith("in toy_insert(); toy_cache_alloc < toy_insert)")


def words_first(lines: list[str]) -> list[str]:
    """As processors write it that trap at a warning."""
    return [lines[0], lines[2], lines[1], *lines[3:]]


@pytest.mark.parametrize("order", [list, words_first], ids=["words after", "words before"])
def test_a_warning_has_its_own_words_as_title(
    order: Callable[[list[str]], list[str]],
) -> None:
    lines = order(KFREE.format(pid=7, offset="1f").splitlines())
    reports, messages = split_reports([*lines, "after"])
    (report,) = reports
    assert report.title.startswith("kmem-convert: kfree() of vmalloc memory in toy_getmap")
    assert report.functions == ("kmem_convert_kfree", "kfree", "toy_getmap")
    assert messages == ["after"]


@pytest.mark.parametrize("text", [LOCKDEP, KFREE], ids=["lockdep", "warning"])
def test_the_key_of_a_report_is_the_same_in_every_boot(text: str) -> None:
    keys = [
        split_reports(text.format(pid=pid, offset=offset).splitlines())[0][0].key
        for pid, offset in ((56, "1f"), (78, "2a"))
    ]
    assert keys[0] == keys[1]


def test_a_warning_without_words_names_its_place() -> None:
    lines = KFREE.format(pid=7, offset="1f").splitlines()
    (report,) = split_reports([lines[0], lines[1], *lines[3:]])[0]
    assert report.title.startswith("WARNING at lib/kmem_convert_debug.c:58 ")
    assert report.place == ("lib/kmem_convert_debug.c", 58)


def test_two_reports_one_after_the_other_are_two() -> None:
    lines = [*KFREE.format(pid=7, offset="1f").splitlines(), *LOCKDEP.format(pid=8).splitlines()]
    assert len(split_reports(lines)[0]) == 2


def test_a_kernel_that_dies_in_a_report_leaves_half_of_it() -> None:
    whole = LOCKDEP.format(pid=8).splitlines()
    half = whole[: whole.index("stack backtrace:") + 1]
    reports, messages = split_reports([*half, "Kernel panic - not syncing: Segfault"])
    assert [report.title.split(":")[0] for report in reports] == [
        "WARNING",
        "Kernel panic - not syncing",
    ]
    assert [line for line in messages if line] == []


def test_a_report_without_a_trace_takes_no_other_lines() -> None:
    reports, messages = split_reports(["XFS: Assertion failed: x, file: f.c, line: 3", "next"])
    assert [report.lines for report in reports] == [
        ("XFS: Assertion failed: x, file: f.c, line: 3",)
    ]
    assert messages == ["next"]


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        pytest.param("at 0000000061a05678", "at 00000000deadb3ef", True, id="addresses"),
        pytest.param("task x:12 at f.c:120", "task x:13 at f.c:99", True, id="numbers"),
        pytest.param("f+0x1f/0x20", "f+0x2a/0x40", True, id="offsets"),
        pytest.param("failed with error -5", "failed with error -12", False, id="error codes"),
        pytest.param("toy (ubda): x", "toy (ubdb): x", False, id="devices"),
        pytest.param("agf of v4", "agf of v5", False, id="digits in words"),
    ],
)
def test_normalised(one: str, two: str, same: bool) -> None:
    assert (normalised(one) == normalised(two)) is same


def test_counters_of_boots_are_added_the_last_line_of_a_boot_counts() -> None:
    line = "kmem-convert-assert: fs/toy/a.c:12 in f hits={} violations={}"
    texts = [
        console([line.format(1, 0), line.format(5, 1)]),
        console(["kmem-convert-boot: counter " + line.format(3, 0), "kmem-convert-assert: bad"]),
    ]
    assert counters(texts) == (Counter("fs/toy/a.c:12 in f", 8, 1),)
