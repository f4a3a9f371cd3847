"""From the texts that change to the edits that change them: layout of one place at a time.

Replacements that share lines are laid out together and belong to one step: their indentation could
not be decided apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from convert.rules.layout import (
    WIDTH,
    Break,
    ContinuationStyle,
    Parenthesis,
    changed_width,
    continuations,
    fit,
    line_end,
    line_start,
    realign,
)
from convert.source.edits import Edit, Span
from convert.source.text import SourceFile
from convert.source.tokens import Kind, Tokens, lex_body

_FEW = 3
_NOT_CALLS = frozenset({"if", "while", "for", "switch", "return", "sizeof"})


@dataclass(frozen=True)
class Replacement:
    """What one site changes in its file: the bare texts, and where a line may be broken."""

    key: str  # the site's id
    path: str
    edits: tuple[Edit, ...]
    place: Break | None
    step: str


@dataclass(frozen=True)
class LaidOut:
    """A replacement with its white space: ``too_wide`` is the width of a line over 80 columns."""

    edits: tuple[Edit, ...]
    step: str
    too_wide: int | None


def parentheses(source: SourceFile, span: Span) -> list[Parenthesis]:
    """The parentheses of code inside a span, in order; those of macro bodies too."""
    tokens = source.tokens
    found: list[Parenthesis] = []
    if not len(tokens) or span.start >= len(source.text):
        return found
    index = tokens.index_at(span.start)
    while index < len(tokens) and tokens.starts[index] < span.end:
        if tokens.kinds[index] == Kind.DIRECTIVE:
            found += _parens_of(lex_body(tokens.text(index)), tokens.starts[index])
        elif tokens.kinds[index] == Kind.PUNCTUATOR and tokens.text(index) in "()":
            found.append(Parenthesis(tokens.starts[index], tokens.text(index) == "("))
        index += 1
    return [paren for paren in found if paren.offset in span]


def _parens_of(body: Tokens, base: int) -> list[Parenthesis]:
    return [
        Parenthesis(base + body.starts[at], body.text(at) == "(")
        for at in body.of_kind(Kind.PUNCTUATOR)
        if body.text(at) in ("(", ")")
    ]


def file_styles(source: SourceFile) -> Counter[ContinuationStyle]:
    """How often the authors of a file continue their calls in which way."""
    tokens = source.tokens
    open_calls: list[tuple[int, bool]] = []
    calls: list[tuple[int, int]] = []
    previous = ""
    for index in range(len(tokens)):
        kind = tokens.kinds[index]
        if kind in (Kind.SPACE, Kind.COMMENT, Kind.DIRECTIVE):
            continue
        text = tokens.text(index)
        if text == "(":
            is_call = previous.isidentifier() and previous not in _NOT_CALLS
            open_calls.append((tokens.starts[index], is_call))
        elif text == ")" and open_calls:
            start, is_call = open_calls.pop()
            if is_call:
                calls.append((start, tokens.starts[index]))
        previous = text
    return continuations(source.text, calls)


def region_of(source: SourceFile, edits: Sequence[Edit]) -> Span:
    """The lines that edits can move: from the first edit's line to where its parentheses close."""
    first = line_start(source.text, min(edit.span.start for edit in edits))
    last = line_end(source.text, max(edit.span.end for edit in edits))
    depth = 0
    for paren in parentheses(source, Span(first, last)):
        depth = max(0, depth + (1 if paren.opens else -1))
    while depth > 0 and last < len(source.text):
        end = line_end(source.text, last + 1)
        for paren in parentheses(source, Span(last, end)):
            depth += 1 if paren.opens else -1
        last = end
    return Span(first, last)


def commonest(
    own: Counter[ContinuationStyle], all_files: Counter[ContinuationStyle]
) -> ContinuationStyle:
    """The style of a file; of all files where three calls or fewer show it and do not agree.

    Two tabs where nothing shows any.
    """
    enough = own.total() > _FEW or (len(own) == 1 and own.total() > 1)
    seen = own if enough else own + all_files
    return seen.most_common(1)[0][0] if seen else ContinuationStyle(2)


def lay_out(
    source: SourceFile,
    replacements: Iterable[Replacement],
    order: Sequence[str],
    all_files: Counter[ContinuationStyle] | None = None,
) -> dict[str, LaidOut]:
    """The edits of each replacement of one file, by key.

    ``order`` ranks the steps; ``all_files`` counts the styles of the files around.
    """
    style = commonest(file_styles(source), all_files or Counter())
    rows = sorted(((region_of(source, r.edits), r) for r in replacements), key=lambda row: row[0])
    result: dict[str, LaidOut] = {}
    while rows:
        region, first = rows.pop(0)
        group = [first]
        while rows and rows[0][0].start < region.end:
            other, more = rows.pop(0)
            region = Span(region.start, max(region.end, other.end))
            group.append(more)
        result |= _lay_out_group(source, region, group, order, style)
    return result


def _lay_out_group(
    source: SourceFile,
    region: Span,
    group: list[Replacement],
    order: Sequence[str],
    style: ContinuationStyle,
) -> dict[str, LaidOut]:
    parens = parentheses(source, region)
    core = sorted({edit for r in group for edit in r.edits})
    step = max((r.step for r in group), key=order.index)
    broken = {r.place.gap for r in group if r.place is not None}
    edits = realign(source.text, region, core, parens, style)
    for replacement in group:
        gaps = [edit for edit in edits if edit.span in broken]
        known = sorted({*core, *gaps})
        edits = fit(source.text, region, known, parens, replacement.place, style)
    width = changed_width(source.text, region, edits)
    too_wide = width if width > WIDTH else None
    extra = [edit for edit in edits if edit not in core]
    result: dict[str, LaidOut] = {}
    for index, replacement in enumerate(group):
        own = {*replacement.edits, *(extra if index == 0 else ())}
        result[replacement.key] = LaidOut(
            tuple(sorted(own)), step, too_wide if index == 0 else None
        )
    return result
