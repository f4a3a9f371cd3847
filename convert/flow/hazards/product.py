"""From the roots to the allocations: what is held on the way that reclaim waits for.

A state is a function instance, whether the scope was open when it was entered, and the dangers that
were held then. The search is breadth first, so the first way that is found is a shortest one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from convert.flow.graph.model import Place, Root
from convert.flow.scopes.code import Call, Code
from convert.flow.scopes.contexts import Instance
from convert.flow.scopes.held import UNNAMED, Locks
from convert.flow.scopes.model import Chain, Frame
from convert.flow.scopes.reach import CLOSED, OPEN, Node, Reach, after
from convert.flow.scopes.values import Bits

Names = frozenset[str]
_MOST_COMBINATIONS = 12
UNSURE = "~"  # in front of the name of a lock that may be held, or not


class State(NamedTuple):
    """A function instance, the scope when it is entered, and the dangers that are held then."""

    instance: Instance
    entry: int
    held: Names


class Step(NamedTuple):
    """A call from a state: its instruction, scope and locks there, and what is held."""

    number: int
    bits: Bits
    held: Names
    target: State


@dataclass
class Product:
    """All states that the roots reach and that lead to an allocation.

    dangers: the names of what reclaim waits for. workers: by the number of a root's function, the
    name of the worker that reclaim waits for. sites: by function, the instructions that are asked
    about. guessed: calls that are not followed. given: what the outside holds when it starts a
    root. inside: by function, the calls that have the kernel's core run a function at once, and the
    instances of that. first: how a state was reached first. depth: by how many calls.
    """

    codes: Sequence[Code]
    reach: Reach
    dangers: Names
    workers: Mapping[int, str]
    sites: Mapping[int, Sequence[int]]
    guessed: Callable[[Call], bool]
    given: Callable[[Root], Names]
    inside: Mapping[int, Sequence[tuple[int, Instance]]]
    first: dict[State, tuple[State, int] | Root] = field(default_factory=dict)
    depth: dict[State, int] = field(default_factory=dict)
    _starts: dict[State, State] = field(default_factory=dict)
    _combinations: dict[tuple[Instance, int], set[Names]] = field(default_factory=dict)
    steps: dict[State, list[Step]] = field(default_factory=dict)
    states: dict[int, list[State]] = field(default_factory=dict)

    def run(self, starts: Iterable[tuple[Instance, Root]]) -> None:
        """Search from the roots."""
        leading = self.leading()
        waiting: deque[State] = deque()
        for instance, root in starts:
            if Node(instance, CLOSED) not in leading:
                continue
            worker = self.workers.get(instance.function.number)
            held = self.given(root) & self.dangers
            state = State(instance, CLOSED, held if worker is None else held | {worker})
            if state not in self.first:
                self.first[state] = root
                self.depth[state] = 0
                waiting.append(state)
        while waiting:
            state = waiting.popleft()
            self.states.setdefault(state.instance.function.number, []).append(state)
            found = self.steps[state] = list(self.steps_of(state, leading))
            for number, step in enumerate(found):
                step = found[number] = self.bounded(step)
                if step.target not in self.first:
                    self.first[step.target] = (state, step.number)
                    self.depth[step.target] = self.depth[state] + 1
                    waiting.append(step.target)

    def steps_of(self, state: State, leading: set[Node]) -> Iterator[Step]:
        """The calls from a state that lead to a site."""
        for index in sorted(state.instance.calls):
            call = state.instance.function.code.instructions[index]
            if isinstance(call, Call) and self.guessed(call):
                continue
            for bits, callee in state.instance.calls[index]:
                entry = after(bits, state.entry)
                if Node(callee, entry) in leading:
                    held = self.held(state, bits[-1])
                    yield Step(index, bits, held, State(callee, entry, held))
        for index, callee in self.inside.get(state.instance.function.number, ()):
            for bits in state.instance.at(index):
                if after(bits, state.entry) != OPEN and Node(callee, CLOSED) in leading:
                    held = self.held(state, bits[-2])
                    yield Step(index, bits[:-1], held, State(callee, CLOSED, held))

    def bounded(self, step: Step) -> Step:
        """A step whose target is one of few states of its instance.

        Where too many combinations are held, it is not known any more which: each may be.
        """
        target = step.target
        if target in self.first:
            return step
        known = self._combinations.setdefault((target.instance, target.entry), set())
        if len(known) < _MOST_COMBINATIONS:
            known.add(target.held)
            return step
        every = frozenset(name.removeprefix(UNSURE) for names in known for name in names)
        more = {name.removeprefix(UNSURE) for name in target.held}
        held = frozenset(f"{UNSURE}{name}" for name in every | more)
        known.add(held)
        return step._replace(target=target._replace(held=held))

    def held(self, state: State, locks: Locks) -> Names:
        """The dangers that are held at an instruction."""
        held = state.held
        if locks.freed:
            gone = {name for name, _ in locks.freed}
            held -= gone | {f"{UNSURE}{name}" for name in gone}
        if locks.held:
            held |= {one.name for one in locks.held} & (self.dangers | {UNNAMED})
        if locks.unsure:
            held |= {f"{UNSURE}{name}" for name in locks.unsure & self.dangers}
        return held

    def leading(self) -> set[Node]:
        """The nodes from which a site is reached."""
        found: set[Node] = set()
        waiting: list[Node] = []
        outer: dict[Instance, set[int]] = {}
        for number, callbacks in self.inside.items():
            for _, callee in callbacks:
                outer.setdefault(callee, set()).add(number)
        for number, indexes in self.sites.items():
            for node in self.reach.nodes.get(number, ()):
                if any(node.instance.at(index) for index in indexes):
                    waiting.append(node)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting += [caller for caller, _ in self.reach.callers.get(node, ())]
                for number in outer.get(node.instance, ()):
                    waiting += self.reach.nodes.get(number, ())
        return found

    # -- sites ---------------------------------------------------------------------------------

    def runs(self, places: Iterable[tuple[int, int]]) -> Iterator[tuple[State, int, Bits, Names]]:
        """All states in which an instruction runs, with what is held there."""
        for number, index in places:
            for state in self.states.get(number, ()):
                for bits in state.instance.at(index):
                    yield state, index, bits, self.held(state, bits[-2])

    @staticmethod
    def is_open(state: State, bits: Bits) -> bool:
        """Whether the scope is open, for certain."""
        return after(bits, state.entry) == OPEN

    # -- chains --------------------------------------------------------------------------------

    def start(self, state: State) -> State:
        """The root's state from which a state was reached first."""
        while state not in self._starts:
            step = self.first[state]
            if isinstance(step, Root):
                self._starts[state] = state
            else:
                self._starts[state] = self.start(step[0])
        return self._starts[state]

    def trail(self, state: State, index: int) -> list[tuple[State, int]]:
        """The states and instructions from a root to an instruction."""
        found = [(state, index)]
        while True:
            step = self.first[found[-1][0]]
            if isinstance(step, Root):
                return found[::-1]
            found.append(step)

    def chain(self, trail: Sequence[tuple[State, int]]) -> Chain:
        """A trail in words, along which no scope is open."""
        root = self.first[trail[0][0]]
        assert isinstance(root, Root)
        return Chain(root, tuple(self.frame(*one) for one in trail), False)

    def frame(self, state: State, index: int) -> Frame:
        """A function and a line in it."""
        code = self.codes[state.instance.function.number]
        place = Place(code.routine.path, code.instructions[index].line)
        return Frame(code.routine.key.name, place)
