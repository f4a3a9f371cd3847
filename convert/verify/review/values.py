"""The masks that an argument may be worth, local variables followed along the control flow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.control import Role
from convert.flow.terms import place_text, strip
from convert.semantics.cint import UINT, CInt, UndefinedArithmetic, binary, exact, symbol, unary
from convert.semantics.cint import convert as converted
from convert.source.nodes import nodes_of

Values = frozenset[CInt]
_MOST_VALUES = 16
_UNKNOWN: Values = frozenset([CInt(UINT, 0, 0)])


class ConstantSource(Protocol):
    """Where the values of macros and enumerators come from."""

    def constant(self, path: str, name: str) -> int | None:
        """The value that a name has in a file; None if it is no constant."""


def masks_at(
    routine: Routine, wanted: Mapping[int, c_ast.Node], constants: ConstantSource
) -> dict[int, Values]:
    """The values of some arguments where they are evaluated.

    wanted: arguments by the ``id`` of the call that they belong to; so are the results.
    """
    if not wanted:
        return {}
    names = _tracked(routine, wanted.values())
    return _Propagation(routine, wanted, constants, names).run()


def _tracked(routine: Routine, roots: Iterable[c_ast.Node]) -> frozenset[str]:
    """The local variables that the arguments depend on."""
    assigned: dict[str, set[str]] = {}
    for name, value in _assignments(routine):
        assigned.setdefault(name, set()).update(_locals(routine, value))
    found: set[str] = set()
    waiting = {name for root in roots for name in _locals(routine, root)}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting |= assigned.get(name, set())
    return frozenset(found)


def _locals(routine: Routine, node: c_ast.Node) -> set[str]:
    return {n.name for n in nodes_of(node) if isinstance(n, c_ast.ID) and routine.is_local(n.name)}


def _assignments(routine: Routine) -> Iterable[tuple[str, c_ast.Node]]:
    for point in routine.flow.points:
        for node in nodes_of(point.code):
            if isinstance(node, c_ast.Assignment) and isinstance(strip(node.lvalue), c_ast.ID):
                yield strip(node.lvalue).name, node.rvalue
            elif isinstance(node, c_ast.Decl) and node.init is not None and node.name:
                yield node.name, node.init


@dataclass
class _Propagation:
    routine: Routine
    wanted: Mapping[int, c_ast.Node]
    constants: ConstantSource
    names: frozenset[str]
    env: dict[str, Values] = field(default_factory=dict)
    found: dict[int, Values] = field(default_factory=dict)

    def run(self) -> dict[int, Values]:
        flow = self.routine.flow
        start = {
            name: frozenset([symbol(name, UINT)])
            for name in self.routine.parameters
            if name in self.names
        }
        known: dict[int, dict[str, Values]] = {0: start}
        waiting = [0]
        while waiting:
            index = waiting.pop()
            self.env = dict(known[index])
            point = flow.points[index]
            if point.code is not None:
                self.effects(point.code)
            if point.role is Role.RETURN:
                continue
            for edge in flow.edges[index]:
                if self.merge(known, edge.to):
                    waiting.append(edge.to)
        return self.found

    def merge(self, known: dict[int, dict[str, Values]], to: int) -> bool:
        if to not in known:
            known[to] = dict(self.env)
            return True
        there, grown = known[to], False
        for name, values in self.env.items():
            old = there.get(name, frozenset())
            if not values <= old:
                there[name] = _bounded(old | values)
                grown = grown or there[name] != old
        return grown

    def effects(self, node: c_ast.Node) -> None:
        """Note the wanted arguments and the assignments in an expression, in order."""
        if isinstance(node, c_ast.Assignment):
            self.effects(node.rvalue)
            self.effects(node.lvalue)
            self.assign(node)
            return
        for _, child in node.children():
            self.effects(child)
        if isinstance(node, c_ast.Decl) and node.name in self.names and node.init is not None:
            self.env[node.name] = self.value(node.init)
        elif isinstance(node, c_ast.UnaryOp) and node.op in ("&", "++", "--", "p++", "p--"):
            name = place_text(node.expr)
            if name in self.names:
                self.env[name] = _UNKNOWN
        if id(node) in self.wanted:
            values = self.value(self.wanted[id(node)])
            self.found[id(node)] = _bounded(self.found.get(id(node), frozenset()) | values)

    def assign(self, node: c_ast.Assignment) -> None:
        name = place_text(node.lvalue)
        if name is None or name not in self.names:
            return
        value = self.value(node.rvalue)
        if node.op != "=":
            value = self.combined(node.op[:-1], self.env.get(name, _UNKNOWN), value)
        self.env[name] = value

    def value(self, node: c_ast.Node) -> Values:
        """The values of an expression; what is not known is named by its text."""
        node = strip(node)
        match node:
            case c_ast.Constant(value=text):
                number = _number(str(text))
                return frozenset([exact(number, UINT)]) if number is not None else _UNKNOWN
            case c_ast.ID(name=name):
                return self.named(str(name))
            case c_ast.BinaryOp(op="|" | "&" | "^" as op, left=left, right=right):
                return self.combined(op, self.value(left), self.value(right))
            case c_ast.UnaryOp(op="~", expr=inner):
                return frozenset(unary("~", value) for value in self.value(inner))
            case c_ast.TernaryOp(iftrue=then, iffalse=other):
                return _bounded(self.value(then) | self.value(other))
            case c_ast.Assignment(op="=", rvalue=inner):
                return self.value(inner)
        return frozenset([symbol(self.routine.text(node), UINT)])

    def named(self, name: str) -> Values:
        if name in self.names:
            return self.env.get(name, _UNKNOWN)
        number = self.constants.constant(self.routine.path, name)
        return frozenset([exact(number, UINT) if number is not None else symbol(name, UINT)])

    def combined(self, op: str, left: Values, right: Values) -> Values:
        try:
            made = {converted(binary(op, a, b), UINT) for a in left for b in right}
        except (UndefinedArithmetic, KeyError):
            return _UNKNOWN
        return _bounded(frozenset(made))


def _bounded(values: Values) -> Values:
    """The values, or one of which nothing is known if there are too many."""
    return values if len(values) <= _MOST_VALUES else _UNKNOWN


def _number(text: str) -> int | None:
    try:
        return int(text.rstrip("uUlL"), 0) & UINT.bits
    except ValueError:
        return None
