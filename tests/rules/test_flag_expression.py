"""Flags become masks, and the text that is written has the value that the table says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import InternalCheckError
from convert.rules.flag_expression import (
    Carrier,
    Choice,
    Constant,
    FlagExpression,
    Retyped,
    With,
    Without,
    check_translation,
    gfp_text,
    masks_possible,
    union,
    without,
)
from convert.semantics.flags import FlagSemantics, subsets


def xfs_semantics(more: frozenset[str] = frozenset()) -> FlagSemantics:
    """What XFS's flags mean, written by hand; ``more`` bits are in every mask."""
    bits = {
        "KM_NOFS": (set(), {"__GFP_FS"}),
        "KM_MAYFAIL": ({"__GFP_RETRY_MAYFAIL"}, {"__GFP_NOFAIL"}),
        "KM_ZERO": ({"__GFP_ZERO"}, set()),
        "KM_NOLOCKDEP": ({"__GFP_NOLOCKDEP"}, set()),
    }
    base = frozenset({"__GFP_RECLAIM", "__GFP_IO", "__GFP_FS", "__GFP_NOFAIL"}) | more
    table = {}
    for flags in subsets(frozenset(bits)):
        mask = base
        for name in flags:
            sets, clears = bits[name]
            mask = (mask - clears) | sets
        table[flags] = mask
    return FlagSemantics(frozenset(bits), table)


XFS = xfs_semantics()
NOFS, MAYFAIL, ZERO, NOLOCKDEP = (
    frozenset({name}) for name in ("KM_NOFS", "KM_MAYFAIL", "KM_ZERO", "KM_NOLOCKDEP")
)
F = Carrier("f")


def constants() -> st.SearchStrategy[FlagExpression]:
    return st.sampled_from(subsets(XFS.flags)).map(Constant)


def expressions() -> st.SearchStrategy[FlagExpression]:
    leaves = st.one_of(constants(), st.sampled_from([Carrier("f"), Carrier("x->g(1)")]))
    flags = st.sampled_from([some for some in subsets(XFS.flags) if some])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(With, inner, flags),
            st.builds(Without, inner, flags),
            st.builds(Choice, st.sampled_from(["a > b", "c"]), inner, inner),
            st.builds(Retyped, st.just("(gfp_t)"), inner),
        ),
        max_leaves=4,
    )


@given(expressions(), st.sampled_from([frozenset(), frozenset({"__GFP_ZERO"})]))
def test_every_expression_is_written_with_its_own_value(
    expression: FlagExpression, drop: frozenset[str]
) -> None:
    check_translation(expression, XFS, drop)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        pytest.param(Constant(frozenset()), "GFP_KERNEL | __GFP_NOFAIL", id="0"),
        pytest.param(Constant(NOFS), "GFP_NOFS | __GFP_NOFAIL", id="nofs"),
        pytest.param(Constant(NOFS | MAYFAIL), "GFP_NOFS | __GFP_RETRY_MAYFAIL", id="nofs mayfail"),
        pytest.param(
            Constant(NOFS | NOLOCKDEP | ZERO),
            "GFP_NOFS | __GFP_NOLOCKDEP | __GFP_NOFAIL | __GFP_ZERO",
            id="order of names",
        ),
        pytest.param(With(F, ZERO), "f | __GFP_ZERO", id="one bit more"),
        pytest.param(With(F, NOFS), "f & ~__GFP_FS", id="one bit less"),
        pytest.param(
            With(F, MAYFAIL), "(f & ~__GFP_NOFAIL) | __GFP_RETRY_MAYFAIL", id="may fail after all"
        ),
        pytest.param(
            With(F, NOFS | MAYFAIL),
            "(f & ~(__GFP_FS | __GFP_NOFAIL)) | __GFP_RETRY_MAYFAIL",
            id="two flags",
        ),
        pytest.param(Without(F, NOFS), "f | __GFP_FS", id="nofs taken back"),
        pytest.param(
            Choice("x", Constant(NOFS), Constant(frozenset())),
            "x ? (GFP_NOFS | __GFP_NOFAIL) : (GFP_KERNEL | __GFP_NOFAIL)",
            id="choice",
        ),
        pytest.param(
            Retyped("(gfp_t)", Constant(NOFS)), "(gfp_t)(GFP_NOFS | __GFP_NOFAIL)", id="cast"
        ),
    ],
)
def test_text(expression: FlagExpression, text: str) -> None:
    assert gfp_text(expression, XFS) == text


def test_a_wrong_table_is_found() -> None:
    """KM_MAYFAIL that only clears NOFAIL when KM_ZERO is absent has no single effect."""
    table = dict(XFS.table)
    table[MAYFAIL | ZERO] = table[MAYFAIL | ZERO] | {"__GFP_NOFAIL"}
    broken = FlagSemantics(XFS.flags, table)
    assert broken.effect("KM_MAYFAIL") is None
    assert broken.effect("KM_ZERO") is None
    assert broken.effect("KM_NOFS") is None or broken.effect("KM_NOFS") == XFS.effect("KM_NOFS")


def test_a_wrong_text_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "convert.rules.flag_expression.changed_text", lambda inner, clears, sets: inner
    )
    with pytest.raises(InternalCheckError, match="translation of flags is wrong"):
        check_translation(With(F, ZERO), XFS)


def test_union_keeps_what_it_knows() -> None:
    assert union(Constant(NOFS), Constant(ZERO)) == Constant(NOFS | ZERO)
    assert union(Constant(frozenset()), F) == F
    assert union(F, Carrier("g")) is None
    chosen = union(Constant(NOFS), Choice("x", Constant(MAYFAIL), Constant(frozenset())))
    assert chosen == Choice("x", Constant(NOFS | MAYFAIL), Constant(NOFS))
    assert union(chosen, F) is not None
    assert without(Constant(NOFS | ZERO), ZERO) == Constant(NOFS)


def test_masks_possible() -> None:
    both = Choice("x", Constant(ZERO), Constant(frozenset()))
    assert masks_possible(both, XFS) == {XFS.mask(ZERO), XFS.mask(frozenset())}
    assert masks_possible(With(F, ZERO), XFS) == frozenset()


def test_a_bit_of_every_mask() -> None:
    text = gfp_text(Constant(NOFS), xfs_semantics(frozenset({"__GFP_NOWARN"})))
    assert text == "GFP_NOFS | __GFP_NOWARN | __GFP_NOFAIL"
