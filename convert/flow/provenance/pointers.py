"""What the expressions of a function are worth, as places that memory comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.provenance.names import Names
from convert.flow.provenance.places import (
    NOTHING,
    Field,
    Global,
    Heap,
    Opaque,
    Origin,
    Origins,
    Out,
    Param,
    Ref,
    Result,
)
from convert.flow.terms import TypeRef, strip, type_ref


@dataclass
class PointerReader(ABC):
    """Reads expressions, given what the local variables are worth (``env``)."""

    routine: Routine
    names: Names
    env: dict[str, Origins] = field(default_factory=dict)

    @abstractmethod
    def assignment(self, node: c_ast.Assignment) -> Origins:
        """Make an assignment; what it is worth."""

    @abstractmethod
    def declaration(self, node: c_ast.Decl) -> Origins:
        """Make a declaration with its initialiser; what that is worth."""

    @abstractmethod
    def call(self, node: c_ast.FuncCall) -> Origins:
        """Make a call; what it is worth."""

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
        """What a name is worth."""
        if name == "NULL":
            return NOTHING
        if self.routine.is_local(name):
            return self.env.get(name, NOTHING)
        home = self.routine.path if self.routine.path.endswith(".c") else ""
        return frozenset([Global(home, name)])

    def member(self, node: c_ast.Node) -> Origins:
        """What a member or an element is worth."""
        place = self.place(node)
        if place is None:
            return frozenset([Opaque("computed")])
        if isinstance(place, str):
            return self.env.get(place, NOTHING)
        return frozenset([place])

    def place(self, node: c_ast.Node) -> Field | str | None:
        """The field that a member access names; the name of a local array; None for others.

        ``[]`` at the end of a name stands for the elements, which are not the array itself.
        """
        chain: list[str] = []
        node = strip_keeping_type(node)
        elements = "[]" if isinstance(node, c_ast.ArrayRef) else ""
        while isinstance(node, (c_ast.StructRef, c_ast.ArrayRef)):
            if isinstance(node, c_ast.ArrayRef):
                self.value(node.subscript)
            else:
                chain.append(node.field.name)
            node = strip_keeping_type(node.name)
            while isinstance(node, c_ast.UnaryOp) and node.op in ("*", "&"):
                node = strip_keeping_type(node.expr)
        chain.reverse()
        if chain:
            chain[-1] += elements
        match node:
            case c_ast.ID(name=name) if not chain:
                return f"{name}{elements}" if self.routine.is_local(name) else None
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
        """A member of what a call returns."""
        for origin in self.call(node):
            if isinstance(origin, Heap):
                return Field(TypeRef(origin.base, 1), chain)
            if isinstance(origin, Result):
                return Field(origin.key, chain)
        return None

    def unary(self, node: c_ast.UnaryOp) -> Origins:
        """What a dereference, an address and the like are worth."""
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
