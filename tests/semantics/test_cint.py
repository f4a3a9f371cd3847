"""C integers: known bits against a machine's arithmetic, unknown bits against all their values."""

from __future__ import annotations

import operator
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.semantics.cint import (
    BOOL,
    INT,
    UINT,
    ULONG,
    CInt,
    CType,
    UndefinedArithmetic,
    binary,
    convert,
    exact,
    symbol,
    unary,
    unknown,
)

U8 = CType(8, False)
S8 = CType(8, True)
WORD = st.integers(0, 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("op", "left", "right", "expected"),
    [
        pytest.param("+", exact(0xFFFFFFFF, UINT), exact(1), exact(0, UINT), id="unsigned-wraps"),
        pytest.param("-", exact(0), exact(1, UINT), exact(0xFFFFFFFF, UINT), id="unsigned-wins"),
        pytest.param("/", exact(-7), exact(2), exact(-3), id="division-truncates"),
        pytest.param("%", exact(-7), exact(2), exact(-1), id="remainder-has-sign-of-dividend"),
        pytest.param("<", exact(-1), exact(1, UINT), exact(0), id="minus-one-is-large-unsigned"),
        pytest.param("<", exact(-1), exact(1), exact(1), id="signed-compare"),
        pytest.param("+", exact(255, U8), exact(1, U8), exact(256), id="promotion-to-int"),
        pytest.param("<<", exact(1, ULONG), exact(40), exact(1 << 40, ULONG), id="shift-long"),
        pytest.param(">>", exact(-8), exact(1), exact(-4), id="arithmetic-right-shift"),
        pytest.param("&", exact(-1), exact(1 << 40, ULONG), exact(1 << 40, ULONG), id="extends"),
    ],
)
def test_binary_follows_c(op: str, left: CInt, right: CInt, expected: CInt) -> None:
    assert binary(op, left, right) == expected


@pytest.mark.parametrize(
    ("op", "right"),
    [
        pytest.param("/", exact(0), id="division-by-zero"),
        pytest.param("%", exact(0, UINT), id="remainder-by-zero"),
        pytest.param("<<", exact(32), id="shift-by-the-width"),
        pytest.param(">>", exact(-1), id="negative-shift"),
    ],
)
def test_undefined_operations_are_refused(op: str, right: CInt) -> None:
    with pytest.raises(UndefinedArithmetic):
        binary(op, exact(5), right)


@pytest.mark.parametrize(
    ("value", "to", "number"),
    [
        pytest.param(exact(-1), UINT, 0xFFFFFFFF, id="reinterpreted"),
        pytest.param(exact(-1), ULONG, (1 << 64) - 1, id="sign-extended"),
        pytest.param(exact(0xFFFFFFFF, UINT), ULONG, 0xFFFFFFFF, id="zero-extended"),
        pytest.param(exact(0x1FF), S8, -1, id="truncated"),
        pytest.param(exact(4), BOOL, 1, id="bool"),
    ],
)
def test_convert(value: CInt, to: CType, number: int) -> None:
    assert convert(value, to).number == number


def test_linked_bits_pass_a_mask() -> None:
    flags = symbol("flags", UINT)
    cleared = binary("&", flags, unary("~", exact(0x80, UINT)))
    result = binary("|", cleared, exact(0x2000, UINT))
    assert (result.value, result.known) == (0x2000, 0x2080)
    assert (result.linked, result.source) == (0xFFFFFFFF & ~0x2080, "flags")


@pytest.mark.parametrize(
    ("left", "right", "op"),
    [
        pytest.param(symbol("a", UINT), symbol("b", UINT), "|", id="two-sources"),
        pytest.param(symbol("a", UINT), exact(1, UINT), "+", id="addition-carries"),
        pytest.param(symbol("a", UINT), unknown(UINT), "&", id="unknown-mask"),
    ],
)
def test_links_do_not_survive(left: CInt, right: CInt, op: str) -> None:
    assert binary(op, left, right).linked == 0


