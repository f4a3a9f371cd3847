"""Scopes that a function has already: another one may stand beside them, with the same cookie."""

from __future__ import annotations

from collections.abc import Collection

from pycparser import c_ast

from convert.flow.terms import arguments, strip
from convert.rules.placing.body import Body, items_of
from convert.rules.placing.model import Surroundings
from convert.rules.placing.prove import scoped
from convert.source.variants import Call

_OPEN = "a scope is open here already"


def calls_of_scopes(body: Body, around: Surroundings) -> tuple[Call, ...]:
    """The calls that open or close a scope."""
    names = (around.scope.save, around.scope.restore)
    return tuple(call for call in body.variant.calls if call.callee in names)


def refuse_scopes(body: Body, around: Surroundings) -> None:
    """Raise Unplaceable if the function has a scope at all."""
    for call in calls_of_scopes(body, around):
        text = f"{_OPEN}: {call.callee}() is called in this function"
        raise body.stop(call.span.start, text)


def refuse_scopes_at(body: Body, around: Surroundings, points: Collection[int]) -> None:
    """Raise Unplaceable if a scope of the function is open at a point, opens there or closes."""
    calls = calls_of_scopes(body, around)
    if not calls:
        return
    for call in calls:
        if body.points.get(id(call.node)) in points:
            text = f"{_OPEN}: {call.callee}() is called between"
            raise body.stop(call.span.start, text)
    known = scoped(body, around).open
    for point in sorted(points):
        if known.get(point):
            line = body.line(calls[0].span.start)
            text = f"{_OPEN}: {calls[0].callee}() is called in line {line}"
            raise body.stop(body.flow.points[point].code or body.item.span.start, text)


def cookie_in_use(body: Body, around: Surroundings) -> str | None:
    """The variable of the scopes that the function has; None if it has none.

    Raises Unplaceable if it is not one plain variable of the outermost block.
    """
    calls = calls_of_scopes(body, around)
    if not calls:
        return None
    names = {_cookie(body, call) for call in calls}
    name = next(iter(names))
    declared = {item.name for item in items_of(body.block) if isinstance(item, c_ast.Decl)}
    kinds = (around.scope.cookie, around.scope.cookie.removesuffix(" int"))
    known = body.routine.types.get(name or "")
    if len(names) > 1 or name not in declared or known is None or known.base not in kinds:
        text = "the scope that this function has keeps its cookie in no plain variable"
        raise body.stop(calls[0].span.start, text)
    return name


def _cookie(body: Body, call: Call) -> str | None:
    """The variable that a save is assigned to, or that a restore is given."""
    parent = body.parent(call.node)
    given = [strip(one) for one in arguments(call.node)]
    match parent, given:
        case (c_ast.Assignment(op="=", lvalue=c_ast.ID(name=name)), []) | (
            c_ast.Decl(name=name),
            [],
        ):
            return str(name)
        case _, [c_ast.ID(name=name)]:
            return str(name)
    return None
