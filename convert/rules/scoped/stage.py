"""A stage behind a conversion that changes masks: what may change is answered from outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from convert.errors import InternalCheckError
from convert.flow.scopes.results import ScopeProofs
from convert.plan import Axiom, FileChange, FileRefusal, Plan, PlannedSite, Step, Validation
from convert.rules.drafts import finish
from convert.rules.model import Converted
from convert.rules.scoped.answers import Answers
from convert.rules.scoped.check import masks_checked
from convert.rules.scoped.decide import SCOPE_MASKS, Decided, FileDecider, ScopeMask
from convert.rules.scoped.declared import DIFFERENCES
from convert.rules.scoped.equality import MaskJudge
from convert.rules.scoped.receivers import Receivers
from convert.rules.scoped.texts import Texts
from convert.semantics.scopes import ScopeTable
from convert.sites.model import SiteKind
from convert.sites.sources import C_SUFFIXES, Sources
from convert.source.edits import Edit, column_of, line_of
from convert.source.parse import parse_file
from convert.source.text import BrokenSource, SourceFile, read_source
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree


@dataclass(frozen=True)
class Ground:
    """What a stage works on: a plan, its tree, the proofs about the tree as given.

    first: the number of the first stage about masks, None if there is none yet: those before are
    of the conversion.
    """

    plan: Plan
    tree: KernelTree
    proofs: ScopeProofs
    table: ScopeTable
    dialect: Callable[[], Dialect]
    first: int | None = None

    @property
    def stage(self) -> int:
        """The number of the new stage."""
        return 1 + max((step.stage for step in self.plan.steps), default=-1)

    @property
    def mask(self) -> ScopeMask:
        """The mask name that is looked for."""
        return SCOPE_MASKS[self.proofs.scope]

    def then(self, plan: Plan) -> Ground:
        """The ground of the stage after this one."""
        return replace(self, plan=plan, first=self.stage if self.first is None else self.first)


@dataclass(frozen=True)
class Pass:
    """What one stage may change.

    order: ids of its steps. answers: what is known of a call's mask. subject: of a step. facts:
    what a step's template may print of its sites (``files`` and ``sites`` come by themselves).
    final: places that stay get a decision too; else they are left to a later stage. notes: for the
    author.
    """

    order: Sequence[str]
    answers: Answers
    subject: Callable[[str], str]
    facts: Callable[[str, Sequence[PlannedSite]], Mapping[str, object]]
    final: bool = True
    notes: Sequence[str] = ()


def with_masks(ground: Ground, wanted: Pass) -> Plan:
    """The plan with the masks of a scope decided, and the steps that change them.

    Raises InternalCheckError if a mask would mean something else than its step says, or a place of
    the name is left without a decision.
    """
    return _Stage(ground, wanted).run()


class _Stage:
    def __init__(self, ground: Ground, wanted: Pass) -> None:
        self.ground = ground
        self.wanted = wanted
        self.plan = ground.plan
        self.texts = Texts(ground.plan, ground.tree, ground.dialect, ground.first)
        self.sources: dict[str, SourceFile] = {}
        self.refusals: list[FileRefusal] = []
        self.functions = 0  # that hold the name, and were parsed
        after = self.texts.tree
        paths = [path for path in self.plan.paths if after.exists(path)]
        self.receivers = Receivers(Sources(after, paths, ground.dialect))
        self.judge = MaskJudge(ground.table, ground.proofs.scope)

    def run(self) -> Plan:
        """Decide, lay out, check, and join with what the plan holds already."""
        decided = [one for path in self._files() for one in self._decided(path)]
        order = tuple(self.wanted.order)
        planned = finish([one.draft for one in decided], self.sources, {}, order)
        ordered = sorted(
            decided, key=lambda one: (one.draft.path, one.draft.span, one.draft.kind.value)
        )
        sites = tuple(
            self._placed(site, one)
            for site, one in zip(planned, ordered, strict=True)
            if self.wanted.final or isinstance(site.decision, Converted)
        )
        steps = tuple(self._steps(sites))
        checked = masks_checked(sites, steps, self.sources, self.ground.dialect(), self.judge)
        self._count(sites, sum(checked))
        return self._joined(sites, steps, checked)

    def _files(self) -> list[str]:
        word = self.ground.mask.forbids.encode()
        return [
            path
            for path in self.texts.paths()
            if path.endswith(C_SUFFIXES) and word in self.texts.data(path)
        ]

    def _decided(self, path: str) -> Iterator[Decided]:
        try:
            source = read_source(path, self.texts.data(path))
        except BrokenSource as error:
            known = any(refusal.file == path for refusal in self.plan.refusals)
            if not known:
                self.refusals.append(FileRefusal(path, error.line, path, error.construct))
            return
        self.sources[path] = source
        names = frozenset({self.ground.mask.forbids})
        parsed = parse_file(source, self.ground.dialect(), names)
        self.functions += len(parsed.functions)
        for refusal in parsed.refusals:
            self.refusals.append(FileRefusal(path, refusal.line, refusal.name, refusal.construct))
        decider = FileDecider(
            parsed,
            self.ground.mask,
            self.wanted.answers,
            self.wanted.order,
            self.judge,
            self.texts.calls_before(path, parsed),
            partial(self.texts.line, path),
            self.receivers,
        )
        yield from decider.decide()

    def _placed(self, planned: PlannedSite, decided: Decided) -> PlannedSite:
        """The site with its stage, what decided it, and its line in the tree as given."""
        site = planned.site
        text, offset = self.texts.given(site.file, site.span.start)
        site = replace(site, line=line_of(text, offset), column=column_of(text, offset))
        return replace(
            planned,
            site=site,
            stage=self.ground.stage,
            scope=decided.proof,
            hazards=decided.hazards,
        )

    # -- steps -----------------------------------------------------------------------------------

    def _steps(self, sites: Sequence[PlannedSite]) -> Iterator[Step]:
        number = len(self.plan.steps)
        for name in self.wanted.order:
            own = [
                s for s in sites if isinstance(s.decision, Converted) and s.decision.step == name
            ]
            edits: dict[str, set[Edit]] = {}
            for planned in own:
                assert isinstance(planned.decision, Converted)
                edits.setdefault(planned.site.file, set()).update(planned.decision.edits)
            if not own:
                continue
            number += 1
            changes = tuple(FileChange(p, tuple(sorted(edits[p]))) for p in sorted(edits))
            facts = {
                "files": len(changes),
                "sites": len(own),
                "mask": self.ground.mask,
                **self.wanted.facts(name, own),
            }
            subject = self.wanted.subject(name)
            yield Step(number, name, subject, changes, facts, self.ground.stage)

    # -- the whole -------------------------------------------------------------------------------

    def _count(self, sites: Sequence[PlannedSite], checked: int) -> None:
        converted = sum(isinstance(planned.decision, Converted) for planned in sites)
        if converted != checked:
            raise InternalCheckError(f"{converted} masks converted, but {checked} compared")

    def _joined(
        self, sites: tuple[PlannedSite, ...], steps: tuple[Step, ...], checked: tuple[int, int]
    ) -> Plan:
        plan, proofs = self.plan, self.ground.proofs
        changed = {change.path for step in steps for change in step.changes}
        originals = {
            path: self.ground.tree.read(path).decode("latin-1")
            for path in changed - set(plan.originals)
        }
        used = {a for p in sites if p.scope is not None for a in p.scope.evidence.axioms}
        used -= {axiom.id for axiom in plan.axioms}
        axioms = tuple(
            Axiom(axiom.id, axiom.statement, axiom.source)
            for axiom in proofs.axioms
            if axiom.id in used
        )
        known = {(refusal.file, refusal.what, refusal.construct) for refusal in plan.refusals}
        refusals = [r for r in self.refusals if (r.file, r.what, r.construct) not in known]
        made = {
            name
            for planned in sites
            if isinstance(planned.decision, Converted)
            for name in planned.decision.differences
        }
        declared = {difference.id for difference in plan.differences}
        return replace(
            plan,
            sites=numbered((*self._with_proofs(plan.sites), *sites)),
            refusals=(*plan.refusals, *refusals),
            steps=(*plan.steps, *steps),
            differences=(
                *plan.differences,
                *(one for one in DIFFERENCES if one.id in made - declared),
            ),
            axioms=(*plan.axioms, *axioms),
            originals={**plan.originals, **originals},
            functions_found=plan.functions_found or self.functions + len(self.refusals),
            functions_parsed=plan.functions_parsed or self.functions,
            notes=(*plan.notes, *self.wanted.notes),
            validation=_validation(plan.validation, checked),
            proofs=proofs,
        )

    def _with_proofs(self, sites: Sequence[PlannedSite]) -> Iterator[PlannedSite]:
        """The earlier sites, each with what is known of the scope around it."""
        for planned in sites:
            proof = None
            if planned.stage == 0 and planned.site.kind is not SiteKind.MASK:
                proof = self.ground.proofs.site(planned.site.file, planned.site.span.start)
            yield planned if proof is None else replace(planned, scope=proof)


def _validation(before: Validation | None, checked: tuple[int, int]) -> Validation:
    done = before or Validation(0, 0, 0)
    same, widened = checked
    return replace(done, in_scope=done.in_scope + same, widened=done.widened + widened)


def numbered(sites: Sequence[PlannedSite]) -> tuple[PlannedSite, ...]:
    """The sites with the masks among them numbered anew: each stage has counted its own only."""
    order = sorted(
        (index for index, planned in enumerate(sites) if planned.site.kind is SiteKind.MASK),
        key=lambda index: (
            sites[index].site.file,
            sites[index].site.line,
            sites[index].site.column,
        ),
    )
    result, seen = list(sites), Counter[str]()
    for index in order:
        site = sites[index].site
        stem = site.id.rpartition(":")[0]
        seen[stem] += 1
        result[index] = replace(sites[index], site=replace(site, id=f"{stem}:{seen[stem]}"))
    return tuple(result)


__all__ = ["Ground", "Pass", "numbered", "with_masks"]
