"""The sentences of a placement: reasons and alternatives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convert.flow.graph.model import Place
from convert.flow.hazards.model import Danger, SiteHazards
from convert.flow.placement.graph import danger_key
from convert.flow.placement.model import Anchor, AnchorKind, HandleEnd
from convert.flow.placement.paths import Function, Section
from convert.flow.placement.sections import anchor_of
from convert.flow.placement.ways import Way, Ways


def anchor_text(anchor: Anchor, dangers: Iterable[Danger]) -> str:
    """What a scope would span, in one phrase."""
    names = ", ".join(str(one) for one in sorted(dangers, key=danger_key))
    match anchor.kind:
        case AnchorKind.LOCK:
            return f"{anchor.function}(), while {names} is held"
        case AnchorKind.HANDLE:
            opened, closed = ends_words(anchor.openers), ends_words(anchor.closers)
            return f"from {opened} to {closed}, the cookie in {anchor.structure}"
        case AnchorKind.WORKER:
            return f"the whole of {anchor.function}(), which reclaim waits for"
        case AnchorKind.PHASE:
            return f"the whole of {anchor.function}(), under {names}"


def ends_words(ends: Iterable[HandleEnd]) -> str:
    """The functions that open or close a handle."""
    return " or ".join(f"{end.function}()" for end in ends)


def uncut_reason(ways: Ways, way: Way, site: SiteHazards, crossed: dict[int, int]) -> str:
    """Why no scope is placed on a way."""
    names = ", ".join(str(one) for one in sorted(way.dangers, key=danger_key))
    frames = " > ".join(
        f"{ways.graph.nodes[step.caller].function.name}@{step.call.line}" for step in way.steps
    )
    taken = [
        str(one.hold.taken)
        for one in site.hazards
        if one.danger in way.dangers - way.start.held and not one.excused
    ]
    since = f", taken at {taken[0]}" if taken else ""
    why = "; ".join(_obstacles(ways, way, crossed)) or _none_there(way)
    place = Place(site.site.path, site.site.line)
    return f"{place}: reached with {names} held{since}, by {frames}, and no scope fits: {why}"


def unseen_reason(site: SiteHazards, dangers: Iterable[Danger]) -> str:
    """Why no scope is placed for a hazard that no way shows."""
    names = ", ".join(str(one) for one in sorted(dangers, key=danger_key))
    return (
        f"{site.site.path}:{site.site.line}: no way on which {names or 'a danger'} is held could "
        f"be followed from where it is taken, so no scope can be shown to cover all"
    )


def _obstacles(ways: Ways, way: Way, crossed: dict[int, int]) -> Sequence[str]:
    """What is against the sections and the worker that hold the dangers, the nearest first."""
    found: list[str] = []
    if way.start.worker and way.start.held and way.start.node.function.unfit:
        found.append(way.start.node.function.unfit)
    for step in way.steps:
        for number in step.sections:
            section = ways.graph.sections[number]
            if section.danger not in way.dangers:
                continue
            if section.unfit:
                found.append(section.unfit)
            elif number in crossed:
                found.append(_crossing(section, ways.graph.sections[crossed[number]]))
    return list(dict.fromkeys(reversed(found)))


def _crossing(one: Section, other: Section) -> str:
    if anchor_of(other).kind is AnchorKind.HANDLE:
        what = f"the handle of {other.function.name}()"
    else:
        what = f"{other.danger} from line {other.line}"
    return (
        f"{one.function.path}:{one.line}: {one.danger} and {what} overlap in "
        f"{one.function.name}() without nesting, so two scopes would not close in turn"
    )


def _none_there(way: Way) -> str:
    function: Function = way.start.node.function
    where = f"{function.path}:{function.line}"
    if way.dangers & way.start.held:
        return f"{where}: it is held already when {function.name}() is called from outside"
    return f"{where}: it is not taken and released in one function below {function.name}()"
