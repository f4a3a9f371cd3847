"""The stack machine's instructions. Each knows the line it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from convert.semantics.interpreter.values import Type, Value, Where
from convert.semantics.stubs import Deallocator, Primitive


@dataclass(frozen=True)
class Push:
    """Push a constant."""

    where: Where
    value: Value


@dataclass(frozen=True)
class Local:
    """Push the lvalue of a local of this frame."""

    where: Where
    name: str


@dataclass(frozen=True)
class Declare:
    """Start a local's life, with no value yet."""

    where: Where
    name: str


@dataclass(frozen=True)
class Field:
    """Pop an lvalue, push that of its member (an array's element has the name ``[n]``)."""

    where: Where
    name: str


@dataclass(frozen=True)
class Element:
    """Pop an index and an lvalue, push that of the element."""

    where: Where


@dataclass(frozen=True)
class Load:
    """Pop an lvalue, push its value."""

    where: Where


@dataclass(frozen=True)
class Store:
    """Pop a value and an lvalue, assign, push the value as converted."""

    where: Where
    member: str | None  # the member that is written, where the lvalue is one


@dataclass(frozen=True)
class Duplicate:
    """Push the top again."""

    where: Where


@dataclass(frozen=True)
class Drop:
    """Pop and forget."""

    where: Where


@dataclass(frozen=True)
class Under:
    """Pop two, push the upper one, drop the lower one."""

    where: Where


@dataclass(frozen=True)
class Unary:
    """Pop one, push ``op`` of it."""

    where: Where
    op: str


@dataclass(frozen=True)
class Binary:
    """Pop two, push ``op`` of them."""

    where: Where
    op: str


@dataclass(frozen=True)
class Convert:
    """Pop one, push it as the type."""

    where: Where
    ctype: Type


@dataclass(frozen=True)
class Jump:
    """Go on at the label ``target`` (as do the other jumps)."""

    where: Where
    target: int


@dataclass(frozen=True)
class Branch:
    """Pop a condition; go on at ``target`` if its truth is ``when``.

    assertion: the other way is a trap, so that which way is taken is no open question.
    """

    where: Where
    target: int
    when: bool
    assertion: bool = False


@dataclass(frozen=True)
class Merge:
    """States are compared with those seen here before; ``loop``: also widened."""

    where: Where
    loop: bool


@dataclass(frozen=True)
class Choose:
    """Go on at any of the targets: the alternatives of the configuration, labelled."""

    where: Where
    targets: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Call:
    """Pop ``count`` arguments, run a function of the program, push its result."""

    where: Where
    function: str
    count: int


@dataclass(frozen=True)
class Allocate:
    """Pop ``count`` arguments, ask a primitive allocator, push the pointer."""

    where: Where
    primitive: Primitive
    count: int


@dataclass(frozen=True)
class Free:
    """Pop ``count`` arguments, free one of them."""

    where: Where
    deallocator: Deallocator
    count: int


@dataclass(frozen=True)
class Fill:
    """Pop address, byte and length of a memset, push the address."""

    where: Where


@dataclass(frozen=True)
class Copy:
    """Pop ``count`` arguments of a memcpy, push the first, whose contents are new."""

    where: Where
    count: int


@dataclass(frozen=True)
class CacheSize:
    """Pop ``count`` arguments, the first a slab cache; push the size of its objects."""

    where: Where
    count: int


@dataclass(frozen=True)
class Ignore:
    """Pop ``count`` arguments of a call whose body is not known, push an opaque value.

    harmless: the call is known to leave its arguments alone (tracepoints, printk).
    """

    where: Where
    name: str
    count: int
    harmless: bool


@dataclass(frozen=True)
class Sleep:
    """Note that the call may block."""

    where: Where


@dataclass(frozen=True)
class Trap:
    """The path ends: BUG(), or a failed assertion."""

    where: Where
    what: str


@dataclass(frozen=True)
class Stop:
    """Code that the interpreter does not know; it only matters where it is reached."""

    where: Where
    what: str


@dataclass(frozen=True)
class Return:
    """Pop the function's result, go back to the caller."""

    where: Where


Instruction = (
    Push | Local | Declare | Field | Element | Load | Store | Duplicate | Drop | Under | Unary
    | Binary | Convert | Jump | Branch | Merge | Choose | Call | Allocate | Free | Fill | Copy
    | CacheSize | Ignore
    | Sleep | Trap | Stop | Return
)  # fmt: skip


INSTRUCTIONS: tuple[type[Instruction], ...] = get_args(Instruction)


@dataclass(frozen=True)
class Code:
    """One function, ready to run.

    types: of its locals, parameters included. labels: the instruction that each label stands
    before, -1 for one that the body lacks. variadic: further arguments are allowed.
    """

    name: str
    parameters: tuple[str, ...]
    result: Type
    instructions: tuple[Instruction, ...]
    types: Mapping[str, Type]
    labels: tuple[int, ...]
    variadic: bool = False
