"""What must hold of hazards and placements before they are reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from convert.errors import InternalCheckError
from convert.flow.hazards.model import HazardReport, SiteClass, SiteHazards
from convert.flow.placement.model import Placement
from convert.flow.scopes.results import SiteUse


def check_report(report: HazardReport) -> None:
    """Hold the answers against the proofs and against themselves.

    Raises InternalCheckError if a site has no answer, two, or one that contradicts what was found.
    """
    asked = [s for s in report.proofs.sites if s.forbids and s.use is not SiteUse.OPENS]
    wanted = Counter((site.path, site.offset) for site in asked)
    given = Counter((told.site.path, told.site.offset) for told in report.sites)
    if wanted != given:
        path, offset = min((wanted - given) or (given - wanted))
        found = report.proofs.site(path, offset)
        line = f":{found.line}" if found is not None else f", offset {offset}"
        raise InternalCheckError(
            f"{path}{line}: {wanted[path, offset]} answer wanted, {given[path, offset]} given"
        )
    for told in report.sites:
        wrong = _contradiction(told)
        if wrong:
            raise InternalCheckError(f"{told.site.path}:{told.site.line}: {wrong}")


def _contradiction(told: SiteHazards) -> str:
    """What is wrong with an answer; empty if nothing is."""
    real = [hazard for hazard in told.hazards if hazard.excused is None]
    match told.answer:
        case None if not told.missing:
            return "no answer, and nothing is said to be missing"
        case SiteClass.REFLEX if told.hazards:
            return f"class (e), but reclaim waits for {told.hazards[0].danger}"
        case SiteClass.EXCUSED if real or not told.hazards:
            return "class (b), but not all hazards are excused" if real else "class (b) of nothing"
        case SiteClass.HAZARD if not real:
            return "class (c) without a hazard"
    if told.missing and told.answer not in (None, SiteClass.HAZARD):
        return f"class ({told.answer.value}), but {told.missing[0].text} is missing"
    return ""


def check_placement(sites: Iterable[SiteHazards], placement: Placement) -> None:
    """Raises InternalCheckError if a site of class (c) has neither a scope nor a reason why not."""
    known = placed_keys(placement) | {key_of(one.site) for one in placement.unplaced}
    for told in sites:
        if told.answer is SiteClass.HAZARD and key_of(told) not in known:
            place = f"{told.site.path}:{told.site.line}"
            raise InternalCheckError(f"{place}: no scope is placed for it, and no reason is given")


def placed_keys(placement: Placement) -> frozenset[tuple[str, int]]:
    """The sites whose masks the scopes make needless, but for those that stay without an answer."""
    covered = {key_of(told) for scope in placement.scopes for told in scope.sites}
    return frozenset(covered - {key_of(one.site) for one in placement.unplaced})


def key_of(told: SiteHazards) -> tuple[str, int]:
    """What a site is known by: its file and the offset of what is called."""
    return told.site.path, told.site.offset
