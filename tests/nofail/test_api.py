"""The patches of the nofail API: what they write, and what they refuse."""

from __future__ import annotations

import pytest

from convert.errors import InputError
from convert.nofail.api import nofail_api, texts_after
from convert.semantics.cint import UINT, exact
from convert.semantics.scopes import Cookie, MaskChange, scope_table
from convert.tree.overlay import OverlayTree
from tests.nofail.trees import (
    BLOCK,
    CONTEXT,
    DIALECT,
    FAILSLAB,
    KCONFIG,
    NEWLY_SET,
    OLD_VALUE,
    PAGE_ALLOC,
    SCHED,
    VMALLOC,
    kernel,
)
from tests.semantics.trees import MemoryTree

HEADER = "include/linux/sched/mm.h"


def patched(tree: MemoryTree) -> dict[str, str]:
    api = nofail_api(tree, DIALECT)
    return {p: data.decode() for p, data in texts_after(api, len(api.patches)).items()}


def after(tree: MemoryTree, number: int = 6) -> OverlayTree:
    return OverlayTree(tree, texts_after(nofail_api(tree, DIALECT), number))


@pytest.mark.parametrize(
    ("style", "cookie"),
    [
        pytest.param(OLD_VALUE, Cookie.OLD_VALUE, id="old-value"),
        pytest.param(NEWLY_SET, Cookie.NEWLY_SET, id="newly-set-bits"),
    ],
)
@pytest.mark.parametrize("number", [pytest.param(1, id="first-patch"), pytest.param(6, id="all")])
def test_the_scope_does_what_it_should_when_run(style: str, cookie: Cookie, number: int) -> None:
    table = scope_table(after(kernel(style=style), number), DIALECT)
    gfp, scope = table.executor.gfp, table.scopes["nofail"]
    assert table.scopes["nofs"].cookie is scope.cookie is cookie
    assert scope.change == MaskChange(
        0,
        gfp.evaluate("__GFP_NOFAIL"),
        gfp.evaluate("__GFP_DIRECT_RECLAIM"),
        gfp.evaluate("__GFP_RETRY_MAYFAIL | __GFP_NORETRY"),
    )
    assert (scope.fs_reclaim, table.scopes["nofs"].fs_reclaim) == (None, False)


@pytest.mark.parametrize(
    ("mask", "inside"),
    [
        pytest.param("GFP_KERNEL", "GFP_KERNEL | __GFP_NOFAIL", id="kernel"),
        pytest.param("GFP_ATOMIC", "GFP_ATOMIC", id="atomic"),
        pytest.param("GFP_NOWAIT", "GFP_NOWAIT", id="nowait"),
        pytest.param("GFP_KERNEL | __GFP_NORETRY", "GFP_KERNEL | __GFP_NORETRY", id="noretry"),
    ],
)
@pytest.mark.parametrize(
    "reclaiming", [pytest.param(False, id="task"), pytest.param(True, id="reclaim")]
)
def test_masks_inside(mask: str, inside: str, reclaiming: bool) -> None:
    table = scope_table(after(kernel()), DIALECT)
    gfp, names = table.executor.gfp, ["nofail"]
    flags = table.bits(names) | (0x800 if reclaiming else 0)
    found = table.effective(exact(gfp.evaluate(mask), UINT), exact(flags, UINT))
    assert found.number == gfp.evaluate(mask if reclaiming else inside)


