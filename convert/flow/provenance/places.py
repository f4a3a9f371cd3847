"""The places that memory can come from and go to, as far as a review tells them apart."""

from __future__ import annotations

from dataclasses import dataclass

from convert.flow.code import FunctionKey
from convert.flow.terms import TypeRef


@dataclass(frozen=True, slots=True)
class Alloc:
    """Memory of a primitive allocator, called at a line of a function."""

    path: str
    function: str
    line: int
    callee: str
    family: str


@dataclass(frozen=True, slots=True)
class Field:
    """A member reached from a value of type ``root``, or from what a function returns."""

    root: TypeRef | FunctionKey
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Param:
    """What callers pass."""

    key: FunctionKey
    index: int


@dataclass(frozen=True, slots=True)
class Out:
    """What a function stores where a parameter points to."""

    key: FunctionKey
    index: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a function returns; taken as a ``TypeRef`` where the function is not known."""

    key: FunctionKey
    taken_as: TypeRef | None = None


@dataclass(frozen=True, slots=True)
class Global:
    """A file-level or static variable."""

    home: str
    name: str


@dataclass(frozen=True, slots=True)
class Heap:
    """Any object of a type of structure, found through lists, trees and the like."""

    base: str


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of a field: a store through it goes there."""

    place: Field


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something else; ``tested``: code asked which kind of memory it is."""

    text: str
    tested: bool = False


Origin = Alloc | Field | Param | Out | Result | Global | Heap | Ref | Opaque
Origins = frozenset[Origin]
NOTHING: Origins = frozenset()


@dataclass(frozen=True)
class Free:
    """A call of a primitive deallocator, and what it may be given."""

    path: str
    function: str
    line: int
    offset: int
    deallocator: str
    text: str
    origins: Origins


@dataclass(frozen=True)
class Flows:
    """What one routine hands on. ``edges``: (to, from)."""

    edges: frozenset[tuple[Origin, Origin]]
    frees: tuple[Free, ...]
