"""Scopes come first, masks follow where the edited tree shows it, everything else is explained."""

from __future__ import annotations

import re

import pytest

from convert.errors import InternalCheckError
from convert.plan import Plan, PlannedSite
from convert.report.json_report import report_json
from convert.report.view import view_plan
from convert.rules.hazards.recipe import Choice
from convert.rules.model import Converted, Kept, Refused
from convert.series.messages import render_cover, render_series
from convert.series.model import Generator
from tests.rules.hazards.fakes import PATH, ToyEditor, after, again, analyse, hazard_plan

GENERATOR = Generator("kmem-convert", "0.1.0", "kmem-convert series")


def function(body: str, name: str = "f") -> str:
    lines = "".join(f"\t{line}\n" for line in body.split("\n"))
    return f"static void {name}(struct s *p, gfp_t given)\n{{\n{lines}}}\n\n"


LOCKED = function(
    "lock(p);\np = kmalloc(8, GFP_NOFS); /* hazard */\nunlock(p);\nq = kzalloc(8, GFP_KERNEL);"
)
REFLEX = function("p = kmalloc(8, GFP_NOFS | __GFP_NOFAIL); /* reflex */", "g")
EXCUSED = function("p = kmalloc(8, GFP_NOFS); /* excused */", "h")


def ids(plan: Plan) -> list[str]:
    return [step.id for step in plan.steps]


def only(plan: Plan) -> PlannedSite:
    (site,) = plan.sites
    return site


def test_a_scope_comes_before_the_masks_that_it_makes_needless() -> None:
    plan = hazard_plan(LOCKED)
    assert ids(plan) == ["scoped/scope:1", "scoped/new-scope"]
    first = plan.snapshot(1)[PATH]
    assert first is not None
    assert "GFP_NOFS" in first
    assert first.index("lock(p);") < first.index("memalloc_nofs_save") < first.index("kmalloc")
    assert after(plan) == first.replace("GFP_NOFS", "GFP_KERNEL")
    planned = only(plan)
    assert isinstance(planned.decision, Converted)
    assert (planned.site.line, planned.decision.site_class) == (4, "c")
    assert plan.validation is not None
    assert (plan.validation.in_scope, plan.validation.widened) == (1, 0)


def test_all_classes_in_their_order() -> None:
    proven = function("p = kmalloc(8, GFP_NOFS); /* proven */", "k")
    idle = function("p = kmalloc(8, GFP_KERNEL | GFP_NOFS); /* hazard */", "m")
    plan = hazard_plan(LOCKED + REFLEX + EXCUSED + proven + idle, Choice(excused=True))
    assert ids(plan) == [
        "proven/idle-masks",
        "proven/in-scope",
        "scoped/scope:1",
        "scoped/new-scope",
        "scoped/nothing-held",
        "scoped/nolockdep",
    ]
    assert [step.number for step in plan.steps] == [1, 2, 3, 4, 5, 6]
    text = after(plan)
    assert "GFP_NOFS" not in text
    assert "p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); /* reflex */" in text
    assert "p = kmalloc(8, GFP_KERNEL | __GFP_NOLOCKDEP); /* excused */" in text
    assert plan.validation is not None
    assert (plan.validation.in_scope, plan.validation.widened) == (3, 2)
    classes = [view.reasoning for view in view_plan(plan).sites]
    assert sorted(classes) == ["a", "b", "c", "e", "exact"]
    assert {one.id for one in plan.differences} == {"fs-reclaim", "nolockdep"}
    identities = [planned.site.id for planned in plan.sites]
    assert len(set(identities)) == len(identities)


def test_scoped_leaves_what_only_lockdep_objects_to_and_says_why() -> None:
    plan = hazard_plan(EXCUSED)
    assert not plan.steps
    decision = only(plan).decision
    assert isinstance(decision, Kept)
    assert "unreferenced toys alone [Documentation/toy.rst]" in decision.reason
    assert view_plan(plan).sites[0].reasoning == "b"


