"""What the call graph says: functions, calls with their targets, roots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from convert.flow.code import FunctionKey


class RootKind(Enum):
    """How the outside can start a function; the values are printed."""

    TABLE = "member of a structure that is handed outside"
    WORK = "work item"
    THREAD = "kernel thread"
    TIMER = "timer or delayed callback"
    COMPLETION = "I/O completion"
    SHRINKER = "shrinker"
    MODULE = "module entry point"
    EXPORTED = "exported symbol"
    OUTSIDE = "called from files that were not read"
    ADDRESS = "address handed outside"
    UNPARSED = "called by code that could not be parsed"


@dataclass(frozen=True)
class Place:
    """A line of the tree (1-based)."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Root:
    """Why a function may run with no scope open: ``detail`` names the table, queue or symbol."""

    kind: RootKind
    place: Place
    detail: str


class Resolution(Enum):
    """How the targets of a call were found."""

    DIRECT = "by name"
    FIELD = "by the member that holds the pointer"
    VALUE = "by the values that reach the pointer"
    SIGNATURE = "every function of that signature whose address is taken"


@dataclass(frozen=True)
class Targets:
    """What a call may run.

    functions: of the paths (or inlines of headers that were read), macros included. outside: names
    that were not read. complete: nothing else can be meant. ``how`` is SIGNATURE for a call that
    could not be resolved.
    """

    functions: tuple[FunctionKey, ...]
    outside: tuple[str, ...]
    how: Resolution
    complete: bool
