"""One result a commit, where a series touches several filesystems that are all booted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from convert.verify.boot.checks import CHECK
from convert.verify.boot.profile import BootProfile
from convert.verify.checks_model import BASE, Checked, CheckResult, Failed, NotRun, Passed


def together(profiles: Sequence[BootProfile], checked: Sequence[Checked], number: int) -> Checked:
    """Join what the boots of each profile gave, in the order of the profiles.

    A commit fails if it fails for one of them, and is "not run" if one was not run and none fails.
    number: of the commit that was booted.
    """
    if len(checked) == 1:
        return checked[0]
    tools = tuple(dict.fromkeys(tool for each in checked for tool in each.tools))
    names = [profile.filesystem for profile in profiles]
    results = [_joined(names, checked, which) for which in (BASE, number)]
    return Checked(tuple(result for result in results if result is not None), tools)


def _joined(names: Sequence[str], checked: Sequence[Checked], number: int) -> CheckResult | None:
    """The worst of the results about a commit, with what all of them say."""
    found = [
        (name, result)
        for name, each in zip(names, checked, strict=True)
        for result in each.results
        if result.commit == number
    ]
    if not found:
        return None
    ran = [result for _, result in found if not isinstance(result, NotRun)]
    findings = tuple(
        finding for result in ran if isinstance(result, Failed) for finding in result.findings
    )
    missing = [result for _, result in found if isinstance(result, NotRun)]
    if missing and not findings:
        return missing[0]
    seconds = sum(result.seconds for result in ran)
    detail = "; ".join(_details(found))
    cached = all(result.cached for result in ran)
    notes = tuple(note for result in ran for note in result.notes)
    notes += tuple(f"not run: {result.reason}" for result in missing)
    if findings:
        return Failed(CHECK, number, findings, seconds, detail, cached, notes)
    return Passed(CHECK, number, seconds, detail, cached, notes)


def _details(found: Sequence[tuple[str, CheckResult]]) -> Iterator[str]:
    for name, result in found:
        if not isinstance(result, NotRun):
            yield f"{name}: {result.detail}"
