"""Every place where a name stands in a file, in code or not.

This is the count that the conversion is held against: it is made from tokens alone, without any
parsing, so nothing that a parser does not understand can get lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from convert.source.edits import Span
from convert.source.text import SourceFile
from convert.source.tokens import Kind, Tokens, lex_body


class Where(Enum):
    """What kind of text a name stands in."""

    CODE = "code"
    DEFINE = "macro body"
    CONDITION = "condition of the preprocessor"
    COMMENT = "comment"
    STRING = "string"


@dataclass(frozen=True)
class Occurrence:
    """One place where a name stands."""

    name: str
    span: Span
    where: Where


_WORD = re.compile(r"[A-Za-z_]\w*")


def occurrences(source: SourceFile, names: frozenset[str]) -> tuple[Occurrence, ...]:
    """All places of ``names`` in a file, in order; `#include` lines are not looked at."""
    return tuple(sorted(_find(source, names), key=lambda found: found.span))


def _find(source: SourceFile, names: frozenset[str]) -> Iterator[Occurrence]:
    tokens = source.tokens
    for index in range(len(tokens)):
        kind = tokens.kinds[index]
        if kind == Kind.IDENTIFIER:
            if tokens.text(index) in names:
                yield Occurrence(tokens.text(index), tokens.span(index), Where.CODE)
        elif kind == Kind.COMMENT:
            yield from _words(tokens, index, 0, names, Where.COMMENT)
        elif kind == Kind.STRING:
            yield from _words(tokens, index, 0, names, Where.STRING)
        elif kind == Kind.DIRECTIVE:
            yield from _in_directive(tokens, index, names)


def _words(
    tokens: Tokens, index: int, base: int, names: frozenset[str], where: Where
) -> Iterator[Occurrence]:
    start = base + tokens.starts[index]
    for word in _WORD.finditer(tokens.text(index)):
        if word.group() in names:
            yield Occurrence(word.group(), Span(start + word.start(), start + word.end()), where)


def _in_directive(tokens: Tokens, index: int, names: frozenset[str]) -> Iterator[Occurrence]:
    text = tokens.text(index)
    head = re.match(r"#[ \t]*(\w*)", text)
    word = head.group(1) if head else ""
    if word in ("include", "import", "error", "warning", "pragma"):
        return
    where = Where.DEFINE if word == "define" else Where.CONDITION
    inner = lex_body(text)
    base = tokens.starts[index]
    for at in range(len(inner)):
        kind = inner.kinds[at]
        if kind == Kind.IDENTIFIER and inner.text(at) in names:
            span = inner.span(at)
            yield Occurrence(inner.text(at), Span(base + span.start, base + span.end), where)
        elif kind == Kind.COMMENT:
            yield from _words(inner, at, base, names, Where.COMMENT)
        elif kind == Kind.STRING:
            yield from _words(inner, at, base, names, Where.STRING)
