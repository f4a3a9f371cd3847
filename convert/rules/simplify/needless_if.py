"""``if (p) kfree(p);`` is ``kfree(p);``: freeing NULL does nothing.

kfree() returns at once for NULL (mm/slab_common.c, mm/slub.c: ``ZERO_OR_NULL_PTR``), and kvfree()
hands NULL to kfree(), as it is no vmalloc address (mm/util.c, mm/slub.c).
"""

from __future__ import annotations

from collections.abc import Iterator

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.terms import arguments, call_name, strip
from convert.rules.calls import directive_in
from convert.rules.layout import advance, column_at, indent_of, indentation, line_start
from convert.rules.model import Kept, Refused
from convert.rules.simplify.model import Found, Given, Node, Rewrite
from convert.rules.simplify.syntax import (
    has_effects,
    in_the_way,
    null_test,
    shape,
    statement_span,
)
from convert.source.edits import Edit, Span
from convert.source.nodes import nodes_of

_FREES = frozenset({"kfree", "kvfree"})


class NeedlessIf:
    """The test is just the freed pointer, the free the only statement, and there is no else."""

    name = "needless-if"
    words = _FREES
    writes: frozenset[str] = frozenset()

    def find(self, routine: Routine, given: Given) -> Iterator[Found]:
        """All tests whose only consequence is such a free."""
        for node in nodes_of(routine.variant.root):
            if isinstance(node, c_ast.If) and (free := _only_free(node.iftrue)) is not None:
                yield _found(routine, node, free)


def _only_free(body: Node | None) -> Node | None:
    """The free that a body consists of."""
    if isinstance(body, c_ast.Compound):
        items = body.block_items or []
        return _only_free(items[0]) if len(items) == 1 else None
    return body if body is not None and call_name(body) in _FREES else None


def _found(routine: Routine, node: Node, free: Node) -> Found:
    callee = str(call_name(free))
    span = statement_span(routine, node)
    assert span is not None  # an if is a statement
    return Found(span, callee, _verdict(routine, node, free, span))


def _verdict(routine: Routine, node: Node, free: Node, span: Span) -> Rewrite | Kept | Refused:
    given = arguments(free)
    if node.iffalse is not None:
        return Kept("needless-if", "the test has an else")
    if has_effects(node.cond):
        return Kept("needless-if", "the test does more than look at the pointer")
    test = null_test(node.cond)
    tested = None if test is None or not test[1] else test[0]
    if tested is None or len(given) != 1 or shape(tested) != shape(strip(given[0])):
        return Kept("needless-if", "the test is another one than whether the freed pointer is NULL")
    if _repeats(routine, node, tested):
        return Kept("needless-if", "it stands inside the same test")
    inner = statement_span(routine, free)
    assert inner is not None
    around = (Span(span.start, inner.start), Span(inner.end, span.end))
    obstacles = [in_the_way(routine.source, part) for part in around]
    if directive_in(routine.source, inner):
        obstacles.append("a preprocessor line stands in the free")
    if found := [obstacle for obstacle in obstacles if obstacle is not None]:
        line = routine.source.line(span.start)
        return Refused("needless-if", f"{routine.path}:{line}: {found[0]}", False)
    return _rewrite(routine, node, free, span, inner)


def _repeats(routine: Routine, node: Node, tested: Node) -> bool:
    """Whether a test is all that the same test around it guards."""
    parent = routine.variant.parent_of(node)
    while isinstance(parent, c_ast.Compound) and len(parent.block_items or []) == 1:
        parent = routine.variant.parent_of(parent)
    if not isinstance(parent, c_ast.If) or parent.iftrue is None:
        return False
    outer = null_test(parent.cond)
    return outer is not None and outer[1] and shape(outer[0]) == shape(tested)


def _rewrite(routine: Routine, node: Node, free: Node, span: Span, inner: Span) -> Rewrite:
    reason = f"{call_name(free)}() of NULL does nothing"
    parent = routine.variant.parent_of(node)
    text = routine.source.text
    if isinstance(parent, c_ast.If) and parent.iffalse is node:
        # "else if (p)" becomes "else", and what the else holds stays as it is.
        before = len(text[: span.start].rstrip(" \t"))
        condition = routine.variant.span_of(node.cond)
        close = text.index(")", _last_paren(routine, condition))
        only = (Edit(Span(before, close + 1), ""),)
        return Rewrite((), only, {id(node): node.iftrue}, (node,), reason)
    shift = column_at(text, inner.start) - column_at(text, span.start)
    edits = (
        Edit(Span(span.start, inner.start), ""),
        *(_moved_lines(text, inner, shift) if "\n" in text[span.start : inner.start] else ()),
    )
    if inner.end < span.end:
        edits = (*edits, Edit(Span(inner.end, span.end), ""))
    return Rewrite((), edits, {id(node): free}, (node,), reason)


def _last_paren(routine: Routine, condition: Span) -> int:
    """The offset from which on the next ``)`` closes the test's own parenthesis."""
    text, at = routine.source.text, condition.end
    depth = text[text.rindex("if", 0, condition.start) : condition.start].count("(")
    while depth > 1:
        at = text.index(")", at) + 1
        depth -= 1
    return at


def _moved_lines(text: str, inner: Span, shift: int) -> Iterator[Edit]:
    """The further lines of the free, moved to the left with its first one."""
    start = text.find("\n", inner.start, inner.end) + 1
    while start:
        blank = indent_of(text, start)
        width = max(0, advance(0, blank) - shift)
        moved = indentation(width, "\t" not in blank and bool(blank))
        assert line_start(text, start) == start
        yield Edit(Span(start, start + len(blank)), moved)
        start = text.find("\n", start, inner.end) + 1
