"""The stage as a whole, on a small filesystem: what fails no more, the scopes, the annotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from convert.choices import Options
from convert.nofail.stage import with_nofail_scopes
from convert.plan import Plan, PlannedSite
from convert.rules.model import Converted, Kept, Refused
from convert.semantics.scopes import scope_table
from convert.source.dialect import load_dialect
from convert.tree.overlay import OverlayTree
from tests.nofail.test_twins import HEADER
from tests.nofail.trees import kernel
from tests.rules.scoped.fakes import empty_plan
from tests.semantics.trees import MemoryTree

PATH = "fs/toy/toy.c"
TYPES = """\
typedef unsigned int gfp_t;
typedef unsigned long size_t;
typedef _Bool bool;
#define NULL ((void *)0)
"""
START = """\
#include "trans.h"

struct small { long one; long two; };
struct large { char bytes[100000]; };

static struct kmem_cache *toy_cache;

int toy_init(void)
{
	toy_cache = kmem_cache_create("toy", sizeof(struct small), 0, 0, NULL);
	return 0;
}

static void work(struct small *s)
{
@
}

static int toy_create(struct trans *tp, struct small *s)
{
	set_context(tp);
	work(s);
	clear_context(tp);
	return 0;
}

const struct inode_operations toy_ops = {
	.create = toy_create,
};
"""
OUTSIDE = """
void toy_outside(struct small *s)
{
	work(s);
}
EXPORT_SYMBOL(toy_outside);
"""


def tree_of(body: str, more: str = "", header: str = HEADER) -> MemoryTree:
    text = START.replace("@", "\n".join(f"\t{line}" for line in body.split("\n"))) + more
    files: dict[str, str | None] = {
        PATH: text,
        "fs/toy/trans.h": header,
        "include/linux/types.h": TYPES,
    }
    return kernel(files)


def planned(tree: MemoryTree, options: Options) -> Plan:
    dialect: Callable[[], object] = cache(lambda: load_dialect(tree, ("fs", "mm")))
    return with_nofail_scopes(empty_plan(tree), tree, options, dialect, lambda _: None)  # type: ignore[arg-type]


CONVERT = Options(nofail_scopes="convert")


def run(body: str, more: str = "", options: Options = CONVERT) -> tuple[str, list[PlannedSite]]:
    """The text of the function afterwards, and the decisions about masks."""
    plan = planned(tree_of(body, more), options)
    text = plan.snapshot(len(plan.steps)).get(PATH)
    after = text if text is not None else START.replace("@", f"\t{body}")
    sites = [s for s in plan.sites if s.site.file == PATH]
    return after, sites


def told(site: PlannedSite) -> str:
    assert not isinstance(site.decision, Converted)
    return site.decision.reason


SMALL = "s = kmalloc(sizeof(*s), GFP_KERNEL | __GFP_NOFAIL);"


@pytest.mark.parametrize(
    ("body", "after"),
    [
        pytest.param(SMALL, "s = kmalloc(sizeof(*s), GFP_KERNEL);", id="kmalloc"),
        pytest.param(
            "s = kzalloc(sizeof(*s), GFP_NOFS | __GFP_NOFAIL);",
            "s = kzalloc(sizeof(*s), GFP_NOFS);",
            id="nofs-is-another-scopes",
        ),
        pytest.param(
            "s = kmalloc(sizeof(*s), __GFP_NOFAIL | GFP_KERNEL);",
            "s = kmalloc(sizeof(*s), GFP_KERNEL);",
            id="first-in-the-mask",
        ),
        pytest.param(
            "s = kvmalloc(sizeof(struct large), GFP_KERNEL | __GFP_NOFAIL);",
            "s = kvmalloc(sizeof(struct large), GFP_KERNEL);",
            id="kvmalloc-of-any-size",
        ),
        pytest.param(
            "s = kmem_cache_zalloc(toy_cache, GFP_KERNEL | __GFP_NOFAIL);",
            "s = kmem_cache_zalloc(toy_cache, GFP_KERNEL);",
            id="slab-cache-of-small-objects",
        ),
    ],
)
def test_redundant_annotations_go(body: str, after: str) -> None:
    text, sites = run(body)
    assert f"\t{after}\n" in text
    assert [type(s.decision) for s in sites] == [Converted]


@pytest.mark.parametrize(
    ("body", "more", "why"),
    [
        pytest.param(SMALL, OUTSIDE, "some of the paths only", id="reached-without-the-scope"),
        pytest.param(
            "s = kmalloc(sizeof(struct large), GFP_KERNEL | __GFP_NOFAIL);",
            "",
            "stays in the scope: 100000 bytes",
            id="larger-than-two-pages",
        ),
        pytest.param(
            "s = kmalloc(s->one, GFP_KERNEL | __GFP_NOFAIL);",
            "",
            "size known only at run time",
            id="size-at-run-time",
        ),
        pytest.param(
            "s = kmem_cache_alloc(other_cache, GFP_KERNEL | __GFP_NOFAIL);",
            "",
            "no creation of the slab cache other_cache was found",
            id="unknown-cache",
        ),
        pytest.param(
            "s = toy_get(3, GFP_KERNEL | __GFP_NOFAIL);",
            "",
            "how much toy_get() asks for is not known",
            id="unknown-allocator",
        ),
        pytest.param(
            "gfp_t mask = GFP_KERNEL | __GFP_NOFAIL;\ns = kmalloc(8, mask);",
            "",
            "mask holds it, which is not followed",
            id="variable",
        ),
        pytest.param(
            "s = kmalloc(8, GFP_NOWAIT | __GFP_NOFAIL);",
            "",
            "inside of the nofail scope",
            id="a-mask-that-cannot-block",
        ),
        pytest.param(
            "s = kmalloc(8, GFP_KERNEL | __GFP_NORETRY | __GFP_NOFAIL);",
            "",
            "inside of the nofail scope",
            id="a-mask-that-opts-out",
        ),
    ],
)
def test_annotations_that_stay(body: str, more: str, why: str) -> None:
    text, sites = run(body, more)
    kept = [s for s in sites if s.decision.rule == "nofail-in-scope"]
    assert [why in told(site) for site in kept] == [True], [told(s) for s in kept]
    assert body.split("\n")[-1] in text


CHECKED = "s = kmalloc(sizeof(*s), GFP_KERNEL);\nif (!s)\n\treturn;"


@pytest.mark.parametrize("more", [pytest.param("", id="always"), pytest.param(OUTSIDE, id="some")])
def test_allocations_that_are_checked_keep_failing(more: str) -> None:
    text, sites = run(CHECKED, more)
    assert "\ts = kmalloc(sizeof(*s), GFP_KERNEL | __GFP_RETRY_MAYFAIL);\n" in text
    (site,) = sites
    assert isinstance(site.decision, Converted)
    assert site.decision.differences == ("nofail-keeps-failing",)


@pytest.mark.parametrize(
    ("body", "failing", "why"),
    [
        pytest.param(CHECKED, "accept", "(accepted, by option)", id="by-option"),
        pytest.param(
            "s = kmalloc(8, GFP_KERNEL);\ns->one = 1;", "keep", "no error path", id="not-checked"
        ),
        pytest.param(
            "s = vmalloc_it(8, GFP_KERNEL);", "keep", "a function outside", id="function-outside"
        ),
        pytest.param("s = vmalloc(8);", "keep", "it passes its mask itself", id="vmalloc"),
        pytest.param(
            "s = kmalloc(8, (gfp_t)s->one);", "keep", "its mask is not known", id="unknown-mask"
        ),
        pytest.param(
            "s = kmalloc(sizeof(struct large), GFP_KERNEL);",
            "keep",
            "beyond what the scope covers",
            id="too-large-for-the-scope",
        ),
    ],
)
def test_what_fails_no_more_is_told(body: str, failing: str, why: str) -> None:
    text, sites = run(body, options=replace(CONVERT, nofail_failing=failing))
    assert [type(s.decision) for s in sites] == [Kept]
    assert why in told(sites[0])
    assert "RETRY_MAYFAIL" not in text


@pytest.mark.parametrize(
    "mask",
    [
        pytest.param("GFP_KERNEL | __GFP_RETRY_MAYFAIL", id="mayfail"),
        pytest.param("GFP_KERNEL | __GFP_NORETRY", id="noretry"),
        pytest.param("GFP_ATOMIC", id="atomic"),
        pytest.param("GFP_NOWAIT", id="nowait"),
    ],
)
def test_masks_that_the_scope_leaves_alone_are_no_sites(mask: str) -> None:
    assert run(f"s = kmalloc(8, {mask});")[1] == []


def test_the_steps_stand_in_an_order_that_bisects() -> None:
    plan = planned(tree_of(f"{CHECKED}\n{SMALL}"), CONVERT)
    assert [step.id for step in plan.steps][6:] == [
        "nofail/mayfail", "nofail/open", "nofail/redundant",
    ]  # fmt: skip
    assert [step.number for step in plan.steps] == list(range(1, 10))
    assert plan.rfc
    before = plan.snapshot(7)
    assert "t_nofail" not in (before.get("fs/toy/trans.h") or "")
    assert "__GFP_RETRY_MAYFAIL" in (before[PATH] or "")


def test_open_leaves_the_annotations() -> None:
    text, sites = run(f"{CHECKED}\n{SMALL}", options=Options(nofail_scopes="open"))
    assert SMALL in text
    assert sum(isinstance(s.decision, Kept) for s in sites) == 1


def test_only_the_api() -> None:
    plan = planned(tree_of(SMALL), Options(nofail_scopes="api"))
    assert len(plan.steps) == 6
    assert all(step.id.startswith("nofail/") for step in plan.steps)
    assert plan.sites == ()


def test_nothing_is_opened_for_a_cookie_that_is_not_understood() -> None:
    tree = tree_of(SMALL, header=HEADER.replace("old->t_pflags = 0", "old->t_pflags |= 1"))
    plan = planned(tree, CONVERT)
    assert len(plan.steps) == 6
    assert all(isinstance(s.decision, Refused) for s in plan.sites)
    assert any("is neither saved" in told(s) for s in plan.sites)


def test_the_note_counts_annotations() -> None:
    plan = planned(tree_of(f"{SMALL}\ns = kmalloc(s->one, GFP_KERNEL | __GFP_NOFAIL);"), CONVERT)
    assert any("__GFP_NOFAIL annotations: 2 with flags, 1 with scopes" in n for n in plan.notes)


def test_the_scopes_of_the_result_can_be_run() -> None:
    tree = tree_of(SMALL)
    plan = planned(tree, CONVERT)
    texts = plan.snapshot(len(plan.steps))
    data = {p: None if t is None else t.encode() for p, t in texts.items()}
    table = scope_table(OverlayTree(tree, data))
    assert table.scopes["nofail"].change is not None
