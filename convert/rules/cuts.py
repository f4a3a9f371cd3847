"""Taking whole lines out of a file: items, their comments, and the blank lines around them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from convert.rules.layout import line_end, line_start
from convert.source.edits import Edit, Span
from convert.source.text import SourceFile
from convert.source.tokens import Kind


def whole_lines(text: str, span: Span) -> Span:
    """The lines that a span touches, the last newline included."""
    end = line_end(text, max(span.start, span.end - 1))
    return Span(line_start(text, span.start), min(len(text), end + 1))


def comment_above(source: SourceFile, offset: int) -> Span | None:
    """The block comment that ends on the line just above ``offset``, if there is one."""
    start = line_start(source.text, offset)
    if start == 0:
        return None
    tokens = source.tokens
    index = tokens.index_at(start - 1)
    while index > 0 and tokens.kinds[index] == Kind.SPACE:
        index -= 1
    if tokens.kinds[index] != Kind.COMMENT:
        return None
    span = tokens.span(index)
    between = source.text[span.end : start]
    own_line = not source.text[line_start(source.text, span.start) : span.start].strip()
    return span if between.count("\n") == 1 and own_line else None


def cut_lines(text: str, spans: Iterable[Span]) -> list[Edit]:
    """Edits that delete the lines of some spans, and leave one blank line where two would meet.

    Lines that a span shares with other text are deleted too: give spans of whole items only.
    """
    merged: list[Span] = []
    for span in sorted(whole_lines(text, span) for span in spans):
        if merged and not text[merged[-1].end : span.start].strip():
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return [Edit(_with_blank(text, span), "") for span in merged]


def _with_blank(text: str, span: Span) -> Span:
    """The span and the blank lines behind it, if a blank line or nothing stands before it too."""
    blank = re.compile(r"(?:[ \t]*\r?\n)+").match(text, span.end)
    before = text[: span.start]
    if blank and (not before or re.search(r"\n[ \t]*\r?\n\Z", before)):
        return Span(span.start, blank.end())
    return span


def remove_word(text: str, word: Span) -> Edit:
    """Take one word out of a make variable's list, continuation lines included.

    A line that held nothing else goes; if it was the last of the list, the line before it loses its
    backslash.
    """
    lines = whole_lines(text, word)
    line = lines.of(text)
    rest = (line[: word.start - lines.start] + line[word.end - lines.start :]).strip()
    if rest == "\\":
        return Edit(lines, "")
    if rest:
        blank = re.search(r"[ \t]*\Z", text[lines.start : word.start])
        start = lines.start + blank.start() if blank else word.start
        if rest.endswith("\\") and re.fullmatch(r"[\w.-]+[ \t]*[:+?]?=[ \t]*\\", rest):
            after = re.compile(r"[ \t]*\\\r?\n[ \t]*").match(text, word.end)
            return Edit(Span(word.start, after.end() if after else word.end), "")
        if start == lines.start:
            behind = re.compile(r"[ \t]*").match(text, word.end)
            return Edit(Span(word.start, behind.end() if behind else word.end), "")
        return Edit(Span(start, word.end), "")
    joint = re.search(r"[ \t]*\\\r?\n\Z", text[: lines.start])
    if joint is None:
        return Edit(lines, "")
    newline = "\r\n" if joint.group().endswith("\r\n") else "\n"
    ending = newline if line.endswith("\n") else ""
    return Edit(Span(joint.start(), lines.end), ending)
