"""The hazards as JSON, and its schema."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from convert.report.hazards.document import hazards_json, hazards_schema
from convert.report.hazards.view import HazardsView
from tests.report.hazards.values import HANDLE, empty_view, placement, report, view


def document(one: HazardsView | None = None) -> Any:
    return json.loads(hazards_json(one or view(), "1"))


def handle_view() -> HazardsView:
    return view(scopes=replace(placement(), scopes=(*placement().scopes, HANDLE)))


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(view(), id="full"),
        pytest.param(empty_view(), id="empty"),
        pytest.param(handle_view(), id="handle"),
        pytest.param(replace(view(), revision="0123456789abcdef"), id="revision"),
    ],
)
def test_the_json_obeys_its_schema(one: HazardsView) -> None:
    jsonschema.Draft202012Validator.check_schema(hazards_schema())
    jsonschema.validate(document(one), hazards_schema())


def test_the_summary_adds_up() -> None:
    summary = document()["summary"]
    assert summary["by_class"] == {"a": 1, "b": 1, "c": 3, "e": 1}
    assert summary["sites"] == sum(summary["by_class"].values()) + summary["refused"] == 7
    assert (summary["placed"], summary["scopes"], summary["plain"]) == (2, 2, 1)
    assert summary["by_path"]["fs/toy"]["sites"] == 7
    assert summary["by_method"]["toy_push_work(), toy_push_work"]["by_class"]["c"] == 1


def test_sites_have_their_class_and_both_witnesses() -> None:
    sites = document()["sites"]
    assert [site["class"] for site in sites] == ["a", "b", "c", "c", "c", "e", None]
    (excused,) = sites[1]["hazards"]
    assert excused["excused"] == "toy-unreferenced"
    assert excused["hold"]["taken"] == {"file": "fs/toy/toy.c", "line": 209}
    frames = excused["hold"]["chain"]
    assert frames[excused["hold"]["frame"]]["function"] == "toy_grab"
    assert frames[-1] == {"function": "f", "file": "fs/toy/toy.c", "line": 2}
    assert excused["wait"]["chain"][-1]["line"] == 110
    assert excused["wait"]["root"]["kind"] == "shrinker"
    assert sites[6]["missing"][0]["text"] == "which lock toy_pick() returns"


def test_ids_lead_to_sites() -> None:
    found = document()
    sites = {site["id"] for site in found["sites"]}
    plain = {site["id"] for site in found["plain"]}
    assert len(sites) == 7 and len(plain) == 1 and not sites & plain
    used = {one for danger in found["dangers"] for one in danger["sites"]}
    used |= {one for scope in found["scopes"] for one in scope["sites"]}
    used |= {one["site"] for one in found["unplaced"]}
    assert used <= sites
    assert {one for danger in found["dangers"] for one in danger["plain"]} == plain


def test_waits_through_workers_are_nested() -> None:
    (danger,) = [one for one in document()["dangers"] if one["name"] == "toy_sb.s_sem"]
    assert [one["name"] for one in danger["wait"]["behind"]] == ["toy_push_work"]


def test_anchors_have_lines() -> None:
    around, worker, handle = (one["anchor"] for one in document(handle_view())["scopes"])
    assert (around["line"], around["opens"], around["closes"]) == (208, [209], [215, 220])
    assert (worker["kind"], worker["opens"], worker["closers"]) == ("worker", [], [])
    closer = {"function": "toy_end", "file": "fs/toy/toy.c", "line": 170, "pointer": "tp"}
    assert handle["closers"] == [closer]
    assert [one["function"] for one in handle["openers"]] == ["toy_begin"]
    assert (handle["opens"], handle["closes"]) == ([152], [174])
    assert (handle["structure"], handle["member"]) == ("struct toy_trans", "t_pflags")


def test_notes_are_those_of_all_parts_once() -> None:
    assert document()["notes"] == [
        "known to the proofs",
        "something to know",
        "the search for the cheapest scopes was cut short",
    ]


def test_a_mask_that_forbids_nothing_has_no_class() -> None:
    assert [site["class"] for site in document()["plain"]] == [None]


def test_equal_reports_give_equal_bytes() -> None:
    other = replace(view(), report=replace(report(), seconds={"reading": 9.0}))
    assert hazards_json(view(), "1") == hazards_json(other, "1")


WRONG = [
    pytest.param(("schema",), "kmem-convert/hazards/2", id="schema"),
    pytest.param(("extra",), 1, id="unknown-key"),
    pytest.param(("sites", 0, "class"), "d", id="class"),
    pytest.param(("sites", 0, "line"), 0, id="line"),
    pytest.param(("sites", 1, "hazards", 0, "hold"), None, id="hold"),
    pytest.param(("sites", 1, "hazards", 0, "wait", "chain"), ["f@1"], id="frames"),
    pytest.param(("summary", "by_class"), {}, id="classes-missing"),
    pytest.param(("dangers", 0, "kind"), "thing", id="kind"),
    pytest.param(("scopes", 0, "anchor", "kind"), "statement", id="anchor"),
    pytest.param(("scopes", 0, "cost"), -1, id="cost"),
    pytest.param(("paths",), [], id="no-paths"),
]


@pytest.mark.parametrize(("where", "value"), WRONG)
def test_the_schema_refuses(where: tuple[str | int, ...], value: object) -> None:
    found = document()
    inner = found
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, hazards_schema())
