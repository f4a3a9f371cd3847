"""Interval arithmetic beside the arithmetic of C on single values."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.semantics.cint import (
    INT,
    LONG,
    UINT,
    ULONG,
    CInt,
    CType,
    UndefinedArithmetic,
    binary,
    convert,
    exact,
    unary,
)
from convert.semantics.sizing.amounts import (
    Amount,
    by_type,
    combined,
    constant,
    converted,
    greatest_of,
    joined,
    least_of,
    limits,
    logarithm,
    negated,
    power_of_two,
    rounded_up,
)

U8, S8, U16 = CType(8, False), CType(8, True), CType(16, False)
TYPES = (U8, S8, U16, INT, UINT, LONG, ULONG)
OPERATORS = ("+", "-", "*", "/", "%", "<<", ">>", "&", "|", "^", "<", "<=", ">", ">=", "==", "!=")
Pair = tuple[Amount, CInt]


@st.composite
def leaves(draw: st.DrawFn) -> Pair:
    """A range and a value in it."""
    ctype = draw(st.sampled_from(TYPES))
    low, high = limits(ctype)
    near = st.integers(max(low, -9), min(high, 70)) | st.integers(low, high)
    low, high = sorted((draw(near), draw(near)))
    value = draw(st.integers(low, high))
    return Amount(low, high, ctype), exact(value, ctype)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> Pair:
    """The range and the value of a random expression."""
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(leaves())
    left, value = draw(expressions(depth - 1))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        ctype = draw(st.sampled_from(TYPES))
        return converted(left, ctype), convert(value, ctype)
    if kind == 1:
        op = draw(st.sampled_from(("-", "+", "~", "!")))
        return negated(op, left), unary(op, value)
    right, other = draw(expressions(depth - 1))
    op = draw(st.sampled_from(OPERATORS))
    try:
        return combined(op, left, right), binary(op, value, other)
    except UndefinedArithmetic:
        return left, value


@given(expressions())
def test_the_value_is_in_the_range(pair: Pair) -> None:
    amount, value = pair
    number = value.number
    assert number is not None
    assert amount.ctype == value.ctype
    assert amount.low <= number <= amount.high


@given(leaves(), leaves(), st.sampled_from((least_of, greatest_of, rounded_up)))
def test_functions_of_two(
    one: Pair, two: Pair, function: Callable[[Amount, Amount], Amount]
) -> None:
    (left, value), (right, other) = one, two
    a, b = value.number, other.number
    assert a is not None and b is not None
    result = function(left, right)
    if left.low < 0 or right.low < 0:
        return  # converted first, as the macros do; the operators' test covers that
    answers: dict[Callable[[Amount, Amount], Amount], int] = {
        least_of: min(a, b),
        greatest_of: max(a, b),
    }
    expected = answers.get(function)
    if expected is None:
        expected = -(-a // b) * b if b else 0
        if not right.exact or not b or expected > limits(result.ctype)[1]:
            assert result.open
            return
    assert result.low <= expected <= result.high


@given(leaves())
def test_powers_of_two(pair: Pair) -> None:
    amount, value = pair
    number = value.number
    assert number is not None
    if amount.low > 0:
        logged = logarithm(amount)
        assert logged.low <= number.bit_length() - 1 <= logged.high
        if number <= 1 << 62:
            raised = power_of_two(amount)
            assert raised.low <= 1 << (number - 1).bit_length() <= raised.high or raised.open


@given(st.lists(leaves(), min_size=1, max_size=4))
def test_one_of_several(pairs: list[Pair]) -> None:
    result = joined(amount for amount, _ in pairs)
    for _, value in pairs:
        number = convert(value, result.ctype).number
        assert number is not None and result.low <= number <= result.high


@pytest.mark.parametrize(
    ("amount", "is_open"),
    [
        pytest.param(combined("*", by_type(U8, "n"), constant(8)), False, id="narrow"),
        pytest.param(combined("*", by_type(UINT, "n"), constant(8)), True, id="wide"),
        pytest.param(combined("&", by_type(UINT, "n"), constant(7, UINT)), False, id="masked"),
        pytest.param(combined("%", by_type(UINT, "n"), constant(7, UINT)), False, id="remainder"),
        pytest.param(combined("%", by_type(INT, "n"), constant(7)), True, id="signed remainder"),
        pytest.param(combined("/", constant(64), by_type(UINT, "n")), True, id="divided by zero?"),
        pytest.param(converted(by_type(UINT, "n"), U16), False, id="cut to 16 bits"),
        pytest.param(converted(by_type(INT, "n"), ULONG), True, id="sign extended"),
        pytest.param(
            combined("*", constant(1 << 63, ULONG), constant(2, ULONG)), True, id="wraps to zero"
        ),
        pytest.param(combined("-", constant(0, ULONG), constant(8)), True, id="wraps below zero"),
        pytest.param(combined("<<", constant(1), by_type(U8, "n")), True, id="unknown shift"),
        pytest.param(least_of(by_type(UINT, "n"), constant(8, UINT)), False, id="min"),
        pytest.param(least_of(by_type(INT, "n"), constant(8)), True, id="min of a negative"),
        pytest.param(greatest_of(by_type(UINT, "n"), constant(8, UINT)), True, id="max"),
    ],
)
def test_open(amount: Amount, is_open: bool) -> None:
    assert bool(amount.open) == is_open
