"""Where pointers come from: what a function hands from one place to another, and what it frees.

Locals are followed along the control flow; everything else is a place without time: a field of a
type of structure, a parameter, a function's result. So a fact here says that memory *may* go from
one place to another, never that it must.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pycparser import c_ast

from convert.verify.review.code import FunctionKey, Routine
from convert.verify.review.flow import Point, Role
from convert.verify.review.names import Names
from convert.verify.review.terms import (
    TypeRef,
    arguments,
    call_name,
    place_text,
    root_name,
    strip,
    type_ref,
)


@dataclass(frozen=True, slots=True)
class Alloc:
    """Memory of a primitive allocator, called at a line of a function."""

    path: str
    function: str
    line: int
    callee: str
    family: str


@dataclass(frozen=True, slots=True)
class Field:
    """A member reached from a value of type ``root``, or from what a function returns."""

    root: TypeRef | FunctionKey
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Param:
    """What callers pass."""

    key: FunctionKey
    index: int


@dataclass(frozen=True, slots=True)
class Out:
    """What a function stores where a parameter points to."""

    key: FunctionKey
    index: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a function returns; taken as a ``TypeRef`` where the function is not known."""

    key: FunctionKey
    taken_as: TypeRef | None = None


@dataclass(frozen=True, slots=True)
class Global:
    """A file-level or static variable."""

    home: str
    name: str


@dataclass(frozen=True, slots=True)
class Heap:
    """Any object of a type of structure, found through lists, trees and the like."""

    base: str


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of a field: a store through it goes there."""

    place: Field


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something else; ``tested``: code asked which kind of memory it is."""

    text: str
    tested: bool = False


Origin = Alloc | Field | Param | Out | Result | Global | Heap | Ref | Opaque
Origins = frozenset[Origin]
NOTHING: Origins = frozenset()
Env = Mapping[str, Origins]


@dataclass(frozen=True)
class Free:
    """A call of a primitive deallocator, and what it may be given."""

    path: str
    function: str
    line: int
    offset: int
    deallocator: str
    text: str
    origins: Origins


@dataclass(frozen=True)
class Flows:
    """What one routine hands on. ``edges``: (to, from)."""

    edges: frozenset[tuple[Origin, Origin]]
    frees: tuple[Free, ...]


def flows_of(routine: Routine, names: Names, statics: frozenset[str]) -> Flows:
    """Follow the pointers of a routine. ``statics``: the static functions of its file."""
    return _Walk(routine, names, statics).run()


