"""Every place where a name stands in a file, in code or not.

This is the count that the conversion is held against: it is made from tokens alone, without any
parsing, so nothing that a parser does not understand can get lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

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


def occurrences(source: SourceFile, names: frozenset[str]) -> tuple[Occurrence, ...]:
    """All places of ``names`` in a file, in order; `#include` lines are not looked at."""
    if not names:
        return ()
    pattern = _pattern(names)
    found: list[Occurrence] = []
    looked_at = -1
    for match in pattern.finditer(source.text):
        index = source.tokens.index_at(match.start())
        where = _PLACES.get(source.tokens.kinds[index])
        if where is not None:
            found.append(Occurrence(match.group(), Span(match.start(), match.end()), where))
        elif source.tokens.kinds[index] == Kind.DIRECTIVE and index != looked_at:
            looked_at = index
            found += _in_directive(source.tokens, index, pattern)
    return tuple(found)


_PLACES: Mapping[int, Where] = {
    Kind.IDENTIFIER: Where.CODE,
    Kind.COMMENT: Where.COMMENT,
    Kind.STRING: Where.STRING,
}


@lru_cache(maxsize=64)
def _pattern(names: frozenset[str]) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(map(re.escape, sorted(names))) + r")\b", re.ASCII)


def _in_directive(tokens: Tokens, index: int, pattern: re.Pattern[str]) -> Iterator[Occurrence]:
    """The places in one directive, whose tokens are lexed on their own."""
    text = tokens.text(index)
    head = re.match(r"#[ \t]*(\w*)", text)
    word = head.group(1) if head else ""
    if word in ("include", "import", "error", "warning", "pragma"):
        return
    code = Where.DEFINE if word == "define" else Where.CONDITION
    inner = lex_body(text)
    base = tokens.starts[index]
    for match in pattern.finditer(text):
        kind = inner.kinds[inner.index_at(match.start())]
        where = code if kind == Kind.IDENTIFIER else _PLACES.get(kind)
        if where is not None:
            span = Span(base + match.start(), base + match.end())
            yield Occurrence(match.group(), span, where)
