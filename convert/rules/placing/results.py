"""Variables that can carry a function's value past the end of a scope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pycparser import c_ast

from convert.rules.placing.body import Body, items_of
from convert.source.nodes import nodes_of

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