@dataclass
class _Walk:
    routine: Routine
    names: Names
    statics: frozenset[str]
    edges: set[tuple[Origin, Origin]] = field(default_factory=set)
    frees: dict[int, Free] = field(default_factory=dict)
    env: dict[str, Origins] = field(default_factory=dict)

    def run(self) -> Flows:
        flow = self.routine.flow
        start: dict[str, Origins] = {
            name: frozenset([Param(self.routine.key, index)])
            for index, name in enumerate(self.routine.parameters)
            if name
        }
        known: dict[int, dict[str, Origins]] = {0: start}
        waiting = [0]
        while waiting:
            index = waiting.pop()
            self.env = dict(known[index])
            self.point(flow.points[index])
            for edge in flow.edges[index]:
                if self.merge(known, edge.to):
                    waiting.append(edge.to)
        return Flows(frozenset(self.edges), tuple(self.frees.values()))

    def merge(self, known: dict[int, dict[str, Origins]], to: int) -> bool:
        """Join the environment into a point's; whether that changed it."""
        if to not in known:
            known[to] = dict(self.env)
            return True
        there, grown = known[to], False
        for name, origins in self.env.items():
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
                self.pass_on(Result(self.routine.key), value)
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
        if returns.stars or returns.base in ("?", "unsigned long"):
            self.pass_on(Result(self.routine.key), value)

    def cursor(self, call: c_ast.Node) -> None:
        """A macro loop assigns its first argument, and others of the same type, from the heap."""
        if not isinstance(call, c_ast.FuncCall):
            self.value(call)
            return
        given = arguments(call)
        for argument in given:
            self.value(argument)
        first = strip(given[0]) if given else None
        if not isinstance(first, c_ast.ID) or not self.routine.is_local(first.name):
            return
        kind = self.routine.types[first.name]
        for argument in given:
            inner = strip(argument)
            if isinstance(inner, c_ast.ID) and self.routine.types.get(inner.name) == kind:
                self.env[inner.name] = self.env.get(inner.name, NOTHING) | {Heap(kind.base)}

    def kind_test(self, code: c_ast.Node) -> None:
        """After ``is_vmalloc_addr(p)`` the code knows what ``p`` is."""
        if call_name(code) in self.names.kind_tests:
            for argument in arguments(code):
                inner = strip(argument)
                if isinstance(inner, c_ast.ID) and self.routine.is_local(inner.name):
                    self.env[inner.name] = frozenset([Opaque("tested", tested=True)])

    # -- values --------------------------------------------------------------------------------

    def value(self, node: c_ast.Node | None) -> Origins:
        """What an expression may be worth; its side effects are done."""
        match node:
            case None | c_ast.Constant():
                return NOTHING
            case c_ast.ID(name=name):
                return self.named(name)
            case c_ast.Cast(expr=inner):
                return self.value(inner)
            case c_ast.Assignment():
                return self.assignment(node)
            case c_ast.Decl():
                return self.declaration(node)
            case c_ast.FuncCall():
                return self.call(node)
            case c_ast.StructRef() | c_ast.ArrayRef():
                return self.member(node)
            case c_ast.UnaryOp():
                return self.unary(node)
            case c_ast.TernaryOp(cond=cond, iftrue=then, iffalse=other):
                self.value(cond)
                return self.value(then) | self.value(other)
            case c_ast.ExprList(exprs=exprs):
                values = [self.value(part) for part in exprs]
                return values[-1] if values else NOTHING
            case c_ast.Compound(block_items=items):  # a statement expression
                values = [self.value(item) for item in items or ()]
                return values[-1] if values else NOTHING
            case c_ast.Typename():
                return NOTHING
        for _, child in node.children():
            self.value(child)
        return frozenset([Opaque("computed")])

    def named(self, name: str) -> Origins:
        if name == "NULL":
            return NOTHING
        if self.routine.is_local(name):
            return self.env.get(name, NOTHING)
        home = self.routine.path if self.routine.path.endswith(".c") else ""
        return frozenset([Global(home, name)])

    def member(self, node: c_ast.Node) -> Origins:
        place = self.place(node)
        if place is None:
            return frozenset([Opaque("computed")])
        if isinstance(place, str):
            return self.env.get(place, NOTHING)
        return frozenset([place])

    def place(self, node: c_ast.Node) -> Field | str | None:
        """The field that a member access names; the name of a local array; None for others."""
        chain: list[str] = []
        node = strip_keeping_type(node)
        while isinstance(node, (c_ast.StructRef, c_ast.ArrayRef)):
            if isinstance(node, c_ast.ArrayRef):
                self.value(node.subscript)
            else:
                chain.append(node.field.name)
            node = strip_keeping_type(node.name)
            while isinstance(node, c_ast.UnaryOp) and node.op in ("*", "&"):
                node = strip_keeping_type(node.expr)
        chain.reverse()
        match node:
            case c_ast.ID(name=name) if not chain:
                return str(name) if self.routine.is_local(name) else None
            case c_ast.ID(name=name):
                return Field(self.routine.types.get(name, TypeRef(f"var {name}")), tuple(chain))
            case c_ast.Cast(to_type=wanted, expr=inner) if chain:
                self.value(inner)
                return Field(type_ref(wanted), tuple(chain))
            case c_ast.FuncCall() if chain:
                return self.member_of_call(node, tuple(chain))
        self.value(node)
        return None

    def member_of_call(self, node: c_ast.FuncCall, chain: tuple[str, ...]) -> Field | None:
        for origin in self.call(node):
            if isinstance(origin, Heap):
                return Field(TypeRef(origin.base, 1), chain)
            if isinstance(origin, Result):
                return Field(origin.key, chain)
        return None

    def unary(self, node: c_ast.UnaryOp) -> Origins:
        inner = strip(node.expr)
        if node.op == "*" and isinstance(inner, c_ast.ID):
            return frozenset(_pointed(origin) for origin in self.named(inner.name))
        if node.op == "*":
            self.value(inner)
            return frozenset([Opaque("pointed to")])
        if node.op == "&":
            return self.address(inner)
        if node.op != "sizeof":
            self.value(inner)
        return NOTHING

    def address(self, inner: c_ast.Node) -> Origins:
        """The address of a place; that of a member also stands for the object around it."""
        place = None if isinstance(inner, c_ast.ID) else self.place(inner)
        if not isinstance(place, Field):
            return frozenset([Opaque("address")])
        around = NOTHING
        if isinstance(inner, c_ast.StructRef) and inner.type == "->":
            base = strip(inner.name)
            around = self.named(base.name) if isinstance(base, c_ast.ID) else NOTHING
        return around | {Ref(place)}

    # -- assignments ---------------------------------------------------------------------------

    def declaration(self, node: c_ast.Decl) -> Origins:
        if node.init is None:
            return NOTHING
        declared = type_ref(node)
        if isinstance(node.init, c_ast.InitList):
            self.initialiser(node.init, declared)
            return NOTHING
        value = self.value(node.init)
        self.assign_local(node.name, value)
        return value

    def initialiser(self, node: c_ast.InitList, kind: TypeRef) -> None:
        for part in node.exprs or ():
            if isinstance(part, c_ast.NamedInitializer):
                chain = tuple(n.name for n in part.name if isinstance(n, c_ast.ID))
                if isinstance(part.expr, c_ast.InitList):
                    self.initialiser(part.expr, TypeRef("?"))
                    continue
                value = self.value(part.expr)
                if chain:
                    self.pass_on(Field(kind, chain), value)
            elif isinstance(part, c_ast.InitList):
                self.initialiser(part, TypeRef("?"))
            else:
                self.value(part)

    def assignment(self, node: c_ast.Assignment) -> Origins:
        value = self.value(node.rvalue)
        if node.op != "=":
            self.value(node.lvalue)
            return frozenset([Opaque("computed")])
        target = strip(node.lvalue)
        match target:
            case c_ast.ID(name=name) if self.routine.is_local(name):
                self.assign_local(name, value)
            case c_ast.ID(name=name):
                for place in self.named(name):
                    self.pass_on(place, value)
            case c_ast.UnaryOp(op="*"):
                for place in self.unary(target):
                    self.pass_on(place, value)
            case c_ast.StructRef() | c_ast.ArrayRef():
                field_ = self.place(target)
                if isinstance(field_, str):
                    self.env[field_] = self.env.get(field_, NOTHING) | value
                elif field_ is not None:
                    self.pass_on(field_, value)
        return value

    def assign_local(self, name: str, value: Origins) -> None:
        kind = self.routine.types.get(name, TypeRef("?"))
        if not self.routine.is_local(name):
            for place in self.named(name):
                self.pass_on(place, value)
            return
        if not kind.stars and kind.base != "?":
            return  # no pointer
        if kind.base.startswith("struct "):
            value = frozenset(
                Result(origin.key, kind) if isinstance(origin, Result) else origin
                for origin in value
            )
            fresh = [o for o in value if isinstance(o, (Alloc, Result, Out))]
            self.pass_on(Heap(kind.base), fresh)
        self.env[name] = value

    def pass_on(self, to: Origin, value: Iterable[Origin]) -> None:
        """Note that a place may hold what another holds."""
        if not isinstance(to, (Opaque, Ref)):
            self.edges.update(
                (to, origin) for origin in value if not isinstance(origin, (Opaque, Ref))
            )

    # -- calls ---------------------------------------------------------------------------------

    def call(self, node: c_ast.FuncCall) -> Origins:
        name = call_name(node)
        given = arguments(node)
        if name is None:
            self.value(node.name)
            for argument in given:
                self.value(argument)
            return frozenset([Opaque("call")])
        if name in self.names.containers:
            return self.container(node, given, self.names.containers[name])
        if name in self.names.passes:
            return self.passed(given, self.names.passes[name])
        values = [self.value(argument) for argument in given]
        primitive = self.names.primitive(name)
        if primitive is not None:
            return self.fresh(node, name, primitive.family)
        if name in self.names.gives:
            return self.fresh(node, name, self.names.gives[name])
        if name in self.names.frees:
            self.freed(node, name, given, values)
            return NOTHING
        return self.handed(name, given, values)

    def fresh(self, node: c_ast.Node, name: str, family: str) -> Origins:
        routine = self.routine
        return frozenset([Alloc(routine.path, routine.key.name, routine.line(node), name, family)])

    def container(self, node: c_ast.Node, given: list[c_ast.Node], slot: int) -> Origins:
        for argument in given:
            self.value(argument)
        if slot < len(given) and isinstance(given[slot], c_ast.Typename):
            return frozenset([Heap(type_ref(given[slot]).base)])
        return frozenset([Opaque("container")])

    def passed(self, given: list[c_ast.Node], pointed: bool) -> Origins:
        values = [self.value(argument) for argument in given]
        if not given:
            return NOTHING
        first = strip(given[0])
        if pointed:
            inside = isinstance(first, c_ast.UnaryOp) and first.op == "&"
            return self.value(first.expr) if inside else frozenset([Opaque("pointed to")])
        return values[0]

    def freed(
        self, node: c_ast.Node, name: str, given: list[c_ast.Node], values: list[Origins]
    ) -> None:
        slot = self.names.frees[name]
        if slot >= len(given):
            return
        offset = self.routine.offset(node)
        known = self.frees.get(offset)
        origins = values[slot] | (known.origins if known is not None else NOTHING)
        text = place_text(given[slot]) or self.routine.text(given[slot])
        routine = self.routine
        self.frees[offset] = Free(
            routine.path, routine.key.name, routine.line(node), offset, name, text, origins
        )

    def handed(self, name: str, given: list[c_ast.Node], values: list[Origins]) -> Origins:
        """A call of some function: parameters get what is passed; ``&x`` may be written."""
        home = self.routine.path if name in self.statics else ""
        key = FunctionKey(home, name)
        for index, (argument, value) in enumerate(zip(given, values, strict=True)):
            inner = strip(argument)
            self.pass_on(Param(key, index), value)
            if isinstance(inner, c_ast.UnaryOp) and inner.op == "&":
                self.written(inner.expr, Out(key, index))
                continue
            for origin in value:
                if isinstance(origin, Ref):
                    self.pass_on(origin.place, [Out(key, index)])
            kind = self.routine.types.get(root_name(inner) or "")
            if kind is not None and kind.stars != 1:  # a pointer to a pointer, handed through
                passed = [origin for origin in value if isinstance(origin, Param)]
                self.edges.update((Out(o.key, o.index), Out(key, index)) for o in passed)
        return frozenset([Result(key)])

    def written(self, target: c_ast.Node, out: Out) -> None:
        target = strip(target)
        if isinstance(target, c_ast.ID) and self.routine.is_local(target.name):
            kind = self.routine.types.get(target.name, TypeRef("?"))
            if kind.stars:
                self.env[target.name] = self.env.get(target.name, NOTHING) | {out}
        elif isinstance(target, (c_ast.StructRef, c_ast.ArrayRef)):
            place = self.place(target)
            if isinstance(place, Field):
                self.pass_on(place, [out])


def _pointed(origin: Origin) -> Origin:
    """What a pointer of some origin points to."""
    if isinstance(origin, Param):
        return Out(origin.key, origin.index)
    return origin.place if isinstance(origin, Ref) else Opaque("pointed to")


def strip_keeping_type(node: c_ast.Node) -> c_ast.Node:
    """An expression without casts to plain pointers; a cast to a structure names its type."""
    while isinstance(node, c_ast.Cast) and not type_ref(node.to_type).base.startswith("struct "):
        node = node.expr
    return node
