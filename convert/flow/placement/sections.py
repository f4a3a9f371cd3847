"""Sections of locks and handles as anchors, and which of them cannot both have a scope."""

from __future__ import annotations

from convert.flow.placement.graph import FunctionName, Step
from convert.flow.placement.model import Anchor, AnchorKind
from convert.flow.placement.paths import Section
from convert.flow.placement.ways import Ways


def anchor_of(section: Section) -> Anchor:
    """The anchor of a section of a lock or a handle."""
    handle = section.handle
    return Anchor(
        kind=AnchorKind.HANDLE if handle else AnchorKind.LOCK,
        path=section.function.path,
        function=section.function.name,
        start=section.function.start,
        opens=section.opens,
        closes=section.closes,
        structure=handle.structure if handle else "",
        member=handle.member if handle else "",
        ends=handle.ends if handle else (),
    )


def crossings(ways: Ways, handles: bool = True) -> dict[int, int]:
    """Sections (numbers) that overlap another one without nesting, with that other one.

    Two scopes there would not close in the reverse order of opening. Steps that no hazardous way
    takes do not count for locks: where one section has all the hazardous steps of both, the other
    one gets no scope. Of a lock and a handle that overlap so, one can have a scope: the handle if
    ``handles`` is set, else the lock.
    """
    found: dict[int, int] = {}
    sections = ways.graph.sections
    for one, other in _overlapping(ways):
        if anchor_of(sections[one]) == anchor_of(sections[other]):
            continue
        if sections[one].handle or sections[other].handle:
            continue
        for function in _functions(ways, one) & _functions(ways, other):
            here, there = _steps(ways, one, function), _steps(ways, other, function)
            if not (here <= there or there <= here):
                found.setdefault(one, other)
                found.setdefault(other, one)
    for one, other in _crossed(ways):
        found.setdefault(*((one, other) if handles else (other, one)))
    return found


def _crossed(ways: Ways) -> list[tuple[int, int]]:
    """Locks and the handles that they overlap with, without nesting."""
    fit = [number for number, one in enumerate(ways.graph.sections) if not one.unfit]
    of_handles = {
        ways.graph.sections[number].danger.name: number
        for number in fit
        if ways.graph.sections[number].handle
    }
    return [
        (number, of_handles[name])
        for number in fit
        if any(ways.ahead(step) for step in ways.graph.within[number])
        for name in sorted(ways.graph.sections[number].crosses)
        if name in of_handles
    ]


def _overlapping(ways: Ways) -> list[tuple[int, int]]:
    pairs: set[tuple[int, int]] = set()
    for sections in {step.sections for step in ways.graph.all_steps()}:
        fit = [one for one in sections if not ways.graph.sections[one].unfit]
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
