"""What calls hand over: fresh memory, frees, arguments of functions, bytes written into objects."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import FunctionKey
from convert.flow.provenance.apart import apart_of
from convert.flow.provenance.places import (
    NOTHING,
    Alloc,
    Assigned,
    Fill,
    Free,
    Heap,
    Move,
    Origin,
    Origins,
    Out,
    Param,
    Ref,
    Result,
    Slot,
    Use,
    inside,
    returned,
)
from convert.flow.provenance.pointers import PointerReader, called
from convert.flow.terms import TypeRef, arguments, call_name, place_text, strip, type_ref


@dataclass
class CallReader(PointerReader):
    """Reads calls; collects what moves. ``statics``: the static functions of the file."""

    statics: frozenset[str] = frozenset()
    moves: dict[tuple[Origin, Origin], Move] = field(default_factory=dict)
    objects: dict[tuple[Origin, Origin], Move] = field(default_factory=dict)
    fills: dict[int, Fill] = field(default_factory=dict)
    frees: dict[int, Free] = field(default_factory=dict)
    uses: dict[tuple[str, int], Use] = field(default_factory=dict)

    @abstractmethod
    def store(self, target: c_ast.Node, value: Origins, line: int) -> None:
        """Store a value in what an expression names."""

    def pass_on(self, to: Origin, value: Iterable[Origin], line: int) -> None:
        """Note that a place may hold what others hold."""
        for origin in value:
            if to != origin:
                self.moves.setdefault((to, origin), Move(to, origin, line))

    def made(self, base: str, value: Iterable[Origin], line: int) -> None:
        """Note that what others hold may be objects of a type."""
        heap = Heap(base)
        for origin in value:
            self.objects.setdefault((heap, origin), Move(heap, origin, line))

    def call(self, node: c_ast.FuncCall) -> Origins:
        value = self.result_of(node)
        if not self.names.is_question(call_name(node)):
            self.forget()  # what is called may store in any member
        return value

    def result_of(self, node: c_ast.FuncCall) -> Origins:
        """What a call is worth; what it hands over is noted."""
        name = called(node, self.routine)
        given = arguments(node)
        if name is None:
            return self.indirect(node, given)
        if name in self.names.containers:
            return self.container(node, given, self.names.containers[name])
        if name in self.names.passes:
            return self.passed(given, self.names.passes[name])
        if name in self.names.neighbours and given:
            kind = self.types(given[0])
            if kind is not None and isinstance(kind.root, TypeRef) and not kind.chain:
                return frozenset([Heap(kind.root.base)])
        values = [self.value(argument) for argument in given]
        self.used(node, name, values)
        if name in self.names.find_many:
            return self.found_many(node, given, self.names.find_many[name])
        if name in self.names.stores_value and len(given) > 1:
            self.store(given[0], values[1], self.routine.line(node))
            return NOTHING
        if name in self.names.swaps and len(given) > 1:
            for target, value in zip(given, reversed(values), strict=False):
                self.store(target, value, self.routine.line(node))
            return NOTHING
        if name in self.names.nothing:
            return NOTHING
        family = self.names.family(name)
        if family is not None:
            return self.fresh(node, name, family, given, values)
        if name in self.names.lookups:
            return frozenset([Result(FunctionKey("", name), None, self.at(node))])
        if name in self.names.frees:
            self.freed(node, name, given, values)
            return NOTHING
        self.fill(node, name, given)
        if name in self.names.byte_copies and len(given) > 1:
            self.exposed(given, self.routine.line(node))
            self.copied(node, values)
            return values[0]
        return self.handed(node, name, given, values)

    def used(self, node: c_ast.Node, name: str, values: list[Origins]) -> None:
        """Note what a call of a known meaning is given; frees and plain calls are noted as such."""
        names = self.names
        known = name in names.find_many or name in names.lookups
        if not known and (name in names.frees or names.family(name) is None):
            return
        key = (name, self.routine.offset(node))
        before = self.uses[key].origins if key in self.uses else NOTHING
        origins = frozenset(origin for value in values for origin in value)
        self.uses[key] = Use(name, before | origins, self.routine.line(node))

    def fresh(
        self, node: c_ast.Node, name: str, family: str, given: list[c_ast.Node],
        values: list[Origins],
    ) -> Origins:  # fmt: skip
        """New memory; that of ``krealloc()`` holds what the old one held."""
        at = self.at(node)
        made = Alloc(at.path, at.function, at.line, name, family)
        primitive = self.names.primitive(name)
        if primitive is not None and primitive.reallocates is not None:
            slot = primitive.reallocates
            if slot < len(values):
                self.pass_on(inside(made), map(inside, values[slot]), at.line)
                self.freed(node, name, given, values, slot)
        return frozenset([made])

    def container(self, node: c_ast.Node, given: list[c_ast.Node], slot: int) -> Origins:
        """An object found by one of its members."""
        for argument in given:
            self.value(argument)
        if slot < len(given) and isinstance(given[slot], c_ast.Typename):
            return frozenset([Heap(type_ref(given[slot]).base)])
        return self.opaque("a container of unknown type", node)

    def passed(self, given: list[c_ast.Node], pointed: bool) -> Origins:
        """A call worth its first argument, or what that points to; ``xchg()`` stores the second."""
        values = [self.value(argument) for argument in given]
        if not given:
            return NOTHING
        if not pointed:
            return values[0]
        for origin in values[0]:
            for value in values[1:]:
                self.pass_on(inside(origin), value, self.routine.line(given[0]))
        self.exposed(given[:1], self.routine.line(given[0]))
        first = strip(given[0])
        if isinstance(first, c_ast.UnaryOp) and first.op == "&":
            return self.value(first.expr)
        return frozenset(map(inside, values[0]))

    def found_many(self, node: c_ast.FuncCall, given: list[c_ast.Node], slot: int) -> Origins:
        """Objects found by their index, stored where an argument points to."""
        kind = self.types(given[slot]) if slot < len(given) else None
        if kind is None or not isinstance(kind.root, TypeRef) or kind.chain:
            return self.opaque("what a lookup stores", node)
        target = strip(given[slot])
        found: Origins = frozenset([Heap(kind.root.base)])
        line = self.routine.line(node)
        if isinstance(target, c_ast.UnaryOp) and target.op == "&":
            self.store(target.expr, self.value(target.expr) | found, line)
            return NOTHING
        for place in self.value(target):
            self.pass_on(inside(place), found, line)
        return NOTHING

    def freed(
        self, node: c_ast.Node, name: str, given: list[c_ast.Node], values: list[Origins],
        slot: int | None = None,
    ) -> None:  # fmt: skip
        slot = self.names.frees[name] if slot is None else slot
        if slot >= len(given):
            return
        offset = self.routine.offset(node)
        known = self.frees.get(offset)
        origins = values[slot] | (known.origins if known is not None else NOTHING)
        text = place_text(given[slot]) or self.routine.text(given[slot])
        routine = self.routine
        self.frees[offset] = Free(
            routine.path, routine.key.name, routine.line(node), offset, name, text, origins,
            apart_of(routine, node, name, given[slot], self.names),
        )  # fmt: skip

    # -- arguments ----------------------------------------

    def handed(
        self, node: c_ast.Node, name: str, given: list[c_ast.Node], values: list[Origins]
    ) -> Origins:
        """A call of some function: parameters get what is passed; ``&x`` may be written."""
        home = self.routine.path if name in self.statics else ""
        key = FunctionKey(home, name)
        line = self.routine.line(node)
        for index, (argument, value) in enumerate(zip(given, values, strict=True)):
            self.pass_on(Param(key, index), value, line)
            inner = strip(argument)
            if isinstance(inner, c_ast.UnaryOp) and inner.op == "&":
                self.written(inner.expr, Out(key, index), line)
            elif isinstance(inner, c_ast.StructRef) and not home:
                self.written(inner, Assigned(key, index), line)
            for origin in value:
                if isinstance(origin, Ref):
                    self.pass_on(origin.place, [Out(key, index)], line)
        return frozenset([Result(key, None, self.at(node))])

    def written(self, target: c_ast.Node, written: Out | Assigned, line: int) -> None:
        """A place that a call may write, by its address or because the callee is a macro."""
        target = strip(target)
        if isinstance(target, c_ast.ID) and self.routine.is_local(target.name):
            if target.name in self.arrays:
                return
            self.pass_on(self.cell(target.name), self.named(target.name) | {written}, line)
            self.env[target.name] = self.env.get(target.name, NOTHING) | {written}
        elif isinstance(target, (c_ast.StructRef, c_ast.ArrayRef)):
            place = self.place(target)
            if place is not None:
                self.pass_on(place, [written], line)

    def indirect(self, node: c_ast.FuncCall, given: list[c_ast.Node]) -> Origins:
        """A call through a pointer: every function that the pointer may hold is handed this."""
        callee = node.name
        while isinstance(callee, c_ast.UnaryOp) and callee.op == "*":
            callee = callee.expr
        line = self.routine.line(node)
        held = self.value(callee)
        self.exposed(given, line)
        for index, argument in enumerate(given):
            value = self.value(argument)
            for place in held:
                self.pass_on(Slot(place, index), value, line)
        return frozenset(map(returned, held))

    def exposed(self, given: list[c_ast.Node], line: int) -> None:
        """Locals whose addresses are handed on: what is stored there later comes by address."""
        for argument in given:
            inner = strip(argument)
            if not isinstance(inner, c_ast.UnaryOp) or inner.op != "&":
                continue
            target = strip(inner.expr)
            if isinstance(target, c_ast.ID) and self.routine.is_local(target.name):
                cell = self.cell(target.name)
                self.pass_on(cell, self.named(target.name), line)
                self.env[target.name] = self.env.get(target.name, NOTHING) | {cell}

    # -- bytes ----------------------------------------

    def copied(self, node: c_ast.Node, values: list[Origins]) -> None:
        """``memcpy()``: what one place points to goes to where another does."""
        line = self.routine.line(node)
        for to in values[0]:
            self.pass_on(inside(to), map(inside, values[1]), line)

    def fill(self, node: c_ast.Node, name: str, given: list[c_ast.Node]) -> None:
        """Bytes that are written into an object of a type of structure."""
        if name in self.names.reads_bytes:
            return
        if name in self.names.fills:
            if len(given) < 2 or self.routine.text(given[1]) in ("0", "NULL", "'\\0'"):
                return
            slots = [0]
        else:
            slots = [
                slot
                for slot in range(len(given) - 1)
                if "sizeof" in self.routine.text(given[slot + 1])
            ]
        for slot in slots:
            target = self.types(given[slot])
            if target is None:
                continue
            source = None
            if name in self.names.byte_copies and slot + 1 < len(given):
                source = self.types(given[slot + 1])
            offset = self.routine.offset(node) + slot
            self.fills[offset] = Fill(target, source, name, self.routine.line(node))
