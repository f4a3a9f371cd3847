"""The graph of `HazardPaths`, read once and numbered in an order that no input order changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from convert.flow.hazards.model import Danger
from convert.flow.placement.paths import (
    Call,
    Function,
    HazardPaths,
    Node,
    Section,
    Sink,
    SinkKind,
    Start,
)

FunctionName = tuple[str, int, str]  # path, start, name: in the order of the text


@dataclass(frozen=True, eq=False)
class Step:
    """A numbered call. target: the number of a node, -1 for a sink. sections: numbers.

    sink: the place where the step ends the way, if it does.
    """

    caller: int
    call: Call
    target: int
    sections: tuple[int, ...]
    sink: Sink | None


@dataclass(frozen=True, eq=False)
class Graph:
    """All that the starts reach, numbered. steps: by the number of the caller.

    functions: of each, the numbers of its nodes. within: of each section, the steps inside of it.
    components: nodes that reach each other, callees before their callers.
    """

    nodes: tuple[Node, ...]
    steps: tuple[tuple[Step, ...], ...]
    starts: tuple[tuple[int, Start], ...]
    sections: tuple[Section, ...]
    dangers: tuple[Danger, ...]
    sinks: tuple[Sink, ...]
    functions: dict[FunctionName, tuple[int, ...]]
    within: tuple[tuple[Step, ...], ...]
    components: tuple[tuple[int, ...], ...]

    def all_steps(self) -> Iterator[Step]:
        """All calls, in the order of their callers."""
        for steps in self.steps:
            yield from steps

    def function(self, node: int) -> FunctionName:
        """The function of a node."""
        return self._names[node]

    @cached_property
    def _names(self) -> list[FunctionName]:
        return [name_of(node.function) for node in self.nodes]

    @cached_property
    def callers(self) -> list[list[Step]]:
        """For each node the steps that enter it."""
        found: list[list[Step]] = [[] for _ in self.nodes]
        for step in self.all_steps():
            if step.target >= 0:
                found[step.target].append(step)
        return found

    @cached_property
    def exposed(self) -> list[int]:
        """For each node the sinks (bits) below of it where no scope is open."""
        return self.below(self._exposed_here)

    def exposed_ahead(self, step: Step) -> int:
        """The sinks (bits) to which a step leads, or that it is, where no scope is open."""
        return self.exposed[step.target] if step.target >= 0 else self._exposed_here(step)

    def sinks_of(self, bits: int, kind: SinkKind) -> tuple[Sink, ...]:
        """Sinks of one kind."""
        return tuple(
            sink
            for number, sink in enumerate(self.sinks)
            if bits >> number & 1 and sink.kind is kind
        )

    @cached_property
    def _sink_bits(self) -> dict[Sink, int]:
        return {sink: 1 << number for number, sink in enumerate(self.sinks)}

    def _exposed_here(self, step: Step) -> int:
        sink = step.sink
        return 0 if sink is None or step.call.open else self._sink_bits[sink]

    def below(self, own: Callable[[Step], int]) -> list[int]:
        """For each node the bits of all steps that it reaches; ``own``: the bits of one step."""
        found = [0] * len(self.nodes)
        for component in self.components:
            bits = 0
            for node in component:
                for step in self.steps[node]:
                    bits |= own(step)
                    if step.target >= 0:
                        bits |= found[step.target]
            for node in component:
                found[node] = bits
        return found


def read_graph(paths: HazardPaths) -> Graph:
    """Read all that the starts reach."""
    starts = sorted(paths.starts(), key=_start_key)
    calls = _reachable(paths, starts)
    nodes = tuple(sorted(calls, key=_node_key))
    number = {node: index for index, node in enumerate(nodes)}
    every = [call for node in nodes for call in calls[node]]
    groups = {call.inside for call in every}
    sections = tuple(sorted({one for group in groups for one in group}, key=_section_key))
    section_number = {section: index for index, section in enumerate(sections)}
    inside = {group: tuple(sorted(section_number[one] for one in group)) for group in groups}
    held = {group: sorted(map(danger_key, group)) for group in {call.held for call in every}}

    def key(call: Call) -> tuple[object, ...]:
        target = call.target
        place = (0, number[target]) if isinstance(target, Node) else _sink_key(target)
        return call.offset, place, call.line, call.open, held[call.held], inside[call.inside]

    steps = tuple(
        tuple(
            Step(
                caller,
                call,
                number[call.target] if isinstance(call.target, Node) else -1,
                inside[call.inside],
                call.target if isinstance(call.target, Sink) else None,
            )
            for call in sorted(calls[node], key=key)
        )
        for caller, node in enumerate(nodes)
    )
    within: list[list[Step]] = [[] for _ in sections]
    for step in (step for steps_of in steps for step in steps_of):
        for section in step.sections:
            within[section].append(step)
    functions: dict[FunctionName, tuple[int, ...]] = {}
    for index, node in enumerate(nodes):
        name = name_of(node.function)
        functions[name] = (*functions.get(name, ()), index)
    return Graph(
        nodes=nodes,
        steps=steps,
        starts=tuple((number[start.node], start) for start in starts),
        sections=sections,
        dangers=_dangers(every, starts, sections),
        sinks=tuple(
            sorted({one.target for one in every if isinstance(one.target, Sink)}, key=_sink_key)
        ),
        functions=functions,
        within=tuple(tuple(one) for one in within),
        components=tuple(_components(steps)),
    )


def name_of(function: Function) -> FunctionName:
    """What tells a function from all others."""
    return function.path, function.start, function.name


def danger_key(danger: Danger) -> tuple[str, str, str]:
    """The order of dangers."""
    return danger.name, danger.kind.value, danger.what


def _reachable(paths: HazardPaths, starts: Iterable[Start]) -> dict[Node, list[Call]]:
    calls: dict[Node, list[Call]] = {}
    waiting = [start.node for start in starts]
    while waiting:
        node = waiting.pop()
        if node in calls:
            continue
        calls[node] = list(dict.fromkeys(paths.calls(node)))
        waiting += [one.target for one in calls[node] if isinstance(one.target, Node)]
    return calls


def _dangers(
    calls: Iterable[Call], starts: Iterable[Start], sections: Iterable[Section]
) -> tuple[Danger, ...]:
    found = {danger for held in {call.held for call in calls} for danger in held}
    found |= {danger for start in starts for danger in start.held}
    found |= {section.danger for section in sections}
    return tuple(sorted(found, key=danger_key))


def _components(steps: tuple[tuple[Step, ...], ...]) -> Iterator[tuple[int, ...]]:
    """Tarjan's strongly connected components, callees first (SIAM J. Comput. 1, 1972)."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in range(len(steps)):
        if root in order:
            continue
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(steps[root]))]
        while work:
            node, following = work[-1]
            for step in following:
                if step.target < 0:
                    continue
                if step.target not in order:
                    order[step.target] = low[step.target] = len(order)
                    stack.append(step.target)
                    on_stack.add(step.target)
                    work.append((step.target, iter(steps[step.target])))
                    break
                if step.target in on_stack:
                    low[node] = min(low[node], order[step.target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    component = [stack.pop()]
                    while component[-1] != node:
                        component.append(stack.pop())
                    on_stack.difference_update(component)
                    yield tuple(component)


# -- orders ----------------------------------------------------------------------------------------


def _node_key(node: Node) -> tuple[object, ...]:
    return *name_of(node.function), node.state


def _sink_key(sink: Sink) -> tuple[object, ...]:
    return 1, sink.path, sink.offset, sink.kind.value, 0


def _section_key(section: Section) -> tuple[object, ...]:
    return (
        *name_of(section.function),
        section.opens,
        section.closes,
        danger_key(section.danger),
        section.line,
        section.unfit,
        section.handle.ends if section.handle else (),
        sorted(section.crosses),
    )


def _start_key(start: Start) -> tuple[object, ...]:
    return _node_key(start.node), start.worker, sorted(danger_key(one) for one in start.held)
