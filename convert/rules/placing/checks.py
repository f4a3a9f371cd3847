"""Where the scope is open in the edited text: where it has to be, and nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pycparser import c_ast

from convert.flow.control import Point, Role
from convert.flow.terms import call_name, spelled, strip
from convert.rules.placing.body import Body
from convert.rules.placing.declaring import top_declarations
from convert.rules.placing.holding import Held
from convert.rules.placing.locks import LockEdits
from convert.rules.placing.model import Surroundings
from convert.rules.placing.prove import scoped
from convert.source.nodes import nodes_of


def check_lock(
    before: Body, after: Body, known: LockEdits, around: Surroundings, name: str
) -> None:
    """The scope is open exactly where the lock is held, or one was. Raises Unplaceable."""
    before_open = _open_before(before, around)
    state = scoped(after, around).open
    bare = {taking.point for taking in known.holding.takings}
    bare |= {release.point for release in known.holding.releases}
    for old, new in _pairs(before, after, around, frozenset({name})):
        if new.index not in state or old.index not in known.holding.at:
            continue
        held = known.holding.at[old.index] is Held.YES
        wanted = (held and old.index not in known.outside | bare) or old.index in before_open
        if state[new.index] is not wanted:
            where = "outside" if wanted else "inside"
            raise before.stop(old.code, f"with the scope added, this line is {where} of it")


def _open_before(body: Body, around: Surroundings) -> frozenset[int]:
    """The points where a scope of the function was open before the edits."""
    return frozenset(index for index, is_open in scoped(body, around).open.items() if is_open)


def check_points(
    before: Body,
    after: Body,
    around: Surroundings,
    added: frozenset[str],
    inside: Collection[int],
) -> None:
    """The scope is open at some points, and where one was, and nowhere else. Raises Unplaceable."""
    wanted = {*inside, *_open_before(before, around)}
    state = scoped(after, around).open
    for old, new in _pairs(before, after, around, added):
        if state.get(new.index, old.index in wanted) is not (old.index in wanted):
            raise before.stop(old.code, "with the scope added, this line is not where it should be")


def check_whole(
    before: Body,
    after: Body,
    around: Surroundings,
    names: tuple[frozenset[str], str | None],
    inside: Iterable[int],
) -> None:
    """The scope is open at every statement behind the declarations. Raises Unplaceable.

    names: of the variables that were declared, and of the one that carries what is returned.
    """
    added, carrier = names
    state = scoped(after, around).open
    matched = _pairs(before, after, around, added, carrier)
    first = top_declarations(before).first
    start = 0 if first is None else before.span(first).start
    for old, new in matched:
        if new.role is Role.RETURN or new.index not in state:
            continue
        if not state[new.index] and before.routine.offset(old.code) >= start:
            raise before.stop(old.code, "with the scope added, this line is outside of it")
    open_at = {old.index for old, new in matched if state.get(new.index)}
    for offset in inside:
        call = before.call_at(offset)
        if before.points.get(id(call.node)) not in open_at:
            raise before.stop(offset, f"{call.callee}() would run outside of the scope")


def _pairs(
    before: Body,
    after: Body,
    around: Surroundings,
    added: frozenset[str],
    carrier: str | None = None,
) -> list[tuple[Point, Point]]:
    """The points of a function and the same points in its edited text.

    A return may have become an assignment of what it returned, or, if a variable was returned, a
    jump, which is no point. added: the names of variables that were declared. carrier: the variable
    that carries what was returned. Raises Unplaceable if another point came, went or changed.
    """
    old, new = (
        [
            point
            for point in body.flow.points
            if point.code is not None and not _is_added(point, around, added)
        ]
        for body in (before, after)
    )
    found: list[tuple[Point, Point]] = []
    at = 0
    for point in old:
        other = new[at] if at < len(new) else None
        if other is not None and _same(point, other):
            found.append((point, other))
            at += 1
        elif other is not None and _became(point, other, carrier):
            found.append((point, other))
            at += 1
            if at < len(new) and (_returns(new[at], other) or _is_empty(new[at], other)):
                at += 1
        elif not _is_bare_return(point):
            raise before.stop(point.code, "the edited function differs here")
    if at != len(new):
        raise before.stop(before.item.span.start, "the edited function has other statements")
    return found


def _same(point: Point, other: Point) -> bool:
    return point.role is other.role and _spelled(point) == _spelled(other)


def _became(point: Point, other: Point, carrier: str | None) -> bool:
    """Whether ``return x`` became ``ret = x``; of a function without a value, ``x``."""
    if carrier is None and isinstance(point.code, c_ast.Return) and other.role is Role.STEP:
        return spelled(other.code, {}) == spelled(point.code.expr, {})
    return (
        isinstance(point.code, c_ast.Return)
        and point.code.expr is not None
        and isinstance(other.code, c_ast.Assignment)
        and isinstance(other.code.lvalue, c_ast.ID)
        and other.code.lvalue.name == carrier
        and spelled(other.code.rvalue, {}) == spelled(point.code.expr, {})
    )


def _returns(point: Point, assigned: Point) -> bool:
    """Whether a return gives what was just assigned."""
    return (
        isinstance(point.code, c_ast.Return)
        and isinstance(point.code.expr, c_ast.ID)
        and isinstance(assigned.code, c_ast.Assignment)
        and point.code.expr.name == assigned.code.lvalue.name
    )


def _is_empty(point: Point, called: Point) -> bool:
    """Whether a return without a value follows what a return had called."""
    is_return = isinstance(point.code, c_ast.Return) and point.code.expr is None
    return is_return and isinstance(called.code, c_ast.FuncCall)


def _is_bare_return(point: Point) -> bool:
    """A return that may have become a mere jump."""
    code = point.code
    return isinstance(code, c_ast.Return) and (
        code.expr is None or isinstance(strip(code.expr), c_ast.ID)
    )


def _is_added(point: Point, around: Surroundings, added: frozenset[str]) -> bool:
    """Whether a point is the declaration of what was added, or a call of a scope's function."""
    code = point.code
    if isinstance(code, c_ast.Decl):
        return code.name in added
    names = {call_name(node) for node in nodes_of(code)}
    return point.role is Role.STEP and not names.isdisjoint(
        {around.scope.save, around.scope.restore}
    )


def _spelled(point: Point) -> str:
    return f"{type(point.code).__name__} {spelled(point.code, {})}"
