"""Integers of which bounds are known: interval arithmetic over the types of C.

A bound always holds. Where C would wrap around or the value is not known, the bounds are those of
the type, and ``open`` says what stands in the way of better ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from convert.semantics.cint import (
    INT,
    ULONG,
    CInt,
    CType,
    UndefinedArithmetic,
    binary,
    common,
    exact,
)


@dataclass(frozen=True)
class Amount:
    """A value of type ``ctype`` from ``low`` to ``high`` (both included).

    ``open``: why the bounds are only those of a type of 32 bits or more; empty if they are real
    ones. ``notes``: what the bounds rest on.
    """

    low: int
    high: int
    ctype: CType = INT
    open: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether there is only one value."""
        return self.low == self.high


def limits(ctype: CType) -> tuple[int, int]:
    """The least and the greatest value of a type."""
    if ctype.signed:
        return -(1 << (ctype.width - 1)), (1 << (ctype.width - 1)) - 1
    return 0, ctype.bits


def constant(number: int, ctype: CType = INT) -> Amount:
    """One known value. The number must fit into the type."""
    return Amount(number, number, ctype)


def by_type(ctype: CType, why: str) -> Amount:
    """Any value of a type; real bounds if the type has at most 16 bits (``why`` is then a note)."""
    low, high = limits(ctype)
    if ctype.width <= 16:
        return Amount(low, high, ctype, notes=(why,))
    return Amount(low, high, ctype, open=(why,))


def united(*groups: Iterable[str]) -> tuple[str, ...]:
    """All texts in order, each once."""
    return tuple(dict.fromkeys(text for group in groups for text in group))


def converted(amount: Amount, ctype: CType) -> Amount:
    """The amount as C converts it to another type."""
    low, high = limits(ctype)
    if low <= amount.low and amount.high <= high:
        return replace(amount, ctype=ctype)
    if amount.exact:
        number = exact(amount.low, ctype).number
        assert number is not None
        return replace(amount, low=number, high=number, ctype=ctype)
    if ctype.width <= 16:
        return _bounded(low, high, ctype, amount)
    why = amount.open or ("a value that may be negative or too large is converted",)
    return Amount(low, high, ctype, why, amount.notes)


def joined(amounts: Iterable[Amount]) -> Amount:
    """One of several values. Raises ValueError for none."""
    given = list(amounts)
    if not given:
        raise ValueError("no amounts")
    ctype = given[0].ctype
    for other in given[1:]:
        ctype = _common_type(ctype, other.ctype)
    same = [converted(amount, ctype) for amount in given]
    return Amount(
        min(amount.low for amount in same),
        max(amount.high for amount in same),
        ctype,
        united(*(amount.open for amount in same)),
        united(*(amount.notes for amount in same)),
    )


def _common_type(left: CType, right: CType) -> CType:
    if left == right:
        return left
    return common(exact(0, left), exact(0, right))[0].ctype


def truth(amount: Amount) -> bool | None:
    """Whether the value is nonzero; None if the bounds do not say."""
    if amount.low > 0 or amount.high < 0:
        return True
    return False if amount.exact else None


def boolean(decided: bool | None) -> Amount:
    """The result of a comparison or of ``!``."""
    if decided is None:
        return Amount(0, 1)
    return constant(int(decided))


def negated(op: str, amount: Amount) -> Amount:
    """Apply ``-``, ``+``, ``~`` or ``!``."""
    if op == "!":
        decided = truth(amount)
        return boolean(None if decided is None else not decided)
    amount = converted(amount, _common_type(amount.ctype, INT))
    if op == "+":
        return amount
    shift = 1 if op == "~" else 0
    return _fitted(-amount.high - shift, -amount.low - shift, amount, amount)


def _bounded(low: int, high: int, ctype: CType, *sides: Amount) -> Amount:
    """A range that holds although some of the operands are unbounded: that is a note then."""
    notes = united(*(side.notes for side in sides), *(side.open for side in sides))
    return Amount(low, high, ctype, (), notes)


