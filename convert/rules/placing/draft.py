"""Lines that are added around statements: indentation, braces, comments and line ends.

All that is added at one place becomes one edit, so that what was asked for first and what was asked
for later cannot come in an arbitrary order.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from enum import IntEnum

from convert.rules.layout import WIDTH, advance, indent_of, line_end, line_start
from convert.rules.placing.model import Unplaceable
from convert.source.edits import Edit, Span
from convert.source.text import SourceFile
from convert.source.tokens import Kind


class Rank(IntEnum):
    """The order of what is added at one place."""

    BEHIND = 0  # a line behind a statement
    CLOSING = 1  # the brace that closes a new block, or an empty line behind declarations
    BEFORE = 2  # a line before a statement
    INLINE = 3  # inside of a line


class Draft:
    """Edits of one file in the making."""

    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.text = source.text
        self._added: dict[int, list[tuple[Rank, int, str]]] = {}
        self._replaced: dict[Span, str] = {}
        self._blocks: set[int] = set()
        self._gaps: set[int] = set()

    def edits(self) -> tuple[Edit, ...]:
        """What was asked for; insertions at one place are one edit."""
        found = [Edit(span, text) for span, text in self._replaced.items()]
        for at, pieces in self._added.items():
            text = "".join(text for _, _, text in sorted(pieces))
            found.append(Edit(Span(at, at), text))
        return tuple(sorted(found))

    # -- places --------------------------------------------------------------------------------

    def newline(self, offset: int) -> str:
        """How the line that holds an offset ends."""
        end = line_end(self.text, offset)
        return "\r\n" if self.text[end - 1 : end] == "\r" else "\n"

    def insert(self, at: int, rank: Rank, text: str) -> None:
        """Add text at an offset. Closing braces of inner blocks are to be asked for first."""
        pieces = self._added.setdefault(at, [])
        pieces.append((rank, len(pieces), text))

    def gap(self, at: int, newline: str) -> None:
        """One empty line behind all declarations that are added at a place."""
        if at not in self._gaps:
            self._gaps.add(at)
            self.insert(at, Rank.CLOSING, newline)

    def replace(self, span: Span, text: str) -> None:
        """Put a text in the place of another."""
        self._replaced[span] = text

    def stop(self, offset: int, missing: str) -> Unplaceable:
        """What to raise because of something at an offset."""
        return Unplaceable(self.source.line(offset), missing, self.source.path)

    def starts_line(self, offset: int) -> bool:
        """Whether nothing but white space stands before an offset in its line."""
        return not self.text[line_start(self.text, offset) : offset].strip()

    def own_line(self, offset: int) -> int:
        """The start of the line that a statement starts.

        Raises Unplaceable if something stands before it there.
        """
        if not self.starts_line(offset):
            raise self.stop(offset, "the statement does not start its line")
        return line_start(self.text, offset)

    def following_line(self, offset: int) -> int:
        """The start of the line behind a statement that ends at an offset, comments passed.

        Raises Unplaceable if more than comments stands behind it.
        """
        tokens = self.source.tokens
        index = tokens.index_at(offset)
        while True:
            kind, text = tokens.kinds[index], tokens.text(index)
            if kind == Kind.SPACE and "\n" in text:
                return tokens.starts[index] + text.index("\n") + 1
            if kind not in (Kind.SPACE, Kind.COMMENT):
                raise self.stop(offset, "more than one statement stands in the line")
            index += 1

    def above_comments(self, offset: int) -> int:
        """The start of a statement's line, or of the comments right above it that are its own.

        A comment that starts a block or stands behind a label is about all that follows.
        """
        own, start = self.own_line(offset), self.commented_from(offset)
        if start < own and self.code_before(start).of(self.text) in ("{", ":"):
            return own
        return start

    def commented_from(self, offset: int) -> int:
        """The start of the line of a statement or member, or of the comments right above it."""
        start = self.own_line(offset)
        tokens = self.source.tokens
        while start > 0:
            index = tokens.index_at(start - 1) if start else 0
            if tokens.kinds[index] == Kind.SPACE:
                index -= 1
            if index < 0 or tokens.kinds[index] != Kind.COMMENT:
                break
            comment = tokens.span(index)
            between = self.text[comment.end : start]
            if between.count("\n") != 1 or not self.starts_line(comment.start):
                break
            start = line_start(self.text, comment.start)
        return start

    def code_before(self, offset: int) -> Span:
        """The last token of code before an offset. Raises Unplaceable for a directive there."""
        tokens = self.source.tokens
        index = tokens.index_at(offset) - 1
        while tokens.kinds[index] in (Kind.SPACE, Kind.COMMENT):
            index -= 1
        if tokens.kinds[index] == Kind.DIRECTIVE:
            raise self.stop(offset, "a preprocessor line stands before the statement")
        return tokens.span(index)

    def code_behind(self, offset: int) -> Span:
        """The first token of code at or behind an offset."""
        tokens = self.source.tokens
        index = tokens.index_at(offset)
        while tokens.kinds[index] in (Kind.SPACE, Kind.COMMENT):
            index += 1
        return tokens.span(index)

    # -- lines ---------------------------------------------------------------------------------

    def before(self, statement: Span, lines: Iterable[str]) -> None:
        """Lines right before a statement, above the comments that belong to it."""
        at = self.above_comments(statement.start)
        commented = at != line_start(self.text, statement.start)
        indent = indent_of(self.text, statement.start)
        all_lines = [*lines, *([""] if commented else [])]
        self.insert(at, Rank.BEFORE, self.lines(indent, all_lines, statement.start))

    def behind(self, statement: Span, lines: Iterable[str]) -> None:
        """Lines right behind a statement."""
        at = self.following_line(statement.end)
        indent = indent_of(self.text, statement.start)
        if self.text[at - 2 : at - 1] == "\\":
            raise self.stop(statement.end, "the line goes on with a backslash")
        self.insert(at, Rank.BEHIND, self.lines(indent, lines, statement.start))

    def lines(self, indent: str, lines: Iterable[str], at: int) -> str:
        """Lines with their indentation and line ends; an empty one stays empty."""
        newline = self.newline(at)
        return "".join((indent + line if line else "") + newline for line in lines)

    def brace(self, body: Span, has_else: bool) -> None:
        """Make a block of a statement that is the body of an ``if``, ``else`` or loop."""
        if body.start in self._blocks:
            return
        self._blocks.add(body.start)
        head = self.code_before(body.start)
        if not self.starts_line(body.start):
            raise self.stop(body.start, "the statement stands in the line of its `if` or loop")
        at = self.following_line(body.end)
        outer = indent_of(self.text, self.first_line_of_head(head))
        self.insert(head.end, Rank.INLINE, " {")
        if has_else:
            word = self.code_behind(body.end)
            if word.of(self.text) != "else" or not self.starts_line(word.start):
                raise self.stop(word.start, "`else` does not start its line")
            if self.text[at : word.start].strip():
                raise self.stop(word.start, "a comment stands before `else`")
            self.insert(word.start, Rank.CLOSING, "} ")
        else:
            self.insert(at, Rank.CLOSING, f"{outer}}}{self.newline(body.start)}")

    def first_line_of_head(self, head: Span) -> int:
        """An offset in the first line of an ``if (…)`` or ``else`` whose last token is given."""
        if head.of(self.text) != ")":
            return head.start
        tokens = self.source.tokens
        index, depth = tokens.index_at(head.start), 0
        while True:
            if tokens.kinds[index] == Kind.PUNCTUATOR:
                depth += {")": 1, "(": -1}.get(tokens.text(index), 0)
            if depth == 0:
                return tokens.starts[index]
            index -= 1

    # -- comments ------------------------------------------------------------------------------

    def comment(self, words: str, indent: str, line_before: int) -> list[str]:
        """A comment in the kernel's style, wrapped at the 80th column, without indentation.

        An empty line comes before one of several lines, unless one is there, or a block starts.
        """
        if not words:
            return []
        room = WIDTH - advance(0, indent)
        single = f"/* {words} */"
        if len(single) <= room and "\n" not in words:
            return [single]
        wrapped = textwrap.wrap(" ".join(words.split()), room - 3, break_long_words=False)
        above = self.text[line_start(self.text, max(0, line_before - 1)) : line_before].strip()
        gap = [""] if above and not re.search(r"[{:]$", above) else []
        return [*gap, "/*", *(f" * {line}" for line in wrapped), " */"]


def too_wide(before: str, after: str) -> str | None:
    """A line of the second text that is new and passes the 80th column."""
    old = set(before.split("\n"))
    for line in after.split("\n"):
        if line not in old and advance(0, line.rstrip("\r")) > WIDTH:
            return line.strip()
    return None
