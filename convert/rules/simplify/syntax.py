"""Questions about pieces of a function that all simplifications ask."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.terms import arguments, call_name, strip, type_ref
from convert.rules.calls import comment_in, directive_in
from convert.rules.simplify.model import Node
from convert.source.edits import Span
from convert.source.nodes import MacroBlock, nodes_of
from convert.source.text import SourceFile
from convert.source.variants import Call

Shape = tuple[object, ...]
_GONE: Shape = ("gone",)
_CHANGES = ("++", "--", "p++", "p--")
# Macros without side effects that stand in sizes (include/linux: overflow.h, math.h, minmax.h, …).
_PURE = frozenset(
    {
        "ARRAY_SIZE", "ALIGN", "BITS_TO_LONGS", "DIV_ROUND_UP", "array_size", "array3_size",
        "flex_array_size", "max", "max_t", "min", "min_t", "offsetof", "round_down", "round_up",
        "roundup", "size_add", "size_mul", "struct_size", "umax", "umin",
    }
)  # fmt: skip
_LEAVING = (c_ast.Return, c_ast.Goto, c_ast.Break, c_ast.Continue)


def shape(node: Node | None, tree: Mapping[int, Node | None] | None = None) -> Shape:
    """A syntax tree without places; nodes that ``tree`` names count as what stands for them."""
    if node is None:
        return _GONE
    if tree is not None and id(node) in tree:
        return shape(tree[id(node)], tree)
    attributes = tuple(
        tuple(value) if isinstance(value, list) else value
        for value in (getattr(node, name) for name in node.attr_names)
    )
    children = [
        (name.split("[")[0], shape(child, tree))
        for name, child in node.children()
        if child is not None
    ]
    kept = tuple(pair for pair in children if pair[1] != _GONE)
    return (type(node).__name__, attributes, kept)


def has_effects(node: Node) -> bool:
    """Whether evaluating an expression may do more than read: a call, an assignment, ``++``."""
    for inner in _evaluated(node):
        match inner:
            case c_ast.Assignment() | c_ast.Compound():
                return True
            case c_ast.UnaryOp(op=op) if op in _CHANGES:
                return True
            case c_ast.FuncCall() if call_name(inner) not in _PURE:
                return True
    return False


def _evaluated(node: Node) -> Iterator[Node]:
    """The nodes of an expression that run; the operand of ``sizeof`` does not."""
    return nodes_of(node, lambda one: () if _is_sizeof(one) else one)


def evaluates(node: Node, part: Node) -> bool:
    """Whether an expression reads what another one spells, outside of ``sizeof``."""
    wanted = shape(part)
    return any(shape(inner) == wanted for inner in _evaluated(node))


def same_size(left: Node, right: Node, routine: Routine) -> bool:
    """Whether two expressions without side effects are the same, ``sizeof`` by its type."""
    if shape(left) == shape(right):
        return True
    if _is_sizeof(left) and _is_sizeof(right):
        first, second = (_measured(side.expr, routine) for side in (left, right))
        return first is not None and first == second
    if type(left) is not type(right) or left.attr_names != right.attr_names:
        return False
    if any(getattr(left, name) != getattr(right, name) for name in left.attr_names):
        return False
    ours, theirs = left.children(), right.children()
    if not ours or [name for name, _ in ours] != [name for name, _ in theirs]:
        return False
    return all(same_size(a, b, routine) for (_, a), (_, b) in zip(ours, theirs, strict=True))


def _is_sizeof(node: Node) -> bool:
    return isinstance(node, c_ast.UnaryOp) and node.op == "sizeof"


def _measured(node: Node, routine: Routine) -> str | None:
    """The struct, union or named type that ``sizeof`` measures, where that is plain to see."""
    match node:
        case c_ast.Typename():
            found = type_ref(node)
            return found.base if found.stars == 0 and found.base != "?" else None
        case c_ast.UnaryOp(op="*", expr=c_ast.ID(name=name)):
            declared = routine.types.get(name)
            if declared is not None and declared.stars == 1 and declared.base != "?":
                return declared.base
    return None


def is_zero(node: Node) -> bool:
    """Whether an expression is the literal zero."""
    return isinstance(node, c_ast.Constant) and bool(re.fullmatch(r"0+|0[xX]0+|'\\0'", node.value))


def null_test(node: Node) -> tuple[Node, bool] | None:
    """The pointer that a condition tests, and whether it holds for a pointer that is not NULL.

    None for any other condition.
    """
    match node:
        case c_ast.UnaryOp(op="!", expr=inner):
            found = null_test(inner)
            return None if found is None else (found[0], not found[1])
        case c_ast.BinaryOp(op="==" | "!=" as op, left=left, right=right):
            pointer = left if _is_null(right) else right if _is_null(left) else None
            return None if pointer is None else (pointer, op == "!=")
        case c_ast.FuncCall() if call_name(node) in ("likely", "unlikely"):
            given = arguments(node)
            return null_test(given[0]) if len(given) == 1 else None
        case c_ast.ID() | c_ast.StructRef() | c_ast.ArrayRef() | c_ast.UnaryOp(op="*"):
            return node, True
    return None


def _is_null(node: Node) -> bool:
    return isinstance(node, c_ast.ID) and node.name == "NULL"


def leaves(node: Node | None) -> bool:
    """Whether a statement never runs on into the next one."""
    if isinstance(node, c_ast.Compound):
        return bool(node.block_items) and leaves(node.block_items[-1])
    return isinstance(node, _LEAVING)


def blocks(routine: Routine) -> Iterator[list[Node]]:
    """The lists of statements that follow each other in a function."""
    for node in nodes_of(routine.variant.root):
        match node:
            case c_ast.Compound() | MacroBlock():
                yield list(node.block_items or ())
            case c_ast.Case() | c_ast.Default():
                yield list(node.stmts or ())


def statement_span(routine: Routine, node: Node) -> Span | None:
    """The bytes of a statement with its ``;``, by its node."""
    for statement in routine.variant.statements:
        if statement.node is node:
            return statement.span
    return None


def call_of(routine: Routine, node: Node) -> Call | None:
    """The call of a node that calls a function by name."""
    for call in routine.variant.calls:
        if call.node is node:
            return call
    return None


def in_the_way(source: SourceFile, span: Span) -> str | None:
    """What in some text would be lost with it: a comment or a preprocessor line."""
    if comment_in(source, span):
        return "a comment stands there that would be lost"
    return "a preprocessor line stands there" if directive_in(source, span) else None


def own_lines(text: str, span: Span) -> Span | None:
    """The whole lines that a statement fills alone; None if it shares one.

    A blank line before it goes too where another blank line or a closing brace follows.
    """
    start = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.end)
    end = len(text) if end < 0 else end + 1
    if text[start : span.start].strip() or text[span.end : end].strip():
        return None
    before = text[text.rfind("\n", 0, max(0, start - 1)) + 1 : start]
    following = text[end : text.find("\n", end) + 1]
    if not before.strip() and (not following.strip() or following.strip().startswith("}")):
        start -= len(before)
    return Span(start, end)


def stripped_call(node: Node | None) -> Node | None:
    """The call by name below casts, or None."""
    if node is None:
        return None
    inner = strip(node)
    return inner if call_name(inner) is not None else None
