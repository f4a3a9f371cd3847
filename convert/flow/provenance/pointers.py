"""What the expressions of a function are worth, as places that memory comes from."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.provenance.names import Names
from convert.flow.provenance.places import (
    NOTHING,
    At,
    Cell,
    Field,
    Global,
    Heap,
    Opaque,
    Origins,
    Ref,
    Result,
    around,
    inside,
    part,
)
from convert.flow.terms import UNKNOWN_TYPE, TypeRef, call_name, strip, type_ref

# What may be an address that is not an argument by itself; else no local needs to be looked at.
_ADDRESS = re.compile(r"[^&(,\s]\s*&\s*[A-Za-z_(]")
ARROW = "->"  # in the name of a member that is known to hold what was stored in it last
_TRUTHS = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||"})


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
    def initialiser(self, node: c_ast.InitList, kind: TypeRef, name: str = "") -> None:
        """Store what an initialiser gives to the members of an object."""

    @abstractmethod
    def call(self, node: c_ast.FuncCall) -> Origins:
        """Make a call; what it is worth."""

    def at(self, node: c_ast.Node) -> At:
        """The place of a node."""
        return At(self.routine.path, self.routine.key.name, self.routine.line(node))

    def opaque(self, text: str, node: c_ast.Node) -> Origins:
        """A value that is not understood."""
        return frozenset([Opaque(text, at=self.at(node))])

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
                tested = self.value(cond)  # worth something itself in `a ?: b`
                return (tested if then is None else self.value(then)) | self.value(other)
            case c_ast.ExprList(exprs=exprs):
                values = [self.value(part) for part in exprs]
                return values[-1] if values else NOTHING
            case c_ast.Compound(block_items=items):  # a statement expression
                values = [self.value(item) for item in items or ()]
                return values[-1] if values else NOTHING
            case c_ast.Typename():
                return NOTHING
            case c_ast.CompoundLiteral(type=kind, init=init):
                self.initialiser(init, type_ref(kind))
                return NOTHING
        values = [self.value(child) for _, child in node.children()]
        if isinstance(node, c_ast.BinaryOp) and node.op in _TRUTHS:
            return NOTHING
        computed = frozenset(part(origin) for value in values for origin in value)
        return self.opaque("a computed value", node) | self.followed(computed)

    @staticmethod
    def followed(computed: Origins) -> Origins:
        """Computed pointers, without what is not followed anyway."""
        return frozenset(origin for origin in computed if not isinstance(origin, Opaque))

    def named(self, name: str) -> Origins:
        """What a name is worth."""
        if name == "NULL":
            return NOTHING
        if name in self.arrays:
            return frozenset([Ref(self.cell(f"{name}[]"))])
        if name in self.kept:
            return frozenset([self.cell(name)])
        if self.routine.is_local(name):
            return self.env.get(name, NOTHING)
        return frozenset([self.variable(name)])

    def variable(self, name: str) -> Global:
        """A variable, function or macro of the file or of a header."""
        home = self.routine.path if self.routine.path.endswith(".c") else ""
        return Global(home, name)

    def cell(self, name: str) -> Cell:
        """The place of a local variable that is followed without time."""
        return Cell(self.routine.path, self.routine.key.name, name)

    # -- local variables that pointers lead to ----------------------------------------

    @cached_property
    def arrays(self) -> frozenset[str]:
        """Local arrays."""
        return frozenset(
            d.name
            for d in self.routine.variant.declarators
            if isinstance(d.node.type, c_ast.ArrayDecl)
            and not d.is_parameter
            and self.routine.is_local(d.name)
        )

    @cached_property
    def kept(self) -> frozenset[str]:
        """Locals that are followed without time.

        Their address is taken for more than one call, so that stores may come at any time, or
        several of one name are declared.
        """
        names = [d.name for d in self.routine.variant.declarators if self.routine.is_local(d.name)]
        found = {name for name, times in Counter(names).items() if times > 1}
        if not _ADDRESS.search(self.routine.item.span.of(self.routine.source.text)):
            return frozenset(found) - self.arrays
        waiting: list[c_ast.Node] = [self.routine.variant.root]
        while waiting:
            node = waiting.pop()
            for _, child in node.children():
                waiting.append(child)
                if not isinstance(child, c_ast.UnaryOp) or child.op != "&":
                    continue
                inner = strip(child.expr)
                direct = self.is_direct(child)
                if isinstance(inner, c_ast.ID) and not direct and self.routine.is_local(inner.name):
                    found.add(str(inner.name))
        return frozenset(found) - self.arrays

    def is_direct(self, node: c_ast.Node) -> bool:
        """Whether an address is the argument of a call."""
        parent = self.routine.variant.parent_of(node)
        while isinstance(parent, c_ast.Cast):
            parent = self.routine.variant.parent_of(parent)
        if not isinstance(parent, c_ast.ExprList):
            return False
        return isinstance(self.routine.variant.parent_of(parent), c_ast.FuncCall)

    # -- members ----------------------------------------

    def member(self, node: c_ast.Node) -> Origins:
        """What a member or an element is worth."""
        own = self.tracked(node)
        if own is not None and own in self.env:
            return self.env[own]
        place = self.place(node)
        if place is not None:
            return frozenset([place])
        assert isinstance(node, c_ast.ArrayRef)
        self.value(node.subscript)
        return frozenset(map(inside, self.value(node.name)))

    def tracked(self, node: c_ast.Node) -> str | None:
        """The name of a member that a local pointer leads to, as in ``p->m``."""
        if not isinstance(node, c_ast.StructRef) or node.type != ARROW:
            return None
        base = node.name
        if not isinstance(base, c_ast.ID) or base.name in self.kept or base.name in self.arrays:
            return None
        known = self.routine.is_local(base.name) and not self.routine.is_macro
        return f"{base.name}{ARROW}{node.field.name}" if known else None

    def forget(self, name: str | None = None) -> None:
        """Members may hold something else now: all, or those that one local leads to."""
        for key in [key for key in self.env if ARROW in key]:
            if name is None or key.startswith(f"{name}{ARROW}"):
                del self.env[key]

    def place(self, node: c_ast.Node) -> Field | None:
        """The field that a member access names; None for an element of something else."""
        chain: list[str] = []
        node = strip_keeping_type(node)
        elements = "[]" if isinstance(node, c_ast.ArrayRef) else ""
        subscripts: list[c_ast.Node] = []
        while isinstance(node, (c_ast.StructRef, c_ast.ArrayRef)):
            if isinstance(node, c_ast.ArrayRef):
                subscripts.append(node.subscript)
            else:
                chain.append(node.field.name)
            node = strip_keeping_type(node.name)
            while isinstance(node, c_ast.UnaryOp) and node.op in ("*", "&"):
                node = strip_keeping_type(node.expr)
        if not chain:
            return None
        for subscript in subscripts:
            self.value(subscript)
        chain.reverse()
        chain[-1] += elements
        return Field(self.root(node), tuple(chain))

    def root(self, node: c_ast.Node) -> TypeRef | FunctionKey:
        """The type, or the function whose result it is, of what members are taken of."""
        match node:
            case c_ast.ID(name=name):
                return self.routine.types.get(name, TypeRef(f"var {name}"))
            case c_ast.Cast(to_type=wanted, expr=inner):
                self.value(inner)
                return type_ref(wanted)
            case c_ast.FuncCall():
                for origin in self.call(node):
                    if isinstance(origin, Heap):
                        return TypeRef(origin.base, 1)
                    if isinstance(origin, Result):
                        return origin.key
                return UNKNOWN_TYPE
        self.value(node)
        return UNKNOWN_TYPE

    def unary(self, node: c_ast.UnaryOp) -> Origins:
        """What a dereference, an address and the like are worth."""
        if node.op == "*":
            return frozenset(map(inside, self.value(node.expr)))
        if node.op == "&":
            return self.address(strip(node.expr))
        if node.op != "sizeof":
            value = self.value(node.expr)
            if node.op in ("++", "--", "p++", "p--"):
                self.forget()
                return value
        return NOTHING

    def address(self, inner: c_ast.Node) -> Origins:
        """The address of a place; that of a member also stands for the object around it."""
        match inner:
            case c_ast.ID(name=name) if self.routine.is_local(name):
                return frozenset([Ref(self.cell(name))])
            case c_ast.ID(name=name):
                return frozenset([Ref(self.variable(name))])
            case c_ast.UnaryOp(op="*", expr=pointer):
                return self.value(pointer)
            case c_ast.StructRef() | c_ast.ArrayRef():
                place = self.place(inner)
                if place is None:  # an element: the array may start there
                    assert isinstance(inner, c_ast.ArrayRef)
                    return self.value(inner.name)
                outer = frozenset(around(origin, place) for origin in self.around(inner))
                return outer | {Ref(place)}
        self.value(inner)
        return self.opaque("an address", inner)

    def around(self, node: c_ast.Node) -> Origins:
        """The object that a member lies in: it may be its first."""
        while isinstance(node, c_ast.StructRef) and node.type == ".":
            node = strip(node.name)
        if isinstance(node, c_ast.StructRef):
            base = strip(node.name)
            return self.named(base.name) if isinstance(base, c_ast.ID) else NOTHING
        return NOTHING

    def types(self, node: c_ast.Node) -> Field | None:
        """What kind of object a pointer expression points to: a type and a chain of members."""
        outer, node = node, strip(node)
        if isinstance(node, c_ast.UnaryOp) and node.op in ("&", "*"):
            return self.types(node.expr)
        match node:
            case c_ast.ID(name=name):
                known = self.routine.types.get(name, TypeRef(f"var {name}"))
                return Field(known, ())
            case c_ast.StructRef():
                chain: list[str] = []
                while isinstance(node, c_ast.StructRef):
                    chain.insert(0, node.field.name)
                    node = strip_keeping_type(node.name)
                    while isinstance(node, (c_ast.ArrayRef, c_ast.UnaryOp)):
                        inner = node.name if isinstance(node, c_ast.ArrayRef) else node.expr
                        node = strip_keeping_type(inner)
                if isinstance(node, c_ast.ID):
                    known = self.routine.types.get(node.name, TypeRef(f"var {node.name}"))
                    return Field(known, tuple(chain))
            case c_ast.ArrayRef(name=base):
                return self.types(base)
        return Field(type_ref(outer.to_type), ()) if isinstance(outer, c_ast.Cast) else None


def strip_keeping_type(node: c_ast.Node) -> c_ast.Node:
    """An expression without casts to plain pointers; a cast to a structure names its type."""
    while isinstance(node, c_ast.Cast) and not type_ref(node.to_type).base.startswith(
        ("struct ", "union ")
    ):
        node = node.expr
    return node


def called(node: c_ast.FuncCall, routine: Routine) -> str | None:
    """The name that a call calls a function by; None for a call through a pointer."""
    name = call_name(node)
    return None if name is None or routine.is_local(name) else name
