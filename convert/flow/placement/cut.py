"""The cheapest anchors that cut all hazardous ways.

It is a minimum cut in which one anchor may cut many edges at one price: a scope in a function is
open for all of its callers and in all of its states. A maximum flow prices each edge by itself, so
it would put one function's scope into the bill once for each state, or join states and ask for
scopes on ways that do not exist. Instead the ways are taken as sets of the anchors on them, as far
as they are needed: meet the known sets at the least cost, look for a way that is still uncut, add
it, repeat (Moreno-Centeno and Karp: "The Implicit Hitting Set Approach to Solve Combinatorial
Optimization Problems with an Application to Multigenome Alignment", Operations Research 61, 2013).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from convert.flow.placement.candidates import Candidate
from convert.flow.placement.graph import FunctionName
from convert.flow.placement.hitting import Hitting, Weight, cheapest_hitting
from convert.flow.placement.ways import Way, Ways

Chosen = frozenset[int]  # indexes of candidates


@dataclass(eq=False)
class Cutter:
    """Cuts ways by candidates. known: of the ways seen so far, the candidates on them."""

    ways: Ways
    candidates: Sequence[Candidate]
    weights: Sequence[Weight]
    known: set[Chosen] = field(default_factory=set)
    _whole: dict[FunctionName, int] = field(default_factory=dict)
    _section: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, candidate in enumerate(self.candidates):
            if candidate.whole is not None:
                self._whole[candidate.whole] = number
            for section in candidate.sections:
                self._section[section] = number

    def cut(self, given: Chosen = frozenset(), never: Chosen = frozenset()) -> Hitting | None:
        """The cheapest candidates that cut all ways that those given leave, without some.

        None if some way has no other candidate.
        """
        exact = True
        while True:
            sets = {one - never for one in self.known if not one & given}
            if frozenset() in sets:
                return None
            hitting = cheapest_hitting(sets, self.weights)
            exact = exact and hitting.exact
            found = self.uncut(hitting.chosen | given)
            if not found:
                return Hitting(hitting.chosen, exact)
            self.known |= {self.on(way) for way in found}

    def uncut(self, chosen: Collection[int]) -> list[Way]:
        """A shortest way for each place where ways end that no chosen candidate cuts."""
        functions = {name for name, number in self._whole.items() if number in chosen}
        sections = {section for section, number in self._section.items() if number in chosen}
        return self.ways.uncut(functions, sections)

    def on(self, way: Way) -> Chosen:
        """The candidates that cut a way."""
        found: set[int] = set()
        for step in way.steps:
            number = self._whole.get(self.ways.graph.function(step.caller))
            if number is not None:
                found.add(number)
            found |= {self._section[one] for one in step.sections if one in self._section}
        return frozenset(found)
