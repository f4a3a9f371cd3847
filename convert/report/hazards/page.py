"""Hazards as one self-contained HTML page, from templates/hazards.html.j2; it has no scripts."""

from __future__ import annotations

from dataclasses import dataclass

from convert import __version__
from convert.flow.hazards.model import SiteClass
from convert.report.hazards.text import conclusion
from convert.report.hazards.view import DangerView, HazardsView, Held, NamedHazards
from convert.report.hazards.words import (
    MEANINGS,
    REFUSED,
    answer_name,
    cost_words,
    danger_words,
    ends_words,
    excuse_words,
    hold_lines,
    hold_words,
    kind_words,
    mask_words,
    scope_lines,
    site_lines,
    unplaced_reason,
    wait_lines,
)
from convert.report.page import page_environment


@dataclass(frozen=True)
class HtmlHeld:
    """An allocation under something that reclaim waits for, as the template sees it."""

    named: NamedHazards
    answer: str
    mask: str
    since: str
    chain: str


@dataclass(frozen=True)
class HtmlDanger:
    """A section: what reclaim waits for, where, and what is allocated under it."""

    anchor: str
    title: str
    view: DangerView
    kind: str
    wait: str
    excuse: str
    sites: tuple[HtmlHeld, ...]
    plain: tuple[HtmlHeld, ...]


def hazards_html(view: HazardsView, tool_version: str = __version__) -> str:
    """The hazards as an HTML page."""
    dangers = [_danger(one, number) for number, one in enumerate(view.dangers, 1)]
    return (
        page_environment()
        .get_template("hazards.html.j2")
        .render(
            tool_version=tool_version,
            view=view,
            conclusion=conclusion(view),
            account=[
                *((one.value, MEANINGS[one], n) for one, n in view.account.by_class.items()),
                (REFUSED, MEANINGS[None], view.account.refused),
            ],
            dangers=[one for one in dangers if one.sites or one.plain],
            idle=[one for one in dangers if not one.sites and not one.plain],
            reflexes=_told(view.answered(SiteClass.REFLEX)),
            inside=_told(view.answered(SiteClass.IN_SCOPE)),
            refused=_told(view.answered(None)),
            scopes=[
                (ends_words(one), cost_words(one.scope), "\n".join(scope_lines(one, True)), one)
                for one in view.scopes
            ],
            classes=[*(one.value for one in SiteClass), REFUSED],
            hazard=SiteClass.HAZARD,
            excused=SiteClass.EXCUSED,
            danger_words=danger_words,
            mask_words=mask_words,
            unplaced_reason=unplaced_reason,
        )
    )


def _danger(one: DangerView, number: int) -> HtmlDanger:
    return HtmlDanger(
        anchor=f"danger-{number}",
        title=danger_words(one.danger),
        view=one,
        kind=kind_words(one),
        wait="\n".join(wait_lines(one.wait)),
        excuse="" if one.excused is None else excuse_words(one.excused),
        sites=tuple(map(_held, one.sites)),
        plain=tuple(map(_held, one.plain)),
    )


def _held(held: Held) -> HtmlHeld:
    told, hold = held.named.told, held.hazard.hold
    return HtmlHeld(
        named=held.named,
        answer=answer_name(told.answer) if told.site.forbids else "other",
        mask=mask_words(told.site),
        since=hold_words(hold),
        chain="\n".join([*hold_lines(hold, whole=True), *wait_lines(held.hazard.wait)]),
    )


def _told(sites: tuple[NamedHazards, ...]) -> list[tuple[NamedHazards, str]]:
    """Sites with all that is said about them."""
    return [(named, "\n".join(site_lines(named.told))) for named in sites]