def test_messages_state_both_sides_and_what_else_changes() -> None:
    plan = hazard_plan(LOCKED)
    scope, masks = render_series(plan, GENERATOR).commits
    assert scope.subject == "toy: place f() under NOFS allocation context"
    body = " ".join(scope.body.split())
    assert "mutex_lock() in f() takes it at fs/toy/toy.c:3" in body
    assert "the allocation follows at fs/toy/toy.c:4" in body
    assert "mutex_lock() blocks at fs/toy/toy.c:97" in body
    assert "toy_scan@96 > toy_drop@97" in body
    assert "2 allocations without GFP_NOFS (fs/toy/toy.c:70 and fs/toy/toy.c:71)" in body
    assert "- fs/toy/toy.c:80" in scope.body
    assert "Considered instead: fs/toy/toy.c:99: the whole of toy_create() (cost 9)" in body
    assert "- fs/toy/toy.c:4 kmalloc()" in scope.body
    assert masks.subject == "toy: use GFP_KERNEL inside of the new nofs scopes"
    assert "By the scope in f():\n\n- fs/toy/toy.c:4 f()\n" in masks.body


def test_messages_of_masks_without_scopes_state_what_they_rest_on() -> None:
    plan = hazard_plan(REFLEX + EXCUSED, Choice(excused=True))
    reflex, excused = (" ".join(c.body.split()) for c in render_series(plan, GENERATOR).commits)
    assert "fs/toy/toy.c:3: what decides: - fs/toy/toy.c:3 g()" in reflex
    assert "Reclaim may enter the filesystem from there now" in reflex
    assert "reclaim takes toy.lock of unreferenced toys alone [Documentation/toy.rst]" in reflex
    assert "GFP_KERNEL | __GFP_NOLOCKDEP" in excused
    assert "Reclaim takes toy.lock: - toy.lock: mutex_lock() blocks at fs/toy/toy.c:97" in excused
    assert "It is held at - fs/toy/toy.c:8 h(): toy.lock taken at fs/toy/toy.c:7" in excused
    assert "[Documentation/toy.rst]" in excused


@pytest.mark.parametrize("excused", [False, True])
def test_the_cover_letter_says_what_the_recipe_does(excused: bool) -> None:
    plan = hazard_plan(LOCKED + EXCUSED, Choice(excused=excused))
    letter = render_cover(plan, GENERATOR, (), ())
    assert letter.subject == "toy: place scopes instead of GFP_NOFS"
    assert ("__GFP_NOLOCKDEP, with the" in " ".join(letter.body.split())) is excused
    assert "(class d): walk inside of an empty transaction" in " ".join(letter.body.split())


STAYS = [
    pytest.param(
        function("p = kmalloc(8, GFP_NOFS); /* hazard */"),
        r"toy.lock is held at fs/toy/toy.c:3 .*no scope is placed: no natural anchor",
        "c",
        id="no-anchor",
    ),
    pytest.param(
        function("p = kmalloc(8, GFP_NOFS); /* lost */"),
        r"is not known: fs/toy/toy.c:3: what \(\*p\)\(\) takes",
        "exact",
        id="something-is-missing",
    ),
    pytest.param(
        function("gfp_t m = GFP_NOFS;\np = kmalloc(8, m); /* reflex */\nq = kzalloc(8, m);"),
        r"toy.c:5: .*no proof is known for kzalloc\(\)",
        "exact",
        id="a-variable-with-an-unknown-use",
    ),
    pytest.param(
        function("#ifdef A\np = kmalloc(8, GFP_NOFS); /* reflex */\n#endif").replace("\t#", "#"),
        "under an #if",
        "exact",
        id="under-if",
    ),
    pytest.param(
        "static void *own(int n, gfp_t m)\n{\n\tif (m & __GFP_FS)\n\t\treturn 0;\n"
        "\treturn kmalloc(n, m);\n}\n\n" + function("p = own(8, GFP_NOFS); /* reflex */"),
        "looks at the mask",
        "e",
        id="a-function-that-looks-at-it",
    ),
]


