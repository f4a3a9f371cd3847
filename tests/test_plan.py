"""Steps of later stages work on what the stages before have written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convert.errors import InternalCheckError
from convert.plan import FileChange, Plan, PlannedSite, Step
from convert.report.diffs import site_diff, step_diffs
from convert.rules.model import Converted
from convert.semantics.model import Contract
from convert.sites.model import Site, SiteKind
from convert.source.edits import Edit, Span

FILE, OTHER = "fs/toy/toy.c", "fs/toy/other.c"
FIRST = Edit(Span(4, 7), "longer")  # "one two\n" -> "one longer\n"
SECOND = Edit(Span(4, 8), "short")  # "one longer\n" -> "one shorter\n"
FIRST_STEP = Step(1, "first", "say longer", (FileChange(FILE, (FIRST,)),))
SECOND_STEP = Step(2, "second", "say shorter", (FileChange(FILE, (SECOND,)),), stage=1)


def _plan(*steps: Step, sites: tuple[PlannedSite, ...] = ()) -> Plan:
    return Plan(
        tree="tree", revision=None, paths=("fs/toy",), recipe="exact", profile="xfs", prefix="toy",
        sites=sites, refusals=(), steps=steps, differences=(), axioms=(),
        originals={FILE: "one two\n", OTHER: "x\n"}, functions_found=0, functions_parsed=0,
        files_read=2,
    )  # fmt: skip


def test_a_stage_edits_the_text_of_the_stage_before() -> None:
    plan = _plan(FIRST_STEP, SECOND_STEP)
    assert plan.snapshot(1) == {FILE: "one longer\n"}
    assert plan.snapshot(2) == {FILE: "one shorter\n"}
    assert [plan.stage_text(FILE, stage) for stage in range(3)] == [
        "one two\n", "one longer\n", "one shorter\n"
    ]  # fmt: skip
    assert plan.stage_text(OTHER, 1) == "x\n"


def test_diffs_of_a_stage_are_against_its_own_text() -> None:
    site = Site("id", SiteKind.STORED_GFP, FILE, 1, 5, None, "longer", "long", SECOND.span)
    decision = Converted("rule", "second", (SECOND,), "short", "a reason")
    planned = PlannedSite(site, Contract(), decision, stage=1)
    plan = _plan(FIRST_STEP, SECOND_STEP, sites=(planned,))
    wanted = "-one longer\n+one shorter\n"
    assert site_diff(plan, planned).endswith(wanted)
    (diff,) = step_diffs(plan, SECOND_STEP)
    assert diff.text.endswith(wanted)


def test_stages_do_not_come_back() -> None:
    with pytest.raises(InternalCheckError, match="stage 0 of a plan comes after stage 1"):
        _plan(replace(FIRST_STEP, stage=1), replace(SECOND_STEP, stage=0)).snapshot(2)


def test_a_deleted_file_is_not_edited_again() -> None:
    gone = Step(1, "remove", "remove it", (FileChange(FILE, delete=True),))
    with pytest.raises(InternalCheckError, match="deleted file"):
        _plan(gone, SECOND_STEP).snapshot(2)
