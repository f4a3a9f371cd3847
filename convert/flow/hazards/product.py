"""From the roots to the allocations: what is held on the way that reclaim waits for.

Each fact is followed by itself: a danger that is held, one that may be held, a root that was the
start. A call adds facts and takes some away, whatever else holds, so nothing is lost by that (Reps,
Horwitz and Sagiv: "Precise Interprocedural Dataflow Analysis via Graph Reachability", POPL 1995).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from convert.flow.bitsets import Bitsets
from convert.flow.graph.model import Place, Root
from convert.flow.hazards.alike import alike
from convert.flow.hazards.trails import Step, Trails
from convert.flow.scopes.code import Call, Code
from convert.flow.scopes.contexts import Instance
from convert.flow.scopes.held import UNNAMED, Locks
from convert.flow.scopes.model import Chain, Frame
from convert.flow.scopes.reach import CLOSED, OPEN, Node, Reach, after

Names = frozenset[str]
UNSURE = "~"  # in front of the name of a lock that may be held, or not


class Edge(NamedTuple):
    """A call that leads on. gone, taken: what it takes from the facts of its caller, and adds."""

    number: int
    target: Node
    gone: int
    taken: int


class Run(NamedTuple):
    """An instruction that is asked about, in one state. held: all that may hold there at once."""

    node: Node
    number: int
    opened: bool
    gone: int
    taken: int
    held: int


@dataclass
class Facts(Bitsets[str]):
    """Names as bits. locks: those that count as dangers."""

    locks: Names = frozenset()
    _effects: dict[Locks, tuple[int, int]] = field(default_factory=dict)

    def effect(self, locks: Locks) -> tuple[int, int]:
        """What the locks of a function take from the facts of its entry, and add."""
        known = self._effects.get(locks)
        if known is None:
            freed = {name for name, _ in locks.freed} & (self.locks | {UNNAMED})
            held = {one.name for one in locks.held} & (self.locks | {UNNAMED})
            unsure = (locks.unsure | locks.many) & self.locks
            known = self._effects[locks] = (
                self.bits(sorted(freed)) | self.bits(UNSURE + name for name in sorted(freed)),
                self.bits(sorted(held)) | self.bits(UNSURE + name for name in sorted(unsure)),
            )
        return known


@dataclass
class Product:
    """All nodes that the roots reach and that lead to an allocation, with the facts there.

    facts: the names of locks that reclaim waits for, of workers, and what else is followed.
    workers: by the number of a root's function, the name of the worker that reclaim waits for.
    sites: by function, the instructions that are asked about. guessed: calls that are not followed.
    given: what the outside holds when it starts a root. inside: by function, the calls that have
    the kernel's core run a function at once, and the instances of that. entered: the facts with
    which a node may be entered. starts: the nodes that roots start, with the facts of that.
    """

    codes: Sequence[Code]
    reach: Reach
    facts: Facts
    workers: Mapping[int, str]
    sites: Mapping[int, Sequence[int]]
    guessed: Callable[[Call], bool]
    given: Callable[[Root], Names]
    inside: Mapping[int, Sequence[tuple[int, Instance]]]
    entered: dict[Node, int] = field(default_factory=dict)
    nodes: dict[int, list[Node]] = field(default_factory=dict)
    starts: dict[tuple[Node, Root], int] = field(default_factory=dict)
    _roots: dict[str, tuple[int, Root]] = field(default_factory=dict)
    _edges: dict[Node, tuple[Edge, ...]] = field(default_factory=dict)
    _leading: set[Node] = field(default_factory=set)
    _trails: dict[int, Trails] = field(default_factory=dict)

    def run(self, starts: Iterable[tuple[Instance, Root]]) -> None:
        """Follow all facts from the roots until nothing new is found."""
        stands = self.read_edges()
        waiting: deque[Node] = deque()
        for instance, root in starts:
            node = stands.get(Node(instance, CLOSED))
            if node is not None:
                worker = self.workers.get(instance.function.number)
                held = self.facts.bits(sorted(self.given(root) & self.facts.locks))
                held |= 0 if worker is None else self.facts.bit(worker)
                self.starts[node, root] = held
                self.enter(node, held | self.root_bit(instance, root), waiting)
        queued = set(waiting)
        while waiting:
            node = waiting.popleft()
            queued.discard(node)
            held = self.entered[node]
            for edge in self.edges(node):
                self.enter(edge.target, held & ~edge.gone | edge.taken, waiting, queued)
        for node in self.entered:
            self.nodes.setdefault(node.instance.function.number, []).append(node)

    def enter(
        self, node: Node, held: int, waiting: deque[Node], queued: set[Node] | None = None
    ) -> None:
        """Note with which facts a node is entered, and look at it again if some are new."""
        before = self.entered.get(node)
        if before is not None and not held & ~before:
            return
        self.entered[node] = held | (before or 0)
        if queued is None or node not in queued:
            waiting.append(node)
            if queued is not None:
                queued.add(node)

    def root_bit(self, instance: Instance, root: Root) -> int:
        """The fact that a root was the start."""
        name = f"/{instance.function.number}:{root.kind.value}"
        self._roots.setdefault(name, (instance.function.number, root))
        return self.facts.bit(name)

    def edges(self, node: Node) -> tuple[Edge, ...]:
        """The calls of a node that lead to a site."""
        return self._edges[node]

    def read_edges(self) -> Mapping[Node, Node]:
        """Find the calls of all nodes; of those that lead to the same, one stands for all."""
        self._leading = self.leading()
        nodes = [
            node
            for number in sorted(self.reach.nodes)
            for node in self.reach.nodes[number]
            if node in self._leading
        ]
        found = {node: tuple(dict.fromkeys(self.found_edges(node))) for node in nodes}
        calls = {
            node: [((one.number, one.gone, one.taken), one.target) for one in edges]
            for node, edges in found.items()
        }
        stands = alike(nodes, self.own, calls)
        for node in dict.fromkeys(stands.values()):
            edges = (one._replace(target=stands[one.target]) for one in found[node])
            self._edges[node] = tuple(dict.fromkeys(edges))
        return stands

    def own(self, node: Node) -> Hashable:
        """What a node does itself, as far as anything asks for it."""
        number = node.instance.function.number
        return (
            number,
            node.entry,
            frozenset(
                (index, after(bits, node.entry) == OPEN, *self.effect(bits[-2]))
                for index in self.sites.get(number, ())
                for bits in node.instance.at(index)
            ),
        )

    def found_edges(self, node: Node) -> Iterator[Edge]:
        """The same, some of them more than once."""
        instance, entry = node
        for index in sorted(instance.calls):
            call = instance.function.code.instructions[index]
            if isinstance(call, Call) and self.guessed(call):
                continue
            for bits, callee in instance.calls[index]:
                target = Node(callee, after(bits, entry))
                if target in self._leading:
                    yield Edge(index, target, *self.effect(bits[-1]))
        for index, callee in self.inside.get(instance.function.number, ()):
            target = Node(callee, CLOSED)
            if target in self._leading:
                for bits in instance.at(index):
                    if after(bits, entry) != OPEN:
                        yield Edge(index, target, *self.effect(bits[-2]))

    def effect(self, locks: object) -> tuple[int, int]:
        """As `Facts.effect`, of the part of a state that stands for locks."""
        assert isinstance(locks, Locks)
        return self.facts.effect(locks)

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

    def runs(self, places: Iterable[tuple[int, int]]) -> Iterator[Run]:
        """All states in which some instructions (function, index) run."""
        for number, index in places:
            for node in self.nodes.get(number, ()):
                yield from dict.fromkeys(self.runs_of(node, index))

    def runs_of(self, node: Node, index: int) -> Iterator[Run]:
        """The states in which an instruction of a node runs."""
        entered = self.entered[node]
        for bits in node.instance.at(index):
            gone, taken = self.effect(bits[-2])
            opened = after(bits, node.entry) == OPEN
            yield Run(node, index, opened, gone, taken, entered & ~gone | taken)

    def named(self, bits: int) -> Iterator[str]:
        """What is held, or may be: the names of facts that are no roots."""
        return (name for name in self.facts.of(bits) if name not in self._roots)

    def roots(self, bits: int) -> Iterator[tuple[int, Root]]:
        """The roots among some facts, with the numbers of their functions."""
        return (self._roots[name] for name in self.facts.of(bits) if name in self._roots)

    # -- chains --------------------------------------------------------------------------------

    def trails(self, name: str) -> Trails:
        """The shortest ways along which a fact comes to hold."""
        bit = self.facts.bit(name)
        if bit not in self._trails:
            self._trails[bit] = Trails(bit, self.edges)
            self._trails[bit].run(self.starts)
        return self._trails[bit]

    def chain(self, root: Root, trail: Sequence[Step]) -> Chain:
        """A trail in words, along which no scope is open."""
        return Chain(root, tuple(self.frame(one.node, one.number) for one in trail), False)

    def frame(self, node: Node, index: int) -> Frame:
        """A function and a line in it."""
        code = self.codes[node.instance.function.number]
        place = Place(code.routine.path, code.instructions[index].line)
        return Frame(code.routine.key.name, place)