@pytest.mark.parametrize(("text", "reason", "site_class"), STAYS)
def test_what_has_no_answer_stays_with_a_reason(text: str, reason: str, site_class: str) -> None:
    plan = hazard_plan(text, Choice(excused=True))
    assert not plan.steps
    decision = only(plan).decision
    assert isinstance(decision, Refused)
    assert decision.reason.startswith(f"{PATH}:")
    assert re.search(reason, decision.reason), decision.reason
    assert view_plan(plan).sites[0].reasoning == site_class


def test_stored_masks_are_kept() -> None:
    plan = hazard_plan(function("INIT_RADIX_TREE(&p->tree, GFP_NOFS); /* stores */"))
    assert not plan.steps
    assert isinstance(only(plan).decision, Kept)


def test_a_scope_that_cannot_be_written_is_explained() -> None:
    plan = hazard_plan("\n" + LOCKED, editor=ToyEditor(frozenset({"f"})))
    assert not plan.steps
    decision = only(plan).decision
    assert isinstance(decision, Refused)
    assert "the scope in f() (fs/toy/toy.c:4) is not placed: fs/toy/toy.c:2: the lock is" in (
        decision.reason
    )
    assert any("no scope in f(): fs/toy/toy.c:2: the lock" in note for note in plan.notes)


def test_a_scope_that_no_mask_follows_from_is_dropped_and_the_others_stay() -> None:
    other = LOCKED.replace("f(struct", "g(struct").replace("GFP_NOFS", "given ? GFP_NOFS : f()")
    text = other.replace("kmalloc(8,", "own(8,") + LOCKED
    looks = "static void *own(int n, gfp_t m)\n{\n\treturn m & __GFP_FS ? 0 : kmalloc(n, m);\n}\n\n"
    plan = hazard_plan(looks + text)
    assert ids(plan) == ["scoped/scope:1", "scoped/new-scope"]
    assert after(plan).count("memalloc_nofs_save") == 1
    assert any("no scope in g(): no mask could be changed by it" in note for note in plan.notes)
    assert [type(planned.decision) for planned in plan.sites] == [Refused, Converted]


def test_a_scope_that_does_not_reach_the_site_changes_nothing() -> None:
    plan = hazard_plan(LOCKED, editor=ToyEditor(useless=True))
    assert not plan.steps
    decision = only(plan).decision
    assert isinstance(decision, Refused)
    assert "is not placed: no mask could be changed by it" in decision.reason


def test_a_site_covered_where_it_is_dangerous_says_that_reclaim_may_enter_elsewhere() -> None:
    plan = hazard_plan(LOCKED.replace("hazard", "partly"))
    decision = only(plan).decision
    assert isinstance(decision, Converted)
    assert (decision.site_class, decision.differences) == ("c", ("fs-reclaim",))
    assert plan.validation is not None
    assert plan.validation.widened == 1
    body = " ".join(render_series(plan, GENERATOR).commits[-1].body.split())
    assert "It is reached without a scope, too" in body


def test_a_variable_changes_if_all_of_its_uses_allow_it() -> None:
    body = (
        "gfp_t m = GFP_NOFS;\np = kmalloc(8, m); /* proven */\nlock(p);\n"
        "p = kmalloc(8, m); /* hazard */\nunlock(p);\np = kmalloc(8, m); /* reflex */"
    )
    plan = hazard_plan(function(body))
    assert ids(plan) == ["scoped/scope:1", "scoped/nothing-held"]
    assert "gfp_t m = GFP_KERNEL;" in after(plan)


