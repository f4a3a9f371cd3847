"""The ways from dangers to allocations, as the placement of scopes asks for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import NamedTuple

from convert.flow.bitsets import singly
from convert.flow.hazards.model import Danger, DangerKind
from convert.flow.hazards.product import Product
from convert.flow.hazards.readers import Reader
from convert.flow.hazards.sections import SectionFinder
from convert.flow.hazards.waits import WORKERS
from convert.flow.placement.paths import Call, Function, Node, Section, Sink, SinkKind, Start
from convert.flow.scopes.code import Call as CallInstruction
from convert.flow.scopes.code import Give
from convert.flow.scopes.held import Locks
from convert.flow.scopes.reach import OPEN
from convert.flow.scopes.reach import Node as ReachNode
from convert.flow.scopes.results import SiteUse
from convert.flow.scopes.setup import Program
from convert.flow.scopes.sites import FoundSite


class State(NamedTuple):
    """A node of the product, and the danger (its bit) that is followed there; 0 for none."""

    node: ReachNode
    held: int


class _At(NamedTuple):
    """An instruction, what it takes from the facts and adds to them, and the callee if known."""

    number: int
    gone: int
    taken: int
    target: int | None = None


class _Lead(NamedTuple):
    """A call that leads on, of whatever danger is followed. targets: by what is followed there."""

    line: int
    offset: int
    gone: int
    taken: int
    opened: bool
    inside: frozenset[Section]
    targets: Mapping[int, Node]


@dataclass
class AnalysisWays:
    """`convert.flow.placement.paths.HazardPaths` of one analysis.

    by_name: the dangers by the names that states hold. found: all sites. readers: code that
    looks at the flag of the scope.
    """

    program: Program
    product: Product
    by_name: Mapping[str, Danger]
    found: Sequence[FoundSite]
    readers: Sequence[Reader]
    sections: SectionFinder
    _functions: dict[int, Function] = field(default_factory=dict)
    _inside: dict[tuple[int, _At], frozenset[Section]] = field(default_factory=dict)
    _locks: dict[int, Mapping[_At, set[Locks]]] = field(default_factory=dict)
    _dangers: dict[int, frozenset[Danger]] = field(default_factory=dict)
    _leads: dict[ReachNode, tuple[_Lead, ...]] = field(default_factory=dict)

    # -- nodes ---------------------------------------------------------------------------------

    @cached_property
    def states(self) -> Mapping[Node, State]:
        """The states by their nodes."""
        numbered = count()
        return {
            Node(self.function(number), next(numbered)): state
            for number, nodes in sorted(self.product.nodes.items())
            for node in nodes
            for state in (State(node, 0), *(State(node, one) for one in self.carried(node)))
        }

    @cached_property
    def nodes(self) -> Mapping[ReachNode, Mapping[int, Node]]:
        """The nodes by their states."""
        found: dict[ReachNode, dict[int, Node]] = defaultdict(dict)
        for node, state in self.states.items():
            found[state.node][state.held] = node
        return found

    def carried(self, node: ReachNode) -> Iterator[int]:
        """The dangers (one bit each) with which a node may be entered and that lead to a site."""
        return singly(self.product.entered[node] & self.harmful.get(node, 0))

    @cached_property
    def harmful(self) -> Mapping[ReachNode, int]:
        """The dangers that are held at a site below a node if they are held when it is entered."""
        found: dict[ReachNode, int] = {}
        callers: dict[ReachNode, list[tuple[ReachNode, int]]] = {}
        for node in self.product.entered:
            for edge in self.product.edges(node):
                callers.setdefault(edge.target, []).append((node, edge.gone))
            found[node] = self.harmful_here(node)
        waiting = [node for node, bits in found.items() if bits]
        while waiting:
            node = waiting.pop()
            for caller, gone in callers.get(node, ()):
                new = found[node] & ~gone & ~found[caller]
                if new:
                    found[caller] |= new
                    waiting.append(caller)
        return found

    def harmful_here(self, node: ReachNode) -> int:
        """The same of the sites of a function itself."""
        found = 0
        for index, kind, _ in self.places.get(node.instance.function.number, ()):
            if kind is SinkKind.SITE:
                for run in self.product.runs_of(node, index):
                    if not run.opened:
                        found |= self.known & ~run.gone
        return found

    @cached_property
    def known(self) -> int:
        """All dangers, as bits."""
        return self.product.facts.bits(sorted(self.by_name))

    def function(self, number: int) -> Function:
        """A function, for an anchor."""
        if number not in self._functions:
            code = self.program.codes[number]
            routine = code.routine
            ways_out = len({i.line for i in code.instructions if isinstance(i, Give)})
            self._functions[number] = Function(
                routine.path,
                routine.key.name,
                routine.item.span.start,
                routine.item.line,
                max(1, ways_out),
                self.unfit(number),
            )
        return self._functions[number]

    def unfit(self, number: int) -> str:
        """Why no scope can span a whole body."""
        code = self.program.codes[number]
        routine = code.routine
        where = f"{routine.path}:{routine.item.line}"
        for instance in self.sections.engine.of_function.get(number, ()):
            for bits, _ in instance.exits:
                if any(bit != "E" for bit in bits[:-1]):
                    return f"{where}: {routine.key.name}() leaves another scope than it found"
        handle = self.sections.handles.leaves(number)
        if handle:
            return f"{where}: {routine.key.name}() opens or closes the handle of {handle}"
        if routine.declared is None:
            return f"{where}: a macro makes the head of {routine.key.name}()"
        return ""

    def dangers(self, bits: int) -> frozenset[Danger]:
        """The dangers among some facts."""
        bits &= self.known
        if bits not in self._dangers:
            names = self.product.facts.of(bits)
            self._dangers[bits] = frozenset(self.by_name[name] for name in names)
        return self._dangers[bits]

    # -- what the placement asks ---------------------------------------------------------------

    def starts(self) -> Sequence[Start]:
        """All states that the outside can start."""
        found: dict[Start, None] = {}
        for (node, root), held in self.product.starts.items():
            worker = root.kind in WORKERS or any(
                danger.kind is DangerKind.WORKER for danger in self.dangers(held)
            )
            for state in (State(node, 0), *(State(node, one) for one in self.carried(node))):
                if not state.held & ~held:
                    start = Start(
                        self.nodes[state.node][state.held], self.dangers(state.held), worker, root
                    )
                    found[start] = None
        return list(found)

    def calls(self, node: Node) -> Sequence[Call]:
        """What may run in a state: functions, and allocations."""
        state = self.states[node]
        return [*self.steps(state), *self.sinks(state), *self.looks(state)]

    def steps(self, state: State) -> Iterator[Call]:
        """The calls that lead on."""
        for lead in self.leads(state.node):
            for held in self.following(state.held, lead.gone, lead.taken):
                target = lead.targets.get(held)
                if target is not None:
                    dangers = self.dangers(held)
                    yield Call(target, lead.line, lead.offset, lead.opened, dangers, lead.inside)

    def leads(self, node: ReachNode) -> tuple[_Lead, ...]:
        """The same of all states of a node: there are many, and each call is read once."""
        if node not in self._leads:
            self._leads[node] = tuple(self.found_leads(node))
        return self._leads[node]

    def found_leads(self, node: ReachNode) -> Iterator[_Lead]:
        """The same, not looked up."""
        number = node.instance.function.number
        code = self.program.codes[number]
        for edge in self.product.edges(node):
            call = code.instructions[edge.number]
            targets = self.nodes.get(edge.target)
            if isinstance(call, CallInstruction) and targets:
                callee = edge.target.instance.function.number
                inside = self.inside(number, _At(edge.number, edge.gone, edge.taken, callee))
                opened = edge.target.entry == OPEN
                offset = self.offset(call)
                yield _Lead(call.line, offset, edge.gone, edge.taken, opened, inside, targets)

    def following(self, held: int, gone: int, taken: int) -> Iterable[int]:
        """What is worth to be followed from a call: each danger by itself."""
        if held:
            return (held,) if not held & gone or held & taken else ()
        return (0, *singly(taken & self.known))

    def sinks(self, state: State) -> Iterator[Call]:
        """The allocations of a function itself."""
        number = state.node.instance.function.number
        for index, kind, site in self.places.get(number, ()):
            call = self.program.codes[number].instructions[index]
            for run in dict.fromkeys(self.product.runs_of(state.node, index)):
                yield Call(
                    Sink(kind, site.routine.path, site.offset, site.line),
                    call.line,
                    site.offset,
                    run.opened,
                    self.dangers(state.held & ~run.gone | run.taken),
                    self.inside(number, _At(index, run.gone, run.taken)),
                )

    def looks(self, state: State) -> Iterator[Call]:
        """The lines of a function that look at the flag: as if they stood at its top."""
        for reader in self.readers_in.get(state.node.instance.function.number, ()):
            sink = Sink(SinkKind.READER, reader.path, reader.offset, reader.line)
            opened = state.node.entry == OPEN
            yield Call(sink, reader.line, reader.offset, opened, self.dangers(state.held))

    @cached_property
    def readers_in(self) -> Mapping[int, Sequence[Reader]]:
        """The lines that look at the flag, by function."""
        found: dict[int, list[Reader]] = {}
        for reader in self.readers:
            found.setdefault(reader.number, []).append(reader)
        return found

    @cached_property
    def places(self) -> Mapping[int, Sequence[tuple[int, SinkKind, FoundSite]]]:
        """The allocations of each function."""
        found: dict[int, list[tuple[int, SinkKind, FoundSite]]] = {}
        for site in self.found:
            if site.use is SiteUse.ALLOCATES:
                kind = SinkKind.SITE if site.forbids else SinkKind.PLAIN
                for number, index in site.runs:
                    found.setdefault(number, []).append((index, kind, site))
        return found

    def inside(self, number: int, at: _At) -> frozenset[Section]:
        """The sections of a function that hold a lock of this state, and those of handles."""
        if (number, at) not in self._inside:
            names = set(self.product.facts.of(at.taken & self.known))
            sections = self.sections.of(number, self.function(number))
            own = frozenset(section for name, section in sections.items() if name in names)
            found = self.sections.handles.found
            locks = self.locks_at(number).get(at, set()) if found else set()
            handles = self.sections.of_handles(number, locks, at.target, self.function)
            self._inside[number, at] = own | handles
        return self._inside[number, at]

    def locks_at(self, number: int) -> Mapping[_At, set[Locks]]:
        """The locks of the states of a function that look alike to who follows the dangers."""
        if number not in self._locks:
            found: dict[_At, set[Locks]] = defaultdict(set)
            for instance in self.sections.instances(number):
                for index, calls in instance.calls.items():
                    for bits, callee in calls:
                        effect = self.product.effect(bits[-1])
                        found[_At(index, *effect, callee.function.number)].add(bits[-1])
                for index, _, _ in self.places.get(number, ()):
                    for bits in instance.at(index):
                        found[_At(index, *self.product.effect(bits[-2]))].add(bits[-2])
            self._locks[number] = found
        return self._locks[number]

    @staticmethod
    def offset(call: CallInstruction) -> int:
        """Where the callee's name stands."""
        return call.origin.offset(call.node)
