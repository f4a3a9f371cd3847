"""The proofs as text, JSON, DOT and SVG."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace

import jsonschema
import pytest
from rich.console import Console

from convert.errors import InputError
from convert.flow.scopes.model import Verdict
from convert.report.console import report_console
from convert.report.scopes.callers import caller_lines
from convert.report.scopes.document import scopes_json, scopes_schema
from convert.report.scopes.graph import callers_dot, scopes_dot, svg_of
from convert.report.scopes.text import scopes_text
from convert.report.scopes.view import ScopesView, at_line, named_sites, verdict_words
from tests.report.scopes.proofs import node, proofs, site, tree, view
from tests.rules.scoped.fakes import PATH


def text_of(one: ScopesView, verbose: bool = False) -> str:
    out = io.StringIO()
    console: Console = report_console(out)
    scopes_text(one, console, verbose)
    return out.getvalue()


def test_only_masks_that_forbid_are_counted() -> None:
    counts = view().counts()
    assert sum(counts.values()) == 6
    assert verdict_words(counts) == "6 = 1 proven + 2 mixed + 1 unscoped + 1 dead + 1 unknown"


def test_ids_are_unique_and_say_where() -> None:
    ids = [named.id for named in named_sites(proofs())]
    assert len(set(ids)) == len(ids)
    assert ids[0] == f"{PATH}:f:scope:kmalloc:1"


def test_ids_do_not_move_with_lines() -> None:
    moved = [replace(one, line=one.line + 5, offset=one.offset + 50) for one in proofs().sites]
    again = named_sites(replace(proofs(), sites=tuple(moved)))
    assert [n.id for n in again] == [n.id for n in named_sites(proofs())]


TEXTS = [
    pytest.param(f"{PATH}:1: kmalloc in f(): proven", id="site"),
    pytest.param("opened by toy_trans_begin() at fs/toy/toy.c:92", id="opener"),
    pytest.param("(toy_operations.create) at fs/toy/toy.c:90: toy_create@91 > f@1", id="covered"),
    pytest.param("without it: member of a structure", id="witness"),
    pytest.param("axioms: toy-roll", id="axiom-used"),
    pytest.param("toy-roll: rolling keeps the scope", id="axiom"),
    pytest.param("7 indirect calls not resolved", id="unresolved"),
    pytest.param("whatever calls in from outside counts as having no scope open", id="limits"),
    pytest.param("`GFP_KERNEL | GFP_NOFS` is `GFP_KERNEL`", id="idle"),
    pytest.param("fs/toy/toy.c:60: toy_trans_begin() in toy_create()", id="redundant"),
    pytest.param("1 of them only store the mask", id="stores"),
    pytest.param("1 place not reached", id="coverage"),
    pytest.param("something to know", id="note"),
]


@pytest.mark.parametrize("part", TEXTS)
def test_the_text_tells(part: str) -> None:
    assert part in text_of(view())


VERBOSE = [
    pytest.param("toy_trans_begin() opens it when it returns 0", id="effect"),
    pytest.param("toy_old: nothing calls it", id="coverage"),
    pytest.param(f"{PATH}:10: kmalloc in f(): proven", id="other-site"),
]


@pytest.mark.parametrize("part", VERBOSE)
def test_the_rest_is_told_on_demand(part: str) -> None:
    assert part not in text_of(view())
    assert part in text_of(view(), verbose=True)


def test_one_line_comes_with_its_callers() -> None:
    text = text_of(at_line(view(), PATH, 1))
    assert "      + f@1\n        + toy_create@61, opened here by toy_trans_begin()" in text
    assert f"{PATH}:2:" not in text


NO_SITE = [
    pytest.param("fs/toy/other.c", 1, "no allocation is known in this file", id="file"),
    pytest.param(PATH, 30, "the nearest is in line 12", id="line"),
]


@pytest.mark.parametrize(("path", "line", "reason"), NO_SITE)
def test_a_place_without_site_is_refused(path: str, line: int, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        at_line(view(), path, line)


def test_the_tree_of_callers() -> None:
    assert list(caller_lines(tree())) == [
        "+ f@1",
        "  + toy_create@61, opened here by toy_trans_begin() at fs/toy/toy.c:60",
        '    - toy_work@71, root: work item (toy_work with a " in it) at fs/toy/toy.c:70',
        "  - toy_scan@50, its callers stand elsewhere in this tree",
    ]


def test_a_large_tree_is_cut_and_it_is_said() -> None:
    large = node("f", 1, *(node(f"g{n}", n + 2) for n in range(40)))
    lines = list(caller_lines(large, 10))
    assert len(lines) == 11
    assert lines[-1] == "... and 31 more"


# -- JSON -----------------------------------------------------------------------------------------


def test_the_json_obeys_its_schema() -> None:
    document = json.loads(scopes_json(view(), "1"))
    jsonschema.Draft202012Validator.check_schema(scopes_schema())
    jsonschema.validate(document, scopes_schema())
    assert len(document["sites"]) == 9
    assert document["summary"]["by_verdict"]["proven"] == 1
    first = document["sites"][0]["evidence"]
    assert first["verdict"] == "proven"
    assert first["covered"] == ["toy_create@91", "f@1"]
    assert first["witness"] == []
    assert document["sites"][1]["evidence"]["witness"] == ["toy_scan@95", "f@2"]


WRONG = [
    pytest.param(("sites", 0, "evidence", "verdict"), "perhaps", id="verdict"),
    pytest.param(("sites", 0, "evidence", "witness"), ["f"], id="frame-without-line"),
    pytest.param(("sites", 0, "use"), "eats", id="use"),
    pytest.param(("summary", "by_verdict"), {}, id="verdicts-missing"),
    pytest.param(("schema",), "kmem-convert/scopes/2", id="schema"),
    pytest.param(("extra",), 1, id="unknown-key"),
    pytest.param(("sites", 0, "line"), 0, id="line"),
]


@pytest.mark.parametrize(("where", "value"), WRONG)
def test_the_schema_refuses(where: tuple[str | int, ...], value: object) -> None:
    document = json.loads(scopes_json(view(), "1"))
    inner = document
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, scopes_schema())


def test_equal_proofs_give_equal_bytes() -> None:
    assert scopes_json(view(), "1") == scopes_json(view(), "1")


def test_one_line_in_json() -> None:
    document = json.loads(scopes_json(at_line(view(), PATH, 2), "1"))
    jsonschema.validate(document, scopes_schema())
    assert [one["line"] for one in document["sites"]] == [2]


# -- graphs ---------------------------------------------------------------------------------------


def test_the_graph_of_the_chains() -> None:
    dot = scopes_dot(view())
    assert f'"{PATH}:1" [fillcolor="#cfe2f3"]' in dot
    assert '"toy_create" -> "f" [label="91"]' in dot
    assert '"toy_scan" [fillcolor="#f4cccc"]' in dot
    assert dot.startswith("digraph scopes {") and dot.endswith("}\n")


def test_the_graph_of_one_site() -> None:
    dot = scopes_dot(at_line(view(), PATH, 1))
    assert '"toy_create@61\\nopens: toy_trans_begin" -> "f@1"' in dot
    assert '\\" in it' in dot


def test_a_large_graph_is_cut_and_it_is_said() -> None:
    large = node("f", 1, *(node(f"g{n}", n + 2) for n in range(40)))
    dot = callers_dot([large], 10)
    assert "more than 10 functions" in dot
    assert '"g30@32"' not in dot


def test_without_graphviz_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(InputError, match="Debian's package graphviz"):
        svg_of(scopes_dot(view()))


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_draws_it() -> None:
    for one in (view(), at_line(view(), PATH, 1)):
        assert "<svg" in svg_of(scopes_dot(one))


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_graphviz_failing_is_one_line() -> None:
    with pytest.raises(InputError, match="dot failed") as error:
        svg_of("digraph {")
    assert "\n" not in str(error.value)


def test_a_site_that_is_not_known_has_no_tree() -> None:
    assert proofs().callers_tree(PATH, 20) is None
    lonely = replace(view(), proofs=replace(proofs(), sites=(site(2, Verdict.MIXED),)))
    assert "callers" not in text_of(at_line(lonely, PATH, 2))