def combined(op: str, left: Amount, right: Amount) -> Amount:
    """Apply a binary operator other than ``&&`` and ``||``."""
    if op in ("<<", ">>"):
        left = converted(left, _common_type(left.ctype, INT))
    else:
        ctype = _common_type(left.ctype, right.ctype)
        ctype = _common_type(ctype, INT)
        left, right = converted(left, ctype), converted(right, ctype)
    if left.exact and right.exact and not left.open and not right.open:
        value = _exactly(op, left, right)
        if value is not None:
            notes = united(left.notes, right.notes)
            return Amount(value, value, INT if op in _COMPARISONS else left.ctype, (), notes)
    if op in _COMPARISONS:
        return boolean(_COMPARISONS[op](left, right))
    operation = _RANGES.get(op)
    return operation(left, right) if operation is not None else _unknown(left, right)


def _exactly(op: str, left: Amount, right: Amount) -> int | None:
    try:
        value: CInt = binary(op, exact(left.low, left.ctype), exact(right.low, right.ctype))
    except UndefinedArithmetic:
        return None
    # Wrapping around is defined for unsigned types; a size that does is never what was meant.
    if op in _SIMPLE and value.number != _SIMPLE[op](left.low, right.low):
        return None
    return value.number


def _unknown(left: Amount, right: Amount, why: str = "the result may wrap around") -> Amount:
    low, high = limits(left.ctype)
    reasons = united(left.open, right.open) or (why,)
    return Amount(low, high, left.ctype, reasons, united(left.notes, right.notes))


def _fitted(low: int, high: int, left: Amount, right: Amount) -> Amount:
    least, greatest = limits(left.ctype)
    if low < least or high > greatest:
        return _unknown(left, right)
    reasons = united(left.open, right.open)
    return Amount(low, high, left.ctype, reasons, united(left.notes, right.notes))


def _added(left: Amount, right: Amount) -> Amount:
    return _fitted(left.low + right.low, left.high + right.high, left, right)


def _subtracted(left: Amount, right: Amount) -> Amount:
    return _fitted(left.low - right.high, left.high - right.low, left, right)


def _multiplied(left: Amount, right: Amount) -> Amount:
    corners = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    return _fitted(min(corners), max(corners), left, right)


def _divided(left: Amount, right: Amount) -> Amount:
    if left.low < 0 or right.low <= 0:
        return _unknown(left, right, "a division whose operands may be negative or zero")
    # Whatever the divisor is, the result is no greater than the dividend.
    closed = replace(right, open=(), notes=united(right.notes, right.open))
    return _fitted(left.low // right.high, left.high // right.low, left, closed)


def _remainder(left: Amount, right: Amount) -> Amount:
    if left.low < 0 or right.low <= 0:
        return _unknown(left, right, "a remainder whose operands may be negative or zero")
    high = min(left.high, right.high - 1)
    if not left.open or not right.open:
        return _bounded(0, high, left.ctype, left, right)
    return _fitted(0, high, left, right)


def _shifted_left(left: Amount, right: Amount) -> Amount:
    if left.low < 0 or right.low < 0 or right.high >= left.ctype.width:
        return _unknown(left, right, "a shift by an unknown count")
    return _fitted(left.low << right.low, left.high << right.high, left, right)


def _shifted_right(left: Amount, right: Amount) -> Amount:
    if left.low < 0 or right.low < 0 or right.high >= left.ctype.width:
        return _unknown(left, right, "a shift by an unknown count")
    closed = replace(right, open=())
    return _fitted(left.low >> right.high, left.high >> right.low, left, closed)


def _masked(left: Amount, right: Amount) -> Amount:
    notes = united(left.notes, right.notes)
    for value, mask in ((left, right), (right, left)):
        if mask.exact and value.low >= 0 and _clears_low_bits(mask):
            bits = mask.low & mask.ctype.bits
            return Amount(value.low & bits, value.high & bits, left.ctype, value.open, notes)
    bounds = [side for side in (left, right) if side.low >= 0]
    if not bounds:
        return _unknown(left, right)
    least = min(bounds, key=lambda side: side.high)
    if any(not side.open for side in bounds):
        return _bounded(0, least.high, left.ctype, left, right)
    return _fitted(0, least.high, left, right)


def _clears_low_bits(mask: Amount) -> bool:
    """Whether a mask has the form ``~(2^k - 1)``."""
    inverse = ~mask.low & mask.ctype.bits
    return inverse & (inverse + 1) == 0


def _bitwise_or(left: Amount, right: Amount) -> Amount:
    if left.low < 0 or right.low < 0:
        return _unknown(left, right)
    high = (1 << max(left.high, right.high).bit_length()) - 1
    return _fitted(max(left.low, right.low), high, left, right)


def _bitwise_xor(left: Amount, right: Amount) -> Amount:
    result = _bitwise_or(left, right)
    return replace(result, low=min(0, result.low))


_SIMPLE: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "<<": lambda a, b: a << b,
}
_RANGES: dict[str, Callable[[Amount, Amount], Amount]] = {
    "+": _added,
    "-": _subtracted,
    "*": _multiplied,
    "/": _divided,
    "%": _remainder,
    "<<": _shifted_left,
    ">>": _shifted_right,
    "&": _masked,
    "|": _bitwise_or,
    "^": _bitwise_xor,
}


