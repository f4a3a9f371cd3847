"""Which scopes are open around a call, as far as the function itself shows it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.provenance.names import Names
from convert.flow.terms import call_name

Depths = dict[str, int]  # kind of scope -> how many are open at least


def kinds_open(
    routine: Routine, names: Names, wanted: Collection[int]
) -> dict[int, frozenset[str]]:
    """The kinds of scope that are open on every path to some calls (by ``id`` of the node)."""
    if not any(call.callee in names.scopes for call in routine.variant.calls):
        return {}
    flow = routine.flow
    known: dict[int, Depths] = {0: {}}
    waiting = [0]
    while waiting:
        index = waiting.pop()
        after = _after(known[index], flow.points[index].code, names, {}, ())
        for edge in flow.edges[index]:
            met = after if edge.to not in known else _least(known[edge.to], after)
            if known.get(edge.to) != met:
                known[edge.to] = met
                waiting.append(edge.to)
    found: dict[int, frozenset[str]] = {}
    for index, depths in known.items():
        _after(depths, flow.points[index].code, names, found, wanted)
    return found


def _after(
    depths: Depths,
    code: c_ast.Node | None,
    names: Names,
    found: dict[int, frozenset[str]],
    wanted: Collection[int],
) -> Depths:
    """What is open after a point; what is open at wanted calls is noted on the way."""
    now = dict(depths)
    for node in inner_first(code):
        call = names.scopes.get(call_name(node) or "")
        if call is not None:
            now[call.kind] = max(0, now.get(call.kind, 0) + (1 if call.opens else -1))
        if id(node) in wanted:
            kinds = frozenset(kind for kind, depth in now.items() if depth)
            found[id(node)] = found.get(id(node), kinds) & kinds
    return now


def _least(left: Depths, right: Depths) -> Depths:
    return {kind: min(left.get(kind, 0), right.get(kind, 0)) for kind in {*left, *right}}


def inner_first(root: c_ast.Node | None) -> Iterable[c_ast.Node]:
    """All nodes of a tree, inner ones before those around them, roughly as they are evaluated."""
    if root is None:
        return
    if isinstance(root, c_ast.Assignment):
        children = [root.rvalue, root.lvalue]
    else:
        children = [child for _, child in root.children()]
    for child in children:
        yield from inner_first(child)
    yield root
