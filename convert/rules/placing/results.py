"""Variables that can carry a function's value past the end of a scope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pycparser import c_ast

from convert.flow.code import words_of
from convert.flow.terms import TypeRef
from convert.rules.placing.body import Body, items_of
from convert.rules.placing.declaring import top_declarations
from convert.source.nodes import nodes_of

_CLEANUPS = frozenset({"guard", "scoped_guard", "CLASS", "__free", "__cleanup"})
_USUAL = ("error", "ret", "err", "status", "rc", "retval", "result")


@dataclass(frozen=True)
class Result:
    """A variable of the function's own type that is of no more use where the function returns."""

    name: str


def same_type(body: Body, name: str) -> bool:
    """Whether a local variable has the type that the function returns, and only the name has it."""
    known = body.routine.types.get(name)
    if known is None or known != body.routine.returns or known.base == "?":
        return False
    declared = [one for one in body.variant.declarators if one.name == name]
    node = declared[0].node
    quals = [*(node.quals or []), *(node.storage or [])]
    stored = any(isinstance(part, c_ast.ArrayDecl) for part in nodes_of(node.type))
    return len(declared) == 1 and not quals and not stored and body.routine.is_local(name)


def is_outermost(body: Body, name: str) -> bool:
    """Whether a name is a parameter, or a variable declared once and at the top."""
    declared = [one for one in body.variant.declarators if one.name == name]
    top = [item for item in items_of(body.block) if isinstance(item, c_ast.Decl)]
    known = any(item.name == name for item in top) or name in body.routine.parameters
    return known and len(declared) == 1 and body.routine.is_local(name)


def returns_nothing(body: Body) -> bool:
    """Whether the function's type is ``void``."""
    return body.routine.returns == TypeRef("void")


def may_jump(body: Body) -> bool:
    """Whether a jump to the end of the function leaves out no declaration and no cleanup."""
    items = items_of(body.block)
    first = top_declarations(body).first
    behind = items[items.index(first) :] if first is not None else []
    words = set(words_of(body.parsed.source, body.item.span))
    return words.isdisjoint(_CLEANUPS) and not any(isinstance(one, c_ast.Decl) for one in behind)


def result_variable(body: Body, returns: Sequence[c_ast.Return]) -> Result | None:
    """The best variable of the outermost block: what returns return most, then usual names."""
    counts = Counter(str(one.expr.name) for one in returns if isinstance(one.expr, c_ast.ID))
    taken = {
        part.expr.name
        for part in body.nodes()
        if isinstance(part, c_ast.UnaryOp) and part.op == "&" and isinstance(part.expr, c_ast.ID)
    }
    names = [
        str(item.name)
        for item in items_of(body.block)
        if isinstance(item, c_ast.Decl) and item.name
    ]
    found = [name for name in names if name not in taken and same_type(body, name)]
    usual = [name for name in found if counts[name] or name in _USUAL]
    if not usual:
        return None
    return Result(min(usual, key=lambda name: (-counts[name], _rank(name), name)))


def _rank(name: str) -> int:
    return _USUAL.index(name) if name in _USUAL else len(_USUAL)


def plain_type(body: Body, place: c_ast.Node) -> tuple[str, str]:
    """The type that the function returns, as a declaration has it, and the stars of its name."""
    declared = body.routine.declared
    node = None if declared is None else declared.type.type
    stars = ""
    while isinstance(node, c_ast.PtrDecl) and not node.quals:
        stars += "*"
        node = node.type
    if isinstance(node, c_ast.TypeDecl) and not node.quals:
        inner = node.type
        if isinstance(inner, c_ast.IdentifierType):
            return " ".join(inner.names), stars
        if isinstance(inner, (c_ast.Struct, c_ast.Union)) and inner.name and stars:
            word = "struct" if isinstance(inner, c_ast.Struct) else "union"
            return f"{word} {inner.name}", stars
    raise body.stop(place, "the type that the function returns is not plain")