def _less(left: Amount, right: Amount) -> bool | None:
    if left.high < right.low:
        return True
    return False if left.low >= right.high else None


def _equal(left: Amount, right: Amount) -> bool | None:
    if left.exact and right.exact and left.low == right.low:
        return True
    return False if left.high < right.low or right.high < left.low else None


def _not(decided: bool | None) -> bool | None:
    return None if decided is None else not decided


_COMPARISONS: dict[str, Callable[[Amount, Amount], bool | None]] = {
    "<": _less,
    ">": lambda left, right: _less(right, left),
    "<=": lambda left, right: _not(_less(right, left)),
    ">=": lambda left, right: _not(_less(left, right)),
    "==": _equal,
    "!=": lambda left, right: _not(_equal(left, right)),
}


def least_of(left: Amount, right: Amount) -> Amount:
    """The smaller of two values: bounded if either is and neither can be negative."""
    ctype = _common_type(_common_type(left.ctype, right.ctype), INT)
    left, right = converted(left, ctype), converted(right, ctype)
    low, high = min(left.low, right.low), min(left.high, right.high)
    if low >= 0 and (not left.open or not right.open):
        return _bounded(low, high, ctype, left, right)
    return Amount(low, high, ctype, united(left.open, right.open), united(left.notes, right.notes))


def greatest_of(left: Amount, right: Amount) -> Amount:
    """The greater of two values."""
    ctype = _common_type(_common_type(left.ctype, right.ctype), INT)
    left, right = converted(left, ctype), converted(right, ctype)
    return Amount(
        max(left.low, right.low),
        max(left.high, right.high),
        ctype,
        united(left.open, right.open),
        united(left.notes, right.notes),
    )


def rounded_up(value: Amount, step: Amount) -> Amount:
    """``value`` rounded up to a multiple of ``step`` (the kernel's ``roundup()``)."""
    ctype = _common_type(_common_type(value.ctype, step.ctype), INT)
    value, step = converted(value, ctype), converted(step, ctype)
    if not step.exact or step.low <= 0 or value.low < 0:
        return _unknown(value, step, "rounding to an unknown step")
    low, high = (-(-bound // step.low) * step.low for bound in (value.low, value.high))
    return _fitted(low, high, value, step)


def logarithm(value: Amount) -> Amount:
    """The kernel's ``ilog2()``: the position of the highest bit set (C type int)."""
    if value.low <= 0:
        return Amount(-1, 63, INT, value.open, value.notes)
    low, high = value.low.bit_length() - 1, value.high.bit_length() - 1
    return Amount(low, high, INT, value.open, value.notes)


def power_of_two(value: Amount) -> Amount:
    """The kernel's ``roundup_pow_of_two()``: the least power of two that is not smaller."""
    value = converted(value, ULONG)
    low, high = (1 << max(0, bound - 1).bit_length() for bound in (value.low, value.high))
    return _fitted(low, high, value, value)
