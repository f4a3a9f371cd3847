"""Hazards for people at a terminal: what reclaim waits for, and what is allocated under it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console

from convert.flow.hazards.model import Fact, SiteClass
from convert.report.console import Column, heading, say, table
from convert.report.display import count
from convert.report.hazards.view import Account, DangerView, HazardsView, Held, NamedHazards
from convert.report.hazards.words import (
    MEANINGS,
    REFUSED,
    answer_words,
    danger_words,
    excuse_words,
    hold_chain,
    hold_words,
    kind_words,
    missing_lines,
    reason_lines,
    scope_lines,
    site_lines,
    site_words,
    unplaced_reason,
    wait_lines,
)
from convert.report.scopes.text import axioms_text, limits_text

_STYLES = {
    SiteClass.IN_SCOPE: "green",
    SiteClass.EXCUSED: "cyan",
    SiteClass.HAZARD: "yellow",
    SiteClass.REFLEX: "green",
    None: "bold red",
}


def hazards_text(view: HazardsView, console: Console, verbose: bool = False) -> None:
    """Print the table of hazards, the sites by answer, the scopes that would be placed.

    verbose: whole chains from the root, the other allocations under each lock, sites in scope.
    """
    report = view.report
    revision = f" at {view.revision}" if view.revision else ""
    say(console, f"{view.tree}{revision}: {', '.join(view.paths)}", "bold")
    say(console, f"scope {report.proofs.scope}; sites: {view.account}")
    _table_of_dangers(view, console)
    for one in view.dangers:
        if one.sites or one.plain:
            _danger(one, console, verbose)
    _idle_dangers(view, console, verbose)
    _answers(view, console, verbose)
    _placement(view, console, verbose)
    _methods(view, console)
    _rests_on(view, console, verbose)
    _totals(view, console)


def _table_of_dangers(view: HazardsView, console: Console) -> None:
    busy = [one for one in view.dangers if one.sites or one.plain]
    heading(console, "What reclaim waits for, and what is allocated while it is held")
    if not busy:
        say(
            console, "Nothing is allocated while anything is held that reclaim waits for.", indent=2
        )
        return
    rows = [
        (
            str(one.danger),
            kind_words(one),
            len(one.sites),
            one.count(SiteClass.EXCUSED),
            one.count(SiteClass.HAZARD),
            one.count(None),
            len(one.plain),
        )
        for one in busy
    ]
    numbers = ("sites", "b", "c", REFUSED, "other")
    columns = [Column("lock or worker"), Column("kind")]
    table(console, [*columns, *(Column(name, "right") for name in numbers)], rows)
    scope = view.report.proofs.scope
    say(
        console,
        f"sites: masks that forbid what a {scope} scope forbids; other: allocations that do not.\n"
        "A place counts under everything that is held there.",
        indent=2,
    )


def _danger(one: DangerView, console: Console, verbose: bool) -> None:
    heading(console, danger_words(one.danger))
    _say_all(console, wait_lines(one.wait), 2)
    if one.excused is not None:
        say(console, excuse_words(one.excused), indent=2)
    _all_held(one, one.sites, console, verbose)
    if one.plain:
        say(console, f"{count(len(one.plain), 'other allocation')} under it", indent=2)
    _all_held(one, one.plain if verbose else (), console, verbose)


def _all_held(one: DangerView, sites: Iterable[Held], console: Console, verbose: bool) -> None:
    """Sites under one lock, by where it is taken, in the order of the first of each place."""
    groups: dict[str, list[Held]] = {}
    for held in sites:
        groups.setdefault(hold_words(held.hazard.hold), []).append(held)
    for words, group in groups.items():
        say(console, f"{words}:", indent=2)
        for held in group:
            _held(one, held, console, verbose)


def _held(one: DangerView, held: Held, console: Console, verbose: bool) -> None:
    told, hazard = held.named.told, held.hazard
    say(console, answer_words(told), _STYLES[told.answer] if told.site.forbids else "", 4)
    _say_all(console, hold_chain(hazard.hold, verbose), 8)
    if hazard.wait != one.wait:
        _say_all(console, wait_lines(hazard.wait), 8)
    if hazard.excused is not None and one.excused is None:
        say(console, excuse_words(hazard.excused), indent=8)
    if told.site.forbids and told.answer is SiteClass.HAZARD:
        _say_all(console, missing_lines(told), 8)  # those without an answer have a list


def _idle_dangers(view: HazardsView, console: Console, verbose: bool) -> None:
    idle = [one for one in view.dangers if not one.sites and not one.plain]
    if idle:
        heading(console, "Reclaim also waits for these; nothing allocates while they are held")
    for one in idle:
        say(console, danger_words(one.danger), indent=2)
        if verbose:
            _say_all(console, wait_lines(one.wait), 6)


def _answers(view: HazardsView, console: Console, verbose: bool) -> None:
    """The sites that are not under anything, or not only."""
    reflexes = view.answered(SiteClass.REFLEX)
    if reflexes:
        heading(console, f"Class (e), {MEANINGS[SiteClass.REFLEX]}: {len(reflexes)}")
    brief = len(reflexes) > len({named.told.reason for named in reflexes}) == 1
    for named in reflexes:
        _one_site(named, console, verbose, brief)
    inside = view.answered(SiteClass.IN_SCOPE)
    if inside:
        heading(console, f"Class (a), {MEANINGS[SiteClass.IN_SCOPE]}: {len(inside)}")
        say(console, "`kmem-convert scopes` tells what opens it.", indent=2)
    for named in inside if verbose else ():
        say(console, site_words(named.site), _STYLES[SiteClass.IN_SCOPE], 2)
    refused = view.answered(None)
    if refused:
        heading(console, f"Without an answer, {MEANINGS[None]}: {len(refused)}", "bold red")
    for named in refused:
        _one_site(named, console, verbose)


def _one_site(named: NamedHazards, console: Console, verbose: bool, brief: bool = False) -> None:
    """brief: without a reason that says no more than the heading."""
    told = named.told
    if verbose:
        first, *rest = site_lines(told)
        say(console, first, _STYLES[told.answer], 2)
        _say_all(console, rest, 4)
        return
    say(console, site_words(told.site), _STYLES[told.answer], 2)
    _say_all(console, () if brief else reason_lines(told), 6)
    _say_all(console, missing_lines(told), 6)


def _placement(view: HazardsView, console: Console, verbose: bool) -> None:
    placement = view.placement
    if view.scopes:
        heading(console, f"Scopes that would be placed: {len(view.scopes)}")
    for placed in view.scopes:
        first, *rest = scope_lines(placed, verbose)
        say(console, first, "yellow", 2)
        _say_all(console, rest, 2)
    if placement.unplaced:
        heading(console, f"Hazards without a scope: {len(placement.unplaced)}", "bold red")
    for one in placement.unplaced:
        say(console, site_words(one.site.site), "bold red", 2)
        say(console, unplaced_reason(one), indent=6)
    if placement.restructurings:
        words = count(len(placement.restructurings), "place")
        heading(console, f"Class (d), better restructured by hand: {words}")
    for change in placement.restructurings:
        say(console, f"{change.place}: {change.text}", indent=2)


def _methods(view: HazardsView, console: Console) -> None:
    methods = view.by_method()
    if methods:
        heading(console, "Methods from which such a site is reached without a scope")
        _accounts(console, "method (of the witnesses; others may lead there)", methods)
    if len(view.paths) > 1:
        heading(console, "Paths")
        _accounts(console, "path", view.by_path())


def _accounts(console: Console, title: str, rows: Mapping[str, Account]) -> None:
    names = (*(answer.value for answer in SiteClass), REFUSED, "sites")
    columns = [Column(title), *(Column(name, "right") for name in names)]
    table(console, columns, [(name, *_numbers(account)) for name, account in rows.items()])


def _numbers(account: Account) -> Sequence[int]:
    return (*account.by_class.values(), account.refused, account.sites)


def _rests_on(view: HazardsView, console: Console, verbose: bool) -> None:
    report = view.report
    _facts(report.facts, console)
    axioms_text(report.proofs, console)
    limits_text(report.proofs, view.paths, console, verbose)
    for note in (one for one in view.notes if one not in report.proofs.notes):
        say(console, f"- {note}", indent=2)
    if verbose and report.seconds:
        spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report.seconds.items())
        say(console, f"Time: {spent}", indent=2)


def _facts(facts: Iterable[Fact], console: Console) -> None:
    for number, fact in enumerate(facts):
        if not number:
            heading(console, "Facts of profiles on which answers rest")
        say(console, f"{fact.id}: {fact.statement}", indent=2)
        say(console, f"Source: {fact.source}", indent=6)


def _totals(view: HazardsView, console: Console) -> None:
    account = view.account
    heading(console, "Answers")
    rows = [(one.value, MEANINGS[one], number) for one, number in account.by_class.items()]
    rows += [(REFUSED, MEANINGS[None], account.refused), ("all", "", account.sites)]
    table(console, [Column("class"), Column("meaning"), Column("sites", "right")], rows)
    say(console)
    say(console, conclusion(view), "bold")


def conclusion(view: HazardsView) -> str:
    """The account in one line: sites by answer, and those of class (c) by what is done."""
    account = view.account
    words = f"sites: {account}"
    if account.by_class[SiteClass.HAZARD]:
        hazardous, placed = account.by_class[SiteClass.HAZARD], len(view.placed)
        scopes = count(len(view.scopes), "scope")
        words += f"; {hazardous} c = {placed} under {scopes} to place"
        if view.uncertain:
            words += f" + {len(view.uncertain)} under them, but something is not known"
        words += f" + {hazardous - placed - len(view.uncertain)} without"
    return words


def _say_all(console: Console, lines: Iterable[str], indent: int) -> None:
    for line in lines:
        say(console, line, indent=indent)
