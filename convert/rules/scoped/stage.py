"""The stage behind a conversion that drops masks where a scope is proven to be open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from convert.errors import InternalCheckError
from convert.flow.scopes.results import ProvenSite, ScopeProofs
from convert.plan import Axiom, FileChange, FileRefusal, Plan, PlannedSite, Step, Validation
from convert.rules.drafts import finish
from convert.rules.model import Converted
from convert.rules.scoped.before import calls_before, original_offset
from convert.rules.scoped.check import masks_checked
from convert.rules.scoped.decide import IDLE, PROVEN, SCOPE_MASKS, STEPS, Decided, FileDecider
from convert.rules.scoped.equality import MaskJudge
from convert.rules.scoped.receivers import Receivers
from convert.rules.scoped.words import call_words, opener_words
from convert.semantics.scopes import ScopeTable
from convert.sites.model import Site
from convert.sites.sources import C_SUFFIXES, Sources
from convert.source.edits import Edit, column_of, line_of
from convert.source.parse import ParsedFile, parse_file
from convert.source.text import BrokenSource, SourceFile, read_source
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree
from convert.tree.overlay import OverlayTree


@dataclass(frozen=True)
class Ground:
    """What the stage works on: a plan, its tree, the proofs about that tree."""

    plan: Plan
    tree: KernelTree
    proofs: ScopeProofs
    table: ScopeTable
    dialect: Callable[[], Dialect]

    @property
    def stage(self) -> int:
        """The number of the new stage."""
        return 1 + max((step.stage for step in self.plan.steps), default=-1)

    @property
    def word(self) -> str:
        """The mask name that is looked for."""
        return SCOPE_MASKS[self.proofs.scope].forbids


def with_proven_masks(ground: Ground) -> Plan:
    """The plan with the masks of a scope decided, and the steps that drop them.

    Raises InternalCheckError if a mask would mean something else inside of the scope, or a place of
    the name is left without a decision.
    """
    return _Stage(ground).run()


class _Stage:
    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.plan = ground.plan
        self.final = self.plan.snapshot(len(self.plan.steps))
        self.sources: dict[str, SourceFile] = {}
        self.given: dict[str, tuple[str, list[list[Edit]]]] = {}
        self.refusals: list[FileRefusal] = []
        self.functions = 0  # that hold the name, and were parsed
        data = {p: None if t is None else t.encode("latin-1") for p, t in self.final.items()}
        after = OverlayTree(ground.tree, data)
        paths = [path for path in self.plan.paths if after.exists(path)]
        self.receivers = Receivers(Sources(after, paths, ground.dialect))
        self.judge = MaskJudge(ground.table, ground.proofs.scope)

    def run(self) -> Plan:
        """Decide, lay out, check, and join with what the plan holds already."""
        decided = [one for path in self._files() for one in self._decided(path)]
        planned = finish([one.draft for one in decided], self.sources, {}, STEPS)
        ordered = sorted(
            decided, key=lambda one: (one.draft.path, one.draft.span, one.draft.kind.value)
        )
        sites = tuple(
            self._placed(site, one.proof) for site, one in zip(planned, ordered, strict=True)
        )
        steps = tuple(self._steps(sites))
        checked = masks_checked(sites, steps, self.sources, self.ground.dialect(), self.judge)
        self._count(sites, checked)
        return self._joined(sites, steps, checked)

    def _files(self) -> list[str]:
        word = self.ground.word.encode()
        paths = {path for under in self.plan.paths for path in self.ground.tree.files(under)}
        paths |= {path for path, text in self.final.items() if text is not None}
        gone = {path for path, text in self.final.items() if text is None}
        return [
            path
            for path in sorted(paths - gone)
            if path.endswith(C_SUFFIXES) and word in self._text(path)
        ]

    def _text(self, path: str) -> bytes:
        text = self.final.get(path)
        return self.ground.tree.read(path) if text is None else text.encode("latin-1")

    def _decided(self, path: str) -> Iterator[Decided]:
        try:
            source = read_source(path, self._text(path))
        except BrokenSource as error:
            known = any(refusal.file == path for refusal in self.plan.refusals)
            if not known:
                self.refusals.append(FileRefusal(path, error.line, path, error.construct))
            return
        self.sources[path] = source
        parsed = parse_file(source, self.ground.dialect(), frozenset({self.ground.word}))
        self.functions += len(parsed.functions)
        for refusal in parsed.refusals:
            self.refusals.append(FileRefusal(path, refusal.line, refusal.name, refusal.construct))
        before = self._before(path, parsed)
        decider = FileDecider(
            parsed,
            self.ground.proofs,
            self.judge,
            before,
            partial(self._line, path),
            self.receivers,
        )
        yield from decider.decide()

    def _before(self, path: str, after: ParsedFile) -> Mapping[int, int] | None:
        """Where the calls of a file were in the tree as given; None if the file did not change."""
        if path not in self.final or not self.ground.tree.exists(path):
            return None
        source = read_source(path, self.ground.tree.read(path))
        names = frozenset(item.name for item in after.functions)
        return calls_before(parse_file(source, self.ground.dialect(), names), after)

    def _placed(self, planned: PlannedSite, proof: ProvenSite | None) -> PlannedSite:
        """The site with its stage, its proof, and the line that it has in the tree as given."""
        site = planned.site
        text, offset = self._given(site.file, site.span.start)
        site = replace(site, line=line_of(text, offset), column=column_of(text, offset))
        return replace(planned, site=site, stage=self.ground.stage, scope=proof)

    def _given(self, path: str, offset: int) -> tuple[str, int]:
        """The text as given, and where in it an offset of the text to decide comes from.

        For a file that the conversion made, the text to decide itself.
        """
        source = self.sources[path]
        if path not in self.final or not self.ground.tree.exists(path):
            return source.text, offset
        if path not in self.given:
            text = self.ground.tree.read(path).decode("latin-1")
            self.given[path] = text, self._stages(path)
        text, stages = self.given[path]
        return text, original_offset(stages, offset)

    def _line(self, path: str, offset: int) -> int:
        return line_of(*self._given(path, offset))

    def _stages(self, path: str) -> list[list[Edit]]:
        found: dict[int, list[Edit]] = {}
        for step in self.plan.steps:
            for change in step.changes:
                if change.path == path:
                    found.setdefault(step.stage, []).extend(change.edits)
        return [found[stage] for stage in sorted(found)]

    # -- steps -----------------------------------------------------------------------------------

    def _steps(self, sites: Sequence[PlannedSite]) -> Iterator[Step]:
        number = len(self.plan.steps)
        for name in STEPS:
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
            facts = self._facts(own, len(changes))
            yield Step(number, name, self._subject(name), changes, facts, self.ground.stage)

    def _subject(self, name: str) -> str:
        mask = SCOPE_MASKS[self.ground.proofs.scope]
        if name == IDLE:
            return f"drop {mask.forbids} from masks that allow more"
        return f"use {mask.plain} where a {self.ground.proofs.scope} scope is always open"

    def _facts(self, own: Sequence[PlannedSite], files: int) -> dict[str, object]:
        proofs = self.ground.proofs
        openers = Counter(
            call_words(text)
            for planned in own
            if planned.scope is not None
            for text in {opener.text for opener in planned.scope.evidence.openers}
        )
        axioms = {a for p in own if p.scope is not None for a in p.scope.evidence.axioms}
        return {
            "scope": proofs.scope,
            "mask": SCOPE_MASKS[proofs.scope],
            "save": self.ground.table.scopes[proofs.scope].save,
            "files": files,
            "sites": len(own),
            "openers": sorted(openers.items(), key=lambda row: (-row[1], row[0])),
            "groups": _groups(own),
            "scope_axioms": [axiom for axiom in proofs.axioms if axiom.id in axioms],
        }

    # -- the whole -------------------------------------------------------------------------------

    def _count(self, sites: Sequence[PlannedSite], checked: int) -> None:
        converted = sum(isinstance(planned.decision, Converted) for planned in sites)
        if converted != checked:
            raise InternalCheckError(f"{converted} masks converted, but {checked} compared")

    def _joined(
        self, sites: tuple[PlannedSite, ...], steps: tuple[Step, ...], checked: int
    ) -> Plan:
        plan, proofs = self.plan, self.ground.proofs
        changed = {change.path for step in steps for change in step.changes}
        originals = {
            path: self.ground.tree.read(path).decode("latin-1")
            for path in changed - set(plan.originals)
        }
        used = {a for p in sites if p.scope is not None for a in p.scope.evidence.axioms}
        axioms = tuple(
            Axiom(axiom.id, axiom.statement, axiom.source)
            for axiom in proofs.axioms
            if axiom.id in used
        )
        validation = plan.validation or Validation(0, 0, 0)
        return replace(
            plan,
            sites=(*self._with_proofs(plan.sites), *sites),
            refusals=(*plan.refusals, *(r for r in self.refusals if r not in plan.refusals)),
            steps=(*plan.steps, *steps),
            axioms=(*plan.axioms, *axioms),
            originals={**plan.originals, **originals},
            functions_found=plan.functions_found or self.functions + len(self.refusals),
            functions_parsed=plan.functions_parsed or self.functions,
            notes=(*plan.notes, *self._notes()),
            validation=replace(validation, in_scope=checked),
            proofs=proofs,
        )

    def _with_proofs(self, sites: Sequence[PlannedSite]) -> Iterator[PlannedSite]:
        """The earlier sites, each with what is known of the scope around it."""
        for planned in sites:
            proof = self.ground.proofs.site(planned.site.file, planned.site.span.start)
            known = proof is not None and planned.stage == 0
            yield replace(planned, scope=proof) if known else planned

    def _notes(self) -> Iterator[str]:
        proofs = self.ground.proofs
        yield (
            f"the {proofs.scope} proofs hold for the files that were read: "
            f"{', '.join(self.plan.paths)}; callers outside of them count as unscoped"
        )
        for redundant in proofs.redundant_scopes:
            opener = redundant.opener
            yield (
                f"{opener.place}: {call_words(opener.text)} in {opener.function}() opens a scope "
                "that is always open there already (left as it is)"
            )


def _groups(own: Sequence[PlannedSite]) -> list[dict[str, object]]:
    """Converted sites as the commit message lists them: by what opens the scope for them."""
    found: dict[str, list[Site]] = {}
    for planned in own:
        proof = planned.scope
        openers = opener_words(proof.evidence.openers) if proof is not None else ""
        found.setdefault(openers, []).append(planned.site)
    return [{"openers": openers, "sites": sites} for openers, sites in found.items()]


__all__ = ["IDLE", "PROVEN", "Ground", "with_proven_masks"]
