"""The ways from dangers to allocations, as the placement of scopes asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

from convert.flow.graph.model import Root, RootKind
from convert.flow.hazards.model import Danger, DangerKind
from convert.flow.hazards.product import Product, State
from convert.flow.hazards.readers import Reader
from convert.flow.hazards.sections import SectionFinder
from convert.flow.placement.paths import Call, Function, Node, Section, Sink, SinkKind, Start
from convert.flow.scopes.code import Call as CallInstruction
from convert.flow.scopes.code import Give
from convert.flow.scopes.reach import OPEN, after
from convert.flow.scopes.results import SiteUse
from convert.flow.scopes.setup import Program
from convert.flow.scopes.sites import FoundSite

_WORKERS = (RootKind.WORK, RootKind.THREAD)


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
    _nodes: dict[State, Node] = field(default_factory=dict)

    # -- nodes ---------------------------------------------------------------------------------

    @cached_property
    def states(self) -> Mapping[Node, State]:
        """The states by their nodes."""
        numbered = count()
        return {
            Node(self.function(number), next(numbered)): state
            for number, states in sorted(self.product.states.items())
            for state in states
        }

    @cached_property
    def nodes(self) -> Mapping[State, Node]:
        """The nodes by their states."""
        return {state: node for node, state in self.states.items()}

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
        if routine.declared is None:
            return f"{where}: a macro makes the head of {routine.key.name}()"
        return ""

    def dangers(self, names: frozenset[str]) -> frozenset[Danger]:
        """The dangers of some names."""
        return frozenset(self.by_name[name] for name in names if name in self.by_name)

    # -- what the placement asks ---------------------------------------------------------------

    def starts(self) -> Sequence[Start]:
        """All states that the outside can start."""
        found = []
        for state, step in self.product.first.items():
            if isinstance(step, Root):
                held = self.dangers(state.held)
                worker = step.kind in _WORKERS or any(
                    danger.kind is DangerKind.WORKER for danger in held
                )
                found.append(Start(self.nodes[state], held, worker))
        return found

    def calls(self, node: Node) -> Sequence[Call]:
        """What may run in a state: functions, and allocations."""
        state = self.states[node]
        return [*self.steps(state), *self.sinks(state), *self.looks(state)]

    def steps(self, state: State) -> Iterator[Call]:
        """The calls that lead on."""
        number = state.instance.function.number
        code = self.program.codes[number]
        for step in self.product.steps[state]:
            call = code.instructions[step.number]
            if isinstance(call, CallInstruction):
                yield Call(
                    self.nodes[step.target],
                    call.line,
                    self.offset(call),
                    after(step.bits, state.entry) == OPEN,
                    self.dangers(step.held),
                    self.inside(number, step.bits[-1]),
                )

    def sinks(self, state: State) -> Iterator[Call]:
        """The allocations of a function itself."""
        number = state.instance.function.number
        for index, kind, site in self.places.get(number, ()):
            call = self.program.codes[number].instructions[index]
            for bits in state.instance.at(index):
                yield Call(
                    Sink(kind, site.routine.path, site.offset, site.line),
                    call.line,
                    site.offset,
                    after(bits, state.entry) == OPEN,
                    self.dangers(self.product.held(state, bits[-2])),
                    self.inside(number, bits[-2]),
                )

    def looks(self, state: State) -> Iterator[Call]:
        """The lines of a function that look at the flag: as if they stood at its top."""
        for reader in self.readers_in.get(state.instance.function.number, ()):
            sink = Sink(SinkKind.READER, reader.path, reader.offset, reader.line)
            opened = state.entry == OPEN
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

    def inside(self, number: int, locks: object) -> frozenset[Section]:
        """The sections of a function that hold a lock of this state."""
        names = {held.name for held in getattr(locks, "held", ())}
        return frozenset(
            section
            for name, section in self.sections.of(number, self.function(number)).items()
            if name in names
        )

    @staticmethod
    def offset(call: CallInstruction) -> int:
        """Where the callee's name stands."""
        return call.origin.offset(call.node)
