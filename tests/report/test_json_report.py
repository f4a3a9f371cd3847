"""The JSON report: its schema, its determinism, its counts."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator, ValidationError

from convert.errors import InternalCheckError
from convert.plan import Plan, PlannedSite
from convert.report.json_report import SCHEMA, report_json, report_schema
from convert.rules.model import Kept
from convert.semantics.model import Contract
from convert.sites.model import SiteKind
from tests.report.plans import FILE, TEXT, empty_plan, full_plan, one_site_plan, random_plans

Report = dict[str, Any]


def report(plan: Plan) -> Report:
    text = report_json(plan, "1.2.3")
    loaded: Report = json.loads(text)
    validate(loaded)
    return loaded


def validate(document: Report) -> None:
    Draft202012Validator(report_schema()).validate(document)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(report_schema())
    assert report_schema()["title"] == SCHEMA


def test_the_schema_knows_every_kind() -> None:
    assert set(report_schema()["$defs"]["kind"]["enum"]) == {kind.value for kind in SiteKind}


def test_every_object_of_the_schema_is_closed() -> None:
    def open_objects(node: object, path: str) -> list[str]:
        if isinstance(node, list):
            return [
                one
                for index, item in enumerate(node)
                for one in open_objects(item, f"{path}/{index}")
            ]
        if not isinstance(node, dict):
            return []
        found = (
            [path] if node.get("type") == "object" and "additionalProperties" not in node else []
        )
        return found + [
            one for key, item in node.items() for one in open_objects(item, f"{path}/{key}")
        ]

    assert open_objects(report_schema(), "") == []


def test_the_report_of_a_full_plan() -> None:
    document = report(full_plan())
    assert document["schema"] == SCHEMA
    assert document["tool"] == {"name": "kmem-convert", "version": "1.2.3"}
    assert document["tree"] == {"path": "linux", "rev": full_plan().revision}
    summary = document["summary"]
    assert summary["by_decision"] == {"converted": 4, "kept": 2, "refused": 1}
    assert summary["by_class"] == {"exact": 7}
    assert summary["by_kind"]["free"] == {"converted": 1, "kept": 1, "refused": 0}
    assert document["differences"][0]["sites"] == 1
    assert [(step["number"], step["sites"]) for step in document["steps"]] == [(1, 1), (2, 3)]
    gone = document["steps"][1]["files"][1]
    assert gone == {"path": "fs/toy/wrap.c", "insertions": 0, "deletions": 4, "deleted": True}
    assert document["refusals"][0]["what"] == "toy_odd"
    assert document["notes"] == ["toy_odd() holds wrap_alloc()"]


def test_a_converted_site() -> None:
    (site,) = [one for one in report(full_plan())["sites"] if one["callee"] == "wrap_zalloc"]
    assert site == {
        "id": f"{FILE}:toy_get:alloc:wrap_zalloc:{TEXT.index('wrap_zalloc(s')}",
        "file": FILE,
        "line": 7,
        "column": 18,
        "function": "toy_get",
        "kind": "alloc",
        "callee": "wrap_zalloc",
        "text": "wrap_zalloc(sizeof(*t),\n\t\t\t\t    W_NOFS)",
        "contract": {
            "zeroed": True,
            "may_fail": None,
            "fs_reclaim": None,
            "nowarn": None,
            "nolockdep": None,
            "sleeps": None,
        },
        "gfp_before": ["GFP_NOFS", "__GFP_NOFAIL"],
        "gfp_after": ["GFP_NOFS", "__GFP_NOFAIL"],
        "scope": {
            "verdict": "unknown",
            "witness": [],
            "axioms": [],
            "covered": [],
            "openers": [],
            "reason": None,
        },
        "decision": "converted",
        "class": "exact",
        "rule": "wrapper-call",
        "reason": "the same contract",
        "replacement": "kzalloc(sizeof(*t),\n\t\t\t    GFP_NOFS | __GFP_NOFAIL)",
        "differences": ["loop"],
        "notes": ["look at the size"],
        "evidence": ["executed: fs/toy/wrap.c:3-9"],
        "provenance": None,
        "blocks_removal": False,
        "step": 1,
    }


def test_a_refused_site_has_a_reason_and_no_step() -> None:
    (site,) = [one for one in report(full_plan())["sites"] if one["decision"] == "refused"]
    assert (site["step"], site["replacement"], site["blocks_removal"]) == (None, None, True)
    assert "the size n is not known" in site["reason"]


def test_sites_are_in_file_order_whatever_the_order_of_the_plan() -> None:
    plan = full_plan()
    turned = replace(plan, sites=tuple(reversed(plan.sites)))
    assert report_json(turned, "1") == report_json(plan, "1")
    places = [(site["file"], site["line"], site["column"]) for site in report(plan)["sites"]]
    assert places == sorted(places)


def test_an_empty_plan() -> None:
    document = report(empty_plan())
    assert document["sites"] == document["steps"] == []
    assert document["summary"]["found"] == 0
    assert document["tree"]["rev"] is None


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        pytest.param("f(\"Müller\")".encode("latin-1"), "Müller", id="latin-1"),
        pytest.param("f(\"Müller\")".encode(), "Müller", id="UTF-8"),
        pytest.param(b'f("\xff\x85")', "ÿ\x85", id="no text at all"),
    ],
)  # fmt: skip
def test_odd_bytes_give_valid_utf8(data: bytes, shown: str) -> None:
    text = data.decode("latin-1")
    plan = one_site_plan(text, text)
    output = report_json(plan, "1").encode("utf-8")
    assert shown in json.loads(output.decode("utf-8"))["sites"][0]["text"]


def test_a_path_that_is_no_text_gives_valid_utf8() -> None:
    plan = replace(empty_plan(), tree="/mnt/\udcff")
    assert report(plan)["tree"]["path"] == "/mnt/\\udcff"


def set_at(path: str, value: object) -> Callable[[Report], None]:
    def change(document: Report) -> None:
        *parents, last = path.split(".")
        node: Any = document
        for key in parents:
            node = node[int(key)] if key.isdigit() else node[key]
        node[last] = value

    return change


def remove(key: str) -> Callable[[Report], None]:
    def change(document: Report) -> None:
        del document["sites"][0][key]

    return change


@pytest.mark.parametrize(
    "breakage",
    [
        pytest.param(set_at("schema", "kmem-convert/report/2"), id="other schema"),
        pytest.param(set_at("extra", 1), id="unknown key on top"),
        pytest.param(set_at("sites.0.extra", 1), id="unknown key of a site"),
        pytest.param(set_at("sites.0.kind", "allocation"), id="unknown kind"),
        pytest.param(set_at("sites.0.decision", "skipped"), id="unknown decision"),
        pytest.param(set_at("sites.0.line", 0), id="line 0"),
        pytest.param(set_at("sites.0.reason", ""), id="no reason"),
        pytest.param(set_at("sites.0.step", 1), id="kept, but with a step"),
        pytest.param(set_at("sites.0.contract.zeroed", "yes"), id="promise that is no truth value"),
        pytest.param(set_at("sites.0.scope.verdict", "maybe"), id="unknown verdict"),
        pytest.param(set_at("sites.0.scope.witness", ["f"]), id="witness without a line"),
        pytest.param(set_at("summary.by_decision.kept", -1), id="negative count"),
        pytest.param(set_at("summary.by_kind", {"x": {}}), id="count of an unknown kind"),
        pytest.param(set_at("summary.by_class", {"z": 1}), id="count of an unknown class"),
        pytest.param(remove("id"), id="site without id"),
        pytest.param(remove("class"), id="site without class"),
    ],
)
def test_a_broken_report_is_found(breakage: Callable[[Report], None]) -> None:
    document = copy.deepcopy(report(full_plan()))
    assert document["sites"][0]["decision"] == "kept"
    breakage(document)
    with pytest.raises(ValidationError):
        validate(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"steps": ()}, "no step 'removal' in plan|no step 'zeroing' in plan", id="step"
        ),
        pytest.param({"differences": ()}, "undeclared difference", id="difference"),
    ],
)
def test_a_plan_that_contradicts_itself_is_a_defect(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InternalCheckError, match=message):
        report_json(replace(full_plan(), **change), "1")


def test_a_decision_of_no_known_kind_is_a_defect() -> None:
    plan = one_site_plan("f();", "f()", Kept("rule", "reason"))
    odd = PlannedSite(plan.sites[0].site, Contract(), "skipped")  # type: ignore[arg-type]
    with pytest.raises((InternalCheckError, ValueError)):
        report_json(replace(plan, sites=(odd,)), "1")


@settings(max_examples=50, deadline=None)
@given(plan=random_plans())
def test_the_counts_add_up(plan: Plan) -> None:
    document = report(plan)
    summary, sites = document["summary"], document["sites"]
    assert summary["found"] == len(sites) == len(plan.sites)
    decisions = Counter(site["decision"] for site in sites)
    assert {name: number for name, number in summary["by_decision"].items() if number} == decisions
    assert sum(summary["by_decision"].values()) == summary["found"]
    assert sum(summary["by_class"].values()) == summary["found"]
    kinds = Counter((site["kind"], site["decision"]) for site in sites)
    for kind, row in summary["by_kind"].items():
        assert {name: kinds[kind, name] for name in row} == row
    assert sum(kinds.values()) == sum(sum(row.values()) for row in summary["by_kind"].values())
    assert sum(step["sites"] for step in document["steps"]) == decisions["converted"]
