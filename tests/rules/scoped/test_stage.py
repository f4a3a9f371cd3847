"""Masks are dropped exactly where a proof covers them."""

from __future__ import annotations

import re

import pytest

from convert.errors import InternalCheckError
from convert.plan import Plan
from convert.rules.model import Converted, Kept, Refused
from convert.rules.scoped.proven import with_proven_masks
from convert.rules.scoped.stage import Ground
from convert.series.messages import render_series
from convert.series.model import Generator
from tests.rules.scoped.fakes import (
    PATH,
    dialect,
    empty_plan,
    scopes,
    stated_proofs,
    toy_tree,
)

GENERATOR = Generator("kmem-convert", "0.1.0", "kmem-convert series")


def planned(text: str) -> Plan:
    files = {PATH: text}
    tree = toy_tree(files)
    return with_proven_masks(
        Ground(empty_plan(tree), tree, stated_proofs(files), scopes(), dialect)
    )


def function(body: str, head: str = "void f(struct s *p, gfp_t given)") -> str:
    lines = "".join(f"\t{line}\n" for line in body.split("\n"))
    return f"{head}\n{{\n{lines}}}\n"


def after(plan: Plan) -> str:
    text = plan.snapshot(len(plan.steps)).get(PATH, "")
    assert text is not None
    return text


CONVERTED = [
    pytest.param(
        "p = kmalloc(8, GFP_NOFS); /* proven */",
        "p = kmalloc(8, GFP_KERNEL); /* proven */",
        id="plain",
    ),
    pytest.param(
        "p = kmalloc(8, GFP_NOFS | __GFP_NOFAIL); /* proven */",
        "p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); /* proven */",
        id="or",
    ),
    pytest.param(
        "p = kmalloc(8, GFP_NOFS & ~__GFP_DIRECT_RECLAIM); /* proven */",
        "p = kmalloc(8, GFP_KERNEL & ~__GFP_DIRECT_RECLAIM); /* proven */",
        id="and-not",
    ),
    pytest.param(
        "p = kmalloc(8, given | GFP_NOFS); /* proven */",
        "p = kmalloc(8, given | GFP_KERNEL); /* proven */",
        id="with-a-parameter",
    ),
    pytest.param(
        "p = kmalloc(8, p->flags | GFP_NOFS); /* proven */",
        "p = kmalloc(8, p->flags | GFP_KERNEL); /* proven */",
        id="with-a-member",
    ),
    pytest.param(
        "p = kmalloc(8, p->a ? GFP_NOFS : GFP_ATOMIC); /* proven */",
        "p = kmalloc(8, p->a ? GFP_KERNEL : GFP_ATOMIC); /* proven */",
        id="choice",
    ),
    pytest.param(
        "p = kmalloc(8, p->a ? GFP_NOFS : GFP_KERNEL); /* proven */",
        "p = kmalloc(8, GFP_KERNEL); /* proven */",
        id="choice-of-equals",
    ),
    pytest.param(
        "p = kmalloc(8, (p->a ? GFP_NOFS : GFP_KERNEL) | __GFP_NOFAIL); /* proven */",
        "p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL); /* proven */",
        id="choice-in-parentheses",
    ),
    pytest.param(
        "if (!kmalloc(8, GFP_NOFS)) /* proven */\n\treturn;",
        "if (!kmalloc(8, GFP_KERNEL)) /* proven */\n\t\treturn;",
        id="in-a-condition",
    ),
    pytest.param(
        "gfp_t m = GFP_NOFS;\nm |= __GFP_NOWARN;\np = kmalloc(8, m); /* proven */",
        "gfp_t m = GFP_KERNEL;\n\tm |= __GFP_NOWARN;\n\tp = kmalloc(8, m); /* proven */",
        id="variable",
    ),
    pytest.param(
        "gfp_t m;\nm = GFP_NOFS;\np = kmalloc(8, m); /* proven */\np = kzalloc(8, m); /* proven */",
        "gfp_t m;\n\tm = GFP_KERNEL;\n\tp = kmalloc(8, m); /* proven */"
        "\n\tp = kzalloc(8, m); /* proven */",
        id="variable-of-two-calls",
    ),
    pytest.param(
        "p = kmalloc(sizeof(*p) * p->number_of_entries + sizeof(struct head_of_it), GFP_NOFS);"
        " /* proven */",
        "p = kmalloc(sizeof(*p) * p->number_of_entries + sizeof(struct head_of_it),\n"
        "\t\t\tGFP_KERNEL); /* proven */",
        id="wide-already",
    ),
]


