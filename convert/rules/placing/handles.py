"""A scope that belongs to a handle: a member of it holds the cookie, from end to end.

The scope opens where a function hands the lock out, and closes where one releases it.
"""

from __future__ import annotations

from collections.abc import Mapping

from pycparser import c_ast

from convert.flow.placement.model import Anchor, HandleEnd
from convert.flow.terms import arguments, call_name, strip
from convert.rules.layout import indent_of
from convert.rules.placing.body import Body, function_at, items_of
from convert.rules.placing.declaring import cookie_name, declare, top_declarations
from convert.rules.placing.draft import Draft
from convert.rules.placing.existing import refuse_scopes
from convert.rules.placing.function import Edits, Function
from convert.rules.placing.lent import Lent, lent_of
from convert.rules.placing.locks import put_braces
from convert.rules.placing.members import member_edits
from convert.rules.placing.model import Placed, Surroundings, Unplaceable
from convert.rules.placing.prove import reread, scoped
from convert.source.edits import Edit
from convert.source.nodes import nodes_of
from convert.source.parse import ParsedFile


def around_handle(
    files: Mapping[str, ParsedFile], anchor: Anchor, around: Surroundings, comment: str
) -> Placed:
    """Edits of the structure and of all functions at its ends. Raises Unplaceable."""
    if not anchor.structure or not anchor.member or not anchor.openers or not anchor.closers:
        raise Unplaceable(1, "the handle's structure, member or ends are not given", anchor.path)
    parts: list[Placed] = []
    for end in anchor.ends:
        if end.path not in files:
            raise Unplaceable(1, "the file was not read", end.path)
        parsed = files[end.path]
        function = Function(parsed, function_at(parsed, end.function, end.start), around)
        words = comment if end == anchor.ends[0] else ""
        parts.append(_End(function, anchor, end, around, words).placed())
    home, members = member_edits(files, anchor.structure, anchor.member, around.scope.cookie)
    edits: dict[str, list[Edit]] = {home: list(members)}
    for part in parts:
        for path, made in part.edits.items():
            edits.setdefault(path, []).extend(made)
    return Placed(
        {path: tuple(sorted(set(made))) for path, made in edits.items()},
        anchor.member,
        sum(part.restores for part in parts),
        0,
        any(part.include for part in parts),
    )


class _End:
    """The edits of one function that opens or closes the handle."""

    def __init__(
        self, function: Function, anchor: Anchor, end: HandleEnd, around: Surroundings, words: str
    ) -> None:
        self.function, self.anchor, self.end, self.around = function, anchor, end, around
        self.words = words

    def placed(self) -> Placed:
        """The edits in all variants, proven on the edited text."""
        for body in self.function.bodies:
            refuse_scopes(body, self.around)
            _check_type(body, self.end.pointer, self.anchor.structure)
        made = [self.edits_in(body) for body in self.function.bodies]
        placed = self.function.finish(made, self.anchor.member)
        again = reread(self.function.parsed, self.function.item, made[0].edits, self.around)
        for body in again:
            if self.end.opens:  # in a closer, ways that close may meet those that do not
                scoped(body, self.around, left_open=None)
        return placed

    def edits_in(self, body: Body) -> Edits:
        """The edits in one variant."""
        lent = lent_of(body, self.end.takes, self.end.releases, not self.end.opens)
        if self.end.opens:
            return Edits(self.opening(body, lent), 0)
        return self.closing(body, lent)

    @property
    def place(self) -> str:
        """Where the cookie is kept."""
        return f"{self.end.pointer}->{self.anchor.member}"

    # -- opening -------------------------------------------------------------------------------

    def opening(self, body: Body, lent: Lent) -> tuple[Edit, ...]:
        """Right before each way out that hands the lock out."""
        draft = Draft(body.parsed.source)
        words = self.words
        if not lent.outs and not lent.at_end:
            text = "no way out of this function hands the lock out"
            raise body.stop(body.item.span.start, text)
        for out in lent.outs:
            if any(call_name(node) for node in nodes_of(out.expr)):
                raise body.stop(out, "this way out calls something before it hands the lock out")
            put_braces(body, draft, out)
            span = body.span(out)
            draft.before(span, self.saving(draft, span.start, words))
            words = ""
        if lent.at_end:
            last = items_of(body.block)[-1]
            while isinstance(last, c_ast.Label):
                last = last.stmt
            span = body.span(last)
            draft.behind(span, self.saving(draft, span.start, words))
        return draft.edits()

    def saving(self, draft: Draft, start: int, words: str) -> list[str]:
        lines = draft.comment(words, indent_of(draft.text, start), start)
        return [*lines, f"{self.place} = {self.around.scope.save}();"]

    # -- closing -------------------------------------------------------------------------------

    def closing(self, body: Body, lent: Lent) -> Edits:
        """Right before each release, by the handle or, if that may be gone then, by a copy."""
        draft = Draft(body.parsed.source)
        cookie = self.place
        if not lent.releases:
            raise body.stop(body.item.span.start, "this function releases no lock of its caller")
        if self.may_be_gone(body, lent):
            cookie = self.copied(body, draft, lent)
        for release in lent.releases:
            put_braces(body, draft, release.statement)
            line = f"{self.around.scope.restore}({cookie});"
            draft.before(body.span(release.statement), [line])
        return Edits(draft.edits(), len(lent.releases))

    def may_be_gone(self, body: Body, lent: Lent) -> bool:
        """Whether something is given the handle before the lock is released."""
        given = {body.points[id(node)] for node in self.uses(body) if id(node) in body.points}
        return any(lent.leads(point, release.point) for point in given for release in lent.releases)

    def uses(self, body: Body) -> list[c_ast.Node]:
        """The calls that are given the handle itself."""
        return [
            node
            for node in body.nodes()
            if call_name(node) and any(self.is_handle(one) for one in arguments(node))
        ]

    def is_handle(self, node: c_ast.Node) -> bool:
        inner = strip(node)
        return isinstance(inner, c_ast.ID) and bool(inner.name == self.end.pointer)

    def copied(self, body: Body, draft: Draft, lent: Lent) -> str:
        """A variable with a copy of the cookie, made before the handle is given away."""
        name = cookie_name(body, self.around.cookies)
        gone = {id(node) for node in self.uses(body)}
        gone |= {id(release.statement) for release in lent.releases}
        first = top_declarations(body).first
        items = items_of(body.block)
        behind = items[items.index(first) :] if first is not None else []
        for item in behind:
            if any(id(node) in gone for node in nodes_of(item)):
                break
        else:
            raise body.stop(body.item.span.start, "where the handle is given away is not known")
        inner = {id(node) for node in nodes_of(item)}
        points = {body.points[number] for number in inner if number in body.points}
        late = [one.point for one in lent.releases if one.point not in points]
        if isinstance(item, c_ast.Label) or any(lent.leads(0, one, points) for one in late):
            raise body.stop(item, "the cookie cannot be copied before the handle is given away")
        declare(draft, self.function.bodies, self.around.scope.cookie, name)
        draft.before(body.span(item), [f"{name} = {self.place};"])
        return name


def _check_type(body: Body, handle: str, structure: str) -> None:
    known = body.routine.types.get(handle)
    bare = structure.removeprefix("struct ")
    start = body.item.span.start
    if known is None or known.stars != 1 or not body.routine.is_local(handle):
        raise body.stop(start, f"{handle} is not known to be a pointer to {structure}")
    if known.base not in (f"struct {bare}", bare):
        raise body.stop(
            start, f"{handle} points to {known.base}, which is not known to be {structure}"
        )
