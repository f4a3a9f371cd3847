"""What would deadlock if memory reclaim entered the filesystem at an allocation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from convert.flow.graph.model import Place
from convert.flow.scopes.model import Chain
from convert.flow.scopes.results import ProvenSite, ScopeProofs


class DangerKind(Enum):
    """What reclaim may wait for; the values are those of the JSON report."""

    LOCK = "lock"
    WORKER = "worker"


@dataclass(frozen=True, order=True)
class Danger:
    """One thing that reclaim may wait for.

    name: of a lock ``owner.member`` (``inode.i_rwsem``; a variable's name for one of its own), of a
    worker its function. what: ``mutex``, ``rwsem``, ``semaphore``, ``bit lock``, ``work item``,
    ``kernel thread``.
    """

    name: str
    kind: DangerKind = DangerKind.LOCK
    what: str = ""

    def __str__(self) -> str:
        return f"{self.name}()" if self.kind is DangerKind.WORKER else self.name


@dataclass(frozen=True)
class Fact:
    """A statement of a profile that the tree does not show, with its source and its quotation."""

    id: str
    statement: str
    source: str


@dataclass(frozen=True)
class Wait:
    """Where reclaim waits for something.

    chain: from what reclaim calls to the line that blocks. call: what is called there. behind: the
    waits that lead here through workers, the one in reclaim itself first: reclaim waits for the
    worker that the chain starts with.
    """

    danger: Danger
    chain: Chain
    call: str
    behind: tuple[Wait, ...] = ()


@dataclass(frozen=True)
class Hold:
    """How a lock comes to be held, or a worker to run, at an allocation where no scope is open.

    chain: from a root to the allocation. frame: the number of the frame whose function takes the
    lock (of a worker: 0). taken: the line that takes it. call: what is called there.
    """

    danger: Danger
    chain: Chain
    frame: int
    taken: Place
    call: str


@dataclass(frozen=True)
class Hazard:
    """The same thing on both sides.

    excused: the fact by which reclaim never meets the holder, if a profile has one.
    """

    danger: Danger
    hold: Hold
    wait: Wait
    excused: Fact | None = None


@dataclass(frozen=True)
class Missing:
    """What would have to be known, and where."""

    place: Place
    text: str


class SiteClass(Enum):
    """The answer for an allocation whose mask forbids reclaim in the filesystem."""

    IN_SCOPE = "a"  # a scope is open on every path
    EXCUSED = "b"  # reclaim only takes the lock of what nobody holds: __GFP_NOLOCKDEP
    HAZARD = "c"  # a scope belongs at the hazard
    REFLEX = "e"  # nothing is held that reclaim waits for


@dataclass(frozen=True)
class SiteHazards:
    """The answer for one site. answer: None if something is missing, which ``missing`` lists.

    reason: one sentence that names file and line of what decides. hazards: one for each thing that
    reclaim waits for. facts: what of profiles the answer rests on.
    """

    site: ProvenSite
    answer: SiteClass | None
    hazards: tuple[Hazard, ...]
    missing: tuple[Missing, ...]
    facts: tuple[Fact, ...]
    reason: str


@dataclass(frozen=True)
class HazardReport:
    """What is known about some paths.

    sites: those whose mask forbids what the scope forbids, in the order of the text. plain: all
    other allocations, with what is held there that reclaim waits for. waits: a shortest one for
    each thing that reclaim waits for. seconds: by phase.
    """

    proofs: ScopeProofs
    sites: tuple[SiteHazards, ...]
    plain: tuple[SiteHazards, ...]
    waits: tuple[Wait, ...]
    facts: tuple[Fact, ...]
    notes: tuple[str, ...]
    seconds: Mapping[str, float]
