"""The control flow of a function: what can follow what, with tests split at ``&&`` and ``||``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from pycparser import c_ast

from convert.source.nodes import MacroBlock, MacroLoop

# What ends a path; see convert/profiles/allocators.toml, helpers that "trap".
_VALUE_MACROS = frozenset(["likely", "unlikely"])


class Role(Enum):
    """What a point of the flow does with its code."""

    ENTRY = "entry"
    EXIT = "exit"
    STEP = "step"  # evaluated
    TEST = "test"  # evaluated; the edges say which truth leads on
    LOOP = "loop"  # head of a macro loop: each round assigns its cursor
    RETURN = "return"


@dataclass(frozen=True)
class Point:
    """One point; ``code`` is None where paths only meet."""

    index: int
    role: Role
    code: c_ast.Node | None


@dataclass(frozen=True)
class Edge:
    """A way on; ``truth`` is that of the test it leaves, None otherwise."""

    to: int
    truth: bool | None


@dataclass(frozen=True)
class Flow:
    """All points in the order of the text; the first is the entry, the second the exit."""

    points: tuple[Point, ...]
    edges: tuple[tuple[Edge, ...], ...]

    @property
    def entry(self) -> Point:
        """Where the function starts."""
        return self.points[0]

    @property
    def exit(self) -> Point:
        """Where all returns lead."""
        return self.points[1]


End = tuple[int, bool | None]
Ends = list[End]


def flow_of(body: c_ast.Node, traps: frozenset[str] = frozenset()) -> Flow:
    """The flow of a function's body. ``traps``: functions that never return."""
    return _Builder(traps).build(body)


@dataclass
class _Jumps:
    """Where ``break`` and ``continue`` leave to, and the switch that ``case`` belongs to."""

    breaks: Ends
    continues: Ends | None
    switch: int | None = None
    has_default: bool = False


