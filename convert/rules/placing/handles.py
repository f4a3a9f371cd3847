"""A scope that belongs to a handle: a member holds its cookie from the opener to the closer."""

from __future__ import annotations

from collections.abc import Mapping

from pycparser import c_ast

from convert.flow.control import Role
from convert.flow.placement.model import Anchor
from convert.flow.terms import arguments, call_name, strip
from convert.rules.layout import indent_of
from convert.rules.placing.body import Body, function_at, items_of, leaves
from convert.rules.placing.draft import Draft
from convert.rules.placing.existing import refuse_scopes
from convert.rules.placing.function import Edits, Function
from convert.rules.placing.members import member_edits
from convert.rules.placing.model import Placed, Surroundings, Unplaceable
from convert.rules.placing.prove import reread, scoped
from convert.source.edits import Edit
from convert.source.nodes import nodes_of
from convert.source.parse import ParsedFile


def around_handle(
    files: Mapping[str, ParsedFile], anchor: Anchor, around: Surroundings, comment: str
) -> Placed:
    """Edits of the structure, the opener and the closer. Raises Unplaceable."""
    if not anchor.structure or not anchor.member or anchor.closer is None:
        raise Unplaceable(1, "the handle's structure, member or closer is not given", anchor.path)
    for path in (anchor.path, anchor.closer[0]):
        if path not in files:
            raise Unplaceable(1, "the file was not read", path)
    parsed = files[anchor.path]
    opener = Function(parsed, function_at(parsed, anchor.function, anchor.start), around)
    other = files[anchor.closer[0]]
    closer = Function(other, function_at(other, *anchor.closer[1:]), around)
    for body in (*opener.bodies, *closer.bodies):
        refuse_scopes(body, around)
    if len(anchor.opens) != 1 or len(anchor.closes) != 1:
        line = opener.item.line
        raise Unplaceable(line, "not one call makes the handle and one frees it", anchor.path)
    opened = [_opener(body, anchor, around, comment) for body in opener.bodies]
    closed = [_closer(body, anchor, around) for body in closer.bodies]
    first = opener.finish([Edits(edits, 0) for edits, _ in opened], anchor.member)
    last = closer.finish([Edits(edits, 1) for edits in closed], anchor.member)
    _check_opener(opener, opened[0][1], opened[0][0], around)
    again = reread(closer.parsed, closer.item, closed[0], around)
    for body in again:
        scoped(body, around, is_open=True, left_open=False)
    home, members = member_edits(files, anchor.structure, anchor.member, around.scope.cookie)
    edits: dict[str, list[Edit]] = {}
    for part in (first.edits, last.edits, {home: members}):
        for path, made in part.items():
            edits.setdefault(path, []).extend(made)
    merged = {path: tuple(sorted(set(made))) for path, made in edits.items()}
    return Placed(merged, anchor.member, 1, 0, first.include or last.include)


# -- the opener ------------------------------------------------------------------------------------


def _opener(
    body: Body, anchor: Anchor, around: Surroundings, comment: str
) -> tuple[tuple[Edit, ...], str]:
    """The edits that open, and the variable that holds the handle."""
    call = body.call_at(anchor.opens[0])
    parent = body.parent(call.node)
    while isinstance(parent, c_ast.Cast):
        parent = body.parent(parent)
    match parent:
        case c_ast.Assignment(op="=", lvalue=c_ast.ID(name=name)) | c_ast.Decl(name=name):
            handle = str(name)
        case _:
            raise body.stop(call.span.start, "the handle is not put into a variable there")
    _check_type(body, handle, anchor.structure)
    statement = body.statement(call.node)
    test = body.following(statement)
    valid = isinstance(test, c_ast.If) and leaves(test.iftrue) and test.iffalse is None
    names = {
        node.name for node in nodes_of(getattr(test, "cond", None)) if isinstance(node, c_ast.ID)
    }
    if not valid or handle not in names:
        text = f"whether {handle} is a valid handle is not tested in the next statement"
        raise body.stop(call.span.start, text)
    draft = Draft(body.parsed.source)
    span = body.span(test)
    words = draft.comment(
        comment, indent_of(draft.text, span.start), draft.following_line(span.end)
    )
    draft.behind(span, [*words, f"{handle}->{anchor.member} = {around.scope.save}();"])
    return draft.edits(), handle


