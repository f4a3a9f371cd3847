"""Functions between where a danger is taken and the sites, all of whose callees need a scope."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from convert.flow.hazards.model import Danger
from convert.flow.placement.graph import FunctionName, Step
from convert.flow.placement.paths import Function, SinkKind, Start
from convert.flow.placement.ways import Ways


@dataclass(frozen=True, eq=False)
class PhaseFinder:
    """Finds phases such as mount or recovery. Scopes below single calls are none."""

    ways: Ways

    def phases(self) -> Iterator[tuple[Function, int, int]]:
        """Each with its distance (calls) from where the danger is taken, and dangers (bits)."""
        for name, nodes in sorted(self.ways.graph.functions.items()):
            function = self.ways.graph.nodes[nodes[0]].function
            dangers = 0
            for node in nodes:
                dangers |= self._entered[node]
            if not dangers or function.unfit or not self._all_need(name) or self._in_handle(name):
                continue
            if any(self._passed_by(name, one) for one in self.ways.dangers(dangers)):
                continue
            yield function, min(self._depth.get(node, 0) for node in nodes), dangers

    @cached_property
    def _entered(self) -> list[int]:
        """For each node the dangers (bits) that it is entered with and that hazards below are."""
        found = [0] * len(self.ways.graph.nodes)
        for steps in self.ways.steps:
            for step in steps:
                if step.target >= 0:
                    held = self.ways.bits(step.call.held)
                    found[step.target] |= held & self.ways.below[step.target]
        for node, start in self.ways.graph.starts:
            found[node] |= self.ways.bits(start.held) & self.ways.below[node]
        return found

    @cached_property
    def _depth(self) -> dict[int, int]:
        """For each node the calls between it and the nearest function that takes a danger."""
        graph = self.ways.graph
        depth = {step.caller: 0 for steps in self.ways.steps for step in steps if step.sections}
        depth |= {node: 0 for node, start in graph.starts if start.held}
        waiting = deque(sorted(depth))
        while waiting:
            node = waiting.popleft()
            for step in self.ways.steps[node]:
                if step.target >= 0 and step.target not in depth:
                    depth[step.target] = depth[node] + 1
                    waiting.append(step.target)
        return depth

    def _all_need(self, name: FunctionName) -> bool:
        """Whether each call that allocates is hazardous: two at least, one of another function."""
        allocates: set[int] = set()
        needs: set[int] = set()
        calls = False
        for node in self.ways.graph.functions[name]:
            for step in self.ways.graph.steps[node]:
                if self.ways.ahead(step):
                    needs.add(step.call.offset)
                    calls = calls or step.target >= 0
                elif self._allocates(step):
                    allocates.add(step.call.offset)
        return calls and len(needs) >= 2 and allocates <= needs

    def _allocates(self, step: Step) -> bool:
        return bool(self.ways.graph.exposed_ahead(step) & self._allocations)

    @cached_property
    def _allocations(self) -> int:
        return sum(
            1 << number
            for number, sink in enumerate(self.ways.graph.sinks)
            if sink.kind is not SinkKind.READER
        )

    def _in_handle(self, name: FunctionName) -> bool:
        """Whether a handle is open somewhere in it: its scope need not close before this one."""
        sections = self.ways.graph.sections
        return any(
            sections[section].handle and not sections[section].unfit
            for node in self.ways.graph.functions[name]
            for step in self.ways.graph.steps[node]
            for section in step.sections
        )

    def _passed_by(self, name: FunctionName, danger: Danger) -> bool:
        """Whether a danger that leads to the function also leads to a site without it.

        Backwards from the function, as long as the danger is held, to where it is taken.
        """
        graph = self.ways.graph
        seen = set(graph.functions[name])
        waiting = sorted(seen)
        checked: set[int] = set()
        while waiting:
            node = waiting.pop()
            if any(danger in start.held for start in self._starts.get(node, ())) and self._leads(
                [node], name, danger
            ):
                return True
            for step in graph.callers[node]:
                if danger not in step.call.held or graph.function(step.caller) == name:
                    continue
                for section in step.sections:
                    if graph.sections[section].danger == danger and section not in checked:
                        checked.add(section)
                        if self._leads_inside(section, name, danger):
                            return True
                if step.caller not in seen:
                    seen.add(step.caller)
                    waiting.append(step.caller)
        return False

    @cached_property
    def _starts(self) -> dict[int, list[Start]]:
        found: dict[int, list[Start]] = {}
        for node, start in self.ways.graph.starts:
            found.setdefault(node, []).append(start)
        return found

    def _leads_inside(self, section: int, name: FunctionName, danger: Danger) -> bool:
        """Whether a section leads to a site of its danger without going through a function."""
        steps = self.ways.graph.within[section]
        if any(step.target < 0 and danger in self.ways.hazards(step) for step in steps):
            return True
        return self._leads([step.target for step in steps if step.target >= 0], name, danger)

    def _leads(self, nodes: Iterable[int], name: FunctionName, danger: Danger) -> bool:
        """Whether some nodes lead to a site of a danger without going through a function."""
        bit = self.ways.bits([danger])
        below, function = self.ways.below, self.ways.graph.function
        waiting = [one for one in nodes if below[one] & bit and function(one) != name]
        seen = set(waiting)
        while waiting:
            for step in self.ways.steps[waiting.pop()]:
                if step.target < 0:
                    if danger in self.ways.hazards(step):
                        return True
                elif (
                    step.target not in seen
                    and below[step.target] & bit
                    and function(step.target) != name
                ):
                    seen.add(step.target)
                    waiting.append(step.target)
        return False
