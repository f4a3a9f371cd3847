"""From an anchor to edits, proven on the edited text; or what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convert.flow.placement.model import Anchor, AnchorKind
from convert.rules.placing.body import function_at
from convert.rules.placing.function import Function, refusing
from convert.rules.placing.handles import around_handle
from convert.rules.placing.model import NotPlaced, Placed, Surroundings, Unplaceable
from convert.source.parse import ParsedFile


def scope_edits(
    files: Mapping[str, ParsedFile],
    anchor: Anchor,
    around: Surroundings,
    comment: str = "",
    inside: Sequence[int] = (),
) -> Placed | NotPlaced:
    """The edits that open and close a scope where an anchor says.

    files: by path, those of the anchor; of a HANDLE also the one that has the structure. comment:
    what is written above the call that opens. inside: offsets of calls, in the anchor's file, that
    have to run inside of the scope.
    """
    return refusing(lambda: _placed(files, anchor, around, comment, tuple(inside)), anchor.path)


def _placed(
    files: Mapping[str, ParsedFile],
    anchor: Anchor,
    around: Surroundings,
    comment: str,
    inside: tuple[int, ...],
) -> Placed:
    parsed = files.get(anchor.path)
    if parsed is None:
        raise Unplaceable(1, "the file was not read", anchor.path)
    if anchor.kind is AnchorKind.HANDLE:
        return around_handle(files, anchor, around, comment)
    item = function_at(parsed, anchor.function, anchor.start)
    if anchor.kind is AnchorKind.LOCK:
        return Function(parsed, item, around).around_lock(anchor, comment, inside)
    return Function(parsed, item, around).around_all(comment, inside)
