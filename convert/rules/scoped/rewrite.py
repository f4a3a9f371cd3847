"""The edits that drop a scope's mask name from an expression."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pycparser import c_ast

from convert.flow.terms import operands
from convert.rules.scoped.equality import code_of
from convert.semantics.gfp import GfpTable
from convert.source.edits import Edit, Span, apply_edits
from convert.source.variants import Node, Variant


class CannotRewrite(Exception):
    """Why an expression stays as it is."""


def plain_edits(
    text: str, variant: Variant, whole: Node, tokens: Iterable[Span], plain: Sequence[str]
) -> tuple[Edit, ...]:
    """Replace the tokens by names; a choice whose arms become equal becomes that arm.

    Raises CannotRewrite if such a choice is made by a condition that does something.
    """
    edits = {Edit(token, _names_for(variant, token, plain)) for token in tokens}
    for choice in _choices(whole):
        span = variant.span_of(choice)
        arms = [variant.span_of(arm) for arm in (choice.iftrue, choice.iffalse)]
        touched = {edit for edit in edits if edit.span in span}
        if not any(edit.span in arm for edit in touched for arm in arms):
            continue
        after = [code_of(_changed(text, arm, touched)) for arm in arms]
        if after[0] != after[1]:
            continue
        if _acts(choice.cond):
            raise CannotRewrite(
                f"both arms of `{code_of(span.of(text))}` would be {after[0]}, and its condition "
                "cannot be dropped: it calls or assigns"
            )
        if any(comment in span.of(text) for comment in ("/*", "//", "#")):
            raise CannotRewrite("a comment or preprocessor line stands inside of the choice")
        edits = {edit for edit in edits if edit.span not in span}
        whole_span = span if " " in after[0] else _with_parentheses(text, span)
        edits.add(Edit(whole_span, after[0]))
    return tuple(sorted(edits))


def _names_for(variant: Variant, token: Span, plain: Sequence[str]) -> str:
    """The new names as they are written at a token: none twice, in parentheses where needed."""
    node = variant.identifiers.get(token.start)
    if len(plain) == 1 or node is None:
        return " | ".join(plain)
    top = parent = variant.parent_of(node)
    while isinstance(above := variant.parent_of(top), c_ast.BinaryOp) and above.op == "|":
        top = above
    if isinstance(parent, c_ast.BinaryOp) and parent.op == "|":
        there = {part.name for part in operands(top, "|") if isinstance(part, c_ast.ID)}
        return " | ".join(name for name in plain if name not in there)
    if isinstance(parent, (c_ast.BinaryOp, c_ast.UnaryOp, c_ast.Cast)):
        return f"({' | '.join(plain)})"
    return " | ".join(plain)


def _choices(whole: Node) -> list[Node]:
    """All ``? :`` inside an expression, innermost first."""
    found: list[Node] = []
    for _, child in whole.children():
        found += _choices(child)
    if isinstance(whole, c_ast.TernaryOp) and whole.iftrue is not None:
        found.append(whole)
    return found


def _changed(text: str, span: Span, edits: Iterable[Edit]) -> str:
    inside = [
        Edit(Span(e.span.start - span.start, e.span.end - span.start), e.text)
        for e in edits
        if e.span in span
    ]
    return apply_edits(span.of(text), inside)


def _acts(node: Node) -> bool:
    """Whether evaluating an expression could do anything."""
    if isinstance(node, (c_ast.FuncCall, c_ast.Assignment, c_ast.Compound)):
        return True
    if isinstance(node, c_ast.UnaryOp) and node.op in ("++", "--", "p++", "p--"):
        return True
    return any(_acts(child) for _, child in node.children())


def _with_parentheses(text: str, span: Span) -> Span:
    """The span and one pair of parentheses right around it, which a single name does not need."""
    before = re.search(r"\(\s*\Z", text[: span.start])
    behind = re.compile(r"\s*\)").match(text, span.end)
    if before is None or behind is None:
        return span
    if re.search(r"[\w)\]]\s*\Z", text[: before.start()]):
        return span  # a call's own parenthesis
    return Span(before.start(), behind.end())


def idle_edits(
    text: str, variant: Variant, whole: Node, tokens: Iterable[Span], gfp: GfpTable
) -> tuple[Edit, ...] | None:
    """Drop the tokens from an OR whose other names hold all their bits; None if it is no such OR.

    Raises CannotRewrite where something stands between the names.
    """
    parts = operands(whole, "|")
    names = [part.name for part in parts if isinstance(part, c_ast.ID) and part.name in gfp.bits]
    spans = [variant.span_of(part) for part in parts]
    edits = []
    for token in tokens:
        if token not in spans or token.of(text) not in gfp.idle(names):
            return None
        at = spans.index(token)
        gap = Span(spans[at - 1].end, token.start) if at else Span(token.end, spans[1].start)
        if gap.of(text).strip(" \t\n") != "|":
            raise CannotRewrite(f"`{gap.of(text).strip()}` stands between the names of the mask")
        edits.append(Edit(Span(gap.start, token.end) if at else Span(token.start, gap.end), ""))
    return tuple(sorted(edits))
