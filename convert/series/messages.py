"""Commit messages and the cover letter of a plan, rendered from templates/."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from convert.choices import HAZARDOUS, RECIPES
from convert.errors import InternalCheckError
from convert.plan import Difference, Plan, PlannedSite, Step
from convert.report.display import source_text
from convert.rules.model import Converted, Kept, Refused
from convert.series.model import Check, Commit, CoverLetter, Generator, Series, changed_files
from convert.series.templates import render
from convert.sites.model import Site, SiteKind

_CALLS = (SiteKind.ALLOC, SiteKind.FREE)


def render_series(plan: Plan, generator: Generator) -> Series:
    """The commits of a plan, one a step.

    Raises InternalCheckError for a plan without steps and for a step that changes nothing.
    """
    if not plan.steps:
        raise InternalCheckError("a plan without steps has no series")
    return Series(tuple(_commit(plan, step, generator) for step in plan.steps))


def _commit(plan: Plan, step: Step, generator: Generator) -> Commit:
    return Commit(
        number=step.number,
        subject=f"{step.prefix or plan.prefix}: {step.subject}",
        body=render(f"steps/{_template(plan, step)}.j2", step_variables(plan, step, generator)),
        files=changed_files(plan, step),
    )


def _template(plan: Plan, step: Step) -> str:
    """Each recipe begins with the steps of `exact`; an id with a folder names another's."""
    recipe = "exact" if plan.recipe in RECIPES else plan.recipe
    return step.id.partition(":")[0] if "/" in step.id else f"{recipe}/{step.id}"


def step_variables(plan: Plan, step: Step, generator: Generator) -> dict[str, object]:
    """What a step's template may print: what follows from the plan, then the step's own facts.

    A fact that the step does not give is derived where it can be (``wrappers``, ``helpers``,
    ``files``, ``sites``) and empty otherwise; templates/steps/_tail.j2 explains each.
    """
    sites = plan.sites_of(step)
    derived: dict[str, object] = {
        "wrappers": _callees(sites, _CALLS),
        "helpers": _callees(sites, (SiteKind.HELPER,)),
        "files": len(step.changes),
        "sites": len(sites),
        "replacements": (),
        "header": "",
        "includer": "",
        "includes_added": (),
        "masks": (),
        "notes": (),
    }
    return {
        **derived,
        **step.facts,
        "plan": plan,
        "step": step,
        "generator": generator,
        "differences": step_differences(plan, sites),
        "site_notes": _site_notes(sites),
        "deleted": tuple(sorted(change.path for change in step.changes if change.delete)),
        "kinds": dict(sorted(Counter(planned.site.kind.value for planned in sites).items())),
    }


def step_differences(plan: Plan, sites: Sequence[PlannedSite]) -> tuple[Difference, ...]:
    """The declared differences that some conversions make, in the plan's order.

    Raises InternalCheckError for one that the plan does not declare.
    """
    made = {
        name
        for planned in sites
        if isinstance(planned.decision, Converted)
        for name in planned.decision.differences
    }
    undeclared = made - {difference.id for difference in plan.differences}
    if undeclared:
        raise InternalCheckError(f"differences that nobody declared: {sorted(undeclared)}")
    return tuple(difference for difference in plan.differences if difference.id in made)


def render_cover(
    plan: Plan, generator: Generator, checks: Sequence[Check], self_checks: Sequence[Check]
) -> CoverLetter:
    """The cover letter. ``checks``: the caller's builds and tests; ``self_checks``: our own."""
    text = render("cover-letter.j2", _cover_variables(plan, generator, checks, self_checks))
    head, _, body = text.partition("\n\n")
    return CoverLetter(" ".join(head.removeprefix("Subject:").split()), body)


def _cover_variables(
    plan: Plan, generator: Generator, checks: Sequence[Check], self_checks: Sequence[Check]
) -> Mapping[str, object]:
    counts = plan.counts()
    rows = [(kind, sum(row), *row) for kind, row in counts.by_kind.items()]
    total = ("total", counts.found, counts.converted, counts.kept, counts.refused)
    converted = [p for p in plan.sites if isinstance(p.decision, Converted)]
    kept = [(p, p.decision) for p in plan.sites if isinstance(p.decision, Kept)]
    return {
        "plan": plan,
        "generator": generator,
        "counts": counts,
        "count_rows": [("sites", "found", "converted", "kept", "refused"), *rows, total],
        "wrappers": _callees([p for p in plan.sites if not isinstance(p.decision, Kept)], _CALLS),
        "simplifications": sum(step.id.startswith("simplify/") for step in plan.steps),
        "opens": sum(step.id.startswith("scoped/scope:") for step in plan.steps),
        "hazardous": plan.recipe in HAZARDOUS,
        "nofail": _nofail(plan),
        "removes": any(change.delete for step in plan.steps for change in step.changes),
        "differences": step_differences(plan, converted),
        "refused": [_refusal(p, p.decision) for p in plan.sites if isinstance(p.decision, Refused)],
        "comments": [_comment(p.site) for p, _ in kept if p.site.kind is SiteKind.COMMENT],
        "kept": Counter(d.reason for p, d in kept if p.site.kind is not SiteKind.COMMENT),
        "checks": checks,
        "self_checks": self_checks,
    }


def _nofail(plan: Plan) -> dict[str, int]:
    """What nofail scopes do to a plan, in numbers; ``steps`` is 0 without them."""
    sites = [p for p in plan.sites if p.site.kind is SiteKind.NOFAIL]
    flags = [p for p in sites if p.decision.rule == "nofail-in-scope"]
    failing = [p for p in sites if p.decision.rule == "fails-in-scope"]
    dropped = sum(isinstance(p.decision, Converted) for p in flags)
    kept = sum(isinstance(p.decision, Converted) for p in failing)
    return {
        "steps": sum(step.id.startswith("nofail/") for step in plan.steps),
        "opens": sum(
            p.decision.rule == "nofail-scope" and isinstance(p.decision, Converted) for p in sites
        ),
        "flags": len(flags),
        "dropped": dropped,
        "left": len(flags) - dropped,
        "keep_failing": kept,
        "told": len(failing) - kept,
    }


def _refusal(planned: PlannedSite, decision: Refused) -> dict[str, object]:
    """A refused site and its reason, without the place that the reason may start with."""
    place = f"{planned.site.file}:{planned.site.line}"
    reason = decision.reason.removeprefix(place).lstrip(" :")
    return {"place": place, "site": planned.site, "reason": reason}


def _comment(site: Site) -> dict[str, str]:
    """The line of a comment that holds the name, without the comment's own signs."""
    lines = site.text.split("\n")
    index = next((i for i, line in enumerate(lines) if site.callee in line), 0)
    text = lines[index].strip().removeprefix("/*").removesuffix("*/").strip("* \t")
    return {"place": f"{site.file}:{site.line + index}", "text": source_text(text)}


def _callees(sites: Sequence[PlannedSite], kinds: tuple[SiteKind, ...]) -> tuple[str, ...]:
    return tuple(sorted({p.site.callee for p in sites if p.site.kind in kinds}))


def _site_notes(sites: Sequence[PlannedSite]) -> dict[str, list[str]]:
    """The notes on single sites, each with the places that it is about."""
    places: dict[str, list[str]] = {}
    for planned in sites:
        if isinstance(planned.decision, Converted):
            for note in planned.decision.notes:
                site = planned.site
                where = f" {site.function}()" if site.function else ""
                places.setdefault(note, []).append(f"{site.file}:{site.line}{where}")
    return places