@pytest.mark.parametrize(("before", "expected"), CONVERTED)
def test_a_proven_mask_is_dropped(before: str, expected: str) -> None:
    plan = planned(function(before))
    assert after(plan) == function(expected.replace("\n\t", "\n"))
    assert [step.id for step in plan.steps] == ["proven/in-scope"]
    assert all(isinstance(site.decision, Converted) for site in plan.sites)
    assert plan.validation is not None
    assert plan.validation.in_scope == len(plan.sites)


def test_messages_name_each_place_once_below_what_opens_the_scope_for_it() -> None:
    body = (
        "p = kmalloc(8, GFP_NOFS); /* proven */\n"
        "p = kzalloc(8, GFP_NOFS); /* proven */\n"
        "p = kmalloc(8, GFP_NOFS | GFP_KERNEL); /* mixed */"
    )
    plan = planned(function(body))
    idle, in_scope = (commit.message for commit in render_series(plan, GENERATOR).commits)
    assert idle.count("- fs/toy/toy.c:5 f()\n") == 1
    assert in_scope.count("Opened by") == 1
    assert "for\n\n- fs/toy/toy.c:3 f()\n- fs/toy/toy.c:4 f()\n\nThat" in in_scope


REFUSED = [
    pytest.param("p = kmalloc(8, GFP_NOFS); /* mixed */", "toy_scan@95 > f@3", id="mixed"),
    pytest.param("p = kmalloc(8, GFP_NOFS); /* unscoped */", "no path has", id="unscoped"),
    pytest.param("p = kmalloc(8, GFP_NOFS); /* unknown */", "not known: .*a reason", id="unknown"),
    pytest.param("p = kmalloc(8, GFP_NOFS); /* dead */", "no root reaches it", id="dead"),
    pytest.param("p = other(8, GFP_NOFS);", r"no proof is known for other\(\)", id="no-proof"),
    pytest.param("p->f(GFP_NOFS);", "through a pointer", id="no-name"),
    pytest.param("if (given == GFP_NOFS)\n\treturn;", "operand of `==`", id="compared"),
    pytest.param("if (GFP_NOFS ? 1 : 2)\n\treturn;", "condition", id="decides"),
    pytest.param(
        "gfp_t m = GFP_NOFS;\np = kmalloc(8, m); /* proven */\np = kzalloc(8, m); /* mixed */",
        "toy.c:5: .* some paths only",
        id="variable-with-another-use",
    ),
    pytest.param(
        "gfp_t m = GFP_NOFS;\np = kmalloc(8, m); /* proven */\np->kept = m;",
        "toy.c:5: .*stored in an object",
        id="variable-that-is-stored",
    ),
    pytest.param(
        "gfp_t m = GFP_NOFS;\np = kmalloc(8, m); /* proven */\nset(&m);",
        "toy.c:5: .*not understood",
        id="variable-by-address",
    ),
    pytest.param(
        "gfp_t m = GFP_NOFS;\np = kmalloc(8, m); /* proven */\nif (m & __GFP_FS)\n\treturn;",
        "toy.c:5: ",
        id="variable-that-is-tested",
    ),
    pytest.param("gfp_t m = GFP_NOFS;", "given to no call", id="variable-without-use"),
    pytest.param(
        "p = kmalloc(8, g() ? GFP_NOFS : GFP_KERNEL); /* proven */",
        "cannot be dropped: it calls",
        id="choice-by-a-call",
    ),
    pytest.param(
        "#ifdef A\np = kmalloc(8, GFP_NOFS); /* proven */\n#endif", "under an #if", id="under-if"
    ),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED)