def test_a_variable_whose_uses_need_different_masks_stays() -> None:
    body = "gfp_t m = GFP_NOFS;\np = kmalloc(8, m); /* excused */\np = kmalloc(8, m); /* reflex */"
    plan = hazard_plan(function(body), Choice(excused=True))
    assert not plan.steps
    decision = only(plan).decision
    assert isinstance(decision, Refused)
    assert "would need GFP_KERNEL | __GFP_NOLOCKDEP and GFP_KERNEL" in decision.reason


NO_LOCKDEP = [
    pytest.param("GFP_NOFS | __GFP_ZERO", "GFP_KERNEL | __GFP_NOLOCKDEP | __GFP_ZERO", id="or"),
    pytest.param("GFP_NOFS | __GFP_NOLOCKDEP", "GFP_KERNEL | __GFP_NOLOCKDEP", id="there"),
    pytest.param(
        "GFP_NOFS & ~__GFP_DIRECT_RECLAIM",
        "(GFP_KERNEL | __GFP_NOLOCKDEP) & ~__GFP_DIRECT_RECLAIM",
        id="and-not",
    ),
    pytest.param("given ? GFP_NOFS : GFP_NOFS", "GFP_KERNEL | __GFP_NOLOCKDEP", id="choice"),
]


@pytest.mark.parametrize(("before", "expected"), NO_LOCKDEP)
def test_nolockdep_in_every_mask(before: str, expected: str) -> None:
    plan = hazard_plan(EXCUSED.replace("GFP_NOFS", before), Choice(excused=True))
    assert f"p = kmalloc(8, {expected}); /* excused */" in " ".join(after(plan).split())


def test_a_second_run_changes_nothing() -> None:
    left = function("p = kmalloc(8, GFP_NOFS); /* hazard */", "m")
    text = LOCKED + REFLEX + EXCUSED + left
    plan = hazard_plan(text, Choice(excused=True))
    assert len(plan.steps) == 4
    assert not again(text, plan, choice=Choice(excused=True)).steps


def test_every_place_is_accounted_for() -> None:
    left = function("p = kmalloc(8, GFP_NOFS); /* hazard */\np->mask = GFP_NOFS;", "m")
    plan = hazard_plan(LOCKED + REFLEX + EXCUSED + left)
    counts = plan.counts()
    assert (counts.found, counts.converted, counts.kept, counts.refused) == (5, 2, 2, 1)
    assert '"widened": 1' in report_json(plan, "0.1.0")


def test_lines_are_those_of_the_tree_as_given() -> None:
    """The scope of f() adds lines above; g() and what is said of it did not move."""
    more = function("lock(p);\np = kmalloc(8, GFP_NOFS); /* partly */\nunlock(p);", "g")
    plan = hazard_plan(LOCKED + more)
    line = (LOCKED + more)[: (LOCKED + more).index("/* partly */")].count("\n") + 1
    site = plan.sites[-1]
    assert site.site.line == line
    assert isinstance(site.decision, Converted)
    assert f"memalloc_nofs_save() at {PATH}:{line})" in site.decision.reason
    assert f"{PATH}:{line}: what decides" in site.decision.reason


def test_a_mask_that_would_lose_more_stops_the_run() -> None:
    """A mask is judged by the tree's own gfp headers, not by its name."""
    text = REFLEX.replace("GFP_NOFS | __GFP_NOFAIL", "GFP_NOFS ^ __GFP_FS")
    with pytest.raises(InternalCheckError, match="__GFP_FS"):
        hazard_plan(text)


def test_the_edited_tree_is_analysed_once_for_each_set_of_scopes() -> None:
    seen: list[int] = []

    def counted(tree: object) -> object:
        report = analyse(tree)  # type: ignore[arg-type]
        seen.append(len(report.sites))
        return report

    hazard_plan(REFLEX, analysed=counted)  # type: ignore[arg-type]
    assert seen == []
    hazard_plan(LOCKED, analysed=counted)  # type: ignore[arg-type]
    assert len(seen) == 1
