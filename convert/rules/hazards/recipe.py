"""The stages of the recipes scoped and upstream, behind the conversion of wrappers.

Masks inside of open scopes; a commit for each scope that is placed; the masks that follow from
them, which the analysis of the edited tree has to confirm; masks where nothing is held. A scope
that no mask follows from is dropped again, and the rest is analysed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from convert.flow.hazards.model import HazardReport
from convert.flow.placement.model import PlacedScope, Placement
from convert.plan import Plan, PlannedSite
from convert.progress import Progress, silent
from convert.rules.hazards.answers import EXCUSED, NEW_SCOPE, REFLEX, STEPS, HazardAnswers, Site
from convert.rules.hazards.messages import (
    assumptions,
    excused_facts,
    new_scope_facts,
    reflex_facts,
)
from convert.rules.hazards.placeholders import with_placeholders
from convert.rules.hazards.places import relocation
from convert.rules.hazards.writing import (
    Editor,
    Unwritten,
    Written,
    with_needless,
    with_scopes,
)
from convert.rules.model import Converted
from convert.rules.scoped.answers import Stays
from convert.rules.scoped.proven import with_proven_masks
from convert.rules.scoped.stage import Ground, Pass, with_masks
from convert.rules.scoped.texts import Texts
from convert.tree.kernel import KernelTree

_NO_LOCKDEP = "__GFP_NOLOCKDEP"


@dataclass(frozen=True)
class Means:
    """What the stages are handed.

    analyse: all about hazards in a tree, as the report about the tree as given was made. editor:
    makes the edits of scopes.
    """

    analyse: Callable[[KernelTree], HazardReport]
    editor: Editor
    progress: Progress = field(default=silent)


@dataclass(frozen=True)
class Choice:
    """excused: masks may be exempted from lockdep (class b). placeholders: see `placeholders`."""

    excused: bool = False
    placeholders: bool = False


def with_hazards(
    ground: Ground, given: HazardReport, placement: Placement, means: Means, choice: Choice
) -> Plan:
    """The plan with every mask of the scope decided, and the steps for scopes and masks.

    given, placement: of the tree as given; ``ground.proofs`` are those of the report. Raises
    InternalCheckError if a mask would mean something else than its step says.
    """
    in_scope = ground.then(with_proven_masks(ground, final=False))
    return _Recipe(in_scope, given, placement, means, choice).run()


class _Recipe:
    def __init__(
        self,
        ground: Ground,
        given: HazardReport,
        placement: Placement,
        means: Means,
        choice: Choice,
    ) -> None:
        self.ground, self.given, self.placement = ground, given, placement
        self.means, self.choice = means, choice
        bits = ground.table.executor.gfp.bits
        self.lockdep = choice.excused and _NO_LOCKDEP in bits

    def run(self) -> Plan:
        """Rounds with fewer scopes each, until masks follow from all of them.

        What was of no use goes all at once, and the next round has a text of its own: whether the
        scopes that are left still hold there, only an analysis of that text can say.
        """
        scopes: tuple[PlacedScope, ...] = self.placement.scopes
        unwritten: list[Unwritten] = []
        while True:
            attempt = self._attempt(scopes, unwritten)
            useless = [one for one in attempt.written if not attempt.uses(one)]
            unwritten += attempt.unwritten
            if not useless:
                break
            unwritten += [Unwritten(one.scope, attempt.useless(one)) for one in useless]
            gone = {id(one.scope) for one in unwritten}
            scopes = tuple(scope for scope in scopes if id(scope) not in gone)
        plan = attempt.plan
        if self.choice.placeholders:
            plan = with_placeholders(
                (attempt.ground, attempt.masks),
                plan,
                attempt.answers,
                self.means.analyse,
                self.means.editor,
            )
        plan = with_needless(plan, attempt.written)
        return replace(plan, notes=(*plan.notes, *self._notes(unwritten)))

    def _attempt(self, scopes: Sequence[PlacedScope], unwritten: Sequence[Unwritten]) -> _Attempt:
        """The plan with some scopes."""
        ground, written, more = with_scopes(self.ground, scopes, self.means.editor)
        texts = Texts(ground.plan, ground.tree, ground.dialect, ground.first)
        now = self.given
        if written:
            self.means.progress("looking again, with the new scopes")
            now = self.means.analyse(texts.tree)
        answers = HazardAnswers(
            self.given,
            now,
            relocation(texts),
            ground.mask,
            written,
            self._unplaced([*unwritten, *more]),
            self.lockdep,
        )
        masks = _mask_pass(ground, answers, assumptions(self.given))
        return _Attempt(ground, masks, answers, written, more, with_masks(ground, masks))

    def _unplaced(self, unwritten: Sequence[Unwritten]) -> Mapping[Site, str]:
        """Why no scope serves a site, as far as that is known."""
        found: dict[Site, str] = {}
        for one in self.placement.unplaced:
            found[one.site.site.path, one.site.site.offset] = f"no scope is placed: {one.reason}"
        for refused in unwritten:
            where = f"{refused.scope.anchor.function}() ({_place(refused.scope)})"
            for hazards in refused.scope.sites:
                site = hazards.site.path, hazards.site.offset
                found[site] = f"the scope in {where} is not placed: {refused.reason}"
        return found

    def _notes(self, unwritten: Sequence[Unwritten]) -> Iterator[str]:
        yield from assumptions(self.given)
        yield from self.placement.notes
        for refused in unwritten:
            function = refused.scope.anchor.function
            yield f"{_place(refused.scope)}: no scope in {function}(): {refused.reason}"
        for one in self.placement.restructurings:
            yield f"{one.place}: better changed by hand than by a scope (class d): {one.text}"


@dataclass(frozen=True)
class _Attempt:
    """A plan with some scopes. ground: before the masks; masks: the pass that decided them."""

    ground: Ground
    masks: Pass
    answers: HazardAnswers
    written: tuple[Written, ...]
    unwritten: tuple[Unwritten, ...]
    plan: Plan

    def useless(self, written: Written) -> str:
        """Why no mask follows from a scope: what was said of the first site that it is for."""
        for one in written.scope.sites:
            said = self.answers.said.get((one.site.path, one.site.offset))
            if isinstance(said, Stays):
                place = f"{one.site.path}:{one.site.line}"
                return f"no mask could be changed by it; with it, at {place}: {said.why}"
        return "no mask could be changed by it"

    def uses(self, written: Written) -> bool:
        """Whether some mask that changed relies on a scope."""
        return any(
            one is written
            for planned in self.plan.sites
            if isinstance(planned.decision, Converted)
            for site in planned.decision.rests_on
            for one in self.answers.served.get(site, ())
        )


def _place(scope: PlacedScope) -> str:
    return f"{scope.anchor.path}:{scope.line}"


def _mask_pass(ground: Ground, answers: HazardAnswers, assumed: Sequence[str]) -> Pass:
    mask = ground.mask

    def subject(step: str) -> str:
        return {
            NEW_SCOPE: f"use {mask.plain} inside of the new {ground.proofs.scope} scopes",
            REFLEX: f"use {mask.plain} where nothing is held that reclaim waits for",
            EXCUSED: f"use {_NO_LOCKDEP} instead of {mask.forbids}",
        }[step]

    def facts(step: str, own: Sequence[PlannedSite]) -> Mapping[str, object]:
        if step == NEW_SCOPE:
            return new_scope_facts(ground, own, answers.served)
        if step == REFLEX:
            return reflex_facts(ground, own, assumed)
        return excused_facts(ground, own)

    return Pass(STEPS, answers, subject, facts)