def test_what_is_not_proven_stays_with_a_reason(body: str, reason: str) -> None:
    text = function(body).replace("\t#", "#")
    plan = planned(text)
    assert not plan.steps
    (site,) = plan.sites
    assert isinstance(site.decision, Refused)
    assert not site.decision.blocks_removal
    assert site.decision.reason.startswith(f"{PATH}:")
    assert re.search(reason, site.decision.reason), site.decision.reason


KEPT = [
    pytest.param(function("p->mask = GFP_NOFS;"), "stored in an object", id="member"),
    pytest.param(
        function("INIT_RADIX_TREE(&p->tree, GFP_NOFS); /* stores */"), "stores the mask", id="tree"
    ),
    pytest.param(function("static gfp_t m = GFP_NOFS;"), "automatic", id="static"),
    pytest.param("static const gfp_t m = GFP_NOFS;\n", "outside of functions", id="global"),
    pytest.param(function("struct s t = { .mask = GFP_NOFS };"), "initialiser", id="initialiser"),
]


@pytest.mark.parametrize(("text", "reason"), KEPT)
def test_stored_masks_are_kept(text: str, reason: str) -> None:
    plan = planned(text)
    assert not plan.steps
    (site,) = plan.sites
    assert isinstance(site.decision, Kept)
    assert reason in site.decision.reason


MACROS = [
    pytest.param("#define M GFP_NOFS\n", id="mask"),
    pytest.param("#define A(n) kmalloc(n, GFP_NOFS) /* proven */\n", id="call"),
    pytest.param("#if GFP_NOFS\n#endif\n", id="condition"),
]


@pytest.mark.parametrize("text", MACROS)
def test_masks_in_macros_are_refused(text: str) -> None:
    plan = planned(text)
    assert not plan.steps
    (site,) = plan.sites
    assert isinstance(site.decision, Refused)


IDLE = [
    pytest.param("GFP_KERNEL | GFP_NOFS", "GFP_KERNEL", id="behind"),
    pytest.param("GFP_NOFS | GFP_KERNEL", "GFP_KERNEL", id="before"),
    pytest.param("GFP_KERNEL | GFP_NOFS | __GFP_NOFAIL", "GFP_KERNEL | __GFP_NOFAIL", id="between"),
]


@pytest.mark.parametrize(("before", "expected"), IDLE)
@pytest.mark.parametrize("verdict", ["proven", "unscoped"])
def test_an_idle_name_goes_in_a_step_of_its_own(before: str, expected: str, verdict: str) -> None:
    body = "p = kmalloc(8, MASK); /* VERDICT */".replace("VERDICT", verdict)
    plan = planned(function(body.replace("MASK", before)))
    assert after(plan) == function(body.replace("MASK", expected))
    assert [step.id for step in plan.steps] == ["proven/idle-masks"]


def test_an_idle_name_behind_a_comment_stays() -> None:
    plan = planned(function("p = kmalloc(8, GFP_KERNEL | /* why */ GFP_NOFS); /* proven */"))
    assert not plan.steps
    assert isinstance(plan.sites[0].decision, Refused)


def test_every_place_is_accounted_for() -> None:
    text = function(
        "p = kmalloc(8, GFP_NOFS); /* proven */\np = kzalloc(8, GFP_NOFS); /* mixed */\n"
        "p->mask = GFP_NOFS;\nx = GFP_NOFS + 1;\n/* GFP_NOFS in a comment */"
    )
    plan = planned(text)
    assert (plan.functions_found, plan.functions_parsed) == (1, 1)
    counts = plan.counts()
    assert (counts.found, counts.converted, counts.kept, counts.refused) == (4, 1, 1, 2)