def _check_type(body: Body, handle: str, structure: str) -> None:
    known = body.routine.types.get(handle)
    bare = structure.removeprefix("struct ")
    if known is None or known.stars != 1 or not body.routine.is_local(handle):
        raise body.stop(
            body.item.span.start, f"{handle} is not known to be a pointer to {structure}"
        )
    if known.base not in (f"struct {bare}", bare):
        text = f"{handle} points to {known.base}, which is not known to be {structure}"
        raise body.stop(body.item.span.start, text)


def _check_opener(
    opener: Function, handle: str, edits: tuple[Edit, ...], around: Surroundings
) -> None:
    """Every way out behind the save gives the handle to the caller; no way before it does."""
    for body in reread(opener.parsed, opener.item, edits, around):
        state = scoped(body, around, left_open=None).open
        for point in body.flow.points:
            is_open = state.get(point.index)
            if isinstance(point.code, c_ast.Return) and is_open:
                value = point.code.expr
                if not (isinstance(value, c_ast.ID) and value.name == handle):
                    raise body.stop(
                        point.code, "this way out loses the handle, whose scope is open"
                    )
            elif is_open:
                _refuse_loss(body, point.code, handle)
            leave = body.flow.exit.index in (e.to for e in body.flow.edges[point.index])
            if is_open and leave and point.role is not Role.RETURN:
                raise body.stop(body.item.span.end - 1, "the end is reached with the scope open")


def _refuse_loss(body: Body, code: c_ast.Node | None, handle: str) -> None:
    """The handle must not be assigned anew, nor be freed, once its scope is open."""
    for node in nodes_of(code):
        if _assigns(node, handle):
            raise body.stop(node, f"{handle} is assigned anew after its scope was opened")
        name = call_name(node) or ""
        if "free" in name or "put" in name.split("_"):
            given = [strip(one) for one in arguments(node)]
            if any(isinstance(one, c_ast.ID) and one.name == handle for one in given):
                raise body.stop(node, f"{name}({handle}) frees the handle while its scope is open")


def _assigns(node: c_ast.Node, name: str) -> bool:
    """Whether a node assigns a variable itself, not what it points to."""
    if not isinstance(node, c_ast.Assignment):
        return False
    target = strip(node.lvalue)
    return isinstance(target, c_ast.ID) and bool(target.name == name)


# -- the closer ------------------------------------------------------------------------------------


def _closer(body: Body, anchor: Anchor, around: Surroundings) -> tuple[Edit, ...]:
    call = body.call_at(anchor.closes[0])
    statement = body.statement(call.node)
    if not body.is_plain(statement) or body.parent(_outermost(body, statement)) is not body.block:
        raise body.stop(call.span.start, "the call that frees the handle is no plain statement")
    handles = [
        str(node.name)
        for argument in arguments(call.node)
        if isinstance(node := strip(argument), c_ast.ID)
        and body.routine.types.get(str(node.name), None) is not None
    ]
    wanted = {anchor.structure, anchor.structure.removeprefix("struct ")}
    wanted |= {f"struct {name}" for name in wanted if not name.startswith("struct ")}
    handles = [one for one in handles if body.routine.types[one].base in wanted]
    if len(handles) != 1:
        raise body.stop(call.span.start, f"which argument is the {anchor.structure} is not known")
    _check_type(body, handles[0], anchor.structure)
    if handles[0] not in body.routine.parameters:
        raise body.stop(call.span.start, f"{handles[0]} is no parameter of the closer")
    for node in body.nodes():
        if _assigns(node, handles[0]):
            raise body.stop(node, f"{handles[0]} is assigned in the closer")
    items = items_of(body.block)
    for item in items[items.index(_outermost(body, statement)) + 1 :]:
        if not isinstance(_inner(item), c_ast.Return):
            raise body.stop(item, "the handle is freed before the closer's last statement")
    draft = Draft(body.parsed.source)
    line = f"{around.scope.restore}({handles[0]}->{anchor.member});"
    draft.before(body.span(statement), [line])
    return draft.edits()


def _outermost(body: Body, statement: c_ast.Node) -> c_ast.Node:
    """The statement with its labels."""
    return body.holder(statement)[1]


def _inner(node: c_ast.Node) -> c_ast.Node:
    while isinstance(node, c_ast.Label):
        node = node.stmt
    return node