def test_every_patch_changes_something_and_all_apply_together() -> None:
    api = nofail_api(kernel(), DIALECT)
    assert [patch.id for patch in api.patches] == [
        "api", "order", "readers", "boundary", "documentation", "kunit",
    ]  # fmt: skip
    for number in range(1, len(api.patches) + 1):
        assert texts_after(api, number) != texts_after(api, number - 1)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param(
            "include/linux/sched.h", "#define PF_MEMALLOC_NOFAIL\t0x00004000\t/*", id="hole"
        ),
        pytest.param(HEADER, " * PF_MEMALLOC_NOFAIL implies", id="comment"),
        pytest.param(
            HEADER,
            "(PF_MEMALLOC_NOIO | PF_MEMALLOC_NOFS |\n\t\t\t       PF_MEMALLOC_NOFAIL))) {",
            id="condition-broken-at-80-columns",
        ),
        pytest.param("mm/page_alloc.c", "gfp = current_gfp_context_order(gfp, order);", id="order"),
        pytest.param(
            "mm/page_alloc.c", "mask = current_gfp_context(mask);", id="reclaim-as-it-was"
        ),
        pytest.param(
            "mm/page_alloc.c", "current_gfp_context_order(gfp_mask, UINT_MAX)", id="range"
        ),
        pytest.param(
            "mm/failslab.c", "(current_gfp_context(gfpflags) & __GFP_NOFAIL)", id="failslab"
        ),
        pytest.param("mm/failslab.c", "slab.h>\n#include <linux/sched/mm.h>\n", id="include"),
        pytest.param(
            "mm/memcontrol.c",
            "(!(current_gfp_context(gfp_mask) & (__GFP_NOFAIL | __GFP_HIGH)))",
            id="memcg",
        ),
        pytest.param(
            "mm/vmalloc.c",
            "\tgfp_mask = current_gfp_context(gfp_mask);\n\n\t/* Nothing to do. */\n\tif (!size)",
            id="vmalloc-before-the-first-statement",
        ),
        pytest.param(
            "block/blk-core.c",
            "memalloc_nofail_clear();\n\n\tstart(bio);\n\tsubmit(bio);\n\n"
            "\tmemalloc_nofail_reinstate(nofail);\n}\n",
            id="boundary",
        ),
        pytest.param(
            "block/blk-core.c",
            "memalloc_nofail_clear();\n\tstruct list_head *list",
            id="boundary-with-declarations",
        ),
        pytest.param(
            "Documentation/core-api/gfp_mask-from-fs-io.rst",
            "protect.\n\nWhat about",
            id="document",
        ),
        pytest.param("mm/Makefile", "+= memalloc_nofail_kunit.o\n", id="makefile"),
        pytest.param(
            "mm/memalloc_nofail_kunit.c", "// SPDX-License-Identifier: GPL-2.0\n", id="test"
        ),
    ],
)
def test_what_is_written(path: str, text: str) -> None:
    assert text in patched(kernel())[path]


def test_a_header_that_is_included_is_not_included_again() -> None:
    assert patched(kernel())["mm/vmalloc.c"].count("#include <linux/sched/mm.h>") == 1


HOLE = "#define PF__HOLE__00004000\t0x00004000\n"


