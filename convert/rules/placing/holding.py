"""Where a lock is held inside of a function, on every way.

Whether a call took the lock that may fail to do so is told by what follows: a way on which the lock
is always released took it, one on which it never is did not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, Flag, auto
from functools import cached_property

from pycparser import c_ast

from convert.flow.control import Edge, Point, Role
from convert.flow.terms import place_text, strip
from convert.rules.placing.body import Body
from convert.source.nodes import CodeArgument, nodes_of
from convert.source.variants import Call


class Ahead(Flag):
    """What the ways from a point meet first."""

    NOTHING = 0
    CLOSE = auto()
    OPEN = auto()
    EXIT = auto()


class Held(Enum):
    """Whether the lock is held where a point starts."""

    NO = "not held"
    YES = "held"
    MAYBE = "held if it was taken"  # between a call that may fail and the test of its result


class Shape(Enum):
    """How a call stands in the code."""

    STATEMENT = "statement"  # its result is not looked at
    RESULT = "result"  # assigned to a variable
    TEST = "test"  # in a condition


@dataclass(frozen=True)
class Taking:
    """A call that takes the lock, the point that makes it, and the statement that it stands in."""

    call: Call
    point: int
    shape: Shape
    statement: c_ast.Node


@dataclass(frozen=True)
class Release:
    """A call that releases the lock; ``statement`` is the one it is."""

    call: Call
    point: int
    statement: c_ast.Node


@dataclass(frozen=True)
class Holding:
    """The states of a function: ``at`` by point; points that nothing reaches are left out."""

    takings: tuple[Taking, ...]
    releases: tuple[Release, ...]
    at: Mapping[int, Held]


def holding_of(body: Body, opens: Sequence[int], closes: Sequence[int]) -> Holding:
    """Follow a lock through a function. Raises Unplaceable where it cannot be followed."""
    takings = tuple(taking_at(body, offset) for offset in opens)
    releases = tuple(release_at(body, offset) for offset in closes)
    return _Search(body, takings, releases).holding()


def taking_at(body: Body, offset: int) -> Taking:
    """The call at an offset that takes a lock. Raises Unplaceable in a larger expression."""
    call = body.call_at(offset)
    point = _point(body, call)
    code, role = body.flow.points[point].code, body.flow.points[point].role
    name = call.callee or "the call"
    _refuse_conditional(body, call.node, code)
    statement = body.statement(call.node)
    if role is Role.TEST:
        return Taking(call, point, Shape.TEST, statement)
    if role is Role.STEP and strip(code) is call.node and body.is_plain(statement):
        return Taking(call, point, Shape.STATEMENT, statement)
    if role is Role.STEP and _assigned(code, call.node):
        return Taking(call, point, Shape.RESULT, statement)
    raise body.stop(offset, f"{name}() takes the lock inside of a larger expression")


def _assigned(code: c_ast.Node, call: c_ast.Node) -> bool:
    match code:
        case c_ast.Assignment(op="=", rvalue=value) | c_ast.Decl(init=value) if value is not None:
            return strip(value) is call
    return False


def release_at(body: Body, offset: int) -> Release:
    """The call at an offset that releases a lock. Raises Unplaceable in a larger expression."""
    call = body.call_at(offset)
    point = _point(body, call)
    code = body.flow.points[point].code
    statement = body.statement(call.node)
    whole = code.expr if isinstance(code, c_ast.Return) else code
    plain = body.is_plain(statement) or isinstance(code, c_ast.Return)
    if whole is None or not plain or not (strip(whole) is call.node or _assigned(whole, call.node)):
        name = call.callee or "the call"
        raise body.stop(offset, f"{name}() releases the lock inside of a larger expression")
    return Release(call, point, statement)


def is_idle(node: c_ast.Node) -> bool:
    """Whether a statement is a declaration that calls nothing."""
    return isinstance(node, c_ast.Decl) and not any(
        isinstance(part, c_ast.FuncCall) for part in nodes_of(node)
    )


def _point(body: Body, call: Call) -> int:
    point = body.points.get(id(call.node))
    if point is None:
        raise body.stop(call.span.start, f"when {call.callee}() is called is not known")
    return point


def _refuse_conditional(body: Body, node: c_ast.Node, code: c_ast.Node | None) -> None:
    """Refuse a call that its own expression may leave out."""
    child = node
    parent = body.parent(node)
    while child is not code and parent is not None:
        optional = isinstance(parent, c_ast.TernaryOp) and parent.cond is not child
        short = isinstance(parent, c_ast.BinaryOp) and parent.op in ("&&", "||")
        if optional or short or isinstance(parent, (c_ast.Compound, CodeArgument, c_ast.Typename)):
            raise body.stop(node, "whether the call is made depends on the expression around it")
        child, parent = parent, body.parent(parent)


class _Search:
    def __init__(
        self, body: Body, takings: tuple[Taking, ...], releases: tuple[Release, ...]
    ) -> None:
        self.body = body
        self.takings = takings
        self.releases = releases
        self.opens = {taking.point: taking for taking in takings}
        self.closes = {release.point: release for release in releases}
        self.at: dict[int, set[Held]] = {0: {Held.NO}}
        self.found: list[tuple[int, str]] = []  # what is wrong, by offset

    def holding(self) -> Holding:
        both = self.opens.keys() & self.closes.keys()
        if both or len(self.opens) < len(self.takings) or len(self.closes) < len(self.releases):
            call = self.takings[0].call
            text = "one expression takes or releases the lock twice"
            raise self.body.stop(call.span.start, text)
        waiting = [(0, Held.NO)]
        while waiting:
            index, state = waiting.pop()
            for edge, after in self.after(self.body.flow.points[index], state):
                known = self.at.setdefault(edge.to, set())
                if after not in known:
                    known.add(after)
                    waiting.append((edge.to, after))
        self.check()
        if self.found:
            offset, text = min(self.found, key=lambda one: one[0])
            raise self.body.stop(offset, text)
        states = {index: next(iter(known)) for index, known in self.at.items()}
        return Holding(self.takings, self.releases, states)

    # -- what lies ahead -----------------------------------------------------------------------

    @cached_property
    def ahead(self) -> list[Ahead]:
        """For each point what the ways from it meet first."""
        flow = self.body.flow
        found = [Ahead.NOTHING for _ in flow.points]
        fixed = {flow.exit.index: Ahead.EXIT}
        fixed |= dict.fromkeys(self.opens, Ahead.OPEN) | dict.fromkeys(self.closes, Ahead.CLOSE)
        changed = True
        while changed:
            changed = False
            for point in reversed(flow.points):
                value = fixed.get(point.index, Ahead.NOTHING)
                if point.index not in fixed:
                    for edge in flow.edges[point.index]:
                        value |= found[edge.to]
                if value != found[point.index]:
                    found[point.index] = value
                    changed = True
        return found

    # -- states --------------------------------------------------------------------------------

    def after(self, point: Point, state: Held) -> list[tuple[Edge, Held]]:
        """The states behind a point, by the edges out of it; none behind what is wrong."""
        edges = self.body.flow.edges[point.index]
        if point.index in self.opens:
            return self.taken(self.opens[point.index], state)
        if point.index in self.closes:
            self.released(self.closes[point.index], state)
            return [(edge, Held.NO) for edge in edges]
        if state is not Held.MAYBE:
            return [(edge, state) for edge in edges]
        idle = point.code is None or is_idle(point.code)
        if not idle and not self.tests(point):
            name = self.takings[0].call.callee
            text = f"whether {name}() took the lock is not known here: not all ways on release it"
            return self.wrong(self.body.routine.offset(point.code), text)
        return [(edge, self.resolved(edge.to)) for edge in edges]

    def taken(self, taking: Taking, state: Held) -> list[tuple[Edge, Held]]:
        if state is not Held.NO:
            text = f"{taking.call.callee}() takes the lock while it is {state.value} already"
            return self.wrong(taking.call.span.start, text)
        edges = self.body.flow.edges[taking.point]
        if taking.shape is Shape.STATEMENT:
            return [(edge, Held.YES) for edge in edges]
        after = [(edge, self.resolved(edge.to)) for edge in edges]
        if all(held is Held.NO for _, held in after):
            text = f"{taking.call.callee}() takes the lock, which no way from here releases"
            return self.wrong(taking.call.span.start, text)
        return after

    def released(self, release: Release, state: Held) -> None:
        if state is Held.YES:
            return
        text = f"{release.call.callee}() releases the lock, which is {state.value} there"
        if state is Held.NO:
            text = f"{release.call.callee}() releases a lock that this function has not taken"
        self.wrong(release.call.span.start, text)

    def wrong(self, offset: int, text: str) -> list[tuple[Edge, Held]]:
        """Note what is in the way; nothing follows it."""
        self.found.append((offset, text))
        return []

    def resolved(self, index: int) -> Held:
        """What the ways ahead tell about a taking that may have failed."""
        ahead = self.ahead[index]
        if Ahead.CLOSE not in ahead:
            return Held.NO
        return Held.YES if ahead is Ahead.CLOSE else Held.MAYBE

    def tests(self, point: Point) -> bool:
        """Whether a point tests a result that tells if the lock was taken."""
        places = {place_text(node) for node in nodes_of(point.code)}
        return point.role is Role.TEST and not places.isdisjoint(self.results)

    @cached_property
    def results(self) -> frozenset[str]:
        """The places that hold the results of takings."""
        codes = [self.body.flow.points[index].code for index in self.opens]
        found = {place_text(code.lvalue) for code in codes if isinstance(code, c_ast.Assignment)}
        found |= {code.name for code in codes if isinstance(code, c_ast.Decl)}
        return frozenset(name for name in found if name is not None)

    # -- refusals ------------------------------------------------------------------------------

    def check(self) -> None:
        """One state everywhere, none at the exit, and every call can be reached."""
        for index, known in self.at.items():
            if len(known) > 1 and index != self.body.flow.exit.index:
                text = "this line is reached with the lock held and without it"
                self.found.insert(0, (self.offset_of(index), text))
        if self.at.get(self.body.flow.exit.index, {Held.NO}) != {Held.NO}:
            self.note_lost()
        calls = {one.point: one.call for one in self.takings}
        calls |= {one.point: one.call for one in self.releases}
        for point, call in calls.items():
            if point not in self.at and not self.found:
                self.wrong(call.span.start, f"no way leads to this call of {call.callee}()")

    def offset_of(self, index: int) -> int:
        """Where a point stands in the text; where ways only meet, what follows."""
        for point in self.body.flow.points[index:]:
            if point.code is not None:
                return self.body.routine.offset(point.code)
        return self.body.item.span.end - 1

    def note_lost(self) -> None:
        """The ways out on which the lock stays held."""
        flow, leave = self.body.flow, self.body.flow.exit.index
        line = self.body.line(self.takings[0].call.span.start)
        text = f"the lock taken in line {line} is still held on this way out"
        ends = [
            point
            for point in flow.points
            if leave in (edge.to for edge in flow.edges[point.index])
            and point.index not in self.closes
            and self.at.get(point.index, {Held.NO}) != {Held.NO}
        ]
        for point in ends:
            if point.role is Role.RETURN:
                self.wrong(self.body.routine.offset(point.code), text)
        if all(point.role is not Role.RETURN for point in ends):
            self.wrong(self.body.item.span.end - 1, text)


__all__ = ["Held", "Holding", "Release", "Shape", "Taking", "holding_of", "release_at", "taking_at"]
