"""What the messages of commits about masks say of their sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convert.flow.hazards.model import Fact, Hazard, HazardReport
from convert.plan import PlannedSite
from convert.rules.hazards.words import wait_words
from convert.rules.hazards.writing import Written
from convert.rules.model import Converted
from convert.rules.scoped.declared import FS_RECLAIM
from convert.rules.scoped.stage import Ground
from convert.rules.scoped.words import chain_words

Site = tuple[str, int]
_UNKNOWN = ": not known:"  # what is not known keeps masks; where it does not, nothing rests on it


def new_scope_facts(
    ground: Ground, own: Sequence[PlannedSite], served: Mapping[Site, Sequence[Written]]
) -> dict[str, object]:
    """Sites by the functions that hold the new scopes they rely on."""
    groups: dict[str, list[PlannedSite]] = {}
    for planned in own:
        assert isinstance(planned.decision, Converted)
        scopes = [one for site in planned.decision.rests_on for one in served.get(site, ())]
        names = dict.fromkeys(f"{one.scope.anchor.function}()" for one in scopes)
        groups.setdefault(", ".join(names) or "the new scopes", []).append(planned)
    return {
        "scope": ground.proofs.scope,
        "groups": [
            {"scopes": names, "sites": [_row(one) for one in sites]}
            for names, sites in groups.items()
        ],
        "partly": sum(_widens(planned) for planned in own),
    }


def assumptions(report: HazardReport) -> list[str]:
    """What the answers about hazards take for granted beyond single sites."""
    proofs = set(report.proofs.notes)
    return [note for note in report.notes if note not in proofs and _UNKNOWN not in note]


def reflex_facts(
    ground: Ground, own: Sequence[PlannedSite], assumed: Sequence[str]
) -> dict[str, object]:
    """Sites with what was looked at, and the facts of profiles that was judged by."""
    return {
        "scope": ground.proofs.scope,
        "groups": [
            {"reason": _sentence(reason), "sites": sites}
            for reason, sites in _by_reason(own).items()
        ],
        "known": _facts(own),
        "assumed": list(assumed),
    }


def excused_facts(ground: Ground, own: Sequence[PlannedSite]) -> dict[str, object]:
    """Sites with the facts by which reclaim never meets the holder of what is held."""
    groups: dict[tuple[str, ...], list[PlannedSite]] = {}
    for planned in own:
        names = dict.fromkeys(str(one.danger) for one in _hazards(planned))
        groups.setdefault(tuple(names), []).append(planned)
    return {
        "scope": ground.proofs.scope,
        "groups": [_excused_group(sites) for sites in groups.values()],
        "known": _facts(own),
    }


def _hazards(planned: PlannedSite) -> Sequence[Hazard]:
    return planned.hazards.hazards if planned.hazards is not None else ()


def _excused_group(sites: Sequence[PlannedSite]) -> dict[str, object]:
    """Sites below the same locks: where reclaim takes them, once, and where each is taken."""
    rows = []
    for planned in sites:
        row = _row(planned)
        taken = (f"{one.danger} taken at {one.hold.taken}" for one in _hazards(planned))
        row["taken"] = ", ".join(taken)
        rows.append(row)
    waits = {one.danger: wait_words(one.wait) for one in _hazards(sites[0])}
    return {
        "locks": [str(danger) for danger in waits],
        "waits": [f"{danger}: {words}" for danger, words in waits.items()],
        "sites": rows,
    }


def _row(planned: PlannedSite) -> dict[str, str]:
    site = planned.site
    where = f" {site.function}()" if site.function else ""
    return {"place": f"{site.file}:{site.line}{where}"}


def _sentence(reason: str) -> str:
    """A reason as the start of a paragraph; paths keep their spelling."""
    head = reason.split(" ")[0]
    return reason if "/" in head or "(" in head else reason[:1].upper() + reason[1:]


def _widens(planned: PlannedSite) -> bool:
    decision = planned.decision
    return isinstance(decision, Converted) and FS_RECLAIM in decision.differences


def _by_reason(own: Sequence[PlannedSite]) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for planned in own:
        reason = planned.hazards.reason if planned.hazards is not None else ""
        row = _row(planned)
        witness = planned.scope.evidence.witness if planned.scope is not None else None
        row["way"] = "" if witness is None else chain_words(witness)
        found.setdefault(reason, []).append(row)
    return found


def _facts(own: Sequence[PlannedSite]) -> list[Fact]:
    """The facts of profiles that some answers rest on, each once."""
    known: dict[str, Fact] = {}
    for planned in own:
        if planned.hazards is not None:
            known |= {fact.id: fact for fact in planned.hazards.facts}
            excused = (one.excused for one in planned.hazards.hazards)
            known |= {fact.id: fact for fact in excused if fact is not None}
    return [known[name] for name in sorted(known)]
