"""Where pointers come from: what a function hands from one place to another, and what it frees.

Locals are followed along the control flow; everything else is a place without time: a field of a
type of structure, a parameter, a function's result. So a fact here says that memory *may* go from
one place to another, never that it must.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.control import Point, Role
from convert.flow.provenance.calls import CallReader
from convert.flow.provenance.names import Names
from convert.flow.provenance.places import (
    NOTHING,
    Alloc,
    Assigned,
    Field,
    Fill,
    Flows,
    Heap,
    Loaded,
    Opaque,
    Origin,
    Origins,
    Out,
    Param,
    Result,
    inside,
    part,
)
from convert.flow.provenance.pointers import ARROW
from convert.flow.terms import TypeRef, arguments, call_name, strip, type_ref

# Types that hold no pointer.
NUMBERS = frozenset(
    {
        "void", "int", "unsigned", "unsigned int", "bool", "_Bool", "short", "unsigned short",
        "long long", "unsigned long long", "size_t", "ssize_t", "u8", "u16", "u32", "u64", "s8",
        "s16", "s32", "s64", "__u8", "__u16", "__u32", "__u64", "__s8", "__s16", "__s32", "__s64",
        "uint8_t", "uint16_t", "uint32_t", "uint64_t", "int8_t", "int16_t", "int32_t", "int64_t",
        "__be16", "__be32", "__be64", "__le16", "__le32", "__le64", "gfp_t", "uint", "loff_t",
        "umode_t", "sector_t",
    }
)  # fmt: skip


ANY = "*"  # a member that an initialiser does not name


def flows_of(routine: Routine, names: Names, statics: frozenset[str]) -> Flows:
    """Follow the pointers of a routine. ``statics``: the static functions of its file."""
    return _Walk(routine, names, statics=statics).run()


@dataclass
class _Walk(CallReader):
    def run(self) -> Flows:
        flow = self.routine.flow
        start: dict[str, Origins] = {
            name: frozenset([Param(self.routine.key, index)])
            for index, name in enumerate(self.routine.parameters)
            if name
        }
        for name in self.kept & start.keys():
            self.pass_on(self.cell(name), start[name], self.routine.item.line)
        known: dict[int, dict[str, Origins]] = {0: start}
        waiting = [0]
        while waiting:
            index = waiting.pop()
            self.env = dict(known[index])
            self.point(flow.points[index])
            for edge in flow.edges[index]:
                if self.merge(known, edge.to):
                    waiting.append(edge.to)
        return Flows(
            tuple(self.moves.values()),
            tuple(self.objects.values()),
            tuple(self.fills.values()),
            tuple(self.frees.values()),
            tuple(self.uses.values()),
        )

    def merge(self, known: dict[int, dict[str, Origins]], to: int) -> bool:
        """Join the environment into a point's; whether that changed it."""
        if to not in known:
            known[to] = dict(self.env)
            return True
        there, grown = known[to], False
        for name in [n for n in there if ARROW in n and n not in self.env]:
            del there[name]  # on another way it is not known what the member holds
            grown = True
        for name, origins in self.env.items():
            if ARROW in name and name not in there:
                continue
            old = there.get(name, NOTHING)
            if not origins <= old:
                there[name] = old | origins
                grown = True
        return grown

    def point(self, point: Point) -> None:
        code = point.code
        if code is None:
            return
        if point.role is Role.RETURN:
            self.returned(code)
        elif point.role is Role.LOOP:
            self.cursor(code)
        else:
            value = self.value(code)
            if code is self.macro_value:
                self.pass_on(Result(self.routine.key), value, self.routine.line(code))
            if point.role is Role.TEST:
                self.kind_test(code)

    @cached_property
    def macro_value(self) -> c_ast.Node | None:
        """The expression that a macro is worth: its body, or the last one in ``({ … })``."""
        if not self.routine.is_macro:
            return None
        root = self.routine.variant.root
        if isinstance(root, c_ast.Compound):
            return root.block_items[-1] if root.block_items else None
        return root

    def returned(self, node: c_ast.Return) -> None:
        if node.expr is None:
            return
        value = self.value(node.expr)
        returns = self.routine.returns
        if returns.stars or returns.base not in NUMBERS:
            line = self.routine.line(node)
            self.pass_on(Result(self.routine.key), value, line)
            if returns.stars == 1:
                self.made(returns.base, value, line)

    def cursor(self, call: c_ast.Node) -> None:
        """A macro loop assigns its first argument, and others of the same type, from the heap."""
        if not isinstance(call, c_ast.FuncCall):
            self.value(call)
            return
        given = arguments(call)
        self.value(call)
        first = strip(given[0]) if given else None
        if not isinstance(first, c_ast.ID) or not self.routine.is_local(first.name):
            return
        kind = self.routine.types[first.name]
        unknown = Opaque("a cursor", at=self.at(call), cursor=True)
        found: Origins = frozenset([Heap(kind.base) if kind.stars == 1 else unknown])
        for argument in given:
            inner = strip(argument)
            if isinstance(inner, c_ast.ID) and self.routine.types.get(inner.name) == kind:
                known = self.env.get(inner.name, NOTHING)
                self.assign_local(inner.name, known | found, call)

    def kind_test(self, code: c_ast.Node) -> None:
        """After ``is_vmalloc_addr(p)`` the code knows what ``p`` is."""
        if call_name(code) in self.names.kind_tests:
            for argument in arguments(code):
                inner = strip(argument)
                if isinstance(inner, c_ast.ID) and self.routine.is_local(inner.name):
                    tested = Opaque("tested by is_vmalloc_addr()", True, self.at(code))
                    self.env[inner.name] = frozenset([tested])

    # -- assignments ----------------------------------------

    def declaration(self, node: c_ast.Decl) -> Origins:
        if node.init is None:
            return NOTHING
        declared = type_ref(node)
        if isinstance(node.init, c_ast.InitList):
            self.initialiser(node.init, declared, node.name or "")
            return NOTHING
        value = self.value(node.init)
        if node.name:
            self.assign_local(node.name, value, node)
        return value

    def initialiser(self, node: c_ast.InitList, kind: TypeRef, name: str = "") -> None:
        line = self.routine.line(node)
        for chain, expression in initialised(node):
            value = self.value(expression)
            self.pass_on(Field(kind, chain), value, line)
            if name in self.arrays and chain == (ANY,):
                self.pass_on(self.cell(f"{name}[]"), value, line)

    def assignment(self, node: c_ast.Assignment) -> Origins:
        value = self.value(node.rvalue)
        if node.op != "=":
            known = self.value(node.lvalue)
            computed = self.followed(frozenset(map(part, value)))
            if computed:
                self.store(node.lvalue, known | computed, self.routine.line(node))
            return self.opaque("a computed value", node) | computed
        self.store(node.lvalue, value, self.routine.line(node), node.rvalue)
        return value

    def store(
        self, target: c_ast.Node, value: Origins, line: int, from_: c_ast.Node | None = None
    ) -> None:
        target = strip(target)
        match target:
            case c_ast.ID(name=name) if self.routine.is_local(name):
                self.assign_local(name, value, target)
            case c_ast.ID(name=name):
                self.pass_on(self.variable(name), value, line)
            case c_ast.UnaryOp(op="*", expr=pointer):
                for place in self.value(pointer):
                    self.pass_on(inside(place), value, line)
                self.forget()
                self.overwritten(target, from_, line)
            case c_ast.StructRef() | c_ast.ArrayRef():
                own = self.tracked(target)
                self.forget()
                for place in self.member(target):
                    self.pass_on(place, value, line)
                if own is not None:
                    self.env[own] = value
            case c_ast.TernaryOp(iftrue=then, iffalse=other):
                self.store(then, value, line)
                self.store(other, value, line)

    def overwritten(self, target: c_ast.Node, from_: c_ast.Node | None, line: int) -> None:
        """``*a = *b``: a whole object, maybe of another type."""
        to = self.types(target)
        if from_ is not None and to is not None:
            self.fills[self.routine.offset(target)] = Fill(to, self.types(from_), "=", line)

    def assign_local(self, name: str, value: Origins, node: c_ast.Node | None = None) -> None:
        kind = self.routine.types.get(name, TypeRef("?"))
        line = self.routine.line(node) if node is not None else self.routine.item.line
        if not self.routine.is_local(name):
            self.pass_on(self.variable(name), value, line)
            return
        if not kind.stars and kind.base in NUMBERS:
            return  # no pointer
        if kind.stars == 1:
            value = frozenset(_taken_as(origin, kind) for origin in value)
            fresh = [o for o in value if isinstance(o, (Alloc, Result, Out))]
            if kind.base.startswith("struct "):
                self.pass_on(Heap(kind.base), fresh, line)
            self.made(kind.base, value, line)
        self.forget(name)
        if name in self.kept:
            self.pass_on(self.cell(name), value, line)
        if self.routine.is_macro and name in self.routine.parameters:
            index = self.routine.parameters.index(name)
            own = Param(self.routine.key, index)  # `(d) = (d)` changes nothing
            self.pass_on(Assigned(self.routine.key, index), value - {own}, line)
        self.env[name] = value


def _taken_as(origin: Origin, kind: TypeRef) -> Origin:
    """What a value is worth as a pointer of a type."""
    match origin:
        case Result(key=key, at=at):
            return Result(key, kind, at)
        case Field():
            return Loaded(origin, kind.base)
    return origin


def initialised(
    node: c_ast.InitList, outer: tuple[str, ...] = ()
) -> Iterable[tuple[tuple[str, ...], c_ast.Node]]:
    """The members that an initialiser names, with what they get; ``*`` where none is named."""
    for given in node.exprs or ():
        chain = (*outer, ANY)
        expression: c_ast.Node = given
        if isinstance(given, c_ast.NamedInitializer):
            names = tuple(n.name for n in given.name if isinstance(n, c_ast.ID))
            # `[i] =` names an element, which is no member
            is_member = len(names) == len(given.name)
            chain = (*outer, *names) if is_member else (*outer, ANY)
            expression = given.expr
        if isinstance(expression, c_ast.InitList):
            inner = chain[:-1] if chain[-1] == ANY else chain
            yield from initialised(expression, inner)
        else:
            yield chain, expression
