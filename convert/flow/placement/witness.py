"""A way from the outside through a critical section to an allocation in it, for messages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from convert.flow.graph.model import Place, Root
from convert.flow.hazards.model import Danger, Hold
from convert.flow.placement.graph import Graph, Step
from convert.flow.placement.ways import Ways
from convert.flow.scopes.model import Chain, Frame


def hold_through(ways: Ways, sections: Iterable[int], danger: Danger) -> Hold | None:
    """The shortest way on which a section's own lock is held at an allocation; None if unknown."""
    found = [
        hold
        for number in sections
        if ways.graph.sections[number].danger == danger and ways.graph.sections[number].call
        if (hold := _hold(ways, number)) is not None
    ]
    return min(found, key=lambda hold: len(hold.chain.frames), default=None)


def _hold(ways: Ways, number: int) -> Hold | None:
    graph, section = ways.graph, ways.graph.sections[number]
    bit = ways.bits([section.danger])
    inside = [step for step in graph.within[number] if ways.ahead(step) & bit]
    behind = _forwards(ways, inside, bit)
    if not behind:
        return None
    root, before = _backwards(graph, behind[0].caller)
    if root is None:
        return None
    frames = tuple(_frame(graph, step) for step in (*before, *behind))
    taken = Place(section.function.path, section.line)
    return Hold(section.danger, Chain(root, frames, False), len(before), taken, section.call)


def _forwards(ways: Ways, first: Iterable[Step], bit: int) -> list[Step]:
    """The shortest way on to an allocation at which the danger (its bit) matters."""

    def ends(step: Step) -> bool:
        return bool(ways.bits(ways.hazards(step)) & bit)

    return _shortest(first, lambda step: ways.graph.steps[step.target], ends)


def _backwards(graph: Graph, node: int) -> tuple[Root | None, list[Step]]:
    """The root that leads to a node along the fewest calls, and the calls."""
    roots: dict[int, Root] = {}
    for start, one in graph.starts:
        if one.root is not None:
            roots.setdefault(start, one.root)
    if node in roots:
        return roots[node], []
    way = _shortest(
        graph.callers[node], lambda step: graph.callers[step.caller], lambda s: s.caller in roots
    )
    return (roots[way[-1].caller], way[::-1]) if way else (None, [])


def _shortest(
    first: Iterable[Step], following: Callable[[Step], Iterable[Step]], ends: Callable[[Step], bool]
) -> list[Step]:
    """A shortest sequence of steps, breadth first; empty if none ends."""
    before: dict[Step, Step | None] = dict.fromkeys(first)
    waiting = deque(before)
    while waiting:
        step: Step | None = waiting.popleft()
        assert step is not None
        if ends(step):
            found: list[Step] = []
            while step is not None:
                found.append(step)
                step = before[step]
            return found[::-1]
        for one in following(step) if step.target >= 0 else ():
            if one not in before:
                before[one] = step
                waiting.append(one)
    return []


def _frame(graph: Graph, step: Step) -> Frame:
    """A step as a frame of a chain."""
    path, _, name = graph.function(step.caller)
    return Frame(name, Place(path, step.call.line))
