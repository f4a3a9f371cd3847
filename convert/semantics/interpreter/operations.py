"""Operators on values of every kind."""

from __future__ import annotations

from convert.semantics.cint import BOOL, INT, CInt, CType, UndefinedArithmetic, binary, exact, unary
from convert.semantics.interpreter.values import (
    CannotExecute,
    Inside,
    Memory,
    Null,
    Opaque,
    Ref,
    Type,
    Value,
    Where,
    as_type,
    truth,
)

# A comparison's result of which only the range is known.
_TRUTH = CInt(INT, 0, INT.bits & ~1)


def converted(value: Value, ctype: Type, where: Where) -> Value:
    """The value as another type. Raises CannotExecute if the address of a local would get lost."""
    if isinstance(value, Ref) and isinstance(ctype, CType) and ctype != BOOL:
        raise CannotExecute(where, "the address of a local is turned into a number")
    return as_type(value, ctype)


def unary_operation(op: str, value: Value) -> Value:
    """``op value`` for ``~``, ``-``, ``+`` and ``!``."""
    if op == "!":
        holds = truth(value)
        return _TRUTH if holds is None else exact(not holds)
    return unary(op, value) if isinstance(value, CInt) else Opaque()


def binary_operation(op: str, left: Value, right: Value, where: Where) -> Value:
    """``left op right``. Raises CannotExecute for what the interpreter does not model."""
    if isinstance(left, CInt) and isinstance(right, CInt):
        try:
            return binary(op, left, right)
        except UndefinedArithmetic as error:
            raise CannotExecute(where, str(error)) from error
    if op in ("==", "!="):
        same = _equal(left, right)
        return _TRUTH if same is None else exact(same == (op == "=="))
    if op in ("<", ">", "<=", ">="):
        return _TRUTH
    if isinstance(left, Ref) or isinstance(right, Ref):
        return _moved(op, left, right, where)
    for side in (left, right) if op in ("+", "-") else ():
        if isinstance(side, (Memory, Inside)):
            return Inside(side.allocation)
    return Opaque(nonzero=op == "|" and bool(truth(left) or truth(right)))


def _moved(op: str, left: Value, right: Value, where: Where) -> Value:
    """Arithmetic on the address of a local: only steps of zero are followed."""
    number = right.number if isinstance(right, CInt) else None
    if op in ("+", "-") and isinstance(left, Ref) and number == 0:
        return left
    raise CannotExecute(where, "arithmetic on the address of a local")


def _equal(left: Value, right: Value) -> bool | None:
    """Whether two values, not both integers, are equal."""
    zero = (_is_zero(left), _is_zero(right))
    if zero == (True, True):
        return True
    if True in zero and False in zero:
        return False
    if isinstance(left, (Memory, Ref)) and left == right:
        return True
    return None


def _is_zero(value: Value) -> bool | None:
    if isinstance(value, Null):
        return True
    holds = truth(value)
    return None if holds is None else not holds
