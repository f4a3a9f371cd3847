"""Placeholders stand around single calls, on request, in commits that say so."""

from __future__ import annotations

import pytest

from convert.rules.hazards.recipe import Choice
from convert.rules.model import Converted, Refused
from convert.series.messages import render_series
from tests.rules.hazards.fakes import PATH, ToyEditor, after, again, hazard_plan
from tests.rules.hazards.test_recipe import GENERATOR, LOCKED, REFLEX, function, ids

LEFT = function(
    "p = kmalloc(8, GFP_NOFS); /* hazard */\nq = kzalloc(4, GFP_NOFS); /* hazard */", "m"
)
ON = Choice(placeholders=True)


def test_what_has_no_anchor_gets_placeholders_at_the_end() -> None:
    plan = hazard_plan(LOCKED + REFLEX + LEFT, ON)
    assert ids(plan)[-3:] == [
        "scoped/nothing-held",
        "scoped/placeholder-scopes",
        "scoped/placeholder-masks",
    ]
    assert "GFP_NOFS" not in after(plan)
    assert (
        "\tunsigned int nofs_flag;\n"
        "\tnofs_flag = memalloc_nofs_save();\n"
        "\tp = kmalloc(8, GFP_KERNEL); /* hazard */\n"
        "\tmemalloc_nofs_restore(nofs_flag);\n"
        "\tnofs_flag = memalloc_nofs_save();\n"
        "\tq = kzalloc(4, GFP_KERNEL); /* hazard */\n"
        "\tmemalloc_nofs_restore(nofs_flag);\n"
    ) in after(plan)
    counts = plan.counts()
    assert (counts.found, counts.converted, counts.refused) == (4, 4, 0)
    assert plan.validation is not None
    assert (plan.validation.in_scope, plan.validation.widened) == (3, 1)


def test_messages_say_that_they_are_placeholders() -> None:
    plan = hazard_plan(LEFT, ON)
    scopes, masks = render_series(plan, GENERATOR).commits
    assert scopes.subject == "toy: add placeholder nofs scopes around single calls"
    assert "These scopes are placeholders." in scopes.body
    assert f"- {PATH}:3 m()\n- {PATH}:4 m()\n" in scopes.body
    assert masks.subject == "toy: use GFP_KERNEL inside of placeholder nofs scopes"
    assert f"- {PATH}:3 m()\n- {PATH}:4 m()\n" in masks.body
    decision = plan.sites[0].decision
    assert isinstance(decision, Converted)
    assert "no natural anchor" in decision.reason


def test_without_the_option_there_are_none() -> None:
    assert not hazard_plan(LEFT).steps


STAYS = [
    pytest.param(function("p = kmalloc(8, GFP_NOFS); /* lost */", "m"), id="not-a-known-hazard"),
    pytest.param(
        function("gfp_t m = GFP_NOFS;\np = kmalloc(8, m); /* hazard */", "m"), id="a-variable"
    ),
    pytest.param(function("if (p->mask == GFP_NOFS)\n\treturn;", "m"), id="no-mask-of-a-call"),
]


@pytest.mark.parametrize("text", STAYS)
def test_other_refusals_get_none(text: str) -> None:
    plan = hazard_plan(text, ON)
    assert not plan.steps
    assert isinstance(plan.sites[0].decision, Refused)


def test_a_placeholder_that_cannot_be_written_is_said() -> None:
    bad = LEFT.replace("m(struct", "n(struct")
    plan = hazard_plan(LEFT + bad, ON, ToyEditor(frozenset({"n"})))
    assert after(plan).count("memalloc_nofs_save") == 2
    assert [type(p.decision) for p in plan.sites] == [Converted, Converted, Refused, Refused]
    told = [note for note in plan.notes if "no placeholder around" in note]
    assert told == [
        f"{PATH}:9: no placeholder around kmalloc(): the call is in a condition",
        f"{PATH}:10: no placeholder around kzalloc(): the call is in a condition",
    ]


def test_a_placeholder_that_does_not_work_is_taken_back() -> None:
    plan = hazard_plan(LEFT, ON, ToyEditor(useless=True))
    assert not plan.steps
    assert [type(planned.decision) for planned in plan.sites] == [Refused, Refused]
    assert sum("not seen to be open in the call" in note for note in plan.notes) == 2


def test_a_second_run_changes_nothing() -> None:
    text = LOCKED + REFLEX + LEFT
    plan = hazard_plan(text, ON)
    assert not again(text, plan, choice=ON).steps
