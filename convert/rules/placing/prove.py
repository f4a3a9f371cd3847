"""The edited text is read again: the same function, with a scope that is balanced on every way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from convert.flow.control import Point
from convert.flow.terms import call_name
from convert.rules.placing.body import Body, bodies_of
from convert.rules.placing.draft import too_wide
from convert.rules.placing.model import Surroundings, Unplaceable
from convert.source.edits import Edit, apply_edits, origin
from convert.source.nodes import nodes_of
from convert.source.parse import Item, ParsedFile, parse_file
from convert.source.text import read_source


@dataclass(frozen=True)
class Scoped:
    """Whether the scope is open where each point of a function starts (True), by point."""

    open: Mapping[int, bool]


def reread(
    parsed: ParsedFile, item: Item, edits: Iterable[Edit], around: Surroundings
) -> tuple[Body, ...]:
    """The function after the edits, in all its variants.

    Raises Unplaceable if it is not there any more, or a new line passes the 80th column.
    """
    source, made = parsed.source, tuple(edits)
    text = apply_edits(source.text, made)
    wide = too_wide(source.text, text)
    if wide is not None:
        raise Unplaceable(item.line, f"a line would pass the 80th column: {wide}", source.path)
    fresh = read_source(source.path, text.encode("latin-1"))
    again = parse_file(fresh, around.dialect, frozenset({item.name}))
    same = [
        other
        for other in again.functions
        if other.name == item.name and origin(made, other.span.start) == item.span.start
    ]
    if len(same) != 1 or len(same[0].variants) != len(item.variants):
        raise Unplaceable(item.line, f"{item.name}() is not the same when edited", source.path)
    return bodies_of(again, same[0], around)


def scoped(
    body: Body,
    around: Surroundings,
    is_open: bool = False,
    left_open: bool | None = False,
) -> Scoped:
    """Follow the scope through a function. Raises Unplaceable where a way is not balanced.

    is_open: at the entry. left_open: at the exit; None if some ways leave it open and others not.
    """
    flow = body.flow
    known = {0: is_open}
    waiting = [0]
    while waiting:
        index = waiting.pop()
        after = _after(body, flow.points[index], known[index], around)
        for edge in flow.edges[index]:
            if edge.to not in known:
                known[edge.to] = after
                waiting.append(edge.to)
            elif known[edge.to] is not after and not (
                left_open is None and edge.to == flow.exit.index
            ):
                raise _stop(
                    body, flow.points[edge.to], "is reached inside and outside of the scope"
                )
    leave = known.get(flow.exit.index, left_open)
    if left_open is not None and leave is not left_open:
        raise _stop(body, flow.exit, "is reached in another state of the scope")
    return Scoped(known)


def _stop(body: Body, point: Point, text: str) -> Unplaceable:
    where = body.item.span.end - 1 if point.code is None else body.routine.offset(point.code)
    return body.stop(where, f"with the scope added, this line {text}")


def _after(body: Body, point: Point, is_open: bool, around: Surroundings) -> bool:
    for node in nodes_of(point.code):
        name = call_name(node)
        if name == around.scope.save:
            if is_open:
                raise _stop(body, point, "opens the scope twice")
            is_open = True
        elif name == around.scope.restore:
            if not is_open:
                raise _stop(body, point, "closes a scope that is not open")
            is_open = False
    return is_open