def test_a_second_run_finds_nothing() -> None:
    text = function("p = kmalloc(8, GFP_NOFS); /* proven */")
    again = planned(after(planned(text)))
    assert not again.steps
    assert not again.sites


def test_a_proof_in_a_scope_that_allows_more_stops_the_run() -> None:
    """The masks are compared by execution, so a wrong table of names cannot slip through."""
    files = {PATH: function("p = kmalloc(8, GFP_NOFS); /* proven */")}
    tree = toy_tree(files)
    proofs = stated_proofs(files)
    table = scopes()
    pin = table.scopes["pin"]
    wrong = type(table)(
        {**table.scopes, "nofs": pin}, table.refused, table.context, table.reclaim, table.executor
    )
    with pytest.raises(InternalCheckError, match="inside of the nofs scope"):
        with_proven_masks(Ground(empty_plan(tree), tree, proofs, wrong, dialect))


def test_what_cannot_be_parsed_is_said() -> None:
    plan = planned(function("p = kmalloc(8, GFP_NOFS); /* proven */\n@ @;"))
    assert not plan.steps
    assert isinstance(plan.sites[0].decision, Refused)
    assert (plan.functions_found, plan.functions_parsed, len(plan.refusals)) == (1, 0, 1)


def test_a_file_that_cannot_be_read_is_said() -> None:
    plan = planned("/* GFP_NOFS")
    assert plan.sites == ()
    assert plan.refusals[0].file == PATH


HANDS_ON = [
    pytest.param(
        "static void *own(int n, gfp_t m)\n{\n\treturn kmalloc(n, m);\n}\n", id="hands-on"
    ),
    pytest.param(
        "static void *own(int n, gfp_t m)\n{\n\tgfp_t k = m | __GFP_NOWARN;\n\n"
        "\tm |= __GFP_ZERO;\n\treturn n ? own(n - 1, k) : kmalloc(n, m);\n}\n",
        id="through-a-variable-and-itself",
    ),
    pytest.param("#define own(n, m) kmalloc(n, (m) | __GFP_ZERO)\n", id="macro"),
]
LOOKS = [
    pytest.param(
        "static void *own(int n, gfp_t m)\n{\n\tif (m & __GFP_FS)\n\t\treturn 0;\n"
        "\treturn kmalloc(n, m);\n}\n",
        r"toy.c:3: own\(\) looks at the mask",
        id="tests-a-bit",
    ),
    pytest.param(
        "static void *in(gfp_t k)\n{\n\treturn k == GFP_KERNEL ? 0 : p;\n}\n"
        "static void *own(int n, gfp_t m)\n{\n\treturn in(m);\n}\n",
        r"in\(\) looks at the mask: it is an operand of `==`",
        id="one-call-further",
    ),
    pytest.param(
        "static void *own(int n, gfp_t m)\n{\n\tp->mask = m;\n\treturn kmalloc(n, m);\n}\n",
        "it is stored in an object",
        id="stores-it",
    ),
    pytest.param(
        "static void *own(int n, ...)\n{\n\treturn kmalloc(n, 0);\n}\n",
        "is not known",
        id="no-such-parameter",
    ),
]
USE = function("p = own(8, GFP_NOFS); /* proven */")


@pytest.mark.parametrize("own", HANDS_ON)
def test_a_function_that_hands_the_mask_on_is_no_obstacle(own: str) -> None:
    assert after(planned(own + USE)).endswith(USE.replace("NOFS", "KERNEL"))


@pytest.mark.parametrize(("own", "reason"), LOOKS)
def test_a_function_that_looks_at_the_mask_keeps_it(own: str, reason: str) -> None:
    plan = planned(own + USE)
    assert not plan.steps
    (site,) = plan.sites
    assert isinstance(site.decision, Refused)
    assert re.search(reason, site.decision.reason), site.decision.reason
