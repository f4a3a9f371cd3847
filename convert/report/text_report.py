"""The report for people at a terminal. What needs a person comes first: what was refused."""

from __future__ import annotations

from rich.console import Console

from convert.plan import Plan
from convert.report.console import Column, diff, heading, say, table
from convert.report.diffs import site_diff
from convert.report.display import count
from convert.report.view import (
    DecisionName,
    PlanView,
    SiteView,
    conclusion,
    contract_words,
    not_read,
    view_plan,
)
from convert.rules.scoped.words import evidence_lines
from convert.sites.model import SiteKind

_STYLES = {
    DecisionName.REFUSED: "bold red",
    DecisionName.KEPT: "yellow",
    DecisionName.CONVERTED: "green",
}
_BRIEF_CONTEXT, _FULL_CONTEXT = 1, 3  # lines around a change


def render_text(
    plan: Plan, console: Console, verbose: bool = False, step_diffs: bool = False
) -> None:
    """Print the report.

    verbose: also each site's rule, id and contract, the axioms' sources, and more lines of context.
    step_diffs: also the whole diff of every step.
    Raises InternalCheckError for a plan that contradicts itself.
    """
    view = view_plan(plan)
    revision = f" at {plan.revision}" if plan.revision else ""
    say(console, f"{plan.tree}{revision}: {', '.join(plan.paths)}", "bold")
    say(console, f"recipe {plan.recipe}, profile {plan.profile}")
    if plan.sites or plan.refusals:
        _refused(view, console)
        _summary(view, console)
        _steps(view, console)
    _facts(view, console, verbose)
    _comments(view, console)
    _sites(view, console, verbose)
    if step_diffs:
        _step_diffs(view, console)
    say(console)
    say(console, conclusion(plan), "bold")


def _refused(view: PlanView, console: Console) -> None:
    refused = view.decided(DecisionName.REFUSED)
    if not refused and not view.plan.refusals:
        return
    parts = [count(len(refused), "site")] if refused else []
    if view.plan.refusals:
        parts.append(not_read(view.plan))
    heading(console, f"REFUSED: {', '.join(parts)}", _STYLES[DecisionName.REFUSED])
    for site in refused:
        say(console, _place(site), indent=2)
        say(console, site.reason, _STYLES[DecisionName.REFUSED], indent=6)
        if site.blocks_removal:
            say(console, "As long as this stays, the wrappers cannot be removed.", indent=6)
    for one in view.plan.refusals:
        say(console, f"{one.file}:{one.line}: {one.what}: not read", indent=2)
        say(console, one.construct, _STYLES[DecisionName.REFUSED], indent=6)


def _place(view: SiteView) -> str:
    site = view.site
    where = f" in {site.function}()" if site.function else ""
    return f"{site.file}:{site.line}:{site.column}: {site.kind.value} {site.callee}{where}"


def _summary(view: PlanView, console: Console) -> None:
    counts = view.plan.counts()
    heading(console, "Sites")
    number: list[Column] = [
        Column(title, "right") for title in ("found", "converted", "kept", "refused")
    ]
    rows = [(kind, sum(row), *row) for kind, row in counts.by_kind.items()]
    total = ("all", counts.found, counts.converted, counts.kept, counts.refused)
    table(console, [Column("kind"), *number], [*rows, total])
    plan = view.plan
    say(
        console,
        f"{count(plan.files_read, 'file')} read; "
        f"{plan.functions_parsed} of {count(plan.functions_found, 'function')} parsed.",
        indent=2,
    )
    if plan.validation is not None:
        say(console, f"{plan.validation.sentence}.", indent=2)


