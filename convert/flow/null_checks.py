"""Whether the result of an allocation is compared with NULL before it is used.

All paths from the call on are followed through the function; what a path does with the places that
hold the result (and with copies of it) decides. Conditions are not evaluated: a path that exists in
the text counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pycparser import c_ast

from convert.flow.control import Flow, Point, Role, flow_of
from convert.flow.mentions import (
    Asserted,
    Assigned,
    Check,
    Copy,
    Leave,
    Meaning,
    Mentions,
    Use,
    depends,
)
from convert.source.parse import Item
from convert.source.text import SourceFile
from convert.source.variants import Call, Node, Variant


@dataclass(frozen=True)
class Checked:
    """The result is compared with NULL in this line, and never used before a check."""

    line: int


@dataclass(frozen=True)
class Unchecked:
    """Some path uses the result in this line without a check before; ``how`` says as what.

    ``asserted``: the line of an assertion on the way, which is no check, or None.
    """

    line: int
    how: str
    asserted: int | None = None


@dataclass(frozen=True)
class Escapes:
    """The result leaves the sight of the function in this line; ``how`` says where to."""

    line: int
    how: str


@dataclass(frozen=True)
class Unknown:
    """Nothing can be said, and why."""

    why: str


NullCheck = Checked | Unchecked | Escapes | Unknown


def null_check(
    source: SourceFile, variant: Variant, call: Call, frees: frozenset[str]
) -> NullCheck:
    """What becomes of the result of ``call`` in one variant of its function.

    ``frees``: functions that accept NULL. A use on any path makes it `Unchecked`, or else a check
    on any path `Checked`.
    """
    root = variant.root
    if not isinstance(root, c_ast.FuncDef):
        return Unknown("the call is in no function")
    follower = _Follower(Mentions(source, variant, frees), call, flow_of(root.body))
    return follower.result()


def null_check_of_item(
    source: SourceFile, item: Item, call: Call, frees: frozenset[str]
) -> NullCheck:
    """The same over all ``#if`` variants that have the call: the worst of what they say."""
    found = [
        null_check(source, variant, other, frees)
        for variant in item.variants
        for other in variant.calls
        if other.callee_span == call.callee_span
    ]
    for kind in (Unchecked, Unknown, Escapes, Checked):
        for verdict in found:
            if isinstance(verdict, kind):
                return verdict
    return Unknown("the call is in no variant of its function")


@dataclass
class _Outcomes:
    """What the paths came to, by kind; the first of each kind in the order of the text."""

    uses: list[Unchecked] = field(default_factory=list)
    checks: list[Checked] = field(default_factory=list)
    losses: list[int] = field(default_factory=list)
    leaves: list[Escapes] = field(default_factory=list)

    def verdict(self, otherwise: NullCheck) -> NullCheck:
        if self.uses:
            return min(self.uses, key=lambda use: (use.line, use.how))
        if self.checks:
            return min(self.checks, key=lambda check: check.line)
        if self.losses:
            return Unknown(f"assigned again in line {min(self.losses)} before any check")
        return min(self.leaves, key=lambda leave: (leave.line, leave.how), default=otherwise)


@dataclass(frozen=True)
class _State:
    """The places that hold the result, and the line of an assertion seen."""

    places: frozenset[str]
    asserted: int | None = None


