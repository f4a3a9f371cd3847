"""Class (d): one place calls outside of any scope what several others call inside of one.

Upstream's example is 178231af2bdc ("use an empty transaction for fstrim"): a walk that was the only
one outside of a transaction got an empty one, and the masks below became needless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from convert.flow.graph.model import Place
from convert.flow.hazards.model import SiteClass, SiteHazards
from convert.flow.placement.graph import FunctionName, Graph, Step
from convert.flow.placement.model import Restructuring
from convert.flow.placement.paths import Node, SinkKind


def restructurings(graph: Graph, sites: Sequence[SiteHazards]) -> tuple[Restructuring, ...]:
    """One for each function that alone leads to sites outside of a scope, in the text's order."""
    ends: dict[tuple[str, int], list[Step]] = {}
    for step in graph.all_steps():
        if step.sink is not None and step.sink.kind is SinkKind.SITE:
            ends.setdefault((step.sink.path, step.sink.offset), []).append(step)
    bits = {name: 1 << number for number, name in enumerate(ends)}
    outside = _leading(graph, ends, bits, False)
    inside = _leading(graph, ends, bits, True)
    entered = _entered(graph, inside)
    found: dict[Place, _Walk] = {}
    for site in sorted(sites, key=lambda one: (one.site.path, one.site.offset)):
        if site.answer in (SiteClass.IN_SCOPE, SiteClass.REFLEX):
            continue
        name = (site.site.path, site.site.offset)
        bit = bits.get(name, 0)
        crossing = _Crossing(graph, ends.get(name, []), bit, outside, entered).only()
        if crossing is not None:
            function = graph.nodes[crossing.caller].function
            place = Place(function.path, crossing.call.line)
            assert isinstance(crossing.call.target, Node)
            walk = found.setdefault(
                place, _Walk(place, function.name, crossing.call.target.function.name, [])
            )
            walk.sites.append(site)
    return tuple(
        found[place].restructuring()
        for place in sorted(found, key=lambda place: (place.path, place.line))
    )


@dataclass(frozen=True)
class _Walk:
    place: Place
    caller: str
    callee: str
    sites: list[SiteHazards]

    def restructuring(self) -> Restructuring:
        openers = sorted({one.text for site in self.sites for one in site.site.evidence.openers})
        how = f" ({', '.join(openers[:3])})" if openers else ""
        places = ", ".join(f"{one.site.path}:{one.site.line}" for one in self.sites[:3])
        rest = f" and {len(self.sites) - 3} more" if len(self.sites) > 3 else ""
        one = len(self.sites) == 1
        masks = "its mask needs no scope of its own" if one else "no mask needs a scope of its own"
        return Restructuring(
            self.place,
            f"{self.caller}() is the only one that calls {self.callee}() on a way to "
            f"{places}{rest} with no scope open; all other ways open one before{how}. With an "
            f"empty transaction, or whatever opens the scope there, around this call too, "
            f"{masks}.",
        )


@dataclass(frozen=True, eq=False)
class _Crossing:
    """The ways to one site (its bit), outside of a scope and inside of one.

    outside: the sites of each node. entered: those of the functions that some call enters with the
    scope open.
    """

    graph: Graph
    ends: Sequence[Step]
    bit: int
    outside: Sequence[int]
    entered: Mapping[FunctionName, int]

    def only(self) -> Step | None:
        """The first call of the one function that leads from outside into what others use."""
        inside = self.entered_inside()
        if not inside:
            return None
        allocating = {step.caller for step in self.ends if not step.call.open}
        if any(self.leads(node) and self.graph.function(node) not in inside for node in allocating):
            return None  # its own allocation: nothing is shared
        started = {self.graph.function(node) for node, _ in self.graph.starts if self.leads(node)}
        if started & inside:
            return None
        first: Step | None = None
        for step in self.crossings(inside):
            function = self.graph.function(step.caller)
            if first is not None and function != self.graph.function(first.caller):
                return None
            if first is None or self.order(step) < self.order(first):
                first = step
        if first is None:
            return None
        return first if len(self.callers_inside(self.graph.function(first.target))) > 1 else None

    def crossings(self, inside: set[FunctionName]) -> Iterator[Step]:
        """The calls that lead from outside into functions that others enter with the scope open."""
        for name in inside:
            for node in self.graph.functions[name]:
                for step in self.graph.callers[node] if self.leads(node) else ():
                    caller = self.graph.function(step.caller)
                    if not step.call.open and self.leads(step.caller) and caller not in inside:
                        yield step

    @staticmethod
    def order(step: Step) -> tuple[int, int, int]:
        """Orders the calls of a function."""
        return step.call.offset, step.caller, step.target

    def leads(self, node: int) -> bool:
        """Whether a node leads to the site, outside of any scope."""
        return bool(self.outside[node] & self.bit)

    def callers_inside(self, name: FunctionName) -> set[FunctionName]:
        """The functions that call a function with the scope open."""
        return {
            self.graph.function(step.caller)
            for node in self.graph.functions[name]
            for step in self.graph.callers[node]
            if step.call.open
        }

    def entered_inside(self) -> set[FunctionName]:
        """Functions on ways to the site that are entered with the scope open."""
        return {name for name, bits in self.entered.items() if bits & self.bit}


def _entered(graph: Graph, inside: Sequence[int]) -> dict[FunctionName, int]:
    """The functions that some call enters with the scope open, with the sites that follow."""
    found: dict[FunctionName, int] = {}
    for node, callers in enumerate(graph.callers):
        if any(step.call.open for step in callers):
            name = graph.function(node)
            found[name] = found.get(name, 0) | inside[node]
    return found


def _leading(
    graph: Graph,
    ends: Mapping[tuple[str, int], Sequence[Step]],
    bits: Mapping[tuple[str, int], int],
    opened: bool,
) -> list[int]:
    """For each node the sites (bits) to which it leads.

    opened: to those of their states in which the scope is open, through any calls; else to the
    others, through calls outside of the scope only.
    """
    found = [0] * len(graph.nodes)
    for name, steps in ends.items():
        for step in steps:
            if step.call.open == opened:
                found[step.caller] |= bits[name]
    for component in graph.components:  # callees first
        again = True
        while again:
            again = False
            for node in component:
                before = found[node]
                for step in graph.steps[node]:
                    if step.target >= 0 and (opened or not step.call.open):
                        found[node] |= found[step.target]
                again = again or (found[node] != before and len(component) > 1)
    return found
