"""The report of a boot with failing allocations, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from convert.verify.boot.console import START
from scripts.nofailboot.reading import Faulted, new_reports
from scripts.nofailboot.results import CallCounts

_CALLS = 12  # lines of a list


@dataclass(frozen=True)
class Verdict:
    """The lines to print; wrong: whether something must not be so."""

    lines: tuple[str, ...]
    wrong: bool


def judged(kernels: Mapping[str, Faulted]) -> Verdict:
    """The report of the kernels that were booted, "base", "last" or both."""
    lines: list[str] = []
    for name, kernel in kernels.items():
        lines += _kernel(name, kernel)
    problems = list(_problems(kernels))
    lines += [f"WRONG: {problem}" for problem in problems]
    return Verdict(tuple(lines), bool(problems))


def _kernel(name: str, kernel: Faulted) -> Iterator[str]:
    yield f"== {name}: {kernel.run.seconds:.0f} s"
    for phase in kernel.run.phases:
        if phase.name != START:
            yield f"{phase.boot}: {phase.name}: {phase.verdict} ({phase.seconds:.0f} s)"
            yield from (f"    {note}" for note in phase.notes)
    for one in kernel.injected:
        yield f"injected: {one.phase}: {one.work}: {one.slab} slab, {one.page} page"
    yield f"allocations made to fail: {kernel.failures}"
    yield f"shutdowns of the filesystem: {kernel.shutdowns}"
    if not kernel.complete:
        yield "the kernel died, so that its counts are not known"
    yield _sum(kernel.calls)
    yield from _list("NULL although covered", kernel.broken)
    yield from _list("failed by __GFP_RETRY_MAYFAIL", kernel.failing)
    yield from _list("failed, covered by nothing", tuple(c for c in kernel.calls if c.other_null))
    for report, number in Counter(str(report) for report in kernel.run.reports).items():
        yield f"report: {report}" + (f" ({number} times)" if number > 1 else "")
    yield f"lockdep reports: {len(kernel.lockdep)}"
    if kernel.kunit is not None:
        result = kernel.kunit
        yield f"KUnit: {result.passed} passed, {result.failed} failed, {result.skipped} skipped"
        yield from (f"    not ok: {failure}" for failure in result.failures)
    if kernel.costs is not None:
        cost = kernel.costs
        yield (
            f"save and restore: {cost.pair:.1f} ns; kmalloc and kfree: {cost.outside:.0f} ns, "
            f"in the scope {cost.inside:.0f} ns"
        )


def _sum(calls: tuple[CallCounts, ...]) -> str:
    scoped = sum(bool(call.in_scope) for call in calls)
    covered = sum(call.covered for call in calls)
    mayfail, failed = sum(c.mayfail for c in calls), sum(c.mayfail_null for c in calls)
    return (
        f"{len(calls)} calls that allocate ran, {scoped} of them in a nofail scope; "
        f"{covered} covered allocations, {sum(c.covered_null for c in calls)} NULL; "
        f"{mayfail} with __GFP_RETRY_MAYFAIL, {failed} NULL; "
        f"{sum(c.other_null for c in calls)} others NULL"
    )


def _list(title: str, calls: tuple[CallCounts, ...]) -> Iterator[str]:
    if calls:
        yield f"{title}: {len(calls)} calls"
    for call in calls[:_CALLS]:
        yield (
            f"    {call.place}: {call.covered_null or call.mayfail_null or call.other_null} NULL "
            f"of {call.calls}, {call.in_scope} in scope"
        )


def _problems(kernels: Mapping[str, Faulted]) -> Iterator[str]:
    last, base = kernels.get("last"), kernels.get("base")
    for name, kernel in kernels.items():
        yield from (f"{name}: {call.place} gave NULL although covered" for call in kernel.broken)
        if not kernel.failures:
            yield f"{name}: no allocation was made to fail: nothing shown"
    if last is None:
        return
    if last.kunit is None:
        yield "the KUnit test did not run"
    elif last.kunit.failed or last.kunit.skipped:
        yield "the KUnit test did not pass as a whole"
    if not last.complete:
        yield "the kernel with the series died"
    if base is not None:
        lockdep = {report.key for report in last.lockdep}
        for one in new_reports(base, last):
            yield f"{'lockdep' if one.key in lockdep else 'new report'}: {one}"


__all__ = ["Verdict", "judged"]
