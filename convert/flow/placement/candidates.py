"""Where maintainers would open a scope: natural anchors, and what each costs.

A scope goes to what it protects from: the section in which a lock is held, the worker that reclaim
waits for, the stretch for which a handle is open. A whole function below of it is a candidate only
if all of its callees that allocate need the scope, at least two of them, and no hazardous way
leads past it. A scope around a single call, or around nothing but the allocation itself, is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from convert.flow.placement.graph import FunctionName, name_of
from convert.flow.placement.hitting import Weight
from convert.flow.placement.model import Anchor, AnchorKind
from convert.flow.placement.paths import Function, SinkKind
from convert.flow.placement.phases import PhaseFinder
from convert.flow.placement.sections import anchor_of, crossings
from convert.flow.placement.ways import Ways


@dataclass(frozen=True)
class Weights:
    """What a scope costs. Only the relation of the numbers matters.

    plain: for each allocation that comes to run inside of it and could enter the filesystem until
    now: reclaim can do less there. way_out: for each place where it has to be closed: a line that a
    later change can forget. phase: for a whole function that is not where the danger is: high, so
    that it is placed only where no scope at the danger itself does; the reader would have to search
    for what it protects. refused: for each site that gets no scope because a handle has one and a
    lock that overlaps with it has not, or the other way round.
    """

    plain: int = 1
    way_out: int = 1
    phase: int = 1000
    refused: int = 20


@dataclass(frozen=True, eq=False)
class Candidate:
    """An anchor, and what it cuts: a whole function, or sections (numbers).

    exposed: the sinks (bits) that come to run inside of it. cost: as weighed.
    distance: calls between where the danger is taken and the anchor. dangers: those that it is for.
    """

    anchor: Anchor
    line: int
    whole: FunctionName | None
    sections: frozenset[int]
    exposed: int
    cost: int
    distance: int
    dangers: int


# What is preferred if nothing else differs.
_KINDS = (AnchorKind.WORKER, AnchorKind.HANDLE, AnchorKind.LOCK, AnchorKind.PHASE)


def order(candidate: Candidate) -> tuple[object, ...]:
    """The order of the text."""
    anchor = candidate.anchor
    return (
        anchor.path,
        anchor.start,
        anchor.function,
        anchor.kind.value,
        anchor.opens,
        anchor.closes,
        anchor.ends,
    )


def weigh(candidates: Sequence[Candidate], weights: Weights) -> list[Weight]:
    """Weights in the order of the candidates, by which the search compares, from the left.

    The cost, the number of scopes, the distance from the danger, the kind, the order.
    """
    return [
        (
            one.cost + (weights.phase if one.anchor.kind is AnchorKind.PHASE else 0),
            1,
            one.distance,
            _KINDS.index(one.anchor.kind),
            1 << number,
        )
        for number, one in enumerate(candidates)
    ]


@dataclass(frozen=True, eq=False)
class CandidateFinder:
    """All natural anchors that cut some hazardous way.

    handles: whether handles or locks have a scope where they overlap without nesting.
    """

    ways: Ways
    weights: Weights
    handles: bool = True

    def candidates(self) -> tuple[Candidate, ...]:
        """In the order of the text."""
        self_made = [*self.sections(), *self.workers()]
        taken = {one.whole for one in self_made}
        phases = [one for one in self.phases() if one.whole not in taken]
        return tuple(sorted([*self_made, *phases], key=order))

    # -- sections ------------------------------------------------------------------------------

    def sections(self) -> Iterator[Candidate]:
        """Locks and handles. Sections of the same text are one candidate."""
        alike: dict[Anchor, list[int]] = {}
        crossed = crossings(self.ways, self.handles)
        for number, section in enumerate(self.ways.graph.sections):
            if not section.unfit and number not in crossed and self.protects(number):
                alike.setdefault(anchor_of(section), []).append(number)
        for anchor, numbers in alike.items():
            sections = [self.ways.graph.sections[one] for one in numbers]
            exposed = dangers = 0
            for number in numbers:
                for step in self.ways.graph.within[number]:
                    exposed |= self.ways.graph.exposed_ahead(step)
                dangers |= self.ways.bits([self.ways.graph.sections[number].danger])
            first = sections[0]
            exits = len(first.closes) or first.function.ways_out
            yield Candidate(
                anchor=anchor,
                line=first.line,
                whole=None,
                sections=frozenset(numbers),
                exposed=exposed,
                cost=self.cost(exposed, exits),
                distance=0,
                dangers=dangers,
            )

    def protects(self, number: int) -> bool:
        """Whether the lock of a section itself is a danger on a way through it."""
        return any(
            self.ways.ahead(step) & self.ways.bits([self.ways.graph.sections[number].danger])
            for step in self.ways.graph.within[number]
        )

    # -- whole functions -----------------------------------------------------------------------

    def workers(self) -> Iterator[Candidate]:
        """Entry functions of workers that start with a danger."""
        found: dict[Function, int] = {}
        for node, start in self.ways.graph.starts:
            dangers = self.ways.bits(start.held) & self.ways.below[node]
            function = start.node.function
            if start.worker and dangers and not function.unfit:
                found[function] = found.get(function, 0) | dangers
        for function, dangers in found.items():
            yield self.whole(AnchorKind.WORKER, function, 0, dangers)

    def phases(self) -> Iterator[Candidate]:
        """Functions between a danger and the sites whose callees all need the scope."""
        for function, distance, dangers in PhaseFinder(self.ways).phases():
            yield self.whole(AnchorKind.PHASE, function, distance, dangers)

    def whole(self, kind: AnchorKind, function: Function, distance: int, dangers: int) -> Candidate:
        exposed = 0
        for node in self.ways.graph.functions[name_of(function)]:
            exposed |= self.ways.graph.exposed[node]
        return Candidate(
            anchor=Anchor(kind, function.path, function.name, function.start),
            line=function.line,
            whole=name_of(function),
            sections=frozenset(),
            exposed=exposed,
            cost=self.cost(exposed, function.ways_out),
            distance=distance,
            dangers=dangers,
        )

    # -- costs ---------------------------------------------------------------------------------

    def cost(self, exposed: int, exits: int) -> int:
        plain = self.ways.graph.sinks_of(exposed, SinkKind.PLAIN)
        return len(plain) * self.weights.plain + exits * self.weights.way_out
