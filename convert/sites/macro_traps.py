"""Names that the preprocessor hides or changes: redefined flags and wrappers, pasted names.

Where one of these is found, the text of a file no longer says what it means, and its sites are
refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from convert.sites.family import Family
from convert.sites.occurrences import Where, occurrences
from convert.sites.sources import Sources
from convert.source.edits import Span
from convert.source.text import SourceFile
from convert.source.tokens import Kind, lex_body

_DEFINITION = re.compile(r"#[ \t]*(define|undef)[ \t]+(\w+)")
_SHORTEST = 3  # letters that a pasted part must share with a name


@dataclass(frozen=True)
class Redefinition:
    """A `#define` or `#undef` of a name of the family outside its own files."""

    path: str
    name: str
    span: Span


@dataclass(frozen=True)
class Pasting:
    """A macro whose body makes a name of the family by `##`."""

    path: str
    macro: str
    made: str
    span: Span


def find_redefinitions(sources: Sources, family: Family) -> tuple[Redefinition, ...]:
    """Every redefinition of a wrapper, a flag or the flag type."""
    names = family.names - family.helpers
    found = []
    for path in sources.holding(names):
        source = sources.source(path)
        for span in source.tokens.directives() if source is not None else ():
            assert source is not None
            match = _DEFINITION.match(span.of(source.text))
            inside = family.piece_at(path, span.start) is not None
            if match and match.group(2) in names and not inside:
                found.append(Redefinition(path, match.group(2), span))
    return tuple(found)


def find_pastings(sources: Sources, family: Family) -> tuple[Pasting, ...]:
    """Every macro that can make a name of the family: one part stands in its body, the other is a
    word that stands somewhere in the files read.
    """
    names = family.names - family.helpers
    found = []
    for path in sources.c_files:
        if b"##" not in sources.data(path):
            continue
        source = sources.source(path)
        for span in source.tokens.directives() if source is not None else ():
            assert source is not None
            made = _made_by(sources, source, span, names)
            match = _DEFINITION.match(span.of(source.text))
            if made is not None and match is not None:
                found.append(Pasting(path, match.group(2), made, span))
    return tuple(found)


def _made_by(sources: Sources, source: SourceFile, span: Span, names: frozenset[str]) -> str | None:
    body = lex_body(span.of(source.text))
    words = [
        body.text(at) for at in range(len(body)) if body.kinds[at] not in (Kind.SPACE, Kind.COMMENT)
    ]
    for at, word in enumerate(words):
        if word != "##" or not 0 < at < len(words) - 1:
            continue
        before, behind = words[at - 1], words[at + 1]
        for name in sorted(names):
            rest = _rest(name, before, behind)
            if rest and _stands_in_code(sources, rest):
                return name
    return None


def _stands_in_code(sources: Sources, word: str) -> bool:
    for path in sources.holding({word}):
        source = sources.source(path)
        for found in occurrences(source, frozenset({word})) if source is not None else ():
            if found.where in (Where.CODE, Where.DEFINE):
                return True
    return False


def _rest(name: str, before: str, behind: str) -> str | None:
    """The other part of a name of which one part stands beside the `##`."""
    if len(before) >= _SHORTEST and name.startswith(before):
        return name.removeprefix(before)
    if len(behind) >= _SHORTEST and name.endswith(behind):
        return name.removesuffix(behind)
    return None