class _Builder:
    def __init__(self, traps: frozenset[str]) -> None:
        self.traps = traps
        self.roles: list[tuple[Role, c_ast.Node | None]] = []
        self.edges: list[list[Edge]] = []
        self.labels: dict[str, int] = {}
        self.gotos: list[tuple[str, Ends]] = []
        self.jumps: list[_Jumps] = []

    def build(self, body: c_ast.Node) -> Flow:
        entry = self.point(Role.ENTRY, None, [])
        leave = self.point(Role.EXIT, None, [])
        ends = self.statement(body, [(entry, None)])
        self.connect(ends, leave)
        for name, jumping in self.gotos:
            if name in self.labels:
                self.connect(jumping, self.labels[name])
        points = tuple(Point(i, role, code) for i, (role, code) in enumerate(self.roles))
        return Flow(points, tuple(tuple(dict.fromkeys(edges)) for edges in self.edges))

    # -- points --------------------------------------------------------------------------------

    def point(self, role: Role, code: c_ast.Node | None, ends: Ends) -> int:
        self.roles.append((role, code))
        self.edges.append([])
        index = len(self.roles) - 1
        self.connect(ends, index)
        return index

    def connect(self, ends: Iterable[End], to: int) -> None:
        for index, truth in ends:
            self.edges[index].append(Edge(to, truth))

    def step(self, code: c_ast.Node, ends: Ends) -> Ends:
        if not ends:  # unreachable, but it may hold labels' code later on
            return self.after(self.point(Role.STEP, code, []))
        index = self.point(Role.STEP, code, ends)
        return [] if self.is_trap(code) else self.after(index)

    @staticmethod
    def after(index: int) -> Ends:
        return [(index, None)]

    def is_trap(self, code: c_ast.Node) -> bool:
        return (
            isinstance(code, c_ast.FuncCall)
            and isinstance(code.name, c_ast.ID)
            and code.name.name in self.traps
        )

    # -- statements ----------------------------------------------------------------------------

    def statement(self, node: c_ast.Node | None, ends: Ends) -> Ends:
        match node:
            case None | c_ast.EmptyStatement() | c_ast.Typedef() | c_ast.Pragma():
                return ends
            case c_ast.Compound(block_items=items):
                return self.block(items or (), ends)
            case c_ast.DeclList(decls=items):
                return self.block(items, ends)
            case c_ast.If(cond=cond, iftrue=then, iffalse=other):
                yes, no = self.condition(cond, ends)
                return self.statement(then, yes) + self.statement(other, no)
            case c_ast.Label(name=name, stmt=stmt):
                return self.statement(stmt, self.after(self.label(name, ends)))
            case c_ast.Goto(name=name):
                self.gotos.append((name, ends))
                return []
            case c_ast.Return():
                self.connect(self.after(self.point(Role.RETURN, node, ends)), 1)
                return []
            case c_ast.Break() | c_ast.Continue():
                self.jump(node, ends)
                return []
            case c_ast.Case(stmts=stmts) | c_ast.Default(stmts=stmts):
                return self.case(node, stmts, ends)
        return self.compound_statement(node, ends)

    def compound_statement(self, node: c_ast.Node, ends: Ends) -> Ends:
        match node:
            case c_ast.While(cond=cond, stmt=stmt):
                return self.while_loop(cond, stmt, None, ends)
            case c_ast.For(init=init, cond=cond, next=following, stmt=stmt):
                return self.while_loop(cond, stmt, following, self.statement(init, ends))
            case c_ast.DoWhile(cond=cond, stmt=stmt):
                return self.do_loop(cond, stmt, ends)
            case c_ast.Switch(cond=cond, stmt=stmt):
                return self.switch(cond, stmt, ends)
            case MacroLoop(call=call, stmt=stmt):
                return self.macro_loop(call, [stmt], None, ends)
            case MacroBlock(opener=opener, block_items=items, closer=closer):
                return self.macro_loop(opener, items, closer, ends)
        return self.step(node, ends)

    def block(self, items: Iterable[c_ast.Node], ends: Ends) -> Ends:
        for item in items:
            ends = self.statement(item, ends)
        return ends

    def label(self, name: str, ends: Ends) -> int:
        index = self.point(Role.STEP, None, ends)
        self.labels[name] = index
        return index

    def jump(self, node: c_ast.Node, ends: Ends) -> None:
        if isinstance(node, c_ast.Break):
            if self.jumps:
                self.jumps[-1].breaks += ends
            return
        for jumps in reversed(self.jumps):
            if jumps.continues is not None:
                jumps.continues += ends
                return

    def case(self, node: c_ast.Node, stmts: list[c_ast.Node] | None, ends: Ends) -> Ends:
        owner = next((jumps for jumps in reversed(self.jumps) if jumps.switch is not None), None)
        if owner is not None and owner.switch is not None:
            ends = [*ends, (owner.switch, None)]
            owner.has_default |= isinstance(node, c_ast.Default)
        return self.block(stmts or (), self.after(self.point(Role.STEP, None, ends)))

    def switch(self, cond: c_ast.Node, stmt: c_ast.Node, ends: Ends) -> Ends:
        index = self.point(Role.STEP, cond, ends)
        self.jumps.append(_Jumps([], None, index))
        out = self.statement(stmt, [])
        jumps = self.jumps.pop()
        return out + jumps.breaks + ([] if jumps.has_default else self.after(index))

    def while_loop(
        self, cond: c_ast.Node | None, stmt: c_ast.Node, following: c_ast.Node | None, ends: Ends
    ) -> Ends:
        head = self.point(Role.STEP, None, ends)
        yes, no = self.condition(cond, self.after(head)) if cond else (self.after(head), [])
        self.jumps.append(_Jumps([], []))
        out = self.statement(stmt, yes)
        jumps = self.jumps.pop()
        back = out + (jumps.continues or [])
        self.connect(self.step(following, back) if following is not None else back, head)
        return no + jumps.breaks

    def do_loop(self, cond: c_ast.Node, stmt: c_ast.Node, ends: Ends) -> Ends:
        head = self.point(Role.STEP, None, ends)
        self.jumps.append(_Jumps([], []))
        out = self.statement(stmt, self.after(head))
        jumps = self.jumps.pop()
        yes, no = self.condition(cond, out + (jumps.continues or []))
        self.connect(yes, head)
        return no + jumps.breaks

    def macro_loop(
        self, call: c_ast.Node, items: Iterable[c_ast.Node], closer: c_ast.Node | None, ends: Ends
    ) -> Ends:
        head = self.point(Role.LOOP, call, ends)
        self.jumps.append(_Jumps([], []))
        out = self.block(items, self.after(head))
        jumps = self.jumps.pop()
        back = out + (jumps.continues or [])
        self.connect(self.step(closer, back) if closer is not None else back, head)
        return self.after(head) + jumps.breaks

    # -- conditions ----------------------------------------------------------------------------

    def condition(self, node: c_ast.Node, ends: Ends) -> tuple[Ends, Ends]:
        """The ends where the condition holds, and where it does not."""
        match node:
            case c_ast.UnaryOp(op="!", expr=inner):
                yes, no = self.condition(inner, ends)
                return no, yes
            case c_ast.BinaryOp(op="&&", left=left, right=right):
                yes, no = self.condition(left, ends)
                both, rest = self.condition(right, yes)
                return both, no + rest
            case c_ast.BinaryOp(op="||", left=left, right=right):
                yes, no = self.condition(left, ends)
                rest, neither = self.condition(right, no)
                return yes + rest, neither
            case c_ast.FuncCall(name=c_ast.ID(name=name), args=c_ast.ExprList(exprs=[inner])) if (
                name in _VALUE_MACROS
            ):
                return self.condition(inner, ends)
            case c_ast.ExprList(exprs=[*first, last]):
                return self.condition(last, self.block(first, ends))
        truth = constant_truth(node)
        if truth is not None:
            return (ends, []) if truth else ([], ends)
        index = self.point(Role.TEST, node, ends)
        return [(index, True)], [(index, False)]


def constant_truth(node: c_ast.Node) -> bool | None:
    """The truth of a literal condition (``1``, ``0``, ``true``, ``false``)."""
    match node:
        case c_ast.Constant(type="int" | "unsigned int" | "long int", value=value):
            return str(value).rstrip("uUlL").lstrip("0xX") != ""
        case c_ast.ID(name="true" | "false" as name):
            return bool(name == "true")
    return None
