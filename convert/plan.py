"""The plan: every site with its decision, and the steps that carry the edits out.

Report, mail series and branch are all made from one `Plan`; none of them decides anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from convert.errors import InternalCheckError
from convert.flow.hazards.model import SiteHazards
from convert.flow.scopes.results import ProvenSite, ScopeProofs
from convert.rules.model import Converted, Decision, Kept, Refused
from convert.semantics.model import Contract
from convert.sites.model import Site, SiteKind
from convert.source.edits import Edit, apply_edits


@dataclass(frozen=True)
class Difference:
    """A declared difference between a wrapper and its replacement (from a profile, with source)."""

    id: str
    text: str
    source: str


@dataclass(frozen=True)
class Axiom:
    """A fact that the tree does not show, taken from a profile, with its source."""

    id: str
    text: str
    source: str


@dataclass(frozen=True)
class FileRefusal:
    """A file, function or macro that could not be read; sites in it are refused."""

    file: str
    line: int
    what: str  # function or macro name, or the file itself
    construct: str  # what the dialect does not know, or what is broken


@dataclass(frozen=True)
class PlannedSite:
    """A site, its contract as written today, and what is decided about it.

    stage: see `Step`. The spans of the site and of its edits are places in the text that the
    stages before left; the line and column are those of the tree as it was given (for text that a
    stage before wrote, of the place where that text came to stand: `convert.source.edits.origin`).
    scope: what is known of the allocation scope around it, if a recipe asked for it. hazards: what
    is known of what would deadlock there, likewise. Both are about the tree as it was given.
    """

    site: Site
    contract: Contract
    decision: Decision
    stage: int = 0
    scope: ProvenSite | None = None
    hazards: SiteHazards | None = None


@dataclass(frozen=True)
class FileChange:
    """All that one step does to one file; ``delete`` wins over edits. Offsets: see `Step`."""

    path: str
    edits: tuple[Edit, ...] = ()
    delete: bool = False


@dataclass(frozen=True)
class Step:
    """One commit: ``id`` names its template ``templates/steps/exact/<id>.j2``.

    Of an id with a folder, ``<folder>/<name>``, that is ``templates/steps/<folder>/<name>.j2``.
    What comes behind a colon only tells steps of one template apart.

    ``number`` is 1-based and dense: a step without changes is not in the plan. ``subject`` is
    without prefix, ``facts`` is what the template may print besides the plan itself. ``prefix``: of
    the subject, where it is not the plan's.

    The offsets of a step of stage 0 refer to the tree's text; those of stage n to the text after
    all steps of the stages before n. So a conversion can work on what another one has written, and
    steps of one stage never see each other. Stages do not decrease from step to step.
    """

    number: int
    id: str
    subject: str
    changes: tuple[FileChange, ...]
    facts: Mapping[str, object] = field(default_factory=dict)
    stage: int = 0
    prefix: str | None = None


@dataclass(frozen=True)
class Validation:
    """How many conversions of calls were read again and held against the derived contracts.

    equal: the contract is the same. declared: it differs by a declared difference. by_table: the
    mask comes from a variable, all whose values were compared when it was translated. in_scope: the
    mask changed, and is the same inside of a scope that is proven to be open. widened: the mask
    allows more now, by a declared difference (see `convert.rules.scoped.declared`). large: calls of
    the kernel's allocators and frees that take vmalloc memory now. Anything else stops the run.
    """

    equal: int
    declared: int
    by_table: int
    in_scope: int = 0
    widened: int = 0
    large: int = 0

    @property
    def edits(self) -> int:
        """All calls of wrappers that were validated."""
        return self.equal + self.declared + self.by_table

    @property
    def sentence(self) -> str:
        """The result in words, for reports and letters."""
        masks = f"masks the same inside of the open scope: {self.in_scope}; "
        widened = f"masks that allow more, by a declared difference only: {self.widened}; "
        large = f"large allocations with their frees, read again: {self.large}; "
        return (
            f"calls validated: all {self.edits}; same contract: {self.equal}; "
            f"declared differences only: {self.declared}; mask from a variable, all values "
            f"compared: {self.by_table}; {masks if self.in_scope else ''}"
            f"{widened if self.widened else ''}"
            f"{large if self.large else ''}errors: 0"
        )


@dataclass(frozen=True)
class PlanCounts:
    """Sites found = converted + kept + refused; ``by_kind`` maps kind to the three counts."""

    found: int
    converted: int
    kept: int
    refused: int
    by_kind: Mapping[str, tuple[int, int, int]]


@dataclass(frozen=True)
class Plan:
    """What a run decided. ``originals`` holds the text of every file that a step changes ("" of one
    that a step makes).

    ``rfc``: the series asks for comments, and its mails say so. ``proofs``: what is known of
    allocation scopes, if the recipe asked for it.
    """

    tree: str  # as the user gave it
    revision: str | None  # commit id, None for a plain directory
    paths: tuple[str, ...]
    recipe: str
    profile: str
    prefix: str  # subject prefix of commits, e.g. "xfs"
    sites: tuple[PlannedSite, ...]
    refusals: tuple[FileRefusal, ...]
    steps: tuple[Step, ...]
    differences: tuple[Difference, ...]
    axioms: tuple[Axiom, ...]
    originals: Mapping[str, str]
    functions_found: int
    functions_parsed: int
    files_read: int
    notes: tuple[str, ...] = ()  # what the author should know beyond single sites
    validation: Validation | None = None
    proofs: ScopeProofs | None = None
    rfc: bool = False

    def counts(self) -> PlanCounts:
        """Count the decisions; raises InternalCheckError if a decision is none of the three."""
        by_kind: dict[str, list[int]] = {}
        kinds: Counter[type] = Counter()
        for planned in self.sites:
            kinds[type(planned.decision)] += 1
            row = by_kind.setdefault(planned.site.kind.value, [0, 0, 0])
            row[(Converted, Kept, Refused).index(type(planned.decision))] += 1
        found = len(self.sites)
        converted, kept, refused = kinds[Converted], kinds[Kept], kinds[Refused]
        if found != converted + kept + refused:
            raise InternalCheckError(
                f"{found} sites found, but {converted} converted, {kept} kept, {refused} refused"
            )
        rows = {kind: (row[0], row[1], row[2]) for kind, row in sorted(by_kind.items())}
        return PlanCounts(found, converted, kept, refused, rows)

    def sites_of(self, step: Step) -> tuple[PlannedSite, ...]:
        """The sites that a step converts, in file order."""
        return tuple(
            planned
            for planned in self.sites
            if isinstance(planned.decision, Converted) and planned.decision.step == step.id
        )

    def snapshot(self, number: int) -> dict[str, str | None]:
        """The changed files after the first ``number`` steps: text by path, None if deleted.

        Files that no step up to ``number`` touches are left out.
        """
        return self._texts(self.steps[:number])

    def stage_text(self, path: str, stage: int) -> str | None:
        """The text to which the offsets of a stage refer; None if it was deleted before.

        Raises KeyError for a file that no step changes.
        """
        steps = [step for step in self.steps if step.stage < stage]
        return self._texts(steps, only=path).get(path, self.originals[path])

    def _texts(self, steps: Sequence[Step], only: str | None = None) -> dict[str, str | None]:
        texts: dict[str, str | None] = {}
        for stage in _by_stage(steps):
            changes = [c for step in stage for c in step.changes if only in (None, c.path)]
            edits: dict[str, list[Edit]] = {}
            for change in changes:
                edits.setdefault(change.path, []).extend(change.edits)
            deleted = {change.path for change in changes if change.delete}
            for path, parts in edits.items():
                base = texts.get(path, self.originals[path])
                if base is None:
                    raise InternalCheckError(f"{path}: a later stage edits a deleted file")
                texts[path] = None if path in deleted else apply_edits(base, parts)
        return texts


def _by_stage(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    """The steps of each stage. Raises InternalCheckError if a stage comes back."""
    last = -1
    for stage, group in groupby(steps, key=lambda step: step.stage):
        if stage <= last:
            raise InternalCheckError(f"stage {stage} of a plan comes after stage {last}")
        last = stage
        yield tuple(group)


__all__ = [
    "Axiom",
    "Difference",
    "FileChange",
    "FileRefusal",
    "Plan",
    "PlanCounts",
    "PlannedSite",
    "SiteKind",
    "Step",
    "Validation",
]
