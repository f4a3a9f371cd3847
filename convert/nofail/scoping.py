"""The stage that opens nofail scopes and drops what they make redundant.

All three commits refer to the same text: what keeps failing comes first, then the scopes, then the
annotations that say nothing more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from convert.errors import InternalCheckError
from convert.nofail.check import failing_checked
from convert.nofail.decide import DROP, KEEP_FAILING, Failing, MaskDecider
from convert.nofail.ground import Ground
from convert.nofail.moves import LocalScope, Move
from convert.nofail.object_sizes import ObjectSizes
from convert.plan import Difference, FileChange, Plan, PlannedSite, Step, Validation
from convert.rules.drafts import Draft, finish
from convert.rules.model import Converted, Decision, Kept, Refused
from convert.rules.replacement import Replacement
from convert.rules.scoped.check import masks_checked
from convert.semantics.sizes import SizeReader
from convert.sites.model import SiteKind
from convert.source.text import SourceFile

OPEN = "nofail/open"
STEPS = (KEEP_FAILING, OPEN, DROP)
FAILS = "nofail-keeps-failing"
DIFFERENCE = Difference(
    FAILS,
    "__GFP_RETRY_MAYFAIL also holds outside of the scope: reclaim tries harder before such an "
    "allocation fails, and does not kill a process for it.",
    "include/linux/gfp_types.h: __GFP_RETRY_MAYFAIL",
)
_RULE = "nofail-scope"


def with_open_scopes(ground: Ground, failing: Failing, *, redundant: bool) -> Plan:
    """The plan with scopes opened where handles open nofs scopes.

    redundant: whether annotations go that a scope makes redundant. Raises InternalCheckError if a
    mask would mean something else, or a twin has no effect.
    """
    return _Stage(ground, failing, redundant).run()


class _Stage:
    def __init__(self, ground: Ground, failing: Failing, redundant: bool) -> None:
        self.ground = ground
        self.plan = ground.plan
        self.failing = failing
        self.redundant = redundant
        self.sources: dict[str, SourceFile] = {}

    def run(self) -> Plan:
        """Decide, lay out, check, and join with what the plan holds already."""
        drafts = [*map(self._moved, self.ground.twins.moves)]
        drafts += [self._local(scope) for scope in self.ground.twins.locals]
        if not self.ground.edits():
            return self._joined(self._planned(drafts), ())
        self.ground.prove()
        self.ground.progress("deciding masks in nofail scopes")
        drafts += self._masks()
        sites = self._planned(drafts)
        steps = tuple(self._steps(sites))
        self._check(sites, steps)
        return self._joined(sites, steps)

    # -- what is decided -------------------------------------------------------------------------

    def _moved(self, move: Move) -> Draft:
        refused = self.ground.twins.refused
        decision: Decision
        pending = None
        if move.edit is None:
            decision = Refused(_RULE, move.refused, blocks_removal=False)
        elif move.member in refused:
            other = next(
                m for m in self.ground.twins.moves if m.member == move.member and not m.edit
            )
            decision = Refused(_RULE, f"nothing is opened: {other.refused}", blocks_removal=False)
        else:
            twin = self.ground.twins.names[move.member]
            cookie = "which holds the cookie of a nofs scope"
            why = f"{move.what} of {move.member}, {cookie}; now of {twin} too"
            decision = Converted(_RULE, OPEN, (move.edit,), "", why)
            pending = Replacement("", move.path, decision.edits, None, OPEN)
        self._source(move.path)
        return Draft(
            SiteKind.NOFAIL,
            move.path,
            move.function,
            move.member,
            move.span,
            frozenset({move.span.start}),
            decision,
            replacement=pending,
        )

    def _local(self, scope: LocalScope) -> Draft:
        source = self._source(scope.path)
        where = f"{scope.path}:{self.ground.places.place(scope.path, scope.span.start)[0]}"
        what = "a section's, no handle's and no worker's"
        why = f"{where}: this nofs scope is {what}: no nofail scope is opened"
        save = self.ground.table.scopes["nofs"].save
        claims = frozenset({scope.span.start})
        span = scope.span
        assert source is not None
        return Draft(
            SiteKind.NOFAIL, scope.path, scope.function, save, span, claims, Kept(_RULE, why)
        )

    def _masks(self) -> Iterator[Draft]:
        sources = self.ground.sources
        after = self.ground.places.after
        sizes = SizeReader(after, sources.c_files, sources.tables(), sources.data)
        decider = MaskDecider(self.ground, ObjectSizes(sources, sizes), self.failing)
        own = {path for under in self.ground.paths for path in after.files(under)}
        for path in sorted(own):
            if not path.endswith((".c", ".h")):
                continue
            parsed = sources.parsed_whole(path)
            if parsed is None:
                continue
            self.sources[path] = parsed.source
            for draft in decider.file(parsed):
                drops = isinstance(draft.decision, Converted) and draft.decision.step == DROP
                if drops and not self.redundant:
                    kept = Kept(draft.decision.rule, "redundant in the scope; left by option")
                    draft = replace(draft, decision=kept, replacement=None)
                yield draft

    def _source(self, path: str) -> SourceFile | None:
        source = self.ground.sources.source(path)
        if source is not None:
            self.sources[path] = source
        return source

    def _planned(self, drafts: Sequence[Draft]) -> tuple[PlannedSite, ...]:
        ordered = sorted(drafts, key=lambda d: (d.path, d.span, d.kind.value))
        sites = finish(ordered, {d.path: self.sources[d.path] for d in ordered}, {}, STEPS)
        return tuple(self._placed(site) for site in sites)

    def _placed(self, planned: PlannedSite) -> PlannedSite:
        """The site with its stage and the place that it has in the tree as given."""
        site, decision = planned.site, planned.decision
        line, column = self.ground.places.place(site.file, site.span.start)
        if isinstance(decision, Converted) and decision.step == KEEP_FAILING:
            decision = replace(decision, differences=(FAILS,))
        proof = None
        if self.ground.proofs is not None:
            proof = self.ground.proof(site.file, site.span.start)
        stage = self.ground.places.stage
        site = replace(site, line=line, column=column)
        return replace(planned, site=site, decision=decision, stage=stage, scope=proof)

    # -- steps -----------------------------------------------------------------------------------

    def _steps(self, sites: Sequence[PlannedSite]) -> Iterator[Step]:
        number = len(self.plan.steps)
        for name in STEPS:
            own = [s for s in sites if _step(s) == name]
            if not own:
                continue
            number += 1
            changes = []
            for path in sorted({s.site.file for s in own}):
                found = {
                    edit
                    for s in own
                    if s.site.file == path and isinstance(s.decision, Converted)
                    for edit in s.decision.edits
                }
                changes.append(FileChange(path, tuple(sorted(found))))
            facts = self._facts(own, sites, len(changes))
            subject = _WORKERS if name == OPEN and facts["sections"] else _SUBJECTS[name]
            yield Step(number, name, subject, tuple(changes), facts, self.ground.places.stage)

    def _facts(
        self, own: Sequence[PlannedSite], sites: Sequence[PlannedSite], files: int
    ) -> dict[str, object]:
        twins = self.ground.twins
        return {
            "files": files,
            "sites": len(own),
            "twins": sorted((m, t) for m, t in twins.names.items() if m not in twins.refused),
            "sections": self._sections(),
            "moves": sorted({(s.site.file, s.site.line, s.site.text.strip()) for s in own}),
            "masks_before": count_annotations(sites),
            "redundant": sum(_step(s) == DROP for s in sites),
            "places": [s.site for s in own],
        }

    def _sections(self) -> list[str]:
        """The functions whose local scopes got twins."""
        twins = self.ground.twins
        moved = (m for m in twins.moves if m.local and m.member not in twins.refused)
        return sorted({move.function for move in moved if move.function})

    def _check(self, sites: Sequence[PlannedSite], steps: Sequence[Step]) -> None:
        """Read every changed mask again."""
        dialect = self.ground.dialect()
        drops = [s for s in sites if _step(s) == DROP]
        checked, widened = masks_checked(
            drops, [s for s in steps if s.id == DROP], self.sources, dialect, self.ground.judge
        )
        kept = [s for s in sites if _step(s) == KEEP_FAILING]
        again = failing_checked(kept, self.sources, self.ground.table)
        if widened or (checked, again) != (len(drops), len(kept)):
            raise InternalCheckError(
                f"{len(drops)} + {len(kept)} masks changed, but {checked} + {again} were compared"
            )
        self.checked = checked + again

    # -- the whole -------------------------------------------------------------------------------

    def _joined(self, sites: tuple[PlannedSite, ...], steps: tuple[Step, ...]) -> Plan:
        plan = self.plan
        changed = {change.path for step in steps for change in step.changes}
        originals = {
            path: self.ground.tree.read(path).decode("latin-1")
            for path in changed - set(plan.originals)
        }
        fails = any(step.id == KEEP_FAILING for step in steps)
        validation = plan.validation or Validation(0, 0, 0)
        if steps:
            validation = replace(validation, in_scope=validation.in_scope + self.checked)
        return replace(
            plan,
            sites=(*plan.sites, *_renamed(plan.sites, sites)),
            steps=(*plan.steps, *steps),
            originals={**plan.originals, **originals},
            differences=(*plan.differences, *((DIFFERENCE,) if fails else ())),
            notes=(*plan.notes, *self._notes(sites)),
            validation=validation,
        )

    def _notes(self, sites: Sequence[PlannedSite]) -> Iterator[str]:
        before = count_annotations(sites)
        dropped = sum(_step(s) == DROP for s in sites)
        if self.ground.proofs is None:
            yield "no handle holds the cookie of a nofs scope: no nofail scope is opened"
            return
        verdicts = Counter(s.evidence.verdict.value for s in self.ground.proofs.sites)
        told = ", ".join(f"{number} {name}" for name, number in sorted(verdicts.items()))
        yield (
            f"__GFP_NOFAIL annotations: {before} with flags, {before - dropped} with scopes; "
            f"allocations by their verdict for the nofail scope: {told}"
        )


def count_annotations(sites: Sequence[PlannedSite]) -> int:
    """How many places name __GFP_NOFAIL before the scopes are opened."""
    return sum(
        s.site.kind is SiteKind.NOFAIL and s.decision.rule == "nofail-in-scope" for s in sites
    )


_SUBJECTS = {
    KEEP_FAILING: "let allocations that are checked keep failing in nofail scopes",
    OPEN: "open nofail scopes where handles open nofs scopes",
    DROP: "drop __GFP_NOFAIL where a nofail scope is always open",
}
_WORKERS = "open nofail scopes where handles and workers open nofs scopes"


def _step(planned: PlannedSite) -> str:
    return planned.decision.step if isinstance(planned.decision, Converted) else ""


def _renamed(earlier: Sequence[PlannedSite], sites: Sequence[PlannedSite]) -> Iterator[PlannedSite]:
    """The sites; raises InternalCheckError if one has the id of an earlier one."""
    known = {planned.site.id for planned in earlier}
    for planned in sites:
        if planned.site.id in known:
            raise InternalCheckError(f"two sites are {planned.site.id}")
        yield planned
