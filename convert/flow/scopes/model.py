"""What a scope proof says about one place of the text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from convert.flow.graph.model import Place, Root


class Verdict(Enum):
    """Whether the scope is open when a call runs; the values are those of the JSON report."""

    PROVEN = "proven"  # on every path from every root
    MIXED = "mixed"  # on some paths
    UNSCOPED = "unscoped"  # on none
    DEAD = "dead"  # no root reaches it
    UNKNOWN = "unknown"  # the analysis did not converge, or met code that it does not know


@dataclass(frozen=True)
class Frame:
    """One step of a chain: a function, and the line in it that leads on."""

    function: str
    place: Place

    def __str__(self) -> str:
        return f"{self.function}@{self.place.line}"


@dataclass(frozen=True)
class Opener:
    """A call that opens the scope on which a verdict relies: ``text`` is what is called there."""

    function: str
    place: Place
    text: str


@dataclass(frozen=True)
class Chain:
    """A shortest chain from a root to the place; the last frame holds the place itself."""

    root: Root
    frames: tuple[Frame, ...]
    open: bool  # whether the scope is open along it


@dataclass(frozen=True)
class ScopeEvidence:
    """The verdict about one place.

    witness: the shortest chain without the scope (MIXED, UNSCOPED), or to what is not known
    (UNKNOWN); None if PROVEN or DEAD. covered: a shortest chain with the scope open (PROVEN,
    MIXED). openers: all calls that open it on the way to this place. axioms: ids of the profile's
    facts that were used. reason: one sentence that names file, line and the fact that decides, or
    is missing.
    """

    verdict: Verdict
    scope: str
    witness: Chain | None
    covered: Chain | None
    openers: tuple[Opener, ...]
    axioms: tuple[str, ...]
    reason: str
