"""The report as one self-contained HTML page, from templates/report.html.j2.

The page loads nothing and works without JavaScript; with it, sites can be searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from convert import __version__
from convert.plan import Plan
from convert.report.diffs import site_diff
from convert.report.page import page_environment
from convert.report.scopes.callers import caller_lines
from convert.report.scopes.graph import callers_dot, has_graphviz, svg_of
from convert.report.view import DecisionName, SiteView, conclusion, contract_words, view_plan
from convert.rules.scoped.words import evidence_lines
from convert.sites.model import SiteKind

_MOST_DRAWN = 60  # functions in the drawing of one site
_LINE_CLASSES = {"+": "added", "-": "removed", "@": "place"}


@dataclass(frozen=True)
class DiffLine:
    """One line of a diff and how to colour it: added, removed, place or same."""

    kind: str
    text: str


@dataclass(frozen=True)
class HtmlSite:
    """A site as the template sees it. ``anchor`` is the id of its element.

    scope: the evidence about the allocation scope, line by line; callers: the tree of callers;
    graph: the same as SVG, empty where graphviz is missing.
    """

    anchor: str
    view: SiteView
    contract: str
    diff: tuple[DiffLine, ...]
    scope: tuple[str, ...] = ()
    callers: str = ""
    graph: str = ""


def report_html(plan: Plan, tool_version: str = __version__) -> str:
    """The plan as an HTML page. Raises InternalCheckError for a plan that contradicts itself."""
    view = view_plan(plan)
    sites = [_site(plan, one, number) for number, one in enumerate(view.sites, 1)]
    by_file: dict[str, list[HtmlSite]] = {}
    for site in sites:
        by_file.setdefault(site.view.site.file, []).append(site)
    comments = set(map(id, view.comments_left()))
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            tool_version=tool_version,
            plan=plan,
            conclusion=conclusion(plan),
            counts=plan.counts(),
            steps=view.steps,
            differences=view.difference_sites(),
            refused=[site for site in sites if site.view.decision is DecisionName.REFUSED],
            comments=[site for site in sites if id(site.view) in comments],
            files=by_file,
            decisions=[name.value for name in DecisionName],
        )
    )


def _site(plan: Plan, view: SiteView, number: int) -> HtmlSite:
    lines = site_diff(plan, view.planned).removesuffix("\n")
    return HtmlSite(
        anchor=f"site-{number}",
        view=view,
        contract=contract_words(view),
        diff=tuple(
            DiffLine(_LINE_CLASSES.get(line[:1], "same"), line)
            for line in (lines.split("\n") if lines else ())
        ),
        **_scope(plan, view),
    )


class _Scope(TypedDict, total=False):
    scope: tuple[str, ...]
    callers: str
    graph: str


def _scope(plan: Plan, view: SiteView) -> _Scope:
    """What is known of the scope around a site; the tree of callers only with the mask's own."""
    proof = view.planned.scope
    if proof is None or plan.proofs is None:
        return {}
    lines = evidence_lines(proof.evidence)
    tree = plan.proofs.callers_tree(proof.path, proof.offset)
    if tree is None or view.site.kind is not SiteKind.MASK:
        return {"scope": lines}
    drawing = ""
    if has_graphviz():
        svg = svg_of(callers_dot([tree], _MOST_DRAWN))
        drawing = svg[svg.index("<svg") :]
    return {"scope": lines, "callers": "\n".join(caller_lines(tree)), "graph": drawing}
