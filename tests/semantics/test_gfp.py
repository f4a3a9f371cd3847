"""Gfp masks: read from headers of every shape, printed canonically, idle names found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import InputError
from convert.semantics.gfp import GfpTable, load_gfp
from convert.semantics.model import Contract
from tests.semantics.trees import GFP_3, GFP_5, GFP_6, MemoryTree, gfp_tree

TABLES = {
    "3": load_gfp(gfp_tree(GFP_3)),
    "5": load_gfp(gfp_tree(GFP_5)),
    "6": load_gfp(gfp_tree(GFP_6)),
}
GFP = TABLES["5"]


@pytest.mark.parametrize(
    ("shape", "name", "bits"),
    [
        pytest.param("3", "GFP_KERNEL", 0xD0, id="3-kernel"),
        pytest.param("3", "GFP_NOWAIT", 0, id="3-nowait-is-empty"),
        pytest.param("5", "GFP_KERNEL", 0xCC0, id="5-kernel"),
        pytest.param("5", "__GFP_RECLAIM", 0xC00, id="5-two-bits"),
        pytest.param("5", "__GFP_NOLOCKDEP", 0x800000, id="5-where-it-exists"),
        pytest.param("6", "GFP_KERNEL", 0x1B, id="6-kernel"),
        pytest.param("6", "__GFP_NOFAIL", 1 << 9, id="6-explicit-number"),
        pytest.param("6", "__GFP_NOLOCKDEP", 1 << 11, id="6-behind-optional-bits"),
    ],
)
def test_bits(shape: str, name: str, bits: int) -> None:
    assert TABLES[shape].bits[name] == bits


def test_assumptions_and_places_are_told() -> None:
    assert TABLES["6"].assumptions["__GFP_NOLOCKDEP"] == {"CONFIG_KASAN_HW_TAGS", "CONFIG_LOCKDEP"}
    assert GFP.assumptions["GFP_KERNEL"] == frozenset()
    assert GFP.places["__GFP_IO"] == "include/linux/gfp.h:26"


@pytest.mark.parametrize("name", ["__GFP_BITS_SHIFT", "GFP_MOVABLE_SHIFT", "___GFP_IO"])
def test_numbers_that_are_no_masks(name: str) -> None:
    assert name not in GFP.bits


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        pytest.param("GFP_KERNEL", "GFP_KERNEL", id="base"),
        pytest.param("GFP_KERNEL & ~__GFP_FS", "GFP_NOFS", id="nofs-by-clearing"),
        pytest.param("__GFP_NOFAIL | GFP_NOFS", "GFP_NOFS | __GFP_NOFAIL", id="order"),
        pytest.param(
            "GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL | __GFP_NOLOCKDEP",
            "GFP_KERNEL | __GFP_NOLOCKDEP | __GFP_RETRY_MAYFAIL | __GFP_NOWARN | __GFP_ZERO",
            id="all-modifiers",
        ),
        pytest.param("GFP_NOIO | __GFP_COMP", "GFP_NOIO | __GFP_COMP", id="noio"),
        pytest.param("GFP_ATOMIC | __GFP_NOWARN", "GFP_ATOMIC | __GFP_NOWARN", id="atomic"),
        pytest.param("__GFP_KSWAPD_RECLAIM", "GFP_NOWAIT", id="nowait"),
        pytest.param(
            "GFP_KERNEL & ~__GFP_DIRECT_RECLAIM",
            "GFP_KERNEL & ~__GFP_DIRECT_RECLAIM",
            id="difference",
        ),
        pytest.param(
            "(GFP_KERNEL & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN",
            "(GFP_KERNEL & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN",
            id="difference-more",
        ),
        pytest.param("__GFP_IO | __GFP_ZERO", "__GFP_ZERO | __GFP_IO", id="union"),
        pytest.param("GFP_KERNEL | 0x40000000", "GFP_KERNEL | 0x40000000", id="unnamed-bit"),
        pytest.param("0", "0", id="empty"),
    ],
)
def test_canonical_text(expression: str, text: str) -> None:
    assert GFP.names(GFP.evaluate(expression)).text == text


def test_the_empty_mask_had_a_name() -> None:
    assert TABLES["3"].names(0).text == "GFP_NOWAIT"


def test_a_base_that_implies_nowarn_is_not_preferred() -> None:
    table = TABLES["6"]
    mask = table.evaluate("GFP_KERNEL | __GFP_NOWARN")
    assert table.names(mask).text == "GFP_KERNEL | __GFP_NOWARN"


def test_loose_bits_of_gfp_kernel_are_avoided() -> None:
    table = TABLES["6"]
    mask = table.evaluate("(GFP_KERNEL & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN")
    assert table.names(mask).text == "(GFP_KERNEL & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN"


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@given(mask=st.integers(0, 0xFFFFFFFF))
def test_text_means_the_mask(table: GfpTable, mask: int) -> None:
    assert table.evaluate(table.names(mask).text) == mask


@pytest.mark.parametrize(
    ("names", "idle"),
    [
        pytest.param(["GFP_KERNEL", "GFP_NOFS"], ("GFP_NOFS",), id="nofs-in-kernel"),
        pytest.param(["GFP_NOFS", "__GFP_IO", "__GFP_NOFAIL"], ("__GFP_IO",), id="bit-in-base"),
        pytest.param(["GFP_KERNEL", "GFP_KERNEL"], ("GFP_KERNEL",), id="twice"),
        pytest.param(["GFP_KERNEL", "GFP_NOFS", "GFP_NOIO"], ("GFP_NOIO", "GFP_NOFS"), id="two"),
    ],
)
def test_idle_names(names: list[str], idle: tuple[str, ...]) -> None:
    assert GFP.idle(names) == idle


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["GFP_NOFS", "__GFP_FS"], id="really-kernel"),
        pytest.param(["GFP_NOFS", "__GFP_NOFAIL"], id="base-and-modifier"),
        pytest.param(["GFP_NOFS"], id="alone"),
        pytest.param([], id="nothing"),
    ],
)
def test_nothing_idle(names: list[str]) -> None:
    assert GFP.idle(names) == ()


@given(st.lists(st.sampled_from(sorted(GFP.bits)), max_size=6))
def test_dropping_idle_names_keeps_the_mask(names: list[str]) -> None:
    kept = list(names)
    for name in GFP.idle(names):
        kept.remove(name)
    assert GFP.mask(kept) == GFP.mask(names)
    assert GFP.idle(kept) == ()


@pytest.mark.parametrize(
    ("expression", "contract"),
    [
        pytest.param("GFP_KERNEL", Contract(False, True, True, False, False, True), id="kernel"),
        pytest.param(
            "GFP_NOFS | __GFP_NOFAIL | __GFP_ZERO",
            Contract(True, False, False, False, False, True),
            id="nofs-nofail-zero",
        ),
        pytest.param(
            "GFP_ATOMIC | __GFP_FS",
            Contract(False, True, False, False, False, False),
            id="fs-without-sleep",
        ),
        pytest.param(
            "GFP_NOWAIT | __GFP_NOFAIL",
            Contract(False, True, False, False, False, False),
            id="nofail-without-sleep",
        ),
        pytest.param(
            "GFP_KERNEL | __GFP_NOLOCKDEP | __GFP_NOWARN",
            Contract(False, True, True, True, True, True),
            id="annotations",
        ),
    ],
)
def test_contract_of_a_mask(expression: str, contract: Contract) -> None:
    assert GFP.contract(GFP.evaluate(expression)) == contract


def test_contract_with_the_old_bit() -> None:
    table = TABLES["3"]
    assert table.contract(table.evaluate("GFP_NOFS")).sleeps
    assert not table.contract(table.evaluate("GFP_ATOMIC")).sleeps


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        pytest.param(MemoryTree({}), "no gfp header", id="no-header"),
        pytest.param(
            gfp_tree("#define GFP_KERNEL 1\n"), "does not define GFP_KERNEL", id="plain-number"
        ),
        pytest.param(
            gfp_tree("#define __GFP_FS ((gfp_t)1u)\n#define GFP_KERNEL (__GFP_FS)\n"),
            "defines neither",
            id="no-sleeping-bit",
        ),
        pytest.param(
            gfp_tree(GFP_5.replace("___GFP_FS 0x80u", "___GFP_FS FS_BIT")),
            "does not define GFP_KERNEL as a constant",
            id="unreadable-bit",
        ),
    ],
)
def test_unusable_headers_are_refused(tree: MemoryTree, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_gfp(tree)


def test_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match="do not define __GFP_REPEAT"):
        GFP.mask(["GFP_KERNEL", "__GFP_REPEAT"])


@pytest.mark.parametrize("expression", ["flags | __GFP_ZERO", "GFP_KERNEL |", "gfp(1)"])
def test_unreadable_masks_are_refused(expression: str) -> None:
    with pytest.raises(InputError, match="no constant gfp mask"):
        GFP.evaluate(expression)
