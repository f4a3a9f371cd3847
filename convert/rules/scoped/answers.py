"""What is known about the mask of one call: that it may change, how and why; or that it stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from convert.flow.hazards.model import SiteClass, SiteHazards
from convert.flow.scopes.results import ProvenSite


@dataclass(frozen=True)
class Change:
    """The mask name of a call may be replaced.

    plain: names that take its place. site_class: why it may. differences: ids of
    `convert.rules.scoped.declared`; without any, the mask has to be the same inside of the scope.
    proof, hazards: what is known of the tree as given. others: see ``rests_on``.
    """

    rule: str
    step: str
    site_class: SiteClass
    plain: tuple[str, ...]
    reason: str
    evidence: tuple[str, ...]
    proof: ProvenSite
    differences: tuple[str, ...] = ()
    hazards: SiteHazards | None = None
    others: tuple[tuple[str, int], ...] = ()

    @property
    def rests_on(self) -> tuple[tuple[str, int], ...]:
        """The calls whose answers it rests on: path and offset in the tree as given."""
        return ((self.proof.path, self.proof.offset), *self.others)


@dataclass(frozen=True)
class Stays:
    """The mask stays: rightly (``kept``), or as its change could not be shown to be right."""

    rule: str
    why: str
    kept: bool = False
    proof: ProvenSite | None = None
    hazards: SiteHazards | None = None


Answer = Change | Stays

# Of a call: file, offset of the callee's name, and where that was in the tree as given, if that is
# certain. None: nothing is known of the call.
Answers = Callable[[str, int, int | None], Answer | None]


def together(changes: Sequence[Change], order: Sequence[str]) -> Change | None:
    """One change for all uses of a variable: the one whose step comes last in ``order``.

    It makes the differences of all; a step of an earlier stage comes first. None if the uses would
    be written differently.
    """
    if len({change.plain for change in changes}) != 1:
        return None
    ranks = {step: rank for rank, step in enumerate(order)}
    last = max(changes, key=lambda change: ranks.get(change.step, -1))
    made = dict.fromkeys(name for change in changes for name in change.differences)
    calls = dict.fromkeys(call for change in changes for call in change.rests_on)
    others = tuple(call for call in calls if call != last.rests_on[0])
    return replace(last, differences=tuple(made), others=others)
