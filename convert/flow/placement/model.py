"""Scopes that are to be added, and why there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from convert.flow.graph.model import Place
from convert.flow.hazards.model import Hazard, SiteHazards


class AnchorKind(Enum):
    """What a scope is tied to; the values are those of the JSON report."""

    LOCK = "lock"  # right behind where it is taken, right before where it is released
    WORKER = "worker"  # the whole function of a worker that reclaim waits for
    PHASE = "phase"  # a whole function, such as mount or recovery, whose callees need it
    HANDLE = "handle"  # from the function that opens a handle to the one that closes it


@dataclass(frozen=True, order=True)
class HandleEnd:
    """A function that opens or closes a handle.

    start: where its definition starts in the text (offset). opens: whether it opens. pointer: the
    variable that points to the handle where the function hands its lock out, or where it releases
    the lock. takes, releases: offsets of the calls of its own that take and release the lock.
    """

    path: str
    start: int
    function: str
    opens: bool
    pointer: str
    takes: tuple[int, ...]
    releases: tuple[int, ...]


@dataclass(frozen=True)
class Anchor:
    """Where a scope opens and closes.

    path, function, start: the function, and where its definition starts in the text (offset).
    opens: offsets of the calls behind whose statements it opens; none: at the top of the body.
    closes: offsets of the calls before whose statements it closes; none: at every way out.
    structure, member: of a HANDLE, the structure that gets a member for the cookie, and its name.
    ends: of a HANDLE, the functions that open it, then those that close it. The first is the
    anchor's function; ``opens`` and ``closes`` are the calls of all of them, in that order.
    """

    kind: AnchorKind
    path: str
    function: str
    start: int
    opens: tuple[int, ...] = ()
    closes: tuple[int, ...] = ()
    structure: str = ""
    member: str = ""
    ends: tuple[HandleEnd, ...] = ()

    @property
    def openers(self) -> tuple[HandleEnd, ...]:
        """Of a HANDLE, the functions that open it."""
        return tuple(end for end in self.ends if end.opens)

    @property
    def closers(self) -> tuple[HandleEnd, ...]:
        """Of a HANDLE, the functions that close it."""
        return tuple(end for end in self.ends if not end.opens)


@dataclass(frozen=True)
class Alternative:
    """Another place for the same scope: what it would cost, in words."""

    place: Place
    text: str
    cost: int


@dataclass(frozen=True)
class PlacedScope:
    """A scope that is to be added.

    hazards: those that it ends, a witness each. sites: whose masks it makes needless. plain: other
    allocations that come to run inside of it, which could enter the filesystem until now. readers:
    lines that run inside of it and look at the task's flag. cost: ``plain`` and ways out to patch.
    alternatives: the next best, cheapest first.
    """

    anchor: Anchor
    line: int
    hazards: tuple[Hazard, ...]
    sites: tuple[SiteHazards, ...]
    plain: tuple[Place, ...]
    readers: tuple[Place, ...]
    cost: int
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True)
class Unplaced:
    """A site for which no scope is placed, and why."""

    site: SiteHazards
    reason: str


@dataclass(frozen=True)
class Restructuring:
    """A change by hand that would do better than a scope (class d): reported, never made."""

    place: Place
    text: str


@dataclass(frozen=True)
class Placement:
    """All scopes that are to be added for some paths, in the order of their commits.

    notes: what a reader has to know about the search itself.
    """

    scopes: tuple[PlacedScope, ...]
    unplaced: tuple[Unplaced, ...]
    restructurings: tuple[Restructuring, ...] = ()
    notes: tuple[str, ...] = ()
