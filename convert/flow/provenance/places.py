"""The places that memory can come from and go to, as far as the analysis tells them apart."""

from __future__ import annotations

from dataclasses import dataclass

from convert.flow.code import FunctionKey
from convert.flow.terms import TypeRef


@dataclass(frozen=True, slots=True)
class At:
    """A line (1-based) of a function; the function is empty at file level."""

    path: str
    function: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Alloc:
    """Memory of an allocator, called at a line of a function.

    A private wrapper of allocators counts as one where its contract is known.
    """

    path: str
    function: str
    line: int
    callee: str
    family: str


@dataclass(frozen=True, slots=True)
class Field:
    """A member reached from a value of type ``root``, or from what a function returns.

    ``[]`` at the end of a name stands for what the member points to, or its elements.
    """

    root: TypeRef | FunctionKey
    chain: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load from a member gives where it becomes a pointer to a type of structure."""

    place: Field
    base: str


@dataclass(frozen=True, slots=True)
class Param:
    """What callers pass."""

    key: FunctionKey
    index: int


@dataclass(frozen=True, slots=True)
class Out:
    """What is stored where a parameter points to."""

    key: FunctionKey
    index: int


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a macro assigns to one of its parameters, which is a variable of the caller."""

    key: FunctionKey
    index: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a function returns; taken as a ``TypeRef`` where the function is not known.

    ``at``: the call; None stands for all of them.
    """

    key: FunctionKey
    taken_as: TypeRef | None = None
    at: At | None = None


@dataclass(frozen=True, slots=True)
class Global:
    """A file-level or static variable, or a function by its name."""

    home: str
    name: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A local variable whose address is kept, or a local array: followed without time."""

    path: str
    function: str
    name: str


@dataclass(frozen=True, slots=True)
class Heap:
    """Any object of a type of structure, found through lists, trees and the like."""

    base: str


@dataclass(frozen=True, slots=True)
class Ref:
    """The address of a place: a store through it goes there."""

    place: Field | Global | Cell


@dataclass(frozen=True, slots=True)
class Around:
    """The object that a member lies in, if the member is the start of it."""

    place: Origin
    member: Field


@dataclass(frozen=True, slots=True)
class Inside:
    """What a pointer in a place points to, where that is no parameter and no member."""

    place: Origin


@dataclass(frozen=True, slots=True)
class Part:
    """A pointer computed from one in a place: it points somewhere into the same memory."""

    place: Origin


@dataclass(frozen=True, slots=True)
class Slot:
    """An argument of the calls through a function pointer that is held in a place."""

    place: Origin
    index: int


@dataclass(frozen=True, slots=True)
class Ret:
    """What calls through a function pointer in a place return."""

    place: Origin


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something else; ``tested``: code asked which kind of memory it is.

    cursor: what a loop macro assigns, an object of the type that the variable points to.
    """

    text: str
    tested: bool = False
    at: At | None = None
    cursor: bool = False


Origin = (
    Alloc | Field | Loaded | Param | Out | Assigned | Result | Global | Cell | Heap | Ref | Inside
    | Around | Part | Slot | Ret | Opaque
)  # fmt: skip
Origins = frozenset[Origin]
NOTHING: Origins = frozenset()
_DEEPEST = 3  # objects around objects that are told apart


def inside(origin: Origin) -> Origin:
    """The place of what a pointer of some origin points to."""
    match origin:
        case Ref(place=place):
            return place
        case Param(key=key, index=index):
            return Out(key, index)
        case Field(root=root, chain=(*outer, name)):
            # Two levels are told apart; what lies deeper is one place with the second.
            return origin if name.endswith("[][]") else Field(root, (*outer, f"{name}[]"))
        case Inside(place=Inside()):
            return origin
        case Part(place=place):  # elements are not told apart
            return inside(place)
        case Loaded(place=place):
            return inside(place)
        case Opaque():
            return Opaque("what an unknown pointer points to", at=origin.at)
    return Inside(origin)


def around(origin: Origin, member: Field) -> Origin:
    """The object that a member lies in, where ``origin`` is the object by the code.

    Loops like ``p = &(*p)->next`` would nest without end: what is deep, or goes round, is the
    object itself. That is one of the two things that the nested one can mean, and the other, the
    address of the member, is known without it.
    """
    depth, place = 0, origin
    while isinstance(place, (Around, Inside, Ret, Slot)):
        if isinstance(place, Around):
            depth += 1
            if place.member == member or depth == _DEEPEST:
                return origin
        place = place.place
    return Around(origin, member)


def part(origin: Origin) -> Origin:
    """A pointer that is computed from one of some origin."""
    return origin if isinstance(origin, (Part, Opaque)) else Part(origin)


def returned(origin: Origin) -> Origin:
    """What a call through a pointer of some origin returns; ``f = f()`` has no end."""
    return Opaque("a chain of calls") if isinstance(origin, Ret) else Ret(origin)


@dataclass(frozen=True)
class Apart:
    """Another free of the same pointer, in the other branch of a test: its memory goes there."""

    deallocator: str
    line: int


@dataclass(frozen=True)
class Free:
    """A call of a deallocator, and what it may be given. ``line`` is that of the call."""

    path: str
    function: str
    line: int
    offset: int
    deallocator: str
    text: str
    origins: Origins
    apart: tuple[Apart, ...] = ()


@dataclass(frozen=True)
class Move:
    """Memory may go from one place to another, by the code at a line."""

    to: Origin
    origin: Origin
    line: int


@dataclass(frozen=True)
class Fill:
    """Objects of a type are written as bytes by a call; ``source``: the type copied from."""

    target: Field
    source: Field | None
    callee: str
    line: int


@dataclass(frozen=True)
class Use:
    """A call of a function that was not read, and that is not followed as one, gets a pointer."""

    callee: str
    origins: Origins
    line: int


@dataclass(frozen=True)
class Flows:
    """What one routine hands on. ``objects``: objects of a type of structure come from a place.

    uses: calls whose meaning is known, such as lookups and allocations, with what they are given.
    """

    moves: tuple[Move, ...]
    objects: tuple[Move, ...]
    fills: tuple[Fill, ...]
    frees: tuple[Free, ...]
    uses: tuple[Use, ...] = ()
