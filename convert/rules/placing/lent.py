"""A lock that a function hands out to its caller, or gives back for it: where, on every way."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from pycparser import c_ast

from convert.flow.control import Role
from convert.rules.placing.body import Body
from convert.rules.placing.holding import Release, Shape, Taking, release_at, taking_at


@dataclass(frozen=True, eq=False)
class Lent:
    """The ends of what a function does with the lock.

    outs: the returns with which it hands the lock out. at_end: whether it does so at the end of its
    body. releases: where it gives its caller's lock back.
    """

    body: Body
    outs: tuple[c_ast.Return, ...]
    at_end: bool
    releases: tuple[Release, ...]

    def leads(self, start: int, to: int, without: Container[int] = ()) -> bool:
        """Whether a way leads from behind a point to another one, past some others."""
        edges = self.body.flow.edges
        waiting = [edge.to for edge in edges[start] if edge.to not in without]
        seen = set(waiting)
        while waiting:
            index = waiting.pop()
            if index == to:
                return True
            new = [e.to for e in edges[index] if e.to not in seen and e.to not in without]
            seen.update(new)
            waiting += new
        return False


def lent_of(body: Body, takes: Sequence[int], releases: Sequence[int], is_held: bool) -> Lent:
    """Follow a lock through a function that is entered with it or not.

    Raises Unplaceable where it may be held or not, and that matters.
    """
    taken = {one.point: one for one in (taking_at(body, offset) for offset in takes)}
    given = {one.point: one for one in (release_at(body, offset) for offset in releases)}
    for taking in taken.values():
        if taking.shape is not Shape.STATEMENT:
            text = f"whether {taking.call.callee}() took the lock depends on its result"
            raise body.stop(taking.call.span.start, text)
    if not is_held:
        return _handed_out(body, _states(body, taken, given), given)
    found = Lent(body, (), False, tuple(given.values()))
    for taking in taken.values():
        text = "the function takes the lock itself: which one it releases is not certain"
        raise body.stop(taking.call.span.start, text)
    for release in given.values():
        if any(found.leads(release.point, one) for one in given):
            text = "behind this line, the lock may be released once more"
            raise body.stop(release.call.span.start, text)
    return found


def _states(
    body: Body, taken: dict[int, Taking], given: dict[int, Release]
) -> dict[int, set[bool]]:
    """Whether the lock is held where each point starts."""
    states: dict[int, set[bool]] = {}
    waiting = [(0, False)]
    while waiting:
        index, held = waiting.pop()
        known = states.setdefault(index, set())
        if held in known:
            continue
        known.add(held)
        after = index in taken or (held and index not in given)
        waiting += [(edge.to, after) for edge in body.flow.edges[index]]
    return states


def _handed_out(body: Body, states: dict[int, set[bool]], given: dict[int, Release]) -> Lent:
    outs: list[c_ast.Return] = []
    at_end = False
    leave = body.flow.exit.index
    for point in body.flow.points:
        held = states.get(point.index, {False})
        if leave not in (edge.to for edge in body.flow.edges[point.index]) or held == {False}:
            continue
        where: c_ast.Node | int = body.item.span.end - 1
        if point.role is Role.RETURN and point.code is not None:
            where = point.code
        if len(held) > 1:
            raise body.stop(where, "this way out is reached with the lock held and without it")
        if isinstance(point.code, c_ast.Return):
            outs.append(point.code)
        elif point.index not in given:
            at_end = True
    return Lent(body, tuple(outs), at_end, ())


__all__ = ["Lent", "lent_of"]
