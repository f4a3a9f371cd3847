"""What all kinds of scopes in one function share: one name, all variants, header and checks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convert.flow.placement.model import Anchor
from convert.rules.placing.body import Body, bodies_of
from convert.rules.placing.checks import check_lock, check_whole
from convert.rules.placing.declaring import cookie_name, declare
from convert.rules.placing.draft import Draft
from convert.rules.placing.existing import cookie_in_use, refuse_scopes, refuse_scopes_at
from convert.rules.placing.holding import Held, Holding, holding_of
from convert.rules.placing.including import include_edit
from convert.rules.placing.locks import Lines, LockEdits
from convert.rules.placing.model import NotPlaced, Placed, Surroundings, Unplaceable
from convert.rules.placing.prove import reread
from convert.rules.placing.whole import WholeEdits
from convert.source.edits import Edit
from convert.source.parse import Item, ParsedFile


def refusing(place: Callable[[], Placed], path: str) -> Placed | NotPlaced:
    """Make a refusal of what stands in the way."""
    try:
        return place()
    except Unplaceable as reason:
        return NotPlaced(reason.path or path, reason.line, reason.missing)


@dataclass(frozen=True)
class Edits:
    """What one variant gives: edits, and what of them counts."""

    edits: tuple[Edit, ...]
    restores: int
    gotos: int = 0
    notes: tuple[str, ...] = ()


class Function:
    """Edits for one function."""

    def __init__(self, parsed: ParsedFile, item: Item, around: Surroundings) -> None:
        self.parsed = parsed
        self.item = item
        self.around = around
        self.bodies = bodies_of(parsed, item, around)

    def cookie(self) -> tuple[str, bool]:
        """The cookie's variable, and whether it has to be declared."""
        known = {cookie_in_use(body, self.around) for body in self.bodies}
        name = next(iter(known))
        if len(known) > 1:
            text = "the #if variants of the function do not agree about its scopes"
            raise Unplaceable(self.item.line, text, self.parsed.source.path)
        return (name, False) if name else (cookie_name(self.bodies[0], self.around.cookies), True)

    def declare(self, draft: Draft, name: str, new: bool) -> None:
        """Declare the cookie, if it is not there."""
        if new:
            declare(draft, self.bodies, self.around.scope.cookie, name)

    def lines(self, name: str, comment: str) -> Lines:
        """The lines around what a cookie of this name belongs to."""
        scope = self.around.scope
        return Lines(f"{name} = {scope.save}();", f"{scope.restore}({name});", comment)

    def finish(self, results: Sequence[Edits], name: str) -> Placed:
        """One result of those of all variants, with the header. Raises Unplaceable."""
        if any(result.edits != results[0].edits for result in results):
            text = "the #if variants of the function do not agree about the edits"
            raise Unplaceable(self.item.line, text, self.parsed.source.path)
        path, include = self.parsed.source.path, None
        if path not in self.around.with_header:
            include = include_edit(self.parsed, self.around.scope.header)
        edits = [*results[0].edits, *([include] if include is not None else [])]
        notes = dict.fromkeys(note for result in results for note in result.notes)
        first = results[0]
        return Placed(
            {path: tuple(sorted(edits))},
            name,
            first.restores,
            first.gotos,
            include is not None,
            tuple(notes),
        )

    # -- locks ---------------------------------------------------------------------------------

    def around_lock(self, anchor: Anchor, comment: str, inside: tuple[int, ...]) -> Placed:
        """A scope from where a lock is taken to where it is released."""
        name, new = self.cookie()
        found = [self.lock_in(body, anchor, (name, new), comment, inside) for body in self.bodies]
        results = [result for result, _ in found]
        placed = self.finish(results, name)
        again = reread(self.parsed, self.item, results[0].edits, self.around)
        for body, fresh, (_, known) in zip(self.bodies, again, found, strict=True):
            check_lock(body, fresh, known, self.around, name)
        return placed

    def lock_in(
        self,
        body: Body,
        anchor: Anchor,
        cookie: tuple[str, bool],
        comment: str,
        inside: tuple[int, ...],
    ) -> tuple[Edits, LockEdits]:
        """The edits in one variant."""
        if not anchor.opens or not anchor.closes:
            raise body.stop(
                self.item.span.start, "where the lock is taken or released is not given"
            )
        holding = holding_of(body, anchor.opens, anchor.closes)
        _check_inside(body, holding, inside)
        held = {index for index, state in holding.at.items() if state is Held.YES}
        refuse_scopes_at(body, self.around, held | {one.point for one in holding.takings})
        draft = Draft(self.parsed.source)
        writer = LockEdits(body, draft, holding, self.lines(cookie[0], comment))
        writer.write()
        self.declare(draft, *cookie)
        return Edits(draft.edits(), writer.restores), writer

    # -- whole functions -----------------------------------------------------------------------

    def around_all(self, comment: str, inside: tuple[int, ...]) -> Placed:
        """A scope from the first statement to every way out."""
        for body in self.bodies:
            refuse_scopes(body, self.around)
        name = cookie_name(self.bodies[0], self.around.cookies)
        writers = [self.all_in(body, name, comment) for body in self.bodies]
        results = [Edits(writer.draft.edits(), writer.restores, writer.gotos) for writer in writers]
        placed = self.finish(results, name)
        again = reread(self.parsed, self.item, results[0].edits, self.around)
        for body, fresh, writer in zip(self.bodies, again, writers, strict=True):
            names = (frozenset({name, *writer.declared}), writer.carrier_name)
            check_whole(body, fresh, self.around, names, inside)
        return placed

    def all_in(self, body: Body, name: str, comment: str) -> WholeEdits:
        """The edits in one variant."""
        draft = Draft(self.parsed.source)
        declare(draft, self.bodies, self.around.scope.cookie, name)
        writer = WholeEdits(body, self.bodies, draft, self.lines(name, comment))
        writer.write()
        return writer


def _check_inside(body: Body, holding: Holding, inside: tuple[int, ...]) -> None:
    for offset in inside:
        call = body.call_at(offset)
        point = body.points.get(id(call.node))
        if point is None or holding.at.get(point) is not Held.YES:
            text = f"{call.callee}() does not run with the lock held on every way"
            raise body.stop(offset, text)
