"""Where pointers come from: what a function hands from one place to another, and what it frees.

Locals are followed along the control flow; everything else is a place without time: a field of a
type of structure, a parameter, a function's result. So a fact here says that memory *may* go from
one place to another, never that it must.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.control import Point, Role
from convert.flow.provenance.names import Names
from convert.flow.provenance.places import (
    NOTHING,
    Alloc,
    Field,
    Flows,
    Free,
    Heap,
    Opaque,
    Origin,
    Origins,
    Out,
    Param,
    Ref,
    Result,
)
from convert.flow.provenance.pointers import PointerReader
from convert.flow.terms import (
    TypeRef,
    arguments,
    call_name,
    place_text,
    root_name,
    strip,
    type_ref,
)


def flows_of(routine: Routine, names: Names, statics: frozenset[str]) -> Flows:
    """Follow the pointers of a routine. ``statics``: the static functions of its file."""
    return _Walk(routine, names, statics=statics).run()


@dataclass
class _Walk(PointerReader):
    statics: frozenset[str] = frozenset()
    edges: set[tuple[Origin, Origin]] = field(default_factory=set)
    frees: dict[int, Free] = field(default_factory=dict)

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
        if kind.base.startswith("struct ") and kind.stars == 1:
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
