"""Shortest ways from the roots along which one fact comes to hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from convert.flow.graph.model import Root
from convert.flow.scopes.reach import Node

if TYPE_CHECKING:
    from convert.flow.hazards.product import Edge


class Point(NamedTuple):
    """A node as it is entered, and whether the fact holds then."""

    node: Node
    holds: bool


class Step(NamedTuple):
    """An instruction on a way. holds: the fact does when the node is entered."""

    node: Node
    number: int
    holds: bool


@dataclass
class Trails:
    """Ways for one fact (its bit). edges: the calls of a node that lead on."""

    fact: int
    edges: Callable[[Node], Sequence[Edge]]
    first: dict[Point, tuple[Point, int] | Root] = field(default_factory=dict)
    depth: dict[Point, int] = field(default_factory=dict)

    def run(self, starts: Mapping[tuple[Node, Root], int]) -> None:
        """Search from the roots, breadth first."""
        waiting: deque[Point] = deque()
        for (node, root), held in starts.items():
            for point in (Point(node, False), Point(node, True)):
                if point not in self.first and (held & self.fact or not point.holds):
                    self.first[point] = root
                    self.depth[point] = 0
                    waiting.append(point)
        while waiting:
            point = waiting.popleft()
            depth = self.depth[point] + 1
            for number, target, gone, taken in self.edges(point.node):
                for holds in self.after(point.holds, gone, taken):
                    following = Point(target, holds)
                    if following not in self.first:
                        self.first[following] = (point, number)
                        self.depth[following] = depth
                        waiting.append(following)

    def after(self, holds: bool, gone: int, taken: int) -> tuple[bool, ...]:
        """With and without what it is worth to go on from a call."""
        if holds:
            return (True,) if taken & self.fact or not gone & self.fact else ()
        return (False, True) if taken & self.fact else (False,)

    def best(self, node: Node, gone: int, taken: int) -> Point | None:
        """Of the ways to a place of a node at which the fact holds, the shortest one's end."""
        ends = []
        if taken & self.fact:
            ends.append(Point(node, False))
        if not gone & self.fact or taken & self.fact:
            ends.append(Point(node, True))
        return min(
            (one for one in ends if one in self.depth), key=self.depth.__getitem__, default=None
        )

    def trail(self, end: Point, index: int) -> tuple[Root, list[Step]]:
        """The root and the steps of a way."""
        found = [Step(end.node, index, end.holds)]
        while True:
            step = self.first[Point(found[-1].node, found[-1].holds)]
            if isinstance(step, Root):
                return step, found[::-1]
            point, number = step
            found.append(Step(point.node, number, point.holds))
