"""C integers whose bits may be known, linked to an input, or unknown.

A value knows each of its bits as 0 or 1, or as "the same bit of the input named ``source``", or not
at all. So a mask transformation such as ``flags & ~__GFP_FS`` is executed once, on a symbolic mask,
and the result says exactly which bits were set, cleared and passed on. Widths and conversions are
those of the kernel's LP64 targets (C11 6.3.1, "Arithmetic operands").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class CType:
    """An integer type: ``width`` in bits, and whether it is signed. ``_Bool`` has width 1."""

    width: int
    signed: bool

    @property
    def bits(self) -> int:
        """All value bits set."""
        return (1 << self.width) - 1


BOOL = CType(1, False)
INT = CType(32, True)
UINT = CType(32, False)
LONG = CType(64, True)
ULONG = CType(64, False)


class UndefinedArithmetic(ArithmeticError):
    """The C standard gives the operation no value (division by zero, shift by the width)."""


@dataclass(frozen=True)
class CInt:
    """An integer of type ``ctype``.

    Bits in ``known`` have the value that they have in ``value``; bits in ``linked`` equal the same
    bit of the input ``source``; all others are unknown. ``value`` is zero outside ``known``.
    """

    ctype: CType
    value: int
    known: int
    linked: int = 0
    source: str | None = None

    @property
    def exact(self) -> bool:
        """Whether every bit is known."""
        return self.known == self.ctype.bits

    @property
    def number(self) -> int | None:
        """The mathematical value, or None unless every bit is known."""
        if not self.exact:
            return None
        negative = self.ctype.signed and self.value >> (self.ctype.width - 1)
        return self.value - (1 << self.ctype.width) if negative else self.value

    @property
    def truth(self) -> bool | None:
        """Whether the value is nonzero, or None if the known bits do not decide it."""
        if self.value:
            return True
        return False if self.exact else None


def exact(number: int, ctype: CType = INT) -> CInt:
    """The constant ``number``, reduced to the type as C converts it."""
    if ctype == BOOL:
        return CInt(BOOL, int(number != 0), 1)
    return CInt(ctype, number & ctype.bits, ctype.bits)


def unknown(ctype: CType) -> CInt:
    """A value of which no bit is known."""
    return CInt(ctype, 0, 0)


def symbol(source: str, ctype: CType) -> CInt:
    """The input named ``source``: every bit linked to it."""
    return CInt(ctype, 0, 0, ctype.bits, source)


def convert(value: CInt, ctype: CType) -> CInt:
    """The value converted to another integer type: truncated, zero- or sign-extended."""
    if ctype == value.ctype:
        return value
    if ctype == BOOL:
        truth = value.truth
        return unknown(BOOL) if truth is None else exact(truth, BOOL)
    keep = value.ctype.bits & ctype.bits
    known, bits = value.known & keep, value.value & keep
    high = ctype.bits & ~value.ctype.bits
    sign = 1 << (value.ctype.width - 1)
    if not value.ctype.signed:
        known |= high
    elif value.known & sign:
        known |= high
        bits |= high if value.value & sign else 0
    return _made(ctype, bits, known, value.linked & keep, value.source)


def _made(ctype: CType, value: int, known: int, linked: int, source: str | None) -> CInt:
    return CInt(ctype, value & known, known, linked, source if linked else None)


def promoted(value: CInt) -> CInt:
    """The value after the integer promotions."""
    return convert(value, INT) if value.ctype.width < INT.width else value


def common(left: CInt, right: CInt) -> tuple[CInt, CInt]:
    """Both operands after the usual arithmetic conversions."""
    left, right = promoted(left), promoted(right)
    width = max(left.ctype.width, right.ctype.width)
    signed = all(v.ctype.signed for v in (left, right) if v.ctype.width == width)
    ctype = CType(width, signed)
    return convert(left, ctype), convert(right, ctype)


def _and(left: CInt, right: CInt) -> CInt:
    zeros = (left.known & ~left.value) | (right.known & ~right.value)
    ones = left.value & right.value
    return _mixed(left, right, ones, zeros, passes=True)


def _or(left: CInt, right: CInt) -> CInt:
    zeros = left.known & ~left.value & right.known & ~right.value
    ones = left.value | right.value
    return _mixed(left, right, ones, zeros, passes=False)


def _mixed(left: CInt, right: CInt, ones: int, zeros: int, *, passes: bool) -> CInt:
    """Bits decided by ``ones`` and ``zeros``; a linked bit survives next to a neutral one."""
    neutral_right = right.value if passes else right.known & ~right.value
    neutral_left = left.value if passes else left.known & ~left.value
    from_left, from_right = left.linked & neutral_right, right.linked & neutral_left
    source = left.source or right.source
    if left.source == right.source:
        from_left |= left.linked & right.linked
    elif from_left and from_right:
        source, from_right = left.source, 0
    elif from_right:
        source = right.source
    return _made(left.ctype, ones, ones | zeros, from_left | from_right, source)


def _xor(left: CInt, right: CInt) -> CInt:
    known = left.known & right.known
    from_left = left.linked & right.known & ~right.value
    from_right = right.linked & left.known & ~left.value
    if from_left and from_right and left.source != right.source:
        from_right = 0
    source = left.source if from_left else right.source
    return _made(left.ctype, left.value ^ right.value, known, from_left | from_right, source)


def _shift(op: str, left: CInt, right: CInt) -> CInt:
    left, count = promoted(left), right.number
    if count is None:
        return unknown(left.ctype)
    if not 0 <= count < left.ctype.width:
        raise UndefinedArithmetic(f"shift by {count}")
    bits = left.ctype.bits
    if op == "<<":
        known = ((left.known << count) & bits) | ((1 << count) - 1)
        return _made(left.ctype, (left.value << count) & bits, known, 0, None)
    number = left.number
    if number is not None:
        return exact(number >> count, left.ctype)
    if left.ctype.signed:
        return unknown(left.ctype)
    high = bits & ~(bits >> count)
    return _made(left.ctype, left.value >> count, (left.known >> count) | high, 0, None)


def _divide(left: int, right: int) -> int:
    if right == 0:
        raise UndefinedArithmetic("division by zero")
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "%": lambda a, b: a - b * _divide(a, b),
}
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_BITWISE: dict[str, Callable[[CInt, CInt], CInt]] = {"&": _and, "|": _or, "^": _xor}
BINARY_OPERATORS = frozenset({*_ARITHMETIC, *_COMPARISONS, *_BITWISE, "<<", ">>"})


def binary(op: str, left: CInt, right: CInt) -> CInt:
    """Apply a binary operator of `BINARY_OPERATORS`.

    Raises UndefinedArithmetic where C gives no value. Signed overflow wraps, as the kernel is
    built with ``-fno-strict-overflow``.
    """
    if op in ("<<", ">>"):
        return _shift(op, left, right)
    left, right = common(left, right)
    if op in _BITWISE:
        return _BITWISE[op](left, right)
    a, b = left.number, right.number
    if op in _ARITHMETIC:
        if b == 0 and op in "/%":
            raise UndefinedArithmetic("division by zero")
        if a is None or b is None:
            return unknown(left.ctype)
        return exact(_ARITHMETIC[op](a, b), left.ctype)
    return _compared(op, left, right)


def _compared(op: str, left: CInt, right: CInt) -> CInt:
    a, b = left.number, right.number
    if a is not None and b is not None:
        return exact(_COMPARISONS[op](a, b))
    same = left == right and left.known | left.linked == left.ctype.bits
    if same:
        return exact(op in ("==", "<=", ">="))
    differ = (left.value ^ right.value) & left.known & right.known
    if differ and op in ("==", "!="):
        return exact(op == "!=")
    return CInt(INT, 0, INT.bits & ~1)  # 0 or 1


def unary(op: str, operand: CInt) -> CInt:
    """Apply ``~``, ``-``, ``+`` or ``!``."""
    if op == "!":
        truth = operand.truth
        return CInt(INT, 0, INT.bits & ~1) if truth is None else exact(not truth)
    operand = promoted(operand)
    if op == "+":
        return operand
    if op == "~":
        return _made(operand.ctype, ~operand.value & operand.known, operand.known, 0, None)
    number = operand.number
    return unknown(operand.ctype) if number is None else exact(-number, operand.ctype)
