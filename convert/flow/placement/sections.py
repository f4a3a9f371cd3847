"""Sections of locks and handles as anchors, and which of them cannot both have a scope."""

from __future__ import annotations

from convert.flow.placement.graph import FunctionName, Step
from convert.flow.placement.model import Anchor, AnchorKind
from convert.flow.placement.paths import Section
from convert.flow.placement.ways import Ways

# What the member for the cookie is called; the name that include/linux/jbd2.h gave to its own.
COOKIE_MEMBER = "saved_alloc_context"


def anchor_of(section: Section) -> Anchor:
    """The anchor of a section of a lock or a handle."""
    closer = section.closer
    return Anchor(
        kind=AnchorKind.HANDLE if closer else AnchorKind.LOCK,
        path=section.function.path,
        function=section.function.name,
        start=section.function.start,
        opens=section.opens,
        closes=section.closes,
        structure=section.structure,
        member=COOKIE_MEMBER if closer else "",
        closer=(closer.path, closer.name, closer.start) if closer else None,
    )


def crossings(ways: Ways) -> dict[int, int]:
    """Sections (numbers) that overlap another one without nesting, with that other one.

    Two scopes there would not close in the reverse order of opening. Steps that no hazardous way
    takes do not count for locks: where one section has all the hazardous steps of both, the other
    one gets no scope. A handle may be needed elsewhere too, so it has to contain the lock.
    """
    found: dict[int, int] = {}
    sections = ways.graph.sections
    for one, other in _overlapping(ways):
        if anchor_of(sections[one]) == anchor_of(sections[other]):
            continue
        for function in _functions(ways, one) & _functions(ways, other):
            here, there = _steps(ways, one, function), _steps(ways, other, function)
            handles = [number for number in (one, other) if sections[number].closer]
            if not handles:
                if not (here <= there or there <= here):
                    found.setdefault(one, other)
                    found.setdefault(other, one)
            elif len(handles) == 2 or not (there <= here if one in handles else here <= there):
                for handle in handles:
                    found.setdefault(handle, other if handle == one else one)
    return found


def _overlapping(ways: Ways) -> list[tuple[int, int]]:
    pairs: set[tuple[int, int]] = set()
    for step in ways.graph.all_steps():
        fit = [one for one in step.sections if not ways.graph.sections[one].unfit]
        pairs |= {(one, other) for one in fit for other in fit if one < other}
    return sorted(pairs)


def _functions(ways: Ways, section: int) -> set[FunctionName]:
    return {ways.graph.function(step.caller) for step in ways.graph.within[section]}


def _steps(ways: Ways, section: int, function: FunctionName) -> set[Step]:
    return {
        step
        for step in ways.graph.within[section]
        if ways.graph.function(step.caller) == function and ways.ahead(step)
    }
