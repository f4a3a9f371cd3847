"""Only what the last commit's kernel shows and the base's does not counts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from convert.verify.boot.compare import KernelRun, differences, notes, read_run
from convert.verify.boot.launch import Booted, Ending
from convert.verify.boot.profile import BootProfile
from tests.verify.boot.logs import KFREE, LOCKDEP, console, phase

PROFILE = BootProfile.model_validate(
    {
        "filesystem": "toy",
        "paths": ["fs/toy"],
        "enable": [],
        "disk_mb": [64],
        "fsck": ["fsck.toy", "{device}"],
        "tool": [],
        "expected": ["toy: mounted"],
        "boot": [
            {
                "name": "main",
                "memory_mb": 256,
                "seconds": 60,
                "phase": [{"name": "one"}, {"name": "two", "random": True}],
            }
        ],
    }
)


def kernel(
    one: Sequence[str] = (),
    two: Sequence[str] = (),
    verdict: str | None = "passed",
    ending: Ending = "halted",
    start: str = "Linux",
) -> KernelRun:
    second = phase("two", *two, verdict=verdict)
    text = console([start, *phase("one", *one), *second])
    return read_run(PROFILE, [Booted("main", text, ending, 3.0)])


REPORTED = LOCKDEP.format(pid=5).splitlines()
FREED = KFREE.format(pid=5, offset="1f").splitlines()
ASSERTED = "kmem-convert-assert: a.c:3 hits=4 violations={}"


@pytest.mark.parametrize(
    ("base", "last", "wanted"),
    [
        pytest.param(kernel(), kernel(), [], id="nothing"),
        pytest.param(
            kernel(), kernel(["toy: odd 3"]), ["new kernel message: toy: odd 3"], id="new"
        ),
        pytest.param(kernel(["toy: odd 3"]), kernel(["toy: odd 9"]), [], id="known message"),
        pytest.param(kernel(two=["toy: odd"]), kernel(["toy: odd"]), [], id="known elsewhere"),
        pytest.param(kernel(), kernel(["toy: mounted"]), [], id="expected message"),
        pytest.param(kernel(), kernel(two=["toy: odd"]), [], id="message of a random phase"),
        pytest.param(kernel(), kernel(start="Linux version 7"), [], id="message before phases"),
        pytest.param(kernel(REPORTED), kernel(two=REPORTED), [], id="known report"),
        pytest.param(
            kernel(FREED),
            kernel(two=REPORTED),
            [
                "WARNING: possible circular locking dependency detected (wants fs_reclaim in "
                "toy_cache_alloc(); holds &toy->tree_lock in toy_insert(); "
                "toy_cache_alloc < toy_insert)"
            ],
            id="report of a random phase",
        ),
        pytest.param(kernel(), kernel(verdict="failed: fsck"), ["failed: fsck"], id="failed phase"),
        pytest.param(
            kernel(verdict="failed: x"), kernel(verdict="failed: x"), [], id="fails on the base too"
        ),
        pytest.param(
            kernel(), kernel(verdict=None), ["failed: the kernel died"], id="kernel that dies"
        ),
        pytest.param(
            kernel(),
            kernel(verdict=None, ending="out of time"),
            ["failed: the kernel was out of time"],
            id="kernel that hangs",
        ),
        pytest.param(kernel(), kernel([ASSERTED.format(0)]), [], id="assert that holds"),
        pytest.param(
            kernel(),
            kernel([ASSERTED.format(1)]),
            ["assert a.c:3: 1 of 4 outside the scope"],
            id="assert that fails",
        ),
    ],
)
def test_differences(base: KernelRun, last: KernelRun, wanted: list[str]) -> None:
    assert [finding.text for finding in differences(PROFILE, base, last)] == wanted


def test_a_report_is_found_under_its_phase_and_once() -> None:
    found = list(differences(PROFILE, kernel(), kernel(FREED, FREED)))
    assert [(finding.where, finding.text.split(" in ")[0]) for finding in found] == [
        ("one", "kmem-convert: kfree() of vmalloc memory")
    ]


def test_a_phase_that_is_never_begun_failed() -> None:
    text = console(["Linux", *phase("one", verdict=None)])
    run = read_run(PROFILE, [Booted("main", text, "halted", 3.0)])
    assert [phase.verdict for phase in run.phases] == [
        "passed",
        "failed: the kernel died",
        "failed: not reached",
    ]


def test_notes_tell_what_the_base_shows_too() -> None:
    broken = kernel(REPORTED, [ASSERTED.format(0)], verdict="failed: fsck")
    told = list(notes(broken, broken))
    assert "phase two fails on the base as well: failed: fsck" in told
    assert any(note.startswith("the base reports, too: WARNING: possible") for note in told)
    assert "assert counters: 1 of 1 sites reached" in told


def test_an_assert_that_was_never_reached_is_said() -> None:
    line = "kmem-convert-assert: a.c:3 hits=0 violations=0"
    assert "assert a.c:3: never reached" in list(notes(kernel(), kernel([line])))
