"""The HTML page of hazards: whole, self-contained, and safe with any text."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.flow.graph.model import Place
from convert.flow.hazards.model import Danger, Fact, SiteHazards
from convert.flow.placement.model import Placement, Restructuring, Unplaced
from convert.report.hazards.page import hazards_html
from convert.report.hazards.view import HazardsView
from tests.report.hazards.values import SITES, UNPLACED, empty_view, placement, report, view
from tests.report.test_html_report import EVIL, Page


def sites(page: Page) -> list[str]:
    classes = (attrs.get("class") or "" for attrs in page.named("details"))
    return [name.removeprefix("site ") for name in classes if name]


def test_every_answer_is_there() -> None:
    page = Page(hazards_html(view()))
    assert sorted(set(sites(page))) == ["a", "b", "c", "e", "other", "refused"]
    for words in (
        "sites: 7 = 1 a + 1 b + 3 c + 1 e + 1 refused",
        "toy_inode.i_lock (rwsem)",
        "toy_scan@100 > toy_evict@110",
        "toy_create@200 > toy_grab@210 > f@3",
        "which lock toy_pick() returns",
        "opens behind line 209; closes before lines 215, 220",
        "the lock is released in toy_drop()",
        "an empty transaction around the walk",
        "rolling keeps the scope",
        "reclaim locks what nobody refers to",
        "something to know",
        "the search for the cheapest scopes was cut short",
        "toy_sb.s_idle (mutex)",
        "toy_operations.create",
        "instead, at cost 9",
    ):
        assert words in page.text, words


def test_the_table_adds_up() -> None:
    page = Page(hazards_html(view()))
    assert len(sites(page)) == 4 + 1 + 1 + 1 + 3  # under locks, plain, and by answer


def test_links_lead_to_sections() -> None:
    page = Page(hazards_html(view()))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [(attrs["href"] or "")[1:] for attrs in page.named("a")]
    assert len(links) == 3 and set(links) <= set(ids)


def test_the_page_loads_and_runs_nothing() -> None:
    page = Page(hazards_html(view()))
    assert page.named("script") == page.named("link") == page.named("img") == []
    for _, attrs in page.elements:
        assert not {"src", "onload", "onclick"} & set(attrs)
    policy = [attrs["content"] for attrs in page.named("meta") if "http-equiv" in attrs]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_an_empty_page() -> None:
    page = Page(hazards_html(empty_view()))
    assert "Nothing is allocated while anything is held that reclaim waits for." in page.text
    assert sites(page) == []
    assert "Without an answer" not in page.text and "Scopes that would" not in page.text


def test_several_paths_have_a_table() -> None:
    assert "fs/other" in Page(hazards_html(view(paths=("fs/toy", "fs/other")))).text


def with_text(text: str) -> HazardsView:
    """A view in which every text that comes from a tree or a profile is this one."""
    fact = Fact(text, text, text)
    danger = Danger(text, what=text)
    changed: list[SiteHazards] = []
    for told in SITES:
        hazards = tuple(
            replace(
                one,
                danger=danger,
                hold=replace(one.hold, danger=danger, call=f"{text}("),
                wait=replace(one.wait, danger=danger, call=f"{text}("),
                excused=fact if one.excused else None,
            )
            for one in told.hazards
        )
        missing = tuple(replace(one, text=text) for one in told.missing)
        site = replace(told.site, function=text, callee=text, mask=(text,))
        changed.append(
            SiteHazards(site, told.answer, hazards, missing, (fact,), f"{told.reason}{text}")
        )
    left = next(one for one in changed if one.site.line == UNPLACED.site.line)
    held = [one for one in changed if one.answer is not None and one.hazards and one is not left]
    scope = replace(placement().scopes[0], sites=tuple(held), hazards=left.hazards)
    scope = replace(scope, anchor=replace(scope.anchor, function=text))
    scopes = Placement(
        (scope,), (Unplaced(left, text),), (Restructuring(Place("fs/toy/toy.c", 1), text),)
    )
    given = replace(
        report(tuple(changed)),
        plain=(),
        waits=(),
        facts=(fact,),
        notes=(text,),
    )
    one = view(tuple(changed), scopes)
    return replace(one, tree=text, revision=text, paths=(text,), report=given)


def test_hostile_text_is_text() -> None:
    html = hazards_html(with_text(EVIL))
    page = Page(html)
    assert page.named("script") == []
    assert "alert" not in html.replace("&lt;script&gt;alert(1)", "")
    assert page.text.count(EVIL) >= 30
    assert set(sites(page)) == set(sites(Page(hazards_html(with_text("x")))))


@pytest.mark.parametrize("name", ["a<b", "a&b", 'a"b', "a'b", "&amp;"])
def test_names_are_escaped(name: str) -> None:
    html = hazards_html(with_text(name))
    assert name in Page(html).text
    if name != "a'b":
        assert f"<code>{name}</code>" not in html


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(min_codepoint=1, max_codepoint=255), min_size=1, max_size=20))
def test_any_text_leaves_the_page_whole(text: str) -> None:
    page = Page(hazards_html(with_text(text)))
    assert page.named("script") == []
    assert len(sites(page)) == 9


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("f\x1b\x00\x85", id="control characters"),
        pytest.param("f\u202e", id="text direction"),
    ],
)
def test_control_characters_do_not_reach_the_page(text: str) -> None:
    assert not {"\x1b", "\x00", "\x85", "\u202e"} & set(hazards_html(with_text(text)))
