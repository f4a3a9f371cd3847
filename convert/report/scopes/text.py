"""Scope proofs for people at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from convert.flow.scopes.model import Verdict
from convert.flow.scopes.results import ScopeProofs, SiteUse
from convert.report.console import Column, heading, say, table
from convert.report.display import count
from convert.report.scopes.callers import caller_lines
from convert.report.scopes.view import NamedSite, ScopesView, by_file, verdict_words
from convert.rules.scoped.words import call_words, evidence_lines

_STYLES = {
    Verdict.PROVEN: "green",
    Verdict.MIXED: "yellow",
    Verdict.UNSCOPED: "red",
    Verdict.DEAD: "dim",
    Verdict.UNKNOWN: "bold red",
}


def scopes_text(view: ScopesView, console: Console, verbose: bool = False) -> None:
    """Print the verdicts with their evidence.

    verbose: also the functions that open or close the scope, what was not reached, and sites whose
    masks forbid nothing.
    """
    proofs = view.proofs
    revision = f" at {view.revision}" if view.revision else ""
    say(console, f"{view.tree}{revision}: {', '.join(view.paths)}", "bold")
    say(console, f"scope {proofs.scope}")
    if view.only is None:
        _summary(view, console)
        for path, sites in by_file(view.shown).items():
            heading(console, path)
            for named in sites:
                _site(named, console)
    else:
        for named in view.shown:
            _site(named, console)
            tree = proofs.callers_tree(named.site.path, named.site.offset)
            for line in caller_lines(tree) if tree is not None else ():
                say(console, line, indent=6)
        return
    _also_found(view, console)
    axioms_text(proofs, console)
    if verbose:
        _effects(view, console)
    limits_text(proofs, view.paths, console, verbose)


def _summary(view: ScopesView, console: Console) -> None:
    scope = view.proofs.scope
    stored = sum(named.site.use is SiteUse.STORES for named in view.forbidding)
    heading(console, f"Places whose mask forbids what a {scope} scope forbids")
    say(console, verdict_words(view.counts()), indent=2)
    if stored:
        say(console, f"{stored} of them only store the mask: others allocate with it.", indent=2)
    rows = [(v.value, n) for v, n in view.counts().items()]
    table(console, [Column("verdict"), Column("places", "right")], rows)


def _site(named: NamedSite, console: Console) -> None:
    site = named.site
    place = f"{site.path}:{site.line}: {site.callee} in {site.function}()"
    say(console, f"{place}: {site.evidence.verdict.value}", _STYLES[site.evidence.verdict], 2)
    mask = " | ".join(site.mask) or "not known"
    say(console, f"mask: {mask}; {site.use.value}", indent=6)
    for line in evidence_lines(site.evidence)[1:]:
        say(console, line, indent=6)


def _also_found(view: ScopesView, console: Console) -> None:
    proofs = view.proofs
    if proofs.idle_masks:
        heading(console, "Masks in which a name adds nothing")
    for idle in proofs.idle_masks:
        place = f"{idle.path}:{idle.line}: {idle.function}()"
        say(console, f"{place}: `{idle.text}` is `{idle.means}`", indent=2)
    if proofs.redundant_scopes:
        heading(console, "Scopes that are always open already (reported only)")
    for redundant in proofs.redundant_scopes:
        opener = redundant.opener
        say(console, f"{opener.place}: {call_words(opener.text)} in {opener.function}()", indent=2)


def axioms_text(proofs: ScopeProofs, console: Console) -> None:
    """Print the facts of the profile on which the proofs rest, with their sources."""
    if proofs.axioms:
        heading(console, "Axioms: facts that the tree does not show")
    for axiom in proofs.axioms:
        say(console, f"{axiom.id}: {axiom.statement}", indent=2)
        say(console, f"Source: {axiom.source}; checked: {axiom.checked}", indent=6)


def _effects(view: ScopesView, console: Console) -> None:
    heading(console, "Functions that open or close the scope for their caller")
    for effect in view.proofs.openers:
        say(console, f"{effect.place}: {effect.function}() {effect.effect}", indent=2)
    other = [n for n in view.sites if not n.site.forbids or n.site.use is SiteUse.OPENS]
    heading(console, f"Other places: {len(other)}")
    for named in other:
        site = named.site
        place = f"{site.path}:{site.line}: {site.callee} in {site.function}()"
        say(console, f"{place}: {site.evidence.verdict.value}; {site.use.value}", indent=2)


def limits_text(proofs: ScopeProofs, paths: Sequence[str], console: Console, verbose: bool) -> None:
    """Print what the proofs do not cover. verbose: also every place that was not reached."""
    heading(console, "What the proofs rest on")
    counted = proofs.statistics
    say(
        console,
        f"Read: {', '.join(paths)}, {count(counted.functions, 'function')} in "
        f"{count(counted.instances, 'context')}. The proofs hold for what was read; whatever calls "
        "in from outside counts as having no scope open.",
        indent=2,
    )
    unresolved = count(counted.unresolved_calls, "indirect call")
    say(console, f"{unresolved} not resolved: taken to reach every fitting function.", indent=2)
    for note in proofs.notes:
        say(console, f"- {note}", indent=2)
    if proofs.coverage:
        say(console, f"{count(len(proofs.coverage), 'place')} not reached or not read.", indent=2)
    for entry in proofs.coverage if verbose else ():
        say(console, f"{entry.place}: {entry.what}: {entry.reason}", indent=4)
