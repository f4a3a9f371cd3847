"""All that a run of the scope proofs hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from convert.flow.graph.model import Place, Root
from convert.flow.scopes.model import Opener, ScopeEvidence, Verdict


class SiteUse(Enum):
    """What a place does with a mask; the values are printed."""

    ALLOCATES = "allocates"  # the call allocates now, with the mask it is given or holds
    STORES = "stores the mask"  # others allocate with it later: the place proves nothing
    OPENS = "opens a scope"  # redundant if it is proven


@dataclass(frozen=True)
class ProvenSite:
    """One place with its verdict. ``offset``: of the callee's name. ``mask``: names in the mask.

    function: the function or macro whose text holds the place. nofs: whether the mask forbids what
    the scope forbids, by literal or by a variable; None if the mask is not known.
    """

    path: str
    offset: int
    line: int
    function: str
    callee: str
    mask: tuple[str, ...]
    use: SiteUse
    forbids: bool | None
    evidence: ScopeEvidence


@dataclass(frozen=True)
class Coverage:
    """What the analysis never reached. Each entry: where, what, and why in one sentence."""

    place: Place
    what: str
    reason: str


@dataclass(frozen=True)
class UsedAxiom:
    """A fact of a profile that the run relied upon, with its source and what it was checked on."""

    id: str
    statement: str
    source: str
    checked: str


@dataclass(frozen=True)
class InferredEffect:
    """A function that opens or closes the scope for its caller, read off its body.

    ``effect`` is one phrase (``opens it when it returns 0``). ``place``: the definition.
    """

    function: str
    place: Place
    effect: str


@dataclass(frozen=True)
class IdleMask:
    """A mask in which one name undoes another: ``text`` means the same as ``means``."""

    path: str
    offset: int
    line: int
    function: str
    text: str
    means: str


@dataclass(frozen=True)
class RedundantScope:
    """A call that opens the scope where it is always open already."""

    opener: Opener
    evidence: ScopeEvidence


@dataclass(frozen=True)
class CallerNode:
    """A node of the tree of callers of a place, for `explain`.

    function: the caller; place: its line that leads on (for the top: the site). open: whether the
    scope is open there when the root (or the function) started without it. opened_at: the call
    that opened it in this function, if one did. root: why the outside may start this function.
    repeated: the callers of this function stand elsewhere in the tree (or it is recursive).
    """

    function: str
    place: Place
    open: bool
    opened_at: Opener | None
    root: Root | None
    repeated: bool
    callers: tuple[CallerNode, ...]


@dataclass(frozen=True)
class Statistics:
    """Counts of a run: functions, instances (contexts), program states, seconds by phase."""

    functions: int
    instances: int
    states: int
    unresolved_calls: int
    widened: int
    seconds: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class ScopeProofs:
    """The proofs about some paths of a tree. They hold for the files that were read.

    sites: by path and offset. openers: functions with an effect on the scope, inferred. coverage:
    live code that was never reached, and code that could not be parsed.
    """

    scope: str
    sites: tuple[ProvenSite, ...]
    openers: tuple[InferredEffect, ...]
    coverage: tuple[Coverage, ...]
    axioms: tuple[UsedAxiom, ...]
    statistics: Statistics
    redundant_scopes: tuple[RedundantScope, ...]
    idle_masks: tuple[IdleMask, ...]
    notes: tuple[str, ...] = ()
    trees: Mapping[tuple[str, int], CallerNode] = field(default_factory=dict, repr=False)

    @cached_property
    def _by_place(self) -> dict[tuple[str, int], ProvenSite]:
        return {(site.path, site.offset): site for site in self.sites}

    def site(self, path: str, offset: int) -> ProvenSite | None:
        """The site whose callee's name starts at an offset."""
        return self._by_place.get((path, offset))

    def at(self, path: str, offset: int) -> ScopeEvidence:
        """The evidence about a place; UNKNOWN, with the reason, for one that is no site."""
        site = self.site(path, offset)
        if site is not None:
            return site.evidence
        reason = f"{path}: no allocation is known at offset {offset}"
        return ScopeEvidence(Verdict.UNKNOWN, self.scope, None, None, (), (), reason)

    def callers_tree(self, path: str, offset: int) -> CallerNode | None:
        """The tree of callers of a site, roots at the ends; None for a place that is no site."""
        return self.trees.get((path, offset))