@pytest.mark.parametrize(
    ("sched", "line"),
    [
        pytest.param(
            SCHED.replace(HOLE, ""),
            "#define PF_VCPU\t\t\t0x00000001\t/* a virtual CPU */\n"
            "#define PF_MEMALLOC_NOFAIL\t0x00000002\t/*",
            id="no-hole-the-lowest-bit-that-is-free",
        ),
        pytest.param(
            SCHED.replace("0x00000004", "0xfffff7fb")
            .replace(HOLE, "")
            .replace("PF_VCPU\t\t\t0x00000001", "PF_VCPU\t\t\t0x00000003"),
            "#define PF_MEMALLOC_NOFAIL\t0x00000004\t/*",
            id="the-only-bit",
        ),
    ],
)
def test_free_bits(sched: str, line: str) -> None:
    assert line in patched(kernel({"include/linux/sched.h": sched}))["include/linux/sched.h"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param(
            {"include/linux/sched.h": SCHED.replace("0x00000004", "0xffffffff")},
            r"include/linux/sched.h:\d+: no free bit for PF_MEMALLOC_NOFAIL",
            id="no-free-bit",
        ),
        pytest.param(
            {"include/linux/sched.h": SCHED.replace("PF__HOLE__00004000", "PF_MEMALLOC_NOFAIL")},
            "include/linux/sched.h:4: PF_MEMALLOC_NOFAIL is there already",
            id="there-already",
        ),
        pytest.param(
            {"include/linux/sched.h": SCHED.replace(HOLE, f"#ifdef CONFIG_A\n{HOLE}#endif\n")},
            "include/linux/sched.h:4: #ifdef among the flags",
            id="depends-on-the-configuration",
        ),
        pytest.param(
            {"include/linux/sched.h": SCHED.replace("0x00000800", "OTHER_VALUE")},
            "include/linux/sched.h:3: PF_MEMALLOC: OTHER_VALUE is not defined",
            id="value-not-known",
        ),
        pytest.param(
            {"mm/other.c": "int f(gfp_t g)\n{\n\treturn g & __GFP_NOFAIL;\n}\n"},
            "mm/other.c:3: f uses __GFP_NOFAIL, and nothing is known of it",
            id="unknown-reader",
        ),
        pytest.param(
            {"fs/other.c": "gfp_t f(gfp_t g)\n{\n\treturn current_gfp_context(g);\n}\n"},
            "fs/other.c:3: f uses current_gfp_context, and nothing is known of it",
            id="unknown-caller",
        ),
        pytest.param(
            {"mm/other.h": "#define OTHER (__GFP_NOFAIL | __GFP_IO)\n"},
            "mm/other.h:1: OTHER uses __GFP_NOFAIL",
            id="unknown-macro",
        ),
        pytest.param(
            {
                "mm/page_alloc.c": PAGE_ALLOC.replace("slowpath", "__alloc_pages_slowpath").replace(
                    "(gfp_t gfp, unsigned int order, int nid)",
                    "(gfp_t gfp, unsigned int size, int nid)",
                )
            },
            r"mm/page_alloc.c:\d+: __alloc_pages\(\): no parameter named order",
            id="no-order",
        ),
        pytest.param(
            {
                "mm/page_alloc.c": PAGE_ALLOC.replace("slowpath", "__alloc_pages_slowpath").replace(
                    "\t\tWARN_ON_ONCE(order > 1);", "\t\tloop();"
                )
            },
            "no warning about an order found",
            id="order-limit-not-known",
        ),
        pytest.param(
            {
                "mm/failslab.c": FAILSLAB.replace(
                    "gfpflags & __GFP_NOFAIL", "gfpflags && __GFP_NOFAIL"
                )
            },
            r"mm/failslab.c:3: __should_failslab\(\): 0 tests of gfpflags",
            id="no-test",
        ),
        pytest.param(
            {"mm/vmalloc.c": VMALLOC.replace("int node", "gfp_t node")},
            r"__vmalloc_node_range\(\): 2 parameters of type gfp_t",
            id="two-masks",
        ),
        pytest.param(
            {"block/blk-core.c": BLOCK.replace("\tstart(bio);", "\tif (!bio)\n\t\treturn;")},
            r"block/blk-core.c:6: submit_bio_noacct_nocheck\(\) returns from its midst",
            id="early-return",
        ),
        pytest.param(
            {"block/blk-core.c": BLOCK.replace("__blk_flush_plug", "blk_flush_it")},
            r"block/blk-core.c: no function __blk_flush_plug\(\)",
            id="no-boundary",
        ),
        pytest.param(
            {"mm/vmalloc.c": None, "block/blk-core.c": None}, "no block/blk-core.c", id="no-file"
        ),
        pytest.param(
            {"mm/Kconfig.debug": KCONFIG + "if OTHER\nconfig B\n"},
            "mm/Kconfig.debug:6: the end of the file stands inside of a condition",
            id="open-if-in-kconfig",
        ),
        pytest.param(
            {"mm/memalloc_nofail_kunit.c": ""}, "is there already", id="test-there-already"
        ),
        pytest.param(
            {
                HEADER: CONTEXT.replace("if (unlikely(pflags &", "while (unlikely(pflags &")
                + OLD_VALUE
            },
            "no single branch that asks for the scopes",
            id="other-context",
        ),
        pytest.param(
            {HEADER: CONTEXT + OLD_VALUE.replace("return flags;", "return 0;")},
            r"memalloc_nofs_save\(\) returns other",
            id="unknown-cookie",
        ),
        pytest.param({HEADER: CONTEXT}, r"no memalloc_nofs_save\(\)", id="no-scopes"),
    ],
)
def test_refused(changed: dict[str, str | None], message: str) -> None:
    with pytest.raises(InputError, match=message):
        nofail_api(kernel(changed), DIALECT)


def test_a_body_that_depends_on_the_configuration_is_refused() -> None:
    text = BLOCK.replace("\tsubmit(bio);", "#ifdef CONFIG_A\n\tsubmit(bio);\n#endif")
    with pytest.raises(InputError, match="depends on the configuration"):
        nofail_api(kernel({"block/blk-core.c": text}), DIALECT)
