"""A plan as all report formats see it, so that they cannot disagree.

Nothing here decides anything: names, orders and counts only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import assert_never

from convert.errors import InternalCheckError
from convert.flow.scopes.model import Verdict
from convert.plan import Plan, PlannedSite, Step
from convert.report.diffs import FileDiff, step_diffs
from convert.report.display import count
from convert.rules.model import Converted, Kept, Refused
from convert.sites.model import Site, SiteKind


class DecisionName(Enum):
    """The three decisions, by their names in every report; in the order of a reader's interest."""

    REFUSED = "refused"
    KEPT = "kept"
    CONVERTED = "converted"


@dataclass(frozen=True)
class SiteView:
    """One site and its decision, flat. ``step`` is the number of the commit, from 1.

    Fields that a decision does not have are empty: ``()``, None or False.
    """

    planned: PlannedSite
    decision: DecisionName
    rule: str
    reason: str
    step: int | None = None
    replacement: str | None = None
    gfp_before: tuple[str, ...] = ()
    gfp_after: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    blocks_removal: bool = False
    # The class of the decision (design: exact, a-e): see `_reasoning`.
    reasoning: str = "exact"

    @property
    def site(self) -> Site:
        """The place in the text."""
        return self.planned.site


@dataclass(frozen=True)
class StepView:
    """One commit: the sites that it converts (their number) and what it does to files."""

    step: Step
    sites: int
    files: tuple[FileDiff, ...]

    @property
    def insertions(self) -> int:
        """Lines added in all files."""
        return sum(diff.insertions for diff in self.files)

    @property
    def deletions(self) -> int:
        """Lines removed in all files."""
        return sum(diff.deletions for diff in self.files)


@dataclass(frozen=True)
class PlanView:
    """A plan with its sites in file order and its steps with their diffs."""

    plan: Plan
    sites: tuple[SiteView, ...]
    steps: tuple[StepView, ...]

    def decided(self, name: DecisionName) -> tuple[SiteView, ...]:
        """The sites with one decision, in file order."""
        return tuple(view for view in self.sites if view.decision is name)

    def comments_left(self) -> tuple[SiteView, ...]:
        """Comments and texts that name what goes away and are not edited: the author's to do."""
        return tuple(
            view
            for view in self.sites
            if view.site.kind is SiteKind.COMMENT and view.decision is not DecisionName.CONVERTED
        )

    def by_file(self) -> Mapping[str, tuple[SiteView, ...]]:
        """The sites of each file, files sorted by name."""
        files: dict[str, list[SiteView]] = {}
        for view in self.sites:
            files.setdefault(view.site.file, []).append(view)
        return {file: tuple(files[file]) for file in sorted(files)}

    def difference_sites(self) -> Mapping[str, int]:
        """How many sites make each declared difference, by its id."""
        used = Counter(one for view in self.sites for one in view.differences)
        return {difference.id: used[difference.id] for difference in self.plan.differences}


def view_plan(plan: Plan) -> PlanView:
    """Arrange a plan for reporting.

    Raises InternalCheckError if a site names a step or a difference that the plan does not have.
    """
    plan.counts()
    numbers = {step.id: step.number for step in plan.steps}
    sites = tuple(_site_view(planned, numbers) for planned in plan.sites)
    declared = {difference.id for difference in plan.differences}
    for view in sites:
        if not declared.issuperset(view.differences):
            raise InternalCheckError(f"{view.site.id}: undeclared difference {view.differences}")
    steps = tuple(
        StepView(step, len(plan.sites_of(step)), step_diffs(plan, step)) for step in plan.steps
    )
    return PlanView(plan, tuple(sorted(sites, key=_place)), steps)


def _place(view: SiteView) -> tuple[str, int, int, str, str]:
    site = view.site
    return site.file, site.span.start, site.span.end, site.kind.value, site.id


def _site_view(planned: PlannedSite, numbers: Mapping[str, int]) -> SiteView:
    decision = planned.decision
    match decision:
        case Converted():
            if decision.step not in numbers:
                raise InternalCheckError(f"{planned.site.id}: no step {decision.step!r} in plan")
            return SiteView(
                planned=planned,
                decision=DecisionName.CONVERTED,
                rule=decision.rule,
                reason=decision.reason,
                step=numbers[decision.step],
                replacement=decision.replacement,
                gfp_before=tuple(sorted(decision.gfp_before)),
                gfp_after=tuple(sorted(decision.gfp_after)),
                differences=decision.differences,
                notes=decision.notes,
                evidence=decision.evidence,
                reasoning=_reasoning(planned),
            )
        case Kept():
            return SiteView(
                planned,
                DecisionName.KEPT,
                decision.rule,
                decision.reason,
                reasoning=_reasoning(planned) if planned.hazards is not None else "exact",
            )
        case Refused():
            return SiteView(
                planned,
                DecisionName.REFUSED,
                decision.rule,
                decision.reason,
                blocks_removal=decision.blocks_removal,
                reasoning=_reasoning(planned),
            )
    assert_never(decision)


def _reasoning(planned: PlannedSite) -> str:
    """The class of a decision about a mask; ``exact`` where no answer is known.

    Without an answer about hazards, a mask that stays on mixed paths is one of dual context (b).
    """
    if planned.site.kind is not SiteKind.MASK or planned.scope is None:
        return "exact"
    decision, verdict = planned.decision, planned.scope.evidence.verdict
    if isinstance(decision, Converted):
        return decision.site_class or "exact"
    if planned.hazards is not None:
        return "exact" if planned.hazards.answer is None else planned.hazards.answer.value
    return "b" if verdict is Verdict.MIXED else "exact"


def conclusion(plan: Plan) -> str:
    """The one line that sums a report up."""
    counts = plan.counts()
    if not plan.sites and not plan.refusals:
        return "Nothing to do: no site was found."
    line = (
        f"{count(counts.found, 'site')} found = {counts.converted} converted + {counts.kept} kept"
        f" + {counts.refused} refused"
    )
    if plan.refusals:
        line += f"; {not_read(plan)}"
    return line + "."


def not_read(plan: Plan) -> str:
    """How many files, functions and macros could not be read, in words."""
    return f"{count(len(plan.refusals), 'file or function', 'files or functions')} not read"


def contract_words(view: SiteView) -> str:
    """What the site promises as it is written; empty where the text decides nothing."""
    return ", ".join(
        f"{name.replace('_', ' ')}: {'yes' if value else 'no'}"
        for name, value in asdict(view.planned.contract).items()
        if value is not None
    )
