"""SARIF: levels, places, fixes; deterministic."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from convert.plan import Plan
from convert.report.sarif_report import NOT_READ, report_sarif
from convert.source.edits import Edit, Span, apply_edits
from tests.report.plans import FILE, TEXT, empty_plan, full_plan, one_site_plan


def run_of(plan: Plan) -> dict[str, Any]:
    document = json.loads(report_sarif(plan, "1.2.3"))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    return dict(run)


def results_of(plan: Plan) -> list[dict[str, Any]]:
    return list(run_of(plan)["results"])


@pytest.mark.parametrize(
    ("decision", "level", "number"),
    [("refused", "warning", 2), ("kept", "note", 2), ("converted", "note", 4)],
)
def test_levels(decision: str, level: str, number: int) -> None:
    found = [one for one in results_of(full_plan()) if one["properties"]["decision"] == decision]
    assert [one["level"] for one in found] == [level] * number


def test_every_rule_of_a_result_is_declared_once() -> None:
    run = run_of(full_plan())
    declared = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert declared == sorted({result["ruleId"] for result in run["results"]})
    assert NOT_READ in declared


def test_the_place_of_a_site_is_its_bytes() -> None:
    for result in results_of(full_plan()):
        physical = result["locations"][0]["physicalLocation"]
        if physical["artifactLocation"]["uri"] != FILE:
            continue
        region = physical["region"]
        start, line = region["byteOffset"], region["startLine"]
        lines = TEXT.split("\n")
        assert lines[line - 1][region["startColumn"] - 1 :][:8] == TEXT[start:].split("\n")[0][:8]


def test_the_fixes_of_a_step_lead_to_its_snapshot() -> None:
    edits = []
    for result in results_of(full_plan()):
        for fix in result.get("fixes", ()) if result["properties"]["step"] == 1 else ():
            for one in fix["artifactChanges"][0]["replacements"]:
                region = one["deletedRegion"]
                start = region["byteOffset"]
                span = Span(start, start + region["byteLength"])
                edits.append(Edit(span, one["insertedContent"]["text"]))
    assert apply_edits(TEXT, edits) == full_plan().snapshot(1)[FILE]


def test_only_converted_sites_have_fixes() -> None:
    decisions = {one["properties"]["decision"] for one in results_of(full_plan()) if "fixes" in one}
    assert decisions == {"converted"}


def test_a_path_becomes_a_valid_uri() -> None:
    plan = one_site_plan("f();", "f()")
    odd = replace(plan.sites[0], site=replace(plan.sites[0].site, file="fs/a b#é\udcff.c"))
    step = replace(plan.steps[0], changes=())
    plan = replace(plan, sites=(odd,), steps=(step,))
    uri = results_of(plan)[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "fs/a%20b%23%C3%A9%FF.c"


def test_an_empty_plan_has_no_results() -> None:
    assert results_of(empty_plan()) == []


def test_equal_plans_give_equal_bytes() -> None:
    plan = full_plan()
    turned = replace(plan, sites=tuple(reversed(plan.sites)))
    assert report_sarif(plan) == report_sarif(turned)
    report_sarif(one_site_plan("f(\xff\x85);", "f(\xff\x85)")).encode("ascii")