class _Follower:
    def __init__(self, mentions: Mentions, call: Call, flow: Flow) -> None:
        self.mentions = mentions
        self.call = call
        self.flow = flow
        self.outcomes = _Outcomes()

    def result(self) -> NullCheck:
        start = self._point()
        if start is None:
            return Unknown("the call is not part of the function's statements")
        targets, node = self._stored()
        decided = self._at_once(node)
        if decided is not None:
            return decided
        if not targets:
            return Unknown("the result is not stored in a variable or field")
        behind = self.mentions.variant.span_of(node).end
        state = self._step(start.code, _State(frozenset(targets)), behind)
        if state is not None:
            self._follow(start, state)
        line = self.mentions.line(self.call.node)
        left = Escapes(line, f"stored in {targets[0]} and not looked at again here")
        return self.outcomes.verdict(left)

    def _point(self) -> Point | None:
        """The point of the flow that evaluates the call."""
        by_code = {id(point.code): point for point in self.flow.points if point.code is not None}
        node: Node | None = self.call.node
        while node is not None and id(node) not in by_code:
            node = self.mentions.variant.parent_of(node)
        return by_code[id(node)] if node is not None else None

    def _stored(self) -> tuple[list[str], Node]:
        """Where the expression around the call stores the result, and the outermost assignment."""
        targets: list[str] = []
        node = self.call.node
        while isinstance(meaning := self.mentions.meaning(node), Copy):
            targets.insert(0, meaning.target)
            node = meaning.by
            if not isinstance(node, c_ast.Assignment):  # its value goes nowhere else
                break
        return targets, node

    def _at_once(self, node: Node) -> NullCheck | None:
        """The verdict if the expression that holds the result is itself tested or used."""
        if node is not self.call.node and not isinstance(node, c_ast.Assignment):
            return None
        line = self.mentions.line(node)
        match self.mentions.meaning(node):
            case Check():
                return Checked(line)
            case Use(how):
                return Unchecked(line, f"{how} at once")
            case Leave(how):
                return Escapes(line, how)
        return None

    def _follow(self, start: Point, state: _State) -> None:
        """All paths from a point on; each point is visited once in each state."""
        waiting = [(edge.to, state) for edge in self.flow.edges[start.index]]
        seen: set[tuple[int, _State]] = set()
        while waiting:
            index, before = waiting.pop()
            if (index, before) in seen:
                continue
            seen.add((index, before))
            point = self.flow.points[index]
            after = self._round(point.code, before) if point.role is Role.LOOP else before
            if after is not None and point.code is not None:
                after = self._step(point.code, after)
            if after is not None and point is not start:  # there is another result behind it
                waiting += [(edge.to, after) for edge in self.flow.edges[index]]

    def _round(self, call: Node, state: _State) -> _State | None:
        """The head of a macro loop: it gives the variables that it names other values."""
        arguments = call.args.exprs if call.args is not None else []
        cursors = [self.mentions.text(a) for a in arguments if isinstance(a, c_ast.ID)]
        kept = [p for p in state.places if not any(depends(p, cursor) for cursor in cursors)]
        if not kept:
            self.outcomes.losses.append(self.mentions.line(call))
            return None
        return replace(state, places=frozenset(kept))

    def _step(self, code: Node, state: _State, behind: int = 0) -> _State | None:
        """The state behind a piece of code, of which what ends before ``behind`` is past.

        None if the path is decided; its outcome is noted then.
        """
        done: set[int] = set()
        while True:
            following = self._next(code, state, behind, done)
            if following is None:
                return state
            node, meaning = following
            done.add(id(node))
            if isinstance(meaning, Copy):
                done.add(id(meaning.by))
            after = self._after(node, meaning, state)
            if after is None:
                return None
            state = after

    def _next(
        self, code: Node, state: _State, behind: int, done: set[int]
    ) -> tuple[Node, Meaning] | None:
        for node, meaning in self.mentions.inside(code, state.places):
            if id(node) not in done and self.mentions.variant.span_of(node).end > behind:
                return node, meaning
        return None

    def _after(self, node: Node, meaning: Meaning, state: _State) -> _State | None:
        line = self.mentions.line(node)
        match meaning:
            case Check():
                self.outcomes.checks.append(Checked(line))
                return None
            case Use(how):
                self.outcomes.uses.append(Unchecked(line, how, state.asserted))
                return None
            case Leave(how):
                self.outcomes.leaves.append(Escapes(line, how))
                return None
            case Copy(target):
                return replace(state, places=state.places | {target})
            case Asserted():
                return replace(state, asserted=line)
            case Assigned(target):
                kept = frozenset(p for p in state.places if not depends(p, target))
                if not kept:
                    self.outcomes.losses.append(line)
                    return None
                return replace(state, places=kept)
        return state