def _steps(view: PlanView, console: Console) -> None:
    if not view.steps:
        say(console)
        say(console, "No commit: no site is converted.", indent=2)
        return
    heading(console, "Commits")
    titles = ("sites", "files", "+", "-")
    table(
        console,
        [Column("no."), Column("subject"), *(Column(title, "right") for title in titles)],
        [
            (
                step.step.number,
                f"{view.plan.prefix}: {step.step.subject}",
                step.sites,
                len(step.files),
                step.insertions,
                step.deletions,
            )
            for step in view.steps
        ],
    )
    for step in view.steps:
        for file in step.files:
            if file.deleted:
                say(console, f"{file.path} is deleted by commit {step.step.number}.", indent=2)


def _facts(view: PlanView, console: Console, verbose: bool) -> None:
    """What the conversion rests on beyond the text of the tree."""
    if view.plan.differences:
        heading(console, "Declared differences: where the replacement is not the same")
    sites = view.difference_sites()
    for difference in view.plan.differences:
        say(console, f"{difference.id} ({count(sites[difference.id], 'site')})", "bold", 2)
        say(console, difference.text, indent=6)
        say(console, f"Source: {difference.source}", indent=6)
    if view.plan.axioms:
        heading(console, "Axioms: facts that the tree does not show")
    for axiom in view.plan.axioms:
        say(console, f"{axiom.id}: {axiom.text}", indent=2)
        if verbose:
            say(console, f"Source: {axiom.source}", indent=6)
    if view.plan.notes:
        heading(console, "Notes")
    for note in view.plan.notes:
        say(console, f"- {note}", indent=2)


def _comments(view: PlanView, console: Console) -> None:
    left = view.comments_left()
    if not left:
        return
    heading(console, f"Left for the author: {count(len(left), 'text')} that name what goes away")
    for site in left:
        say(console, _place(site), indent=2)
        say(console, _unindented(site.site.text), indent=6)


def _unindented(text: str) -> str:
    """A comment's lines without the indentation that they have in the file."""
    lines = [line.strip() for line in text.strip().split("\n")]
    return "\n".join(f" {line}" if line.startswith("*") else line for line in lines)


def _sites(view: PlanView, console: Console, verbose: bool) -> None:
    for file, sites in view.by_file().items():
        tally = ", ".join(
            f"{number} {name.value}"
            for name in DecisionName
            if (number := sum(site.decision is name for site in sites))
        )
        heading(console, f"{file}: {tally}")
        for site in sites:
            _site(view.plan, site, console, verbose)


def _site(plan: Plan, view: SiteView, console: Console, verbose: bool) -> None:
    by = f" by commit {view.step}" if view.step else ""
    say(console, f"{_place(view)}: {view.decision.value}{by}", _STYLES[view.decision], indent=2)
    say(console, view.reason, indent=6)
    for line in _evidence(view):
        say(console, line, indent=6)
    if verbose:
        say(console, f"rule {view.rule}; id {view.site.id}", "dim", indent=6)
        if contract := contract_words(view):
            say(console, f"contract: {contract}", "dim", indent=6)
        for line in view.evidence if view.site.kind is not SiteKind.MASK else ():
            say(console, line, "dim", indent=6)
    context = _FULL_CONTEXT if verbose else _BRIEF_CONTEXT
    diff(console, site_diff(plan, view.planned, context), indent=6)


def _evidence(view: SiteView) -> list[str]:
    lines = []
    if view.gfp_before or view.gfp_after:
        lines.append(f"before: {_mask(view.gfp_before)}")
        lines.append(f"after:  {_mask(view.gfp_after)}")
    if view.differences:
        lines.append(f"declared differences: {', '.join(view.differences)}")
    proof = view.planned.scope
    if proof is not None and view.site.kind is SiteKind.MASK:
        lines += evidence_lines(proof.evidence)
    return lines + [f"note: {note}" for note in view.notes]


def _mask(names: tuple[str, ...]) -> str:
    return " | ".join(names) or "0"


def _step_diffs(view: PlanView, console: Console) -> None:
    for step in view.steps:
        heading(console, f"Commit {step.step.number}: {view.plan.prefix}: {step.step.subject}")
        for file in step.files:
            diff(console, file.text)
