"""Where a function's address can be kept, and how it goes from one such place to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.graph.model import Place


class Spot(NamedTuple):
    """A place without time that may hold functions.

    kind: "field" (owner: struct tag), "any" (a member of some structure that is not known),
    "variable" (owner: home), "local" (owner: FunctionKey), "result" (owner: FunctionKey),
    "call" (owner: number of an indirect call: what it returns), "outside" (owner: number of a
    `Handed`), "unknown" (something that was not read).
    """

    kind: str
    owner: object
    name: str


# What code that was not read may put somewhere: an unknown function.
UNKNOWN = Spot("unknown", None, "")


class Held(NamedTuple):
    """A value: what a place holds, or a function itself. ``shared``: the address of the place."""

    of: Spot | FunctionKey
    shared: bool = False


Values = tuple[Held, ...]
NOTHING: Values = ()


@dataclass(frozen=True, eq=False)
class Handed:
    """Functions that leave what was read: ``to`` is a function or macro, or says what happens."""

    routine: Routine | None
    place: Place
    to: str
    slot: int


@dataclass(frozen=True, eq=False)
class CallSite:
    """A call in a routine with the functions that its callee and arguments may stand for.

    ``keys``: what a call by name runs; ``outside``: its name if that was not read. ``callee``: the
    values of a called expression. ``through``: the member that an indirect call goes through.
    """

    number: int
    routine: Routine
    node: c_ast.FuncCall
    place: Place
    keys: tuple[FunctionKey, ...]
    outside: str | None
    callee: Values
    arguments: Sequence[Values]
    through: Spot | None


@dataclass(frozen=True, eq=False)
class Stored:
    """A function put into a member; ``table`` (home, name) and ``row`` of an initialised object."""

    spot: Spot
    key: FunctionKey
    place: Place
    table: tuple[str, str] | None
    row: str | None


@dataclass
class Facts:
    """All constraints of the program."""

    edges: list[tuple[Spot, Held]] = field(default_factory=list)
    calls: list[CallSite] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    taken: dict[FunctionKey, Place] = field(default_factory=dict)
    uses: list[tuple[Routine, Routine, Place]] = field(default_factory=list)
