"""Initialisers: which function each member of a table gets."""

from __future__ import annotations

from dataclasses import dataclass

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.graph.calls import CallReader
from convert.flow.graph.places import (
    UNKNOWN,
    Spot,
    Stored,
)
from convert.flow.terms import UNKNOWN_TYPE, TypeRef, call_name

_DEEPEST = 3  # structures in structures


@dataclass
class InitialiserReader(CallReader):
    """Adds initialisers to what a routine does."""

    def initialiser(
        self, node: c_ast.InitList, kind: TypeRef, spot: Spot, table: tuple[str, str] | None
    ) -> None:
        """``{ … }`` for a value of a type; ``spot`` holds it if it is no structure."""
        self.done.add(id(node))
        plain = self.types.plain(kind)
        if plain.stars or not self.types.is_struct(plain):
            element = plain.pointed if plain.stars else plain
            self.elements(node, element, spot, table)
            return
        members = self.types.members(plain.base)
        order = [] if members is None else list(members)
        for index, item in enumerate(node.exprs or ()):
            if isinstance(item, c_ast.NamedInitializer):
                self.item(item, plain, spot, table)
            elif members is None or plain.base in self.types.mixed or index >= len(order):
                self.everywhere(item, plain)
            else:
                self.put(item, plain, order[index], table)

    def elements(
        self, node: c_ast.InitList, element: TypeRef, spot: Spot, table: tuple[str, str] | None
    ) -> None:
        """The elements of an array; each is a row of its table."""
        outermost = self.row is None
        for number, item in enumerate(node.exprs or ()):
            if outermost:
                first = item.name[0] if isinstance(item, c_ast.NamedInitializer) else None
                self.row = str(number)
                if isinstance(first, c_ast.ArrayDesignator):
                    self.row = self.routine.text(next(iter(first)))
            self.item(item, element, spot, table)
        if outermost:
            self.row = None

    def item(
        self,
        item: c_ast.Node,
        kind: TypeRef,
        spot: Spot,
        table: tuple[str, str] | None,
    ) -> None:
        """One item: its designators lead to a member or an element of ``kind``."""
        if not isinstance(item, c_ast.NamedInitializer):
            self.fill(item, kind, spot, table)
            return
        self.done.add(id(item))
        owner, member = kind, ""
        for name in item.name:
            self.done.add(id(name))
            if isinstance(name, c_ast.ID):
                others = self.other_members(name.name) or [name.name]
                for other in others[1:]:  # the last designator may stand for several members
                    self.fill(item.expr, UNKNOWN_TYPE, self.field(kind, other), table)
                owner, member = kind, others[0]
                kind = self.types.member(kind, member)
                spot = self.field(owner, member)
            elif member or (kind.stars and not self.types.is_struct(kind)):
                kind = kind.pointed
        if member:
            self.note(item.expr, owner, member, table)
        self.fill(item.expr, kind, spot, table)

    def put(
        self, item: c_ast.Node, owner: TypeRef, member: str, table: tuple[str, str] | None
    ) -> None:
        """Store a value in a member by its position."""
        self.note(item, owner, member, table)
        self.fill(item, self.types.member(owner, member), self.field(owner, member), table)

    def fill(
        self, value: c_ast.Node, kind: TypeRef, spot: Spot, table: tuple[str, str] | None
    ) -> None:
        if isinstance(value, c_ast.InitList):
            self.initialiser(value, kind, spot, table)
            return
        for constant in self.constants(value):
            if isinstance(constant.variant.root, c_ast.InitList):
                self.done.add(id(value))
                self.elsewhere(constant, lambda root: self.initialiser(root, kind, spot, table))
                return
        if isinstance(value, c_ast.FuncCall) and self.made_by_macro(value, kind, spot, table):
            return
        held = self.value(value)
        plain = self.types.plain(kind)
        known = any(one.of != UNKNOWN for one in held)  # a structure of ours is not made outside
        if known and not plain.stars and self.types.is_struct(plain):
            self.everywhere(value, plain)  # inner braces are left out
        elif held:
            self.flow(spot, held, value)

    def made_by_macro(
        self, value: c_ast.FuncCall, kind: TypeRef, spot: Spot, table: tuple[str, str] | None
    ) -> bool:
        """``MACRO(…)`` whose body is ``{ … }``: its parameters get what it is given."""
        name = call_name(value)
        if name is None or name in self.local:
            return False
        if not self.keys(name) and self.types.is_struct(kind):
            self.program.adopt(self.typing.initialiser_macros(name), self.routine.traps)
        found = [
            one
            for key in self.keys(name)
            for one in self.program.routines[key]
            if one.is_macro and isinstance(one.variant.root, c_ast.InitList)
        ]
        self.site(value)
        for one in found:
            self.elsewhere(one, lambda root: self.initialiser(root, kind, spot, table))
        return bool(found)

    def everywhere(self, item: c_ast.Node, kind: TypeRef) -> None:
        """A position that is not known: any member of the structure may be meant."""
        if isinstance(item, c_ast.InitList):
            for inner in item.exprs or ():
                self.everywhere(inner, UNKNOWN_TYPE)
            return
        if isinstance(item, c_ast.NamedInitializer):
            self.item(item, UNKNOWN_TYPE, UNKNOWN, None)
            return
        held = self.value(item)
        if held:
            for spot in self.all_members(kind, 0):
                self.flow(spot, held, item)
            self.flow(Spot("whole", kind.base, ""), held, item)
            self.hand(item, f"a member of {kind}", 0, held)

    def all_members(self, kind: TypeRef, depth: int) -> list[Spot]:
        """The members of a structure and of those inside it."""
        found = []
        for name, inner in (self.types.members(kind.base) or {}).items():
            found.append(self.field(kind, name))
            plain = self.types.plain(inner)
            if self.types.is_struct(plain) and depth < _DEEPEST:
                found += self.all_members(plain, depth + 1)
        return found

    def note(
        self, value: c_ast.Node, owner: TypeRef, member: str, table: tuple[str, str] | None
    ) -> None:
        """Remember which function a table's member holds."""
        if isinstance(value, c_ast.InitList):
            return
        for held in self.value(value):
            if isinstance(held.of, FunctionKey):
                spot = self.field(owner, member)
                stored = Stored(spot, held.of, self.place(value), table, self.row)
                self.facts.stored.append(stored)

    def constants(self, node: c_ast.Node) -> tuple[Routine, ...]:
        if isinstance(node, c_ast.ID) and node.name not in self.local:
            return self.program.constant(self.routine.path, node.name)
        return ()
