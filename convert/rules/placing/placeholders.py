"""A scope around single statements: a placeholder, as btrfs has them, for want of an anchor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pycparser import c_ast

from convert.rules.layout import indent_of
from convert.rules.placing.body import Body, function_at
from convert.rules.placing.checks import check_points
from convert.rules.placing.draft import Draft
from convert.rules.placing.existing import refuse_scopes_at
from convert.rules.placing.function import Edits, Function, refusing
from convert.rules.placing.locks import put_braces
from convert.rules.placing.model import NotPlaced, Placed, Surroundings, Unplaceable
from convert.rules.placing.prove import reread
from convert.source.parse import ParsedFile

_PLACES = {
    "Decl": "the initialiser of a declaration",
    "Return": "what a return gives",
    "If": "a condition",
    "While": "the condition of a loop",
    "DoWhile": "the condition of a loop",
    "For": "the head of a loop",
    "Switch": "what a switch tests",
}


def placeholder_edits(
    files: Mapping[str, ParsedFile],
    place: tuple[str, str, int],
    calls: Sequence[int],
    around: Surroundings,
    comment: str = "",
) -> Placed | NotPlaced:
    """Scopes around the statements of one function that hold some calls.

    place: path, function and start of its definition. calls: offsets of the calls' names; two in
    one statement share a scope.
    """
    return refusing(lambda: _placed(files, place, calls, around, comment), place[0])


def _placed(
    files: Mapping[str, ParsedFile],
    place: tuple[str, str, int],
    calls: Sequence[int],
    around: Surroundings,
    comment: str,
) -> Placed:
    path, function, start = place
    if path not in files:
        raise Unplaceable(1, "the file was not read", path)
    known = Function(files[path], function_at(files[path], function, start), around)
    name, new = known.cookie()
    results, inner = [], []
    for body in known.bodies:
        statements = {id(one): one for one in (_statement(body, call) for call in calls)}
        draft = Draft(known.parsed.source)
        for statement in statements.values():
            put_braces(body, draft, statement)
            span = body.span(statement)
            indent = indent_of(draft.text, span.start)
            at = draft.above_comments(span.start)
            lines = known.lines(name, comment)
            draft.before(span, [*draft.comment(comment, indent, at), lines.opening])
            draft.behind(span, [lines.closing])
        known.declare(draft, name, new)
        results.append(Edits(draft.edits(), len(statements)))
        inner.append({body.points[key] for key in statements})
        refuse_scopes_at(body, around, inner[-1])
    placed = known.finish(results, name)
    again = reread(known.parsed, known.item, results[0].edits, around)
    for body, fresh, points in zip(known.bodies, again, inner, strict=True):
        check_points(body, fresh, around, frozenset({name}), points)
    return placed


def _statement(body: Body, offset: int) -> c_ast.Node:
    """The statement that holds a call, if it is a plain one that runs nothing else."""
    call = body.call_at(offset)
    statement = body.statement(call.node)
    point = body.points.get(id(call.node))
    if not body.is_plain(statement):
        kind = body.statement_kinds[id(statement)]
        where = _PLACES.get(kind, "the head of a macro's loop")
        raise body.stop(offset, f"{call.callee}() is called in {where}")
    if point is None or body.flow.points[point].code is not statement:
        raise body.stop(offset, f"{call.callee}() is called in statements inside of an expression")
    return statement
