"""What is counted at run time, and the patch that counts it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One call whose mask is counted.

    offset: of the call or of anything in it. names: the mask names that make it a site, as they are
    written there; empty if the mask comes from elsewhere. proven: whether a call outside of the
    scope is a violation, or only an observation.
    """

    id: str
    path: str
    offset: int
    line: int
    callee: str
    names: frozenset[str]
    proven: bool


@dataclass(frozen=True)
class NotCounted:
    """A site without a counter; ``reason`` names file, line and what is in the way."""

    target: Target
    reason: str


@dataclass(frozen=True)
class AssertPatch:
    """The patch as text, the sites that it counts in the order of their numbers, and the rest."""

    text: str
    counted: tuple[Target, ...]
    left_out: tuple[NotCounted, ...]
