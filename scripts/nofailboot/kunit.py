"""What the KUnit test of the nofail scope said in a console: results and costs."""

from __future__ import annotations

import re
from dataclasses import dataclass

SUITE = "memalloc_nofail"
_TOTALS = re.compile(r"# Totals: pass:(\d+) fail:(\d+) skip:(\d+) total:(\d+)")
_VERDICT = re.compile(rf"\] (?P<not>not )?ok \d+ (?:- )?{SUITE}$", re.MULTILINE)
_FAILED = re.compile(r"\] +not ok \d+ (?:- )?(?P<name>.+)$", re.MULTILINE)
_SCOPE = re.compile(r"(\d+) rounds: loop (\d+) us, save and restore (\d+) us")
_MEMORY = re.compile(r"kmalloc and kfree (\d+) us, in the scope (\d+) us")
_THOUSAND = 1000.0  # nanoseconds in a microsecond


@dataclass(frozen=True)
class KunitResult:
    """How the suite went. passed, failed, skipped: cases with parameters counted one by one."""

    passed: int
    failed: int
    skipped: int
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Costs:
    """Nanoseconds a round, as the kernel measured itself: a pair of save and restore without the
    loop around it; kmalloc() and kfree() of 64 bytes outside of a scope and in one."""

    pair: float
    outside: float
    inside: float


def kunit_result(console: str) -> KunitResult | None:
    """The suite's result; None if it did not run to its end."""
    verdict = _VERDICT.search(console)
    if verdict is None:
        return None
    before = console[: verdict.start()]
    totals = list(_TOTALS.finditer(before))
    if not totals:
        return None
    passed, failed, skipped, _ = (int(number) for number in totals[-1].groups())
    failures = tuple(found["name"].strip() for found in _FAILED.finditer(before))
    if verdict["not"] and not failed:
        failures, failed = (*failures, SUITE), 1
    return KunitResult(passed, failed, skipped, failures)


def costs(console: str) -> Costs | None:
    """What a scope costs; None if the test did not tell."""
    scope, memory = _SCOPE.search(console), _MEMORY.search(console)
    if scope is None or memory is None:
        return None
    rounds, loop, pair = (int(number) for number in scope.groups())
    outside, inside = (int(number) for number in memory.groups())
    scale = _THOUSAND / rounds
    return Costs((pair - loop) * scale, outside * scale, inside * scale)
