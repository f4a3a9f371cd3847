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


@dataclass(frozen=True)
class Anchor:
    """Where a scope opens and closes.

    path, function, start: the function, and where its definition starts in the text (offset).
    opens: offsets of the calls behind whose statements it opens; none: at the top of the body.
    closes: offsets of the calls before whose statements it closes; none: at every way out.
    structure, member: of a HANDLE, the structure that gets a member for the cookie, and its name.
    closer: of a HANDLE, path, function and start of the function that closes it.
    """

    kind: AnchorKind
    path: str
    function: str
    start: int
    opens: tuple[int, ...] = ()
    closes: tuple[int, ...] = ()
    structure: str = ""
    member: str = ""
    closer: tuple[str, str, int] | None = None


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
