"""Hazardous ways: from a start to a site, with something held there that reclaim waits for."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from convert.flow.hazards.model import Danger
from convert.flow.placement.graph import FunctionName, Graph, Step
from convert.flow.placement.paths import SinkKind, Start

SiteName = tuple[str, int]  # path and offset
Needs = Mapping[SiteName, frozenset[Danger]]


@dataclass(frozen=True, eq=False)
class Way:
    """A shortest way to a site; the last step ends there. dangers: those of the site held then."""

    start: Start
    steps: tuple[Step, ...]
    dangers: frozenset[Danger]

    @property
    def site(self) -> SiteName:
        """The site at its end."""
        return site_of(self.steps[-1])


def site_of(step: Step) -> SiteName:
    """The place where a step ends the way."""
    assert step.sink is not None
    return step.sink.path, step.sink.offset


@dataclass(frozen=True, eq=False)
class Ways:
    """All hazardous ways. needs: the sites, each with the dangers that it must not run under."""

    graph: Graph
    needs: Needs
    _number: dict[Danger, int] = field(init=False)

    def __post_init__(self) -> None:
        numbers = {danger: number for number, danger in enumerate(self.graph.dangers)}
        object.__setattr__(self, "_number", numbers)

    def hazards(self, step: Step) -> frozenset[Danger]:
        """The dangers that end a way with this step; none if it is safe or ends no way."""
        sink = step.sink
        if sink is None or sink.kind is not SinkKind.SITE or step.call.open:
            return frozenset()
        return step.call.held & self.needs.get((sink.path, sink.offset), frozenset())

    def bits(self, dangers: Collection[Danger]) -> int:
        """Dangers as bits."""
        return sum(1 << self._number[danger] for danger in dangers if danger in self._number)

    def dangers(self, bits: int) -> tuple[Danger, ...]:
        """Bits as dangers, in their order."""
        return tuple(one for number, one in enumerate(self.graph.dangers) if bits >> number & 1)

    @cached_property
    def below(self) -> list[int]:
        """For each node the dangers (bits) of all hazardous ways that lead through it."""
        return self.graph.below(lambda step: self.bits(self.hazards(step)))

    def ahead(self, step: Step) -> int:
        """The dangers (bits) of all hazardous ways that go on with a step."""
        return self.below[step.target] if step.target >= 0 else self.bits(self.hazards(step))

    def sites(self, bits: int) -> list[SiteName]:
        """Bits as sites, in the order of the text."""
        return [name for number, name in enumerate(sorted(self.needs)) if bits >> number & 1]

    def sites_ahead(self, step: Step) -> int:
        """The sites (bits) to which hazardous ways go on with a step."""
        return self._sites_below[step.target] if step.target >= 0 else self._site_bit(step)

    @cached_property
    def _sites_below(self) -> list[int]:
        return self.graph.below(self._site_bit)

    @cached_property
    def _site_bits(self) -> dict[SiteName, int]:
        return {name: 1 << number for number, name in enumerate(sorted(self.needs))}

    def _site_bit(self, step: Step) -> int:
        return self._site_bits[site_of(step)] if self.hazards(step) else 0

    @cached_property
    def steps(self) -> list[tuple[Step, ...]]:
        """For each node the steps of hazardous ways."""
        return [tuple(one for one in steps if self.ahead(one)) for steps in self.graph.steps]

    def uncut(self, functions: Collection[FunctionName], sections: Collection[int]) -> list[Way]:
        """A shortest way for each end of ways that no whole function or section cuts."""
        taken = frozenset(sections)
        first: dict[int, Step | Start] = {}
        waiting: deque[int] = deque()
        for node, start in self.graph.starts:
            if node not in first and self.below[node]:
                first[node] = start
                waiting.append(node)
        found: list[Way] = []
        while waiting:
            node = waiting.popleft()
            if self.graph.function(node) in functions:
                continue
            for step in self.steps[node]:
                if step.sections and not taken.isdisjoint(step.sections):
                    continue
                if step.target < 0:
                    found.append(self._way(first, step))
                elif step.target not in first:
                    first[step.target] = step
                    waiting.append(step.target)
        return found

    def _way(self, first: Mapping[int, Step | Start], last: Step) -> Way:
        steps = [last]
        while True:
            before = first[steps[-1].caller]
            if isinstance(before, Start):
                return Way(before, tuple(reversed(steps)), self.hazards(last))
            steps.append(before)