@pytest.mark.parametrize(
    ("op", "left", "right", "expected"),
    [
        pytest.param("==", CInt(UINT, 1, 1), exact(0, UINT), 0, id="a-known-bit-differs"),
        pytest.param("!=", CInt(UINT, 1, 1), exact(0, UINT), 1, id="so-it-is-unequal"),
        pytest.param("==", symbol("a", UINT), symbol("a", UINT), 1, id="an-input-equals-itself"),
        pytest.param("<=", symbol("a", UINT), symbol("a", UINT), 1, id="and-is-not-above"),
        pytest.param("<", symbol("a", UINT), symbol("a", UINT), 0, id="nor-below"),
        pytest.param("==", symbol("a", UINT), symbol("b", UINT), None, id="two-inputs"),
        pytest.param("==", unknown(UINT), unknown(UINT), None, id="two-unknown-values"),
    ],
)
def test_comparing_what_is_partly_known(
    op: str, left: CInt, right: CInt, expected: int | None
) -> None:
    assert binary(op, left, right).number == expected


def test_negated_link_is_unknown() -> None:
    negated = unary("~", symbol("a", UINT))
    assert (negated.known, negated.linked) == (0, 0)


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        pytest.param(exact(0), False, id="zero"),
        pytest.param(CInt(UINT, 8, 8), True, id="one-known-bit"),
        pytest.param(CInt(UINT, 0, 8), None, id="undecided"),
    ],
)
def test_truth(value: CInt, truth: bool | None) -> None:
    assert value.truth is truth


def _values(value: CInt, inputs: dict[str, int], free: int) -> int:
    """One concrete value that the abstract one stands for."""
    linked = inputs[value.source] & value.linked if value.source else 0
    rest = free & value.ctype.bits & ~value.known & ~value.linked
    return value.value | linked | rest


@st.composite
def _abstract(draw: st.DrawFn) -> CInt:
    known, bits, linked = draw(WORD), draw(WORD), draw(WORD)
    linked &= ~known
    source = draw(st.sampled_from(["a", "b"])) if linked else None
    return CInt(UINT, bits & known, known, linked, source)


_MACHINE: dict[str, Callable[[int, int], int]] = {
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
}


@given(_abstract(), _abstract(), st.sampled_from(sorted(_MACHINE)), WORD, WORD, WORD, WORD)
def test_binary_is_sound(
    left: CInt, right: CInt, op: str, a: int, b: int, free_left: int, free_right: int
) -> None:
    """Whatever the inputs and unknown bits are, the result agrees in all bits that it claims."""
    inputs = {"a": a, "b": b}
    concrete = _MACHINE[op](_values(left, inputs, free_left), _values(right, inputs, free_right))
    result = binary(op, left, right)
    assert (concrete ^ result.value) & result.known == 0
    if result.source:
        assert (concrete ^ inputs[result.source]) & result.linked == 0
    assert not result.known & result.linked


@given(_abstract(), st.sampled_from(["<<", ">>"]), st.integers(0, 31), WORD, WORD)
def test_shift_is_sound(value: CInt, op: str, count: int, a: int, free: int) -> None:
    number = _values(value, {"a": a, "b": ~a}, free)
    concrete = (number << count) & 0xFFFFFFFF if op == "<<" else number >> count
    result = binary(op, value, exact(count))
    assert (concrete ^ result.value) & result.known == 0


@given(_abstract(), st.sampled_from([U8, S8, INT, ULONG, BOOL, CType(64, True)]), WORD, WORD)
def test_convert_is_sound(value: CInt, to: CType, a: int, free: int) -> None:
    number = _values(value, {"a": a, "b": a ^ 0x5A5A}, free)
    concrete = int(number != 0) if to == BOOL else number & to.bits
    result = convert(value, to)
    assert (concrete ^ result.value) & result.known == 0
    assert result.linked & ~value.linked == 0
