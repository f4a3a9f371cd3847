"""The declaration of a cookie (or of a result) among a function's own, in their style."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pycparser import c_ast

from convert.flow.code import words_of
from convert.flow.terms import call_name
from convert.rules.layout import advance, column_at, indent_of, line_end, line_start
from convert.rules.placing.body import Body, items_of
from convert.rules.placing.draft import Draft, Rank
from convert.rules.placing.model import COOKIE_NAMES
from convert.source.edits import Span

_DECLARING = re.compile(r"(?:DECLARE|DEFINE)_\w+|[A-Z_]*_HEAD(?:_INIT)?")


@dataclass(frozen=True)
class Style:
    """How names are set behind their types: the column they start in, None: one space behind."""

    column: int | None
    tabs: bool = True

    def declared(self, indent: str, words: str, name: str) -> str:
        """``indent``, type, gap and name, without what follows the name."""
        here = advance(0, indent + words)
        if self.column is None:
            return f"{indent}{words} {name}"
        if not self.tabs:
            return f"{indent}{words}{' ' * max(1, self.column - here)}{name}"
        gap = "\t"
        while advance(here, gap) < self.column:
            gap += "\t"
        return f"{indent}{words}{gap}{name}"


def style_of(text: str, places: Iterable[tuple[Span, Span]]) -> Style:
    """The style of some declarations, given the spans of their specifiers and their declarators."""
    plain, seen = 0, Counter[tuple[int, bool]]()
    for specifiers, declarator in places:
        gap = text[specifiers.end : declarator.start]
        if gap in ("", " "):
            plain += 1
        elif gap.strip(" \t") == "":
            seen[(column_at(text, declarator.start), "\t" in gap)] += 1
    if seen.total() <= plain:
        return Style(None)
    column, tabs = seen.most_common(1)[0][0]
    return Style(column, tabs)


def cookie_name(body: Body, wanted: Sequence[str]) -> str:
    """A name for the cookie that nothing in the function or at file level has."""
    parsed = body.parsed
    used = set(words_of(parsed.source, body.item.span))
    used |= {item.name for item in parsed.items}
    for line in parsed.directives:
        if line.name == "define":
            used |= set(re.findall(r"\w+", line.argument)[:1])
    for name in (*wanted, *COOKIE_NAMES):
        if name not in used:
            return name
    raise body.stop(body.item.span.start, "every name for the cookie is in use")


@dataclass(frozen=True)
class Declarations:
    """The declarations at the top of a block.

    spans: those of single declarations, in order. end: where the last of them ends, macros that
    declare among them. first: the first statement behind them, if there is one.
    """

    spans: tuple[Span, ...]
    end: int
    first: c_ast.Node | None


def top_declarations(body: Body) -> Declarations:
    """The declarations of the outermost block."""
    block = body.span(body.block)
    spans: dict[Span, None] = {}
    end = block.start + 1
    for item in items_of(body.block):
        span = _declaration_span(body, item)
        if span is None:
            if not _declares(body, item):
                return Declarations(tuple(spans), end, item)
            span = body.span(item)
        else:
            spans[span] = None
        end = span.end
    return Declarations(tuple(spans), end, None)


def common_declarations(bodies: Sequence[Body]) -> Declarations:
    """The declarations that all variants start with."""
    known = [top_declarations(body) for body in bodies]
    if len(known) == 1:
        return known[0]
    spans = tuple(span for span in known[0].spans if all(span in one.spans for one in known))
    same = len({(one.spans, one.end) for one in known}) == 1
    last = spans[-1].end if spans else bodies[0].span(bodies[0].block).start + 1
    end = known[0].end if same else last
    return Declarations(spans, end, known[0].first)


def _declaration_span(body: Body, item: c_ast.Node) -> Span | None:
    if not isinstance(item, (c_ast.Decl, c_ast.Typedef)):
        return None
    start = body.variant.span_of(item).start
    spans = (one.span for one in body.variant.statements if one.kind == "Decl")
    return next((span for span in spans if start in span), None)


def _declares(body: Body, item: c_ast.Node) -> bool:
    """Whether a call is that of a macro that declares something, by its name."""
    return body.is_plain(item) and bool(_DECLARING.fullmatch(call_name(item) or ""))


def declare(draft: Draft, bodies: Sequence[Body], type_words: str, name: str) -> None:
    """Declare a variable in the outermost block, behind the last declaration of all variants.

    Where the lines of the declarations get shorter from one to the next, they still do afterwards.
    """
    known, body = common_declarations(bodies), bodies[0]
    text = draft.text
    if not known.spans:
        _declare_first(draft, bodies, type_words, name)
        return
    indent = indent_of(text, known.spans[-1].start)
    line = declaration_style(body).declared(indent, type_words, name) + ";"
    at = _place(draft, known.spans, advance(0, line))
    newline = draft.newline(known.spans[-1].start)
    is_last = at == draft.following_line(known.end)
    crowded = is_last and text[at:].lstrip(" \t")[:1] not in ("\n", "\r", "}", "#")
    draft.insert(at, Rank.BEHIND, line + newline)
    if crowded:
        draft.gap(at, newline)


def declaration_style(body: Body) -> Style:
    """How the function sets names behind types: in its own declarations, else its parameters."""
    top = body.span(body.block)
    own, given = [], []
    for declarator in body.variant.declarators:
        if declarator.name_span.start in top:
            own.append((declarator.specifiers, declarator.span))
        elif declarator.is_parameter:
            given.append((declarator.specifiers, declarator.span))
    return style_of(body.text, own or given)


def _declare_first(draft: Draft, bodies: Sequence[Body], type_words: str, name: str) -> None:
    body = bodies[0]
    opening = body.span(body.block).start
    at = draft.following_line(opening + 1)
    items = items_of(body.block)
    indent = indent_of(draft.text, body.span(items[0]).start) if items else "\t"
    if items and isinstance(items[0], c_ast.Label):
        indent = "\t"
    newline = draft.newline(opening)
    line = declaration_style(body).declared(indent, type_words, name)
    draft.insert(at, Rank.BEHIND, f"{line};{newline}")
    alone = all(top_declarations(one).end == opening + 1 for one in bodies)
    if alone and not draft.text[at:].startswith(("\n", "\r\n")):
        draft.gap(at, newline)


def _place(draft: Draft, spans: Sequence[Span], width: int) -> int:
    """Where the line of a new declaration starts."""
    text = draft.text
    last = draft.following_line(spans[-1].end)
    widths = [
        advance(0, text[line_start(text, span.start) : line_end(text, span.end)].rstrip("\r"))
        for span in spans
    ]
    single = all("\n" not in span.of(text) for span in spans)
    falling = all(one >= other for one, other in pairwise(widths))
    if not single or not falling or len(spans) < 2 or widths[0] == widths[-1]:
        return last
    at = last
    for span, old in zip(reversed(spans), reversed(widths), strict=True):
        if old >= width:
            break
        at = draft.above_comments(span.start)
    between = text[min(at, last) : last]
    return last if "#" in between or "/*" in between else at
