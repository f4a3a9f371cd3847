"""What boots with failing allocations showed, read from their consoles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from convert.verify.boot.compare import KernelRun, read_run
from convert.verify.boot.console import Report
from convert.verify.boot.guest.plan import MARK
from convert.verify.boot.launch import Booted
from convert.verify.boot.profile import BootProfile
from scripts.nofailboot.kunit import Costs, KunitResult, costs, kunit_result
from scripts.nofailboot.results import CallCounts, call_counts

_INJECTED = re.compile(
    rf"{MARK} injected (?P<phase>\S+) (?P<work>\S+)"
    r" failslab=(?P<slab>\d+) fail_page_alloc=(?P<page>\d+)"
)
_DONE = f"{MARK} done"
_STOPPED = re.compile(r"Filesystem has been shut down|Shutting down filesystem")
# Of lockdep; other warnings can follow from any injected failure.
_LOCKDEP = re.compile(
    r"circular locking|inconsistent lock state|recursive locking|lock order|Lock dependency|"
    r"bad unlock balance|held lock freed|suspicious RCU"
)


@dataclass(frozen=True)
class Injected:
    """Allocations that were made to fail while a work ran."""

    phase: str
    work: str
    slab: int
    page: int


@dataclass(frozen=True)
class Faulted:
    """Everything that one kernel's boots showed."""

    run: KernelRun
    injected: tuple[Injected, ...]
    calls: tuple[CallCounts, ...]
    shutdowns: int
    complete: bool
    kunit: KunitResult | None
    costs: Costs | None

    @property
    def failures(self) -> int:
        """How many allocations were made to fail."""
        return sum(one.slab + one.page for one in self.injected)

    @property
    def broken(self) -> tuple[CallCounts, ...]:
        """The calls that gave NULL though the mask or a scope forbids it."""
        return tuple(call for call in self.calls if call.covered_null)

    @property
    def failing(self) -> tuple[CallCounts, ...]:
        """The calls that may fail by __GFP_RETRY_MAYFAIL, and did."""
        return tuple(call for call in self.calls if call.mayfail_null)

    @property
    def lockdep(self) -> tuple[Report, ...]:
        """The reports of lockdep."""
        return tuple(one for one in self.run.reports if _LOCKDEP.search(one.title))


def read_faulted(profile: BootProfile, booted: Sequence[Booted]) -> Faulted:
    """Read all boots of one kernel."""
    texts = [boot.console for boot in booted]
    whole = "\n".join(texts)
    return Faulted(
        run=read_run(profile, booted),
        injected=tuple(one for text in texts for one in _injected(text)),
        calls=call_counts(texts),
        shutdowns=sum(len(_STOPPED.findall(text)) for text in texts),
        complete=all(_DONE in text for text in texts),
        kunit=kunit_result(whole),
        costs=costs(whole),
    )


def _injected(text: str) -> Iterator[Injected]:
    for found in _INJECTED.finditer(text):
        yield Injected(found["phase"], found["work"], int(found["slab"]), int(found["page"]))


def new_reports(base: Faulted, last: Faulted) -> tuple[Report, ...]:
    """The reports that only the last kernel gave, each once."""
    seen = {report.key for report in base.run.reports}
    found: dict[tuple[str, ...], Report] = {}
    for report in last.run.reports:
        if report.key not in seen:
            found.setdefault(report.key, report)
    return tuple(found.values())
