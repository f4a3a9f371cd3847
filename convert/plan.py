"""The plan: every site with its decision, and the steps that carry the edits out.

Report, mail series and branch are all made from one `Plan`; none of them decides anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from convert.errors import InternalCheckError
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
    """A site, its contract as written today, and what is decided about it."""

    site: Site
    contract: Contract
    decision: Decision


@dataclass(frozen=True)
class FileChange:
    """All that one step does to one file; ``delete`` wins over edits. Offsets: original text."""

    path: str
    edits: tuple[Edit, ...] = ()
    delete: bool = False


@dataclass(frozen=True)
class Step:
    """One commit: ``id`` names its template ``templates/steps/<recipe>/<id>.j2``.

    ``number`` is 1-based and dense: a step without changes is not in the plan. ``subject`` is
    without prefix, ``facts`` is what the template may print besides the plan itself.
    """

    number: int
    id: str
    subject: str
    changes: tuple[FileChange, ...]
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Validation:
    """How many conversions of calls were read again and held against the derived contracts.

    equal: the contract is the same. declared: it differs by a declared difference. by_table: the
    mask comes from a variable, all whose values were compared when it was translated. Anything else
    stops the run.
    """

    equal: int
    declared: int
    by_table: int

    @property
    def edits(self) -> int:
        """All that were validated."""
        return self.equal + self.declared + self.by_table

    @property
    def sentence(self) -> str:
        """The result in words, for reports and letters."""
        return (
            f"calls validated: all {self.edits}; same contract: {self.equal}; "
            f"declared differences only: {self.declared}; mask from a variable, all values "
            f"compared: {self.by_table}; errors: 0"
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
    """What a run decided. ``originals`` holds the text of every file that a step changes."""

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
        edits: dict[str, list[Edit]] = {}
        deleted: set[str] = set()
        for step in self.steps[:number]:
            for change in step.changes:
                edits.setdefault(change.path, []).extend(change.edits)
                if change.delete:
                    deleted.add(change.path)
        return {
            path: None if path in deleted else apply_edits(self.originals[path], parts)
            for path, parts in edits.items()
        }


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
