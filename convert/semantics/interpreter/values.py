"""What a C expression can be worth while a wrapper is interpreted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from convert.semantics.cint import BOOL, CInt, CType, convert, exact, unknown
from convert.semantics.stubs import Family


@dataclass(frozen=True, order=True)
class Where:
    """A line of a file of the tree."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class CannotExecute(Exception):
    """The interpreter does not know what the C at ``where`` does; ``what`` names the construct."""

    def __init__(self, where: Where, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


@dataclass(frozen=True)
class Null:
    """The null pointer."""


@dataclass(frozen=True)
class Opaque:
    """A value of which nothing is known, but perhaps that it is not zero (``nonzero``).

    label: the parameter of the entry function that it is, if it is one.
    """

    nonzero: bool = False
    label: str = ""


@dataclass(frozen=True)
class Place:
    """An object the interpreter follows: a local of the frame ``frame``, or a field of one.

    Frame -1 holds the running task, ``current``.
    """

    frame: int
    name: str
    fields: tuple[str, ...] = ()


TASK = Place(-1, "current")
TASK_FLAGS = Place(-1, "current", ("flags",))


@dataclass(frozen=True)
class Ref:
    """A pointer to, or the lvalue of, an object the interpreter follows."""

    place: Place


@dataclass(frozen=True)
class FunctionName:
    """A function designator."""

    name: str


@dataclass(frozen=True)
class Allocation:
    """Memory that a primitive allocator returned.

    mask: the gfp mask it was given; task_flags: ``current->flags`` at the call; number: counts the
    allocations of one path; zeroed: None where the body wrote to the memory.
    """

    allocator: str
    family: Family
    mask: CInt
    size: Value | None
    task_flags: CInt
    where: Where
    number: int
    zeroed: bool | None


@dataclass(frozen=True)
class Memory:
    """A pointer to the start of an allocation."""

    allocation: Allocation


@dataclass(frozen=True)
class Inside:
    """A pointer into an allocation, not known to be its start."""

    allocation: Allocation


Value = CInt | Null | Opaque | Ref | FunctionName | Memory | Inside


class Kind(Enum):
    """The types that are no integers, as far as the interpreter tells them apart."""

    POINTER = "pointer"
    VOID = "void"
    AGGREGATE = "aggregate"  # struct or union
    ARRAY = "array"
    UNKNOWN = "unknown"  # a typedef that is not in the files read
    ANY = "any"  # no type of C: a value that is kept as it is


Type = CType | Kind


def truth(value: Value) -> bool | None:
    """Whether a condition holds, or None if the value does not decide it."""
    if isinstance(value, CInt):
        return value.truth
    if isinstance(value, Opaque):
        return True if value.nonzero else None
    return not isinstance(value, Null)


def as_type(value: Value, ctype: Type) -> Value:
    """The value converted to a type, as by assignment; what is not modelled becomes opaque."""
    if isinstance(ctype, CType):
        return _as_integer(value, ctype)
    if ctype is Kind.POINTER:
        return _as_pointer(value)
    if isinstance(value, CInt) and ctype is not Kind.ANY:
        return Opaque()  # a conversion to an unknown type may lose any bit
    return value


def _as_integer(value: Value, ctype: CType) -> CInt:
    if isinstance(value, CInt):
        return convert(value, ctype)
    if isinstance(value, Null):
        return exact(0, ctype)
    if ctype == BOOL and truth(value):
        return exact(1, BOOL)
    return unknown(ctype)


def _as_pointer(value: Value) -> Value:
    if isinstance(value, CInt):
        return Null() if value.truth is False else Opaque(value.truth is True)
    return value
