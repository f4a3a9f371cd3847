"""The ways from dangers to allocations, as the placement of scopes sees them.

The analysis of hazards implements `HazardPaths`. It is a graph: a `Node` for each function in one
state on entry, a `Call` for each call that may run there. A way starts at a `Start`, follows calls,
and ends at a `Sink`. Work that is queued is no call: its worker is a `Start` of its own, so that no
way crosses from one task to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from convert.flow.graph.model import Root
from convert.flow.hazards.model import Danger
from convert.flow.placement.model import HandleEnd


@dataclass(frozen=True)
class Function:
    """A function (no macro) whose text a scope can be written into.

    start: offset of its definition. line: of its name. ways_out: ``return`` statements, and the end
    of the body if it is reached. unfit: why no scope can span the whole body, naming file and line
    (it leaves a scope open for its caller, or closes one that its caller opened, or is inside of a
    macro); empty if one can.
    """

    path: str
    name: str
    start: int
    line: int
    ways_out: int = 1
    unfit: str = ""


@dataclass(frozen=True)
class Handle:
    """What functions hand out together with a lock, and get back when they release it.

    structure: of which it is one. member: a name for the member that is to keep the cookie. ends:
    the functions that open it, then those that close it.
    """

    structure: str
    member: str
    ends: tuple[HandleEnd, ...]


@dataclass(frozen=True)
class Section:
    """A critical section of one function: from where it takes a lock to where it releases it.

    danger: the lock. line: of the first taking. opens, closes: offsets of the callee's names in
    the calls that take and release it. A call of a wrapper that hands the lock out takes it here.
    unfit: why no scope can open behind the first and close before the latter, naming file and line
    (an exit keeps the lock; a scope that opens in between is still open at a release; a release
    without taking; a call inside of a macro); empty if one can.
    call: what takes it first, in words; empty for handles.
    handle: where some functions open a handle, and others close it, which; ``function`` is the
    first that opens it then. crosses: the locks of handles that are not open alike where this lock
    is taken and where it is released.
    """

    function: Function
    danger: Danger
    line: int
    opens: tuple[int, ...]
    closes: tuple[int, ...]
    unfit: str = ""
    handle: Handle | None = None
    crosses: frozenset[str] = frozenset()
    call: str = ""


@dataclass(frozen=True)
class Node:
    """A function instance in one state on entry (scope open or not, dangers held).

    state: a number that tells the nodes of one function apart, the same on every run.
    """

    function: Function
    state: int

    def __hash__(self) -> int:  # all fields of a function would take most of the time
        return hash((self.function.start, self.state))


class SinkKind(Enum):
    """What a scope would change."""

    SITE = "site"  # a place of `HazardReport.sites`
    PLAIN = "plain"  # another allocation, which may enter the filesystem
    READER = "reader"  # a line that looks at the task's flag


@dataclass(frozen=True)
class Sink:
    """A place where the state of the scope matters. offset: of the callee's name, or the look."""

    kind: SinkKind
    path: str
    offset: int
    line: int

    def __hash__(self) -> int:
        return hash((self.path, self.offset))


@dataclass(frozen=True)
class Call:
    """A call (or a place of a function itself) that may run in one state.

    target: what runs. line, offset: of the callee's name. open: the scope is certainly open there.
    held: the dangers held there, those on entry to the node included. inside: the sections of the
    function itself in which the call runs, and those of handles that are open there: a scope that
    spans one of them is open there. The same call may stand in several of these if its state
    differs: one for each.
    """

    target: Node | Sink
    line: int
    offset: int
    open: bool = False
    held: frozenset[Danger] = frozenset()
    inside: frozenset[Section] = frozenset()


@dataclass(frozen=True)
class Start:
    """A node that the outside can start.

    held: the dangers it starts with: the worker itself if reclaim waits for it; locks that the
    caller outside holds. worker: it is the entry function of a work item or a kernel thread.
    root: how the outside comes to start it.
    """

    node: Node
    held: frozenset[Danger] = frozenset()
    worker: bool = False
    root: Root | None = None


class HazardPaths(Protocol):
    """All ways from the outside to places where the state of the scope matters."""

    def starts(self) -> Sequence[Start]:
        """All starts, in any order."""

    def calls(self, node: Node) -> Sequence[Call]:
        """What may run in a node, in any order; calls that lead to no sink may be left out."""
