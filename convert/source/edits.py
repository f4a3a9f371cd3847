"""Byte ranges and the edits that replace them.

Text is a file's bytes decoded as latin-1, so a character offset *is* a byte offset and every byte
survives the round trip.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from convert.errors import InternalCheckError


@dataclass(frozen=True, order=True)
class Span:
    """The half-open range of bytes ``[start, end)`` of one file."""

    start: int
    end: int

    def __contains__(self, other: object) -> bool:
        """Whether a span or an offset lies inside."""
        if isinstance(other, Span):
            return self.start <= other.start and other.end <= self.end
        return isinstance(other, int) and self.start <= other < self.end

    def of(self, text: str) -> str:
        """The text that the span covers."""
        return text[self.start : self.end]


@dataclass(frozen=True, order=True)
class Edit:
    """Replace ``span`` by ``text`` (an insertion when the span is empty)."""

    span: Span
    text: str


class OverlapError(InternalCheckError):
    """Two edits claim the same bytes: never applied, always a defect of the caller."""


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return ``text`` with all edits made; offsets always refer to the given text.

    Equal edits count once. Two different edits may touch (one ends where the next starts) but not
    overlap, and two insertions may not share a place: their order would be arbitrary.

    Raises OverlapError for edits that overlap and for spans outside the text.
    """
    ordered = sorted(set(edits))
    pieces: list[str] = []
    done = 0
    last: Edit | None = None
    for edit in ordered:
        start, end = edit.span.start, edit.span.end
        if not 0 <= start <= end <= len(text):
            raise OverlapError(f"edit outside the text: [{start}, {end}) of {len(text)} bytes")
        same_place = last is not None and last.span.start == start and last.span.end == end
        if start < done or same_place:
            raise OverlapError(f"edits overlap at byte {start}: {last} and {edit}")
        pieces += [text[done:start], edit.text]
        done = end
        last = edit
    pieces.append(text[done:])
    return "".join(pieces)


def origin(edits: Iterable[Edit], offset: int) -> int:
    """Where an offset of the text after `apply_edits` comes from in the text before.

    Inside what an edit wrote, that is the start of what it replaced.
    """
    shift = 0  # length after minus length before, of the edits passed
    for edit in sorted(set(edits)):
        start = edit.span.start + shift
        if offset < start:
            break
        if offset < start + len(edit.text):
            return edit.span.start
        shift += len(edit.text) - (edit.span.end - edit.span.start)
    return offset - shift


def line_of(text: str, offset: int) -> int:
    """The 1-based number of the line that holds ``offset``."""
    return text.count("\n", 0, offset) + 1


def column_of(text: str, offset: int) -> int:
    """The 1-based byte column of ``offset`` in its line (a tab counts as one)."""
    return offset - (text.rfind("\n", 0, offset) + 1) + 1
