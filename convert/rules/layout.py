"""Where the text of an edit goes: alignment, line breaks and the 80th column.

Kernel code aligns continuation lines with an open parenthesis or indents them by tabs. When a name
before the parenthesis changes its length, lines that were aligned stay aligned and all others stay
where they are; a line that would pass the 80th column is broken before the last argument, as the
file's authors break theirs. A tab reaches the next multiple of eight columns, as everywhere in the
kernel (Documentation/process/coding-style.rst).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from convert.source.edits import Edit, Span, apply_edits

TAB = 8
WIDTH = 80


@dataclass(frozen=True)
class Parenthesis:
    """A parenthesis in code: its offset, and whether it opens."""

    offset: int
    opens: bool


@dataclass(frozen=True)
class ContinuationStyle:
    """How a file breaks calls: aligned with the parenthesis, or ``tabs`` behind the line."""

    tabs: int | None  # None: aligned


def advance(column: int, text: str) -> int:
    """The column after writing ``text`` from ``column`` (0-based, tabs to the next stop)."""
    for char in text:
        if char == "\n":
            column = 0
        elif char == "\t":
            column += TAB - column % TAB
        else:
            column += 1
    return column


def indentation(width: int, spaces_only: bool = False) -> str:
    """White space that reaches column ``width``: tabs, then spaces."""
    if spaces_only:
        return " " * width
    return "\t" * (width // TAB) + " " * (width % TAB)


def line_start(text: str, offset: int) -> int:
    """The offset of the first byte of the line that holds ``offset``."""
    return text.rfind("\n", 0, offset) + 1


def line_end(text: str, offset: int) -> int:
    """The offset of the line's end (its newline, or the end of the text)."""
    end = text.find("\n", offset)
    return len(text) if end < 0 else end


def column_at(text: str, offset: int) -> int:
    """The 0-based visual column of an offset."""
    return advance(0, text[line_start(text, offset) : offset])


def indent_of(text: str, offset: int) -> str:
    """The white space at the start of the line that holds ``offset``."""
    found = re.compile(r"[ \t]*").match(text, line_start(text, offset))
    return found.group() if found else ""


