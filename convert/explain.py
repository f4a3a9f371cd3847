"""One site told whole: what it is, what it promises, why, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from convert.errors import InputError
from convert.plan import Plan, PlannedSite
from convert.report.diffs import site_diff
from convert.rules.model import Converted, Kept, Refused
from convert.semantics.model import Contract


def place_of(text: str) -> tuple[str, int]:
    """``FILE:LINE`` as its parts. Raises InputError for anything else."""
    found = re.fullmatch(r"(.+):(\d+)", text)
    if found is None:
        raise InputError(f"{text}: name a place as FILE:LINE, e.g. fs/xfs/xfs_buf.c:192")
    return found.group(1), int(found.group(2))


def sites_at(plan: Plan, path: str, line: int) -> tuple[PlannedSite, ...]:
    """The sites that cover a line. Raises InputError, naming the nearest line, if there is none."""
    here = [s for s in plan.sites if s.site.file == path]
    found = tuple(s for s in here if s.site.line <= line <= s.site.line + s.site.text.count("\n"))
    if found:
        return found
    if not here:
        raise InputError(f"{path}: no site in this file; `kmem-convert inventory` lists the files")
    nearest = min((s.site.line for s in here), key=lambda other: abs(other - line))
    raise InputError(f"{path}:{line}: no site here; the nearest is in line {nearest}")


def explain(plan: Plan, path: str, line: int) -> Iterator[str]:
    """The lines of the explanation of every site at a place."""
    for planned in sites_at(plan, path, line):
        site, decision = planned.site, planned.decision
        where = f" in {site.function}()" if site.function else ""
        yield f"{site.file}:{site.line}:{site.column}: {site.kind.value} {site.callee}{where}"
        yield from (f"    {row}" for row in site.text.split("\n"))
        yield f"  contract: {contract_words(planned.contract)}"
        match decision:
            case Converted():
                yield from _converted(plan, planned, decision)
            case Kept(_, reason):
                yield f"  kept: {reason}"
            case Refused(_, reason, blocks):
                yield f"  refused: {reason}"
                if blocks:
                    yield "  the wrappers cannot be removed as long as this stays"
        yield "  scope: not asked for by this recipe, which leaves every GFP_NOFS where it is"


def _converted(plan: Plan, planned: PlannedSite, decision: Converted) -> Iterator[str]:
    for row in decision.evidence:
        yield f"    {row}"
    if decision.gfp_before or decision.gfp_after:
        yield f"  flags: {' | '.join(decision.gfp_before) or '0'}"
        yield f"  mask:  {' | '.join(decision.gfp_after) or 'the value of a variable'}"
    number = next((step.number for step in plan.steps if step.id == decision.step), None)
    yield f"  converted by commit {number}: {decision.reason}"
    texts = {difference.id: difference.text for difference in plan.differences}
    for name in decision.differences:
        yield f"  declared difference: {texts[name]}"
    for note in decision.notes:
        yield f"  note: {note}"
    yield from (f"    {row}" for row in site_diff(plan, planned, 1).splitlines())


def contract_words(contract: Contract) -> str:
    """A contract in words; what the text does not decide is left out."""
    words = {
        "zeroed": ("zeroed", "not zeroed"),
        "may_fail": ("may fail", "never fails"),
        "fs_reclaim": ("may enter the filesystem for reclaim", "never enters the filesystem"),
        "nowarn": ("no failure report", "reports failures"),
        "nolockdep": ("hidden from lockdep", "seen by lockdep"),
        "sleeps": ("may sleep", "does not sleep"),
    }
    given = [
        pair[0] if value else pair[1]
        for name, pair in words.items()
        if (value := getattr(contract, name)) is not None
    ]
    return ", ".join(given) or "decided by a variable, or no allocation"
