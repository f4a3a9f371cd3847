"""Whether a function closes each scope that it opens, on every path, with the right cookie.

The function's paths are followed with the scopes that are open, innermost last, and with what each
variable that holds a cookie is worth. Tests that occur more than once are taken to agree with each
other (``if (locked) save … if (locked) restore``) until one of their variables is assigned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.control import Point, Role
from convert.flow.provenance.names import Names, ScopeCall
from convert.flow.terms import (
    arguments,
    call_name,
    place_text,
    root_name,
    spelled,
    strip,
)
from convert.source.nodes import nodes_of
from convert.verify.review.scopes import inner_first

_MOST_STATES = 200


class FaultKind(Enum):
    """How a scope is out of balance."""

    NOT_RESTORED = "not restored"
    DROPPED = "cookie dropped"
    OVERWRITTEN = "cookie overwritten"
    CONSTANT = "constant cookie"
    UNSET = "cookie not set"
    OTHER_SCOPE = "cookie of another scope"
    NOT_OPEN = "not open"
    TOO_MANY_PATHS = "too many paths"


@dataclass(frozen=True)
class Fault:
    """One fault: at a line, about a kind of scope."""

    kind: FaultKind
    scope: str
    line: int
    text: str


@dataclass(frozen=True)
class _Worth:
    """What a cookie variable holds: the cookie of a save, a constant, nothing, or who knows."""

    save: int | None = None
    constant: str = ""
    unset: bool = False


_ELSEWHERE = _Worth()


@dataclass(frozen=True)
class _State:
    """Open scopes by the offset of their save, cookies by name, tests by text."""

    open: tuple[int, ...] = ()
    cookies: frozenset[tuple[str, _Worth]] = frozenset()
    truths: frozenset[tuple[str, bool]] = frozenset()

    def cookie(self, name: str) -> _Worth | None:
        return dict(self.cookies).get(name)

    def with_cookie(self, name: str, worth: _Worth) -> _State:
        kept = {pair for pair in self.cookies if pair[0] != name}
        return replace(self, cookies=frozenset(kept | {(name, worth)}))

    def without(self, save: int) -> _State:
        """The state with a scope closed."""
        return replace(self, open=tuple(one for one in self.open if one != save))


def scope_faults(routine: Routine, names: Names) -> tuple[Fault, ...]:
    """The faults of a function's scopes, in the order of the text."""
    if not any(call.callee in names.scopes for call in routine.variant.calls):
        return ()
    return _Balance(routine, names).run()


