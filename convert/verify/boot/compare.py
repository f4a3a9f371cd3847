"""What the boots of a commit show that those of its base do not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from convert.verify.boot.console import (
    START,
    Counter,
    PhaseRun,
    Report,
    counters,
    normalised,
    read_console,
)
from convert.verify.boot.launch import Booted
from convert.verify.boot.profile import BootProfile
from convert.verify.checks_model import CheckFinding


@dataclass(frozen=True)
class KernelRun:
    """All boots of one kernel, read."""

    phases: tuple[PhaseRun, ...]
    counters: tuple[Counter, ...]
    seconds: float
    repeated: tuple[str, ...] = ()  # boots that hung once, without a report

    @property
    def reports(self) -> tuple[Report, ...]:
        """All reports of the kernel."""
        return tuple(report for phase in self.phases for report in phase.reports)


def read_run(profile: BootProfile, booted: Sequence[Booted]) -> KernelRun:
    """Read the consoles of all boots; a phase that was never begun is a failed one."""
    phases: list[PhaseRun] = []
    for boot, wanted in zip(booted, profile.boot, strict=True):
        found = read_console(boot.name, boot.console)
        ends = f"failed: the kernel was {boot.ending}" if boot.ending != "halted" else ""
        phases += (_ended(phase, ends or "failed: the kernel died") for phase in found)
        names = {phase.name for phase in found}
        missing = (phase.name for phase in wanted.phase if phase.name not in names)
        phases += (PhaseRun(boot.name, name, "failed: not reached", 0.0) for name in missing)
    seconds = sum(boot.seconds for boot in booted)
    counted = counters(boot.console for boot in booted)
    repeated = tuple(boot.name for boot in booted if boot.repeated)
    return KernelRun(tuple(phases), counted, seconds, repeated)


def _ended(phase: PhaseRun, otherwise: str) -> PhaseRun:
    if phase.verdict or phase.killed:
        return phase
    return PhaseRun(
        phase.boot, phase.name, otherwise, 0.0, phase.notes, phase.messages, phase.reports
    )


def differences(profile: BootProfile, base: KernelRun, last: KernelRun) -> Iterator[CheckFinding]:
    """Everything that only the last commit's kernel shows, in the order in which it came.

    A failed phase counts unless the base fails it too; a report counts wherever it comes; another
    message counts unless its phase is random or the profile expects it, or it comes before the
    first phase, when the kernel describes its machine.
    """
    yield from _failed_phases(base, last)
    yield from _new_reports(base, last)
    yield from _new_messages(profile, base, last)
    for counter in last.counters:
        if counter.violations:
            text = (
                f"assert {counter.site}: {counter.violations} of {counter.hits} outside the scope"
            )
            yield CheckFinding("", None, text, "assert")


def _failed_phases(base: KernelRun, last: KernelRun) -> Iterator[CheckFinding]:
    also = {(phase.boot, phase.name) for phase in base.phases if not phase.passed}
    for phase in last.phases:
        if not phase.passed and (phase.boot, phase.name) not in also:
            yield CheckFinding("", None, phase.verdict, phase.name)


def _new_reports(base: KernelRun, last: KernelRun) -> Iterator[CheckFinding]:
    seen = {report.key for report in base.reports}
    for phase in last.phases:
        for report in phase.reports:
            if report.key not in seen:
                seen.add(report.key)
                file, line = report.place or ("", None)
                yield CheckFinding(file, line, str(report), phase.name)


def _new_messages(profile: BootProfile, base: KernelRun, last: KernelRun) -> Iterator[CheckFinding]:
    random = {phase.name for boot in profile.boot for phase in boot.phase if phase.random}
    expected = [re.compile(pattern) for pattern in profile.expected]
    seen = {normalised(line) for phase in base.phases for line in phase.messages}
    for phase in last.phases:
        for line in phase.messages if phase.name not in random | {START} else ():
            key = normalised(line)
            if key not in seen and not any(pattern.search(line) for pattern in expected):
                seen.add(key)
                yield CheckFinding("", None, f"new kernel message: {line}", phase.name)


def notes(base: KernelRun, last: KernelRun) -> Iterator[str]:
    """What a reader should know: what the base shows too, evidence, counters."""
    failed = {phase.name: phase for phase in base.phases if not phase.passed}
    for phase in last.phases:
        if not phase.passed and phase.name in failed:
            yield f"phase {phase.name} fails on the base as well: {failed[phase.name].verdict}"
    for kernel, name in ((base, "base"), (last, "last commit")):
        for boot in kernel.repeated:
            yield f"boot {boot} of the {name} hung once without a report and was repeated"
    for report in _distinct(base.reports):
        yield f"the base reports, too: {report}"
    yield from (note for phase in last.phases for note in phase.notes if "reclaim" in note)
    if last.counters:
        hit = sum(1 for counter in last.counters if counter.hits)
        yield f"assert counters: {hit} of {len(last.counters)} sites reached"
        yield from (f"assert {c.site}: never reached" for c in last.counters if not c.hits)


def _distinct(reports: Iterable[Report]) -> Iterator[Report]:
    seen: set[tuple[str, ...]] = set()
    for report in reports:
        if report.key not in seen:
            seen.add(report.key)
            yield report
