"""What a function does with a fresh pointer: tests it for NULL, uses it, or hands it on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from pycparser import c_ast

from convert.flow.control import Point, Role
from convert.flow.provenance.names import Names
from convert.flow.terms import arguments, call_name, place_text, strip
from convert.source.nodes import nodes_of
from convert.verify.review.sites import Site


class UseKind(Enum):
    """What comes first on the paths from an allocation; the worst of all paths counts."""

    USED = "used without a check"
    HANDED_ON = "handed on without a check"
    CHECKED = "checked"


@dataclass(frozen=True)
class Use:
    """The worst use of a result: its line and what is done there."""

    kind: UseKind
    line: int
    text: str = ""


def use_of(site: Site, names: Names) -> Use:
    """Follow the result of an allocation to its first test or use on every path."""
    return _Following(site, names).run()


@dataclass
class _Following:
    site: Site
    names: Names
    uses: dict[UseKind, Use] = field(default_factory=dict)

    def run(self) -> Use:
        places = frozenset(place for place in self.site.targets if place != "return")
        start = self.start()
        if start is None or self.is_tested(start):
            return Use(UseKind.CHECKED, self.site.line)
        if "return" in self.site.targets:
            return Use(UseKind.HANDED_ON, self.site.line, "it is returned")
        if not places:
            return self.in_expression()
        self.follow(start, places)
        for kind in UseKind:
            if kind in self.uses:
                return self.uses[kind]
        return Use(UseKind.CHECKED, self.site.line)

    def start(self) -> Point | None:
        for point in self.site.routine.flow.points:
            if any(node is self.site.call.node for node in nodes_of(point.code)):
                return point
        return None

    def is_tested(self, point: Point) -> bool:
        """Whether the point itself tests the result: ``if (!(p = kmalloc(…)))``."""
        if point.role is Role.TEST:
            return True
        return any(
            isinstance(node, c_ast.TernaryOp)
            and any(part is self.site.call.node for part in nodes_of(node.cond))
            for node in nodes_of(point.code)
        )

    def in_expression(self) -> Use:
        parent = self.site.routine.variant.parent_of(self.site.call.node)
        while isinstance(parent, (c_ast.Cast, c_ast.ExprList)):
            parent = self.site.routine.variant.parent_of(parent)
        if isinstance(parent, (c_ast.StructRef, c_ast.ArrayRef)):
            return Use(UseKind.USED, self.site.line, "it is dereferenced at once")
        if isinstance(parent, c_ast.FuncCall):
            name = call_name(parent)
            if name in self.names.null_tests:
                return Use(UseKind.CHECKED, self.site.line)
            return Use(UseKind.HANDED_ON, self.site.line, f"it is passed to {name or 'a call'}()")
        return Use(UseKind.CHECKED, self.site.line)

    def follow(self, start: Point, places: frozenset[str]) -> None:
        flow = self.site.routine.flow
        seen: set[tuple[int, frozenset[str]]] = set()
        waiting = [(edge.to, places) for edge in flow.edges[start.index]]
        while waiting:
            index, held = waiting.pop()
            if (index, held) in seen:
                continue
            seen.add((index, held))
            point = flow.points[index]
            if point.role is Role.EXIT:
                self.left(held)
                continue
            following = self.point(point, held)
            if following:
                waiting += [(edge.to, following) for edge in flow.edges[index]]

    def left(self, held: frozenset[str]) -> None:
        """The function ends: what is stored outside of it is out of sight."""
        stored = sorted(p for p in held if not self.site.routine.is_local(p))
        if stored:
            self.note(UseKind.HANDED_ON, None, f"it is left in {stored[0]}")

    def note(self, kind: UseKind, node: c_ast.Node | None, text: str) -> None:
        line = self.site.line if node is None else self.site.routine.line(node)
        known = self.uses.get(kind)
        if known is None or line < known.line:
            self.uses[kind] = Use(kind, line, text)

    def point(self, point: Point, held: frozenset[str]) -> frozenset[str]:
        """The places that still hold the unchecked result after a point; none ends the path."""
        if point.code is None:
            return held
        if point.role is Role.TEST and self.tests(point.code, held):
            self.note(UseKind.CHECKED, point.code, "")
            return frozenset()
        if point.role is Role.RETURN and place_text(point.code.expr or point.code) in held:
            self.note(UseKind.HANDED_ON, point.code, "it is returned")
            return frozenset()
        for node in _tests_first(point.code):
            if self.is_check(node, held):
                self.note(UseKind.CHECKED, node, "")
                return frozenset()
            used = self.used(node, held)
            if used:
                self.note(UseKind.USED, node, used)
                return frozenset()
            held = self.moved(node, held)
        return held

    def tests(self, node: c_ast.Node, held: frozenset[str]) -> bool:
        """Whether a test looks at the pointer itself, not at what it points to."""
        node = strip(node)
        if place_text(node) in held:
            return True
        if isinstance(node, c_ast.BinaryOp) and node.op in ("==", "!="):
            return any(place_text(side) in held for side in (node.left, node.right))
        return self.is_check(node, held)

    def is_check(self, node: c_ast.Node, held: frozenset[str]) -> bool:
        """A check inside of an expression."""
        match node:
            case c_ast.FuncCall() if call_name(node) in self.names.null_tests:
                return any(
                    place_text(part) in held for a in arguments(node) for part in nodes_of(a)
                )
            case c_ast.UnaryOp(op="!", expr=inner):
                return place_text(inner) in held and not self.in_assertion(node)
            case c_ast.BinaryOp(op="&&" | "||", left=left, right=right):
                return any(self.tests(side, held) for side in (left, right))
            case c_ast.TernaryOp(cond=cond):
                return self.tests(cond, held)
        return False

    def in_assertion(self, node: c_ast.Node) -> bool:
        parent = self.site.routine.variant.parent_of(node)
        while parent is not None:
            if isinstance(parent, c_ast.FuncCall):
                return call_name(parent) in self.names.asserts
            parent = self.site.routine.variant.parent_of(parent)
        return False

    def used(self, node: c_ast.Node, held: frozenset[str]) -> str:
        """How a node dereferences the result; empty if it does not."""
        match node:
            case c_ast.StructRef(name=base, type="->") if place_text(base) in held:
                return f"{place_text(base)} is dereferenced"
            case c_ast.ArrayRef(name=base) if place_text(base) in held:
                return f"{place_text(base)} is indexed"
            case c_ast.UnaryOp(op="*", expr=base) if place_text(base) in held:
                return f"{place_text(base)} is dereferenced"
            case c_ast.FuncCall() if call_name(node) in self.names.touches:
                given = arguments(node)
                if given and place_text(given[0]) in held:
                    return f"{place_text(given[0])} is given to {call_name(node)}()"
        return ""

    def moved(self, node: c_ast.Node, held: frozenset[str]) -> frozenset[str]:
        """Copies, overwriting and passing on of the result."""
        match node:
            case c_ast.Assignment(op="=", lvalue=target, rvalue=value):
                to, source = place_text(target), place_text(value)
                if source in held and to is not None:
                    return held | {to}
                return held - {to} if to is not None else held
            case c_ast.Decl(name=name, init=init) if init is not None:
                return held | {str(name)} if place_text(init) in held else held
            case c_ast.FuncCall():
                name = call_name(node)
                if name in self.names.frees or name in self.names.asserts:
                    return held
                if any(place_text(argument) in held for argument in arguments(node)):
                    self.note(UseKind.HANDED_ON, node, f"it is passed to {name or 'a call'}()")
        return held


def _tests_first(root: c_ast.Node) -> Iterator[c_ast.Node]:
    """All nodes, inner ones first; but what decides whether others are evaluated comes before."""
    decides = isinstance(root, c_ast.TernaryOp) or (
        isinstance(root, c_ast.BinaryOp) and root.op in ("&&", "||")
    )
    if decides:
        yield root
    children = [child for _, child in root.children()]
    if isinstance(root, c_ast.Assignment):
        children = [root.rvalue, root.lvalue]
    for child in children:
        yield from _tests_first(child)
    if not decides:
        yield root
