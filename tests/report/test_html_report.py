"""The HTML page: complete, self-contained, and safe with any text."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.plan import Difference, Plan
from convert.report.html_report import report_html
from convert.rules.model import Converted, Kept, Refused
from tests.report.plans import empty_plan, full_plan, one_site_plan

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """Collects elements and text; fails on elements that are not nested properly."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


def sites(page: Page) -> list[str]:
    classes = (attrs.get("class") or "" for attrs in page.named("details"))
    return [name.removeprefix("site ") for name in classes]


def test_every_site_is_there_with_its_decision() -> None:
    page = Page(report_html(full_plan()))
    assert sorted(sites(page)) == ["converted"] * 4 + ["kept"] * 2 + ["refused"]
    for words in (
        "7 sites found = 4 converted + 2 kept + 1 refused",
        "before",
        "GFP_NOFS | __GFP_NOFAIL",
        "toy: use kzalloc",
        "deletes fs/toy/wrap.c",
        "the loop is gone",
        "a roll keeps the scope",
        "toy_odd() holds wrap_alloc()",
        "fs/toy/odd.c:7 toy_odd was not read: macro statement without `;`",
        "/* toy_get() is like wrap_zalloc() */",
        "-\tstruct toy *t = wrap_zalloc(sizeof(*t),",
    ):
        assert words in page.text


def test_links_lead_to_sites_and_ids_are_unique() -> None:
    page = Page(report_html(full_plan()))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    links = [attrs["href"] for attrs in page.named("a")]
    assert len(links) == 2 and {(link or "")[1:] for link in links} <= set(ids)


def test_the_page_loads_nothing() -> None:
    page = Page(report_html(full_plan()))
    for _, attrs in page.elements:
        assert not {"src", "onload", "onclick"} & set(attrs)
    assert not page.named("link") and not page.named("img")
    policy = [attrs for attrs in page.named("meta") if "http-equiv" in attrs]
    assert (policy[0]["content"] or "").startswith("default-src 'none'")


def test_the_filter_works_without_javascript() -> None:
    html = report_html(full_plan())
    page = Page(html)
    buttons = [attrs["id"] for attrs in page.named("input") if attrs.get("type") == "radio"]
    assert buttons == ["show-all", "show-refused", "show-kept", "show-converted"]
    assert {attrs["for"] for attrs in page.named("label")} == set(buttons)
    for name in ("refused", "kept", "converted"):
        assert f"#show-{name}:checked ~ .files .site:not(.{name})" in html


EVIL = "<script>alert(1)</script>\"'&</pre></style><!--"


def hostile_plan() -> Plan:
    plan = one_site_plan(f"f({EVIL});\n", f"f({EVIL})")
    site = replace(plan.sites[0].site, id=EVIL, function=EVIL, callee=EVIL, file=EVIL)
    decision = plan.sites[0].decision
    assert isinstance(decision, Converted)
    decision = replace(
        decision, reason=EVIL, rule=EVIL, notes=(EVIL,), gfp_before=(EVIL,), differences=(EVIL,)
    )
    return replace(
        plan,
        tree=EVIL,
        revision=EVIL,
        paths=(EVIL,),
        prefix=EVIL,
        notes=(EVIL,),
        differences=(Difference(EVIL, EVIL, EVIL),),
        originals={EVIL: plan.originals["fs/toy/toy_inode.c"]},
        sites=(replace(plan.sites[0], site=site, decision=decision),),
        steps=(replace(plan.steps[0], subject=EVIL, changes=()),),
    )


def test_hostile_text_is_text() -> None:
    html = report_html(hostile_plan())
    page = Page(html)
    assert len(page.named("script")) == 1
    assert "alert" not in html.replace("&lt;script&gt;alert(1)", "")
    assert page.text.count(EVIL) >= 12


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(min_codepoint=1, max_codepoint=255), min_size=1, max_size=30))
def test_any_text_of_a_file_leaves_the_page_whole(text: str) -> None:
    page = Page(report_html(one_site_plan(f"f{text}", f"f{text}", Refused("rule", text))))
    assert len(page.named("script")) == 1 and sites(page) == ["refused"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("f(\x1b\x00\x85)", id="control characters"),
        pytest.param("f(\u202e)", id="text direction"),
    ],
)
def test_control_characters_do_not_reach_the_page(text: str) -> None:
    html = report_html(one_site_plan("f();", "f()", Kept("rule", text)))
    assert not {"\x1b", "\x00", "\x85", "\u202e"} & set(html)


def test_an_empty_plan_has_nothing_to_do() -> None:
    page = Page(report_html(empty_plan()))
    assert "Nothing to do: no site was found." in page.text
    assert page.named("details") == page.named("script") == []
