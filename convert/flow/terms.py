"""Expressions and types of a function in a spelling that refactorings leave alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from pycparser import c_ast


class TypeRef(NamedTuple):
    """A declared type: ``struct foo``, a typedef or a basic type, and how many ``*`` or ``[]``."""

    base: str
    stars: int = 0

    @property
    def pointed(self) -> TypeRef:
        """What it points to."""
        return TypeRef(self.base, max(0, self.stars - 1))

    def __str__(self) -> str:
        return f"{self.base} {'*' * self.stars}".rstrip()


UNKNOWN_TYPE = TypeRef("?")


_DECLARATORS = (c_ast.Decl, c_ast.Typedef, c_ast.TypeDecl, c_ast.PtrDecl, c_ast.ArrayDecl)


def type_ref(
    node: c_ast.Node | None,
    unnamed: str = "?",
    function: Callable[[c_ast.FuncDecl], str] | None = None,
) -> TypeRef:
    """The type that a declaration or type name stands for.

    unnamed: stands for a structure without a tag. function: the base of a function's type, which
    is unknown without it.
    """
    stars = 0
    while node is not None:
        match node:
            case c_ast.PtrDecl() | c_ast.ArrayDecl():
                stars += 1
                node = node.type
            case c_ast.Decl() | c_ast.Typename() | c_ast.TypeDecl() | c_ast.Typedef():
                node = node.type
            case c_ast.FuncDecl() if function is not None:
                return TypeRef(function(node), stars)
            case c_ast.Struct() | c_ast.Union():
                return TypeRef(tag_of(node) or unnamed, stars)
            case c_ast.IdentifierType(names=names):
                return TypeRef(" ".join(names), stars)
            case c_ast.Enum():
                return TypeRef("int", stars)
            case _:
                return UNKNOWN_TYPE
    return UNKNOWN_TYPE


def innermost(node: c_ast.Node) -> c_ast.Node:
    """The type that a declaration is made of, without pointers, arrays and parameters."""
    while isinstance(node, _DECLARATORS):
        node = node.type
    return node


def tag_of(node: c_ast.Node) -> str | None:
    """``struct foo`` or ``union foo``; None without a name."""
    if node.name is None:
        return None
    return f"{'struct' if isinstance(node, c_ast.Struct) else 'union'} {node.name}"


def strip(node: c_ast.Node) -> c_ast.Node:
    """An expression without casts around it."""
    while isinstance(node, c_ast.Cast):
        node = node.expr
    return node


def call_name(node: c_ast.Node) -> str | None:
    """The name of the function that a call calls by name."""
    if isinstance(node, c_ast.FuncCall) and isinstance(node.name, c_ast.ID):
        return str(node.name.name)
    return None


def arguments(node: c_ast.FuncCall) -> list[c_ast.Node]:
    """The arguments of a call."""
    return list(node.args.exprs) if isinstance(node.args, c_ast.ExprList) else []


def place_text(node: c_ast.Node) -> str | None:
    """How an object is named, e.g. ``tp->t_pflags``, ``a[]``; None if it is none."""
    node = strip(node)
    match node:
        case c_ast.ID(name=name):
            return str(name)
        case c_ast.StructRef(name=base, type=access, field=field):
            inner = place_text(base)
            return None if inner is None else f"{inner}{access}{field.name}"
        case c_ast.ArrayRef(name=base):
            inner = place_text(base)
            return None if inner is None else f"{inner}[]"
        case c_ast.UnaryOp(op="*", expr=base):
            inner = place_text(base)
            return None if inner is None else f"*{inner}"
        case c_ast.UnaryOp(op="&", expr=base):
            inner = place_text(base)
            return None if inner is None else f"&{inner}"
    return None


def root_name(node: c_ast.Node) -> str | None:
    """The variable that a place starts from."""
    node = strip(node)
    while isinstance(node, (c_ast.StructRef, c_ast.ArrayRef, c_ast.UnaryOp, c_ast.Cast)):
        node = strip(node.expr if isinstance(node, (c_ast.UnaryOp, c_ast.Cast)) else node.name)
    return str(node.name) if isinstance(node, c_ast.ID) else None


Types = Mapping[str, TypeRef]


def spelled(node: c_ast.Node | None, types: Types) -> str:
    """An expression as text without casts, parentheses and white space.

    ``sizeof`` of a variable is that of its type; operands of ``|``, ``+`` and ``*`` are sorted.
    """
    if node is None:
        return ""
    node = strip(node)
    match node:
        case c_ast.ID(name=name):
            return str(name)
        case c_ast.Constant(type=kind, value=value):
            return str(value) if kind == "string" else str(value).rstrip("uUlL")
        case c_ast.Typename():
            return str(type_ref(node))
        case c_ast.StructRef(name=base, type=access, field=field):
            return f"{spelled(base, types)}{access}{field.name}"
        case c_ast.ArrayRef(name=base, subscript=index):
            return f"{spelled(base, types)}[{spelled(index, types)}]"
        case c_ast.UnaryOp(op="sizeof", expr=inner):
            return f"sizeof({_measured(inner, types)})"
        case c_ast.UnaryOp(op=op, expr=inner):
            return f"{op}({spelled(inner, types)})"
        case c_ast.BinaryOp(op="|" | "+" | "*" as op):
            return str(op).join(sorted(spelled(part, types) for part in operands(node, op)))
        case c_ast.BinaryOp(op=op, left=left, right=right):
            return f"({spelled(left, types)}{op}{spelled(right, types)})"
        case c_ast.TernaryOp(cond=cond, iftrue=then, iffalse=other):
            return f"{spelled(cond, types)}?{spelled(then, types)}:{spelled(other, types)}"
        case c_ast.FuncCall(name=name):
            given = ",".join(spelled(argument, types) for argument in arguments(node))
            return f"{spelled(name, types)}({given})"
    return ",".join(spelled(child, types) for _, child in node.children())


def operands(node: c_ast.Node, op: str) -> list[c_ast.Node]:
    """The operands of a chain of one operator, left to right."""
    node = strip(node)
    if isinstance(node, c_ast.BinaryOp) and node.op == op:
        return [*operands(node.left, op), *operands(node.right, op)]
    return [node]


def _measured(node: c_ast.Node, types: Types) -> str:
    """What ``sizeof`` measures, by type where the declaration is at hand."""
    if isinstance(node, c_ast.Typename):
        return str(type_ref(node))
    node = strip(node)
    match node:
        case c_ast.ID(name=name) if name in types:
            return str(types[name])
        case c_ast.UnaryOp(op="*", expr=inner) if isinstance(strip(inner), c_ast.ID):
            name = strip(inner).name
            if name in types:
                return str(types[name].pointed)
        case c_ast.ArrayRef(name=inner) if isinstance(strip(inner), c_ast.ID):
            name = strip(inner).name
            if name in types:
                return str(types[name].pointed)
    return spelled(node, types)
