"""Scope evidence in the reports of a plan, in explanations and in commit messages."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace

import jsonschema
import pytest

from convert.errors import InputError
from convert.explain import asks_for_scopes, explain
from convert.flow.graph.model import Place, Root, RootKind
from convert.flow.scopes.results import CallerNode
from convert.plan import Plan
from convert.report.console import report_console
from convert.report.html_report import report_html
from convert.report.json_report import report_json, report_schema
from convert.report.sarif_report import report_sarif
from convert.report.text_report import render_text
from convert.rules.scoped.proven import with_proven_masks
from convert.rules.scoped.stage import Ground
from convert.series.messages import render_cover, render_series
from convert.series.model import Generator
from tests.rules.scoped.fakes import PATH, dialect, empty_plan, scopes, stated_proofs, toy_tree

TEXT = """\
void f(struct s *p)
{
	p = kmalloc(8, GFP_NOFS); /* proven */
	p = kzalloc(8, GFP_NOFS); /* mixed */
	INIT_RADIX_TREE(&p->tree, GFP_NOFS); /* stores */
	p = kmalloc(9, GFP_KERNEL | GFP_NOFS); /* mixed */
}
"""
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def plan() -> Plan:
    files = {PATH: TEXT}
    tree, proofs = toy_tree(files), stated_proofs(files)
    root = Root(RootKind.TABLE, Place(PATH, 90), EVIL)
    top = CallerNode("toy_create", Place(PATH, 91), False, None, root, False, ())
    nodes = {
        (one.path, one.offset): CallerNode(
            "f", Place(PATH, one.line), True, None, None, False, (top,)
        )
        for one in proofs.sites
    }
    proofs = replace(proofs, trees=nodes)
    return with_proven_masks(Ground(empty_plan(tree), tree, proofs, scopes(), dialect))


def text_of(plan: Plan) -> str:
    out = io.StringIO()
    render_text(plan, report_console(out))
    return out.getvalue()


def test_the_json_report_has_verdict_witness_and_class(plan: Plan) -> None:
    document = json.loads(report_json(plan, "1"))
    jsonschema.validate(document, report_schema())
    rows = {site["line"]: site for site in document["sites"]}
    assert rows[3]["scope"]["verdict"] == "proven"
    assert rows[3]["scope"]["covered"] == ["toy_create@91", "f@3"]
    assert rows[3]["scope"]["axioms"] == ["toy-roll"]
    assert [rows[line]["class"] for line in (3, 4, 5, 6)] == ["a", "b", "exact", "exact"]
    assert rows[4]["scope"]["witness"] == ["toy_scan@95", "f@4"]
    assert rows[4]["decision"] == "refused"
    assert "toy_scan@95 > f@4" in rows[4]["reason"]
    assert document["summary"]["validation"]["in_scope"] == 2


TEXTS = [
    pytest.param("converted by commit 2", id="decision"),
    pytest.param("scope nofs: proven", id="verdict"),
    pytest.param("opened by toy_trans_begin() at fs/toy/toy.c:92", id="opener"),
    pytest.param("GFP_KERNEL | GFP_NOFS is GFP_KERNEL", id="idle"),
    pytest.param("masks the same inside of the open scope: 2", id="validation"),
    pytest.param("callers outside of them count as unscoped", id="limits"),
]


@pytest.mark.parametrize("part", TEXTS)
def test_the_text_report_tells(part: str, plan: Plan) -> None:
    assert part in text_of(plan)


def test_the_page_shows_callers_and_escapes_them(plan: Plan) -> None:
    page = report_html(plan)
    assert "opened by toy_trans_begin()" in page
    assert "+ f@3\n  - toy_create@91, root: member of a structure" in page
    assert EVIL not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_page_draws_the_callers_where_graphviz_is(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("dot") is not None:
        assert report_html(plan).count("<svg") == 3
    monkeypatch.setattr("shutil.which", lambda _: None)
    page = report_html(plan)
    assert "<svg" not in page
    assert "+ f@3" in page


def test_sarif_offers_the_fix(plan: Plan) -> None:
    results = json.loads(report_sarif(plan))["runs"][0]["results"]
    assert sum("fixes" in one for one in results) == 2


# -- explain --------------------------------------------------------------------------------------


def told(plan: Plan, line: int) -> Iterator[str]:
    return explain(plan, PATH, line, plan.proofs)


def test_a_site_is_explained_with_its_callers(plan: Plan) -> None:
    lines = list(told(plan, 3))
    assert "  scope nofs: proven" in lines
    assert "    + f@3" in lines
    assert any(line.startswith("      - toy_create@91, root: ") for line in lines)
    assert any("-\tp = kmalloc(8, GFP_NOFS);" in line for line in lines)


def test_a_place_that_only_the_proofs_know_is_explained(plan: Plan) -> None:
    lines = list(explain(empty_plan(toy_tree({PATH: TEXT})), PATH, 4, plan.proofs))
    assert lines[0] == f"{PATH}:4: kzalloc in f()"
    assert "    without it: " in lines[4][:16] or any("without it: " in line for line in lines)


def test_a_place_that_nobody_knows_is_refused(plan: Plan) -> None:
    with pytest.raises(InputError, match="nearest is in line 3"):
        list(told(plan, 2))


ASKS = [
    pytest.param("\tp = kmalloc(8, GFP_NOFS);", 1, True, id="in-the-text"),
    pytest.param("\tp = kmalloc(8, m);", 3, True, id="site"),
    pytest.param("\tp = kmalloc(8, GFP_KERNEL);", 1, False, id="other"),
]


@pytest.mark.parametrize(("text", "line", "expected"), ASKS)
def test_proofs_are_only_made_where_they_say_something(
    text: str, line: int, expected: bool, plan: Plan
) -> None:
    assert asks_for_scopes(plan, PATH, line, text) is expected


# -- messages -------------------------------------------------------------------------------------


def test_the_messages_name_openers_and_axioms(plan: Plan) -> None:
    series = render_series(plan, Generator("kmem-convert", "1", "kmem-convert series"))
    idle, dropped = series.commits
    assert idle.subject == "toy: drop GFP_NOFS from masks that allow more"
    assert dropped.subject == "toy: use GFP_KERNEL where a nofs scope is always open"
    body = " ".join(dropped.body.split())
    assert "calls of toy_trans_begin()" in body
    assert "Opened by toy_trans_begin() at fs/toy/toy.c:92, for - fs/toy/toy.c:3 f()" in body
    assert "fs/toy/toy.c:4" not in body
    assert "memalloc_nofs_save()" in body


def test_the_cover_letter_names_what_is_refused(plan: Plan) -> None:
    cover = render_cover(plan, Generator("kmem-convert", "1", "kmem-convert series"), (), ())
    body = " ".join(cover.body.split())
    assert cover.subject == "toy: use GFP_KERNEL where a nofs scope is always open"
    assert "fs/toy/toy.c:4: GFP_NOFS stays: the scope is open on some paths only" in body