@dataclass
class _Balance:
    routine: Routine
    names: Names
    kinds: dict[int, str] = field(default_factory=dict)  # of each save, by offset
    faults: dict[tuple[FaultKind, int, str], Fault] = field(default_factory=dict)

    def run(self) -> tuple[Fault, ...]:
        flow = self.routine.flow
        known: dict[int, set[_State]] = {0: {_State()}}
        waiting = [(0, _State())]
        while waiting:
            index, state = waiting.pop()
            point = flow.points[index]
            after = self.point(point, state)
            if point.role is Role.EXIT:
                continue
            for edge in flow.edges[index]:
                following = self.decided(point, after, edge.truth)
                if following is None:
                    continue
                if edge.to == flow.exit.index:
                    self.leave(point, following)
                    continue
                states = known.setdefault(edge.to, set())
                if following not in states:
                    states.add(following)
                    waiting.append((edge.to, following))
                if len(states) > _MOST_STATES:
                    line = self.routine.line(self.routine.variant.root)
                    text = "its paths are too many to follow"
                    return (Fault(FaultKind.TOO_MANY_PATHS, "", line, text),)
        return tuple(sorted(self.faults.values(), key=lambda fault: (fault.line, fault.text)))

    def fault(self, kind: FaultKind, scope: str, node: c_ast.Node | None, text: str) -> None:
        line = self.routine.last_line if node is None else self.routine.line(node)
        self.faults.setdefault((kind, line, text), Fault(kind, scope, line, text))

    # -- paths ---------------------------------------------------------------------------------

    def decided(self, point: Point, state: _State, truth: bool | None) -> _State | None:
        """The state on an edge; None if an equal test before went the other way."""
        if truth is None or point.role is not Role.TEST or point.code is None:
            return state
        text = spelled(point.code, {})
        if text not in self.repeated:
            return state
        if (text, not truth) in state.truths:
            return None
        return replace(state, truths=state.truths | {(text, truth)})

    @cached_property
    def repeated(self) -> frozenset[str]:
        """Tests without calls that occur more than once, as text."""
        counted = Counter(
            spelled(point.code, {})
            for point in self.routine.flow.points
            if point.role is Role.TEST
            and not any(
                isinstance(n, (c_ast.FuncCall, c_ast.Assignment)) for n in nodes_of(point.code)
            )
        )
        return frozenset(text for text, number in counted.items() if number > 1)

    def point(self, point: Point, state: _State) -> _State:
        if point.role is Role.RETURN and point.code is not None:
            return self.returned(point.code, state)
        for node in inner_first(point.code):
            state = self.node(node, state)
        return state

    def returned(self, node: c_ast.Return, state: _State) -> _State:
        """A cookie that is returned leaves its scope open for the caller."""
        inner = strip(node.expr) if node.expr is not None else None
        if inner is not None and self.call(inner) is not None:
            return state
        for part in inner_first(inner):
            state = self.node(part, state)
        for name in self.names_in(inner):
            state = self.handed_on(name, state)
        return state

    def leave(self, point: Point, state: _State) -> None:
        """An exit: what is still open, with its cookie in a local variable, is lost."""
        held = {worth.save: name for name, worth in state.cookies if worth.save is not None}
        for save in state.open:
            name = held.get(save, "")
            if not self.routine.is_local(name):
                continue
            kind = self.kinds[save]
            where = self.routine.source.line(save)
            text = f"the {kind} scope opened in line {where} is not closed on this way out"
            node = point.code if point.role is Role.RETURN else None
            self.fault(FaultKind.NOT_RESTORED, kind, node, text)

    # -- what happens at a point ---------------------------------------------------------------

    def call(self, node: c_ast.Node) -> ScopeCall | None:
        return self.names.scopes.get(call_name(node) or "")

    def node(self, node: c_ast.Node, state: _State) -> _State:
        call = self.call(node)
        if call is not None:
            return self.opened(node, call, state) if call.opens else self.closed(node, call, state)
        if isinstance(node, c_ast.FuncCall):
            for argument in arguments(node):
                for name in self.names_in(argument):
                    state = self.handed_on(name, state)
            return state
        if isinstance(node, c_ast.Assignment):
            return self.assigned(place_text(node.lvalue), node.rvalue, state, node.op)
        if isinstance(node, c_ast.Decl) and node.init is not None:
            return self.assigned(node.name, node.init, state)
        if isinstance(node, c_ast.UnaryOp) and node.op in ("++", "--", "p++", "p--"):
            return self.forgotten(root_name(node.expr), state)
        return state

    def opened(self, node: c_ast.Node, call: ScopeCall, state: _State) -> _State:
        offset = self.routine.offset(node)
        self.kinds[offset] = call.kind
        save = call_name(node)
        parent = self.routine.variant.parent_of(node)
        while isinstance(parent, c_ast.Cast):
            node, parent = parent, self.routine.variant.parent_of(parent)
        target = None
        if isinstance(parent, c_ast.Assignment) and parent.rvalue is node and parent.op == "=":
            target = place_text(parent.lvalue)
        elif isinstance(parent, c_ast.Decl):
            target = str(parent.name)
        elif isinstance(parent, (c_ast.Return, c_ast.ExprList, c_ast.NamedInitializer)):
            return state  # handed on
        if target is None:
            text = f"the result of {save}() is dropped"
            self.fault(FaultKind.DROPPED, call.kind, node, text)
            return state
        held = state.cookie(target)
        if held is not None and held.save is not None and held.save in state.open:
            where = self.routine.source.line(held.save)
            text = f"{target} still holds the cookie of the scope opened in line {where}"
            self.fault(FaultKind.OVERWRITTEN, call.kind, node, text)
            state = state.without(held.save)
        state = replace(state, open=(*state.without(offset).open, offset))
        return state.with_cookie(target, _Worth(save=offset))

    def closed(self, node: c_ast.Node, call: ScopeCall, state: _State) -> _State:
        given = arguments(node)
        argument = strip(given[0]) if given else None
        name = place_text(argument) if argument is not None else None
        if isinstance(argument, c_ast.Constant):
            worth = _Worth(constant=str(argument.value))
        else:
            worth = self.worth(name, state)
        what = f"{call_name(node)}({name or (worth.constant or '...')})"
        if worth.save is not None:
            return self.closed_by(node, call, worth.save, what, state)
        top = next((s for s in reversed(state.open) if self.kinds[s] == call.kind), None)
        if worth.constant:
            text = f"{what}: the cookie is the constant {worth.constant}"
            self.fault(FaultKind.CONSTANT, call.kind, node, text)
        elif worth.unset:
            self.fault(FaultKind.UNSET, call.kind, node, f"{what}: {name} was never set")
        elif top is not None:
            where = self.routine.source.line(top)
            text = f"{what} closes the scope opened in line {where}, whose cookie it is not given"
            self.fault(FaultKind.OTHER_SCOPE, call.kind, node, text)
        return state if top is None else state.without(top)

    def closed_by(
        self, node: c_ast.Node, call: ScopeCall, save: int, what: str, state: _State
    ) -> _State:
        """A restore with the cookie of a save of this function."""
        where = self.routine.source.line(save)
        kind = self.kinds[save]
        if save not in state.open:
            text = f"{what}: the scope opened in line {where} is closed already"
            self.fault(FaultKind.NOT_OPEN, call.kind, node, text)
            return state
        if kind != call.kind:
            text = f"{what}: the cookie is that of the {kind} scope opened in line {where}"
            self.fault(FaultKind.OTHER_SCOPE, call.kind, node, text)
        elif state.open[-1] != save:
            inner = self.routine.source.line(state.open[-1])
            text = (
                f"{what}: the cookie is that of the scope opened in line {where}, but the one "
                f"opened in line {inner} is inside of it and still open"
            )
            self.fault(FaultKind.OTHER_SCOPE, call.kind, node, text)
        return state.without(save)

    # -- cookies -------------------------------------------------------------------------------

    def worth(self, name: str | None, state: _State) -> _Worth:
        if name is None:
            return _ELSEWHERE
        known = state.cookie(name)
        if known is not None:
            return known
        local = self.routine.is_local(name) and name not in self.routine.parameters
        return _Worth(unset=True) if local else _ELSEWHERE

    def assigned(self, name: str | None, value: c_ast.Node, state: _State, op: str = "=") -> _State:
        state = self.forgotten(name.removeprefix("*") if name else None, state)
        value = strip(value)
        if name is None or self.call(value) is not None:
            return state
        source = place_text(value)
        held = state.cookie(source) if source is not None else None
        if op == "=" and held is not None and held.save is not None:
            if self.routine.is_local(name):
                return state.with_cookie(name, held)
            return self.handed_on(source or "", state).with_cookie(name, _ELSEWHERE)
        if name not in self.cookie_names:
            return state
        before = state.cookie(name)
        if before is not None and before.save is not None and before.save in state.open:
            where = self.routine.source.line(before.save)
            if self.routine.is_local(name):
                text = f"{name} holds the cookie of the scope opened in line {where}"
                self.fault(FaultKind.OVERWRITTEN, self.kinds[before.save], value, text)
            state = state.without(before.save)
        constant = str(value.value) if isinstance(value, c_ast.Constant) and op == "=" else ""
        return state.with_cookie(name, _Worth(constant=constant))

    def handed_on(self, name: str, state: _State) -> _State:
        """Someone else has the cookie now, and closes the scope."""
        held = state.cookie(name)
        if held is None or held.save is None:
            return state
        return state.without(held.save).with_cookie(name, _ELSEWHERE)

    def forgotten(self, name: str | None, state: _State) -> _State:
        """Tests of a variable that is assigned say nothing any more."""
        if name is None or not state.truths:
            return state
        root = name.split("->")[0].split(".")[0].split("[")[0]
        kept = {pair for pair in state.truths if root not in _words(pair[0])}
        return replace(state, truths=frozenset(kept))

    @cached_property
    def cookie_names(self) -> frozenset[str]:
        """The places that are given to some restore."""
        return frozenset(self.restored())

    def restored(self) -> Iterator[str]:
        for call in self.routine.variant.calls:
            scope = self.names.scopes.get(call.callee or "")
            if scope is not None and not scope.opens and call.slots and call.slots[0].node:
                name = place_text(call.slots[0].node)
                if name is not None:
                    yield name

    def names_in(self, node: c_ast.Node | None) -> Iterable[str]:
        """The places that an expression names."""
        for part in nodes_of(node):
            if isinstance(part, (c_ast.ID, c_ast.StructRef)):
                name = place_text(part)
                if name is not None:
                    yield name


def _words(text: str) -> set[str]:
    word, found = "", set()
    for char in f"{text} ":
        if char.isalnum() or char == "_":
            word += char
        elif word:
            found.add(word)
            word = ""
    return found
