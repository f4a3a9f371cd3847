"""Edits that are made one after the other, as one set of edits of the first text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convert.source.edits import Edit, Span

_Piece = Span | str  # of the first text, or added


def composed(length: int, stages: Iterable[Sequence[Edit]]) -> tuple[Edit, ...]:
    """The edits of a text of some length that do what the stages do in turn.

    The offsets of a stage are those of the text that the stages before it leave.
    """
    pieces: list[_Piece] = [Span(0, length)]
    for edits in stages:
        pieces = _edited(pieces, sorted(set(edits)))
    found: list[Edit] = []
    done, added = 0, ""
    for piece in [*pieces, Span(length, length)]:
        if isinstance(piece, str):
            added += piece
            continue
        if piece.start > done or added:
            found.append(Edit(Span(done, piece.start), added))
        done, added = piece.end, ""
    return tuple(found)


def _edited(pieces: Sequence[_Piece], edits: Sequence[Edit]) -> list[_Piece]:
    """The pieces after edits, which are sorted and do not overlap."""
    result: list[_Piece] = []
    done = 0
    for edit in edits:
        result += _between(pieces, done, edit.span.start)
        result.append(edit.text)
        done = edit.span.end
    return [*result, *_between(pieces, done, sum(map(_length, pieces)))]


def _between(pieces: Sequence[_Piece], start: int, end: int) -> list[_Piece]:
    """What stands between two offsets of the text that the pieces make."""
    found: list[_Piece] = []
    at = 0
    for piece in pieces:
        size = _length(piece)
        low, high = max(start - at, 0), min(end - at, size)
        if low < high:
            if isinstance(piece, str):
                found.append(piece[low:high])
            else:
                found.append(Span(piece.start + low, piece.start + high))
        at += size
    return found


def _length(piece: _Piece) -> int:
    return len(piece) if isinstance(piece, str) else piece.end - piece.start