def continuations(text: str, calls: Iterable[tuple[int, int]]) -> Counter[ContinuationStyle]:
    """How often a file continues calls in which way.

    ``calls`` are the offsets of ``(`` and ``)`` of calls and declarations. Only those count that
    have text behind the parenthesis and go on in the next line, aligned or one to three tabs in.
    """
    seen: Counter[ContinuationStyle] = Counter()
    for opens, closes in calls:
        end = line_end(text, opens)
        if end >= closes or not text[opens + 1 : end].strip():
            continue
        indent = advance(0, indent_of(text, end + 1))
        behind = indent - advance(0, indent_of(text, opens))
        if indent == column_at(text, opens) + 1:
            seen[ContinuationStyle(None)] += 1
        elif behind in (TAB, 2 * TAB, 3 * TAB):
            seen[ContinuationStyle(behind // TAB)] += 1
    return seen


@dataclass(frozen=True)
class _Open:
    """An open parenthesis: its column before and after, and the indentation of its line."""

    old: int
    new: int
    indent: int


def realign(
    text: str,
    region: Span,
    edits: Sequence[Edit],
    parens: Sequence[Parenthesis],
    style: ContinuationStyle,
) -> list[Edit]:
    """``edits`` and the changes of indentation that keep aligned lines of ``region`` aligned.

    ``region`` starts at the first byte of a line; ``parens`` are those of code inside it, in order.
    A line that is aligned only because its tabs happen to end there, in a file that indents by so
    many tabs, is not moved. Backslashes at line ends (macro bodies) stay in their column where
    there is room.
    """
    result: list[Edit] = []
    stack: list[_Open] = []
    inside = sorted(edits)
    start = region.start
    while start < region.end:
        end = line_end(text, start)
        indent = indent_of(text, start)
        old = new = advance(0, indent)
        if stack and not text[start:end].isspace() and _is_aligned(indent, stack[-1], style):
            new = stack[-1].new + 1
            if new != old:
                blank = indentation(new, spaces_only="\t" not in indent and bool(indent))
                result.append(Edit(Span(start, start + len(indent)), blank))
        span = Span(start + len(indent), end)
        old, new = _walk_line(text, span, (old, new), inside, parens, stack)
        tail = re.search(r"([ \t]+)\\\r?$", text[start:end])
        if tail and old != new:
            before = advance(0, text[start : start + tail.start()])
            moved = _keep_backslash(start, tail, before, new)
            result += [moved] if moved is not None else []
        start = end + 1
    return [*result, *inside]


def _is_aligned(indent: str, anchor: _Open, style: ContinuationStyle) -> bool:
    """Whether a line was put below a parenthesis on purpose."""
    if advance(0, indent) != anchor.old + 1:
        return False
    by_tabs = style.tabs is not None and indent.strip("\t") == ""
    return not (by_tabs and anchor.old + 1 == anchor.indent + (style.tabs or 0) * TAB)


def _walk_line(
    text: str,
    span: Span,
    columns: tuple[int, int],
    edits: Sequence[Edit],
    parens: Sequence[Parenthesis],
    stack: list[_Open],
) -> tuple[int, int]:
    """Columns, before and after the edits, at the end of a line's text (its backslash left out)."""
    indent = columns[0]
    old, new = columns
    code_end = span.start + len(re.sub(r"[ \t]*\\?\r?$", "", text[span.start : span.end]))
    marks = {paren.offset: paren for paren in parens if paren.offset in span}
    starts: dict[int, list[Edit]] = {}
    for edit in edits:
        starts.setdefault(edit.span.start, []).append(edit)
    skip_until = span.start
    for offset in range(span.start, code_end + 1):
        for edit in starts.get(offset, ()):
            new = advance(new, edit.text)
            skip_until = max(skip_until, edit.span.end)
        if offset == code_end:
            break
        paren = marks.get(offset)
        if paren is not None and paren.opens:
            stack.append(_Open(old, new, indent))
        elif paren is not None and stack:
            stack.pop()
        old = advance(old, text[offset])
        if offset >= skip_until:
            new = advance(new, text[offset])
    return old, new


def _keep_backslash(start: int, tail: re.Match[str], old: int, new: int) -> Edit | None:
    """Move a backslash back to its column, unless its author put it right behind the text."""
    blank = tail.group(1)
    if blank == " ":
        return None
    target = advance(old, blank)
    if "\t" in blank:
        filler = ""
        while advance(new, filler) < target or not filler:
            filler += "\t"
    else:
        filler = " " * max(1, target - new)
    return Edit(Span(start + tail.start(1), start + tail.end(1)), filler)


def changed_width(text: str, region: Span, edits: Sequence[Edit]) -> int:
    """The width of the widest line of ``region`` that the edits change, after they are made."""
    shifted = [Edit(_shift(e.span, -region.start), e.text) for e in edits]
    before = region.of(text)
    after = apply_edits(before, shifted)
    old = Counter(before.split("\n"))
    fresh = [line for line in after.split("\n") if not old[line]]
    return max((advance(0, line.rstrip("\r")) for line in fresh), default=0)


def _shift(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)


@dataclass(frozen=True)
class Break:
    """A place where a line may be broken: the white space before an argument of a call.

    ``gap`` is the white space between the comma and the argument, ``opens`` the offset of the
    call's parenthesis, ``first`` an offset in the line where the statement starts. An initialiser
    of a declaration is continued below its parenthesis, whatever else the file does. A line break
    inside a directive takes a backslash.
    """

    gap: Span
    opens: int
    first: int
    in_declaration: bool = False
    in_directive: bool = False


def fit(
    text: str,
    region: Span,
    edits: Sequence[Edit],
    parens: Sequence[Parenthesis],
    place: Break | None,
    style: ContinuationStyle,
) -> list[Edit]:
    """All edits for a replaced call: realigned, and broken at ``place`` if that is needed.

    The first form within 80 columns wins; where none is, the narrowest one.
    """
    plain = realign(text, region, edits, parens, style)
    width = changed_width(text, region, plain)
    if place is None or width <= WIDTH or "\n" in place.gap.of(text):
        return plain
    if _wide_by_comment(text, place.gap.start, plain):
        return plain
    best = (width, plain)
    for indent in _indents(text, region, edits, parens, place, style):
        broken = _broken(text, region, edits, parens, place, indent, style)
        width = changed_width(text, region, broken)
        if width <= WIDTH:
            return broken
        if width < best[0]:
            best = (width, broken)
    return best[1]


def _wide_by_comment(text: str, offset: int, edits: Sequence[Edit]) -> bool:
    """Whether a line is too wide only by the comment behind its code, as it was before."""
    start, end = line_start(text, offset), line_end(text, offset)
    comment = re.search(r"[ \t]*(?:/\*[^\n]*\*/|//[^\n]*)[ \t\r]*\Z", text[start:end])
    if comment is None or advance(0, text[start:end].rstrip("\r")) <= WIDTH:
        return False
    code = Span(start, start + comment.start())
    inside = [Edit(_shift(e.span, -start), e.text) for e in edits if e.span in code]
    return advance(0, apply_edits(code.of(text), inside)) <= WIDTH


def _indents(
    text: str,
    region: Span,
    edits: Sequence[Edit],
    parens: Sequence[Parenthesis],
    place: Break,
    style: ContinuationStyle,
) -> list[int]:
    """Columns to try for the broken-off argument, the author's own way first."""
    base = advance(0, indent_of(text, place.first))
    aligned = _new_column(text, edits, place.opens) + 1
    ways = [aligned]
    if style.tabs is not None and not place.in_declaration:
        ways = [base + style.tabs * TAB]
    before = text[place.opens : place.gap.start]
    if "\n" in before:  # the call is already continued: do as its own lines do
        last = place.opens + before.rfind("\n") + 1
        indent = advance(0, indent_of(text, last))
        if indent == column_at(text, place.opens) + 1:
            ways.insert(0, aligned)
        else:
            ways.insert(0, indent)
    return [*ways, aligned, base + 2 * TAB, base + TAB]


def _new_column(text: str, edits: Sequence[Edit], offset: int) -> int:
    start = line_start(text, offset)
    part = [
        Edit(_shift(e.span, -start), e.text)
        for e in edits
        if start <= e.span.start and e.span.end <= offset
    ]
    return advance(0, apply_edits(text[start:offset], part))


def _broken(
    text: str,
    region: Span,
    edits: Sequence[Edit],
    parens: Sequence[Parenthesis],
    place: Break,
    indent: int,
    style: ContinuationStyle,
) -> list[Edit]:
    ending = line_end(text, place.gap.start)
    newline = "\n"
    if text[ending - 1 : ending] == "\r":
        newline = "\r\n"
    tail = re.search(r"([ \t]*)\\\r?$", text[line_start(text, ending) : ending])
    if tail:
        column = advance(
            0, text[line_start(text, ending) : line_start(text, ending) + tail.start()]
        )
        target = advance(column, tail.group(1))
        here = _new_column(text, edits, place.gap.start)
        filler = "\t"
        while advance(here, filler) < target:
            filler += "\t"
        if tail.group(1) == " ":
            filler = " "
        newline = f"{filler}\\{newline}"
    elif place.in_directive:
        newline = f" \\{newline}"
    spaces_only = "\t" not in indent_of(text, place.first) and bool(indent_of(text, place.first))
    blank = newline + indentation(indent, spaces_only)
    return realign(text, region, [*edits, Edit(place.gap, blank)], parens, style)
