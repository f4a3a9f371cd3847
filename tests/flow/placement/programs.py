"""Small programs as graphs of ways: straight lines of calls, locks, allocations and scopes.

A body is words: ``L+`` takes lock L, ``L-`` releases it, ``$s`` is a site, ``%p`` a plain
allocation, ``?r`` a look at the task's flag, ``(`` and ``)`` open and close a scope, any other word
calls the function of that name. Functions that nobody calls are started from outside.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from convert.flow.graph.model import Place, Root, RootKind
from convert.flow.hazards.model import (
    Danger,
    DangerKind,
    Fact,
    Hazard,
    HazardReport,
    Hold,
    SiteClass,
    SiteHazards,
    Wait,
)
from convert.flow.placement.model import HandleEnd
from convert.flow.placement.paths import (
    Call,
    Function,
    Handle,
    Node,
    Section,
    Sink,
    SinkKind,
    Start,
)
from convert.flow.scopes.model import Chain, Frame, Opener, ScopeEvidence, Verdict
from convert.flow.scopes.results import ProvenSite, ScopeProofs, SiteUse, Statistics

PATH = "fs/toy/toy.c"
KINDS = {"$": SinkKind.SITE, "%": SinkKind.PLAIN, "?": SinkKind.READER}
T = TypeVar("T")
State = tuple[frozenset[str], bool]  # locks held, whether a scope is open


@dataclass
class Toy:
    """A program. workers: entry functions that reclaim waits for. given: locks that a function is
    started with. ways_out, unfit: of functions. handles: of each lock that is one, the functions
    that open and close it. shuffle: the seed of the order in which everything is told."""

    bodies: Mapping[str, str]
    workers: Sequence[str] = ()
    given: Mapping[str, str] = field(default_factory=dict)
    ways_out: Mapping[str, int] = field(default_factory=dict)
    unfit: Mapping[str, str] = field(default_factory=dict)
    handles: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    shuffle: int | None = None

    def __post_init__(self) -> None:
        self.words = {name: body.split() for name, body in self.bodies.items()}
        self.states: dict[str, list[State]] = {name: [] for name in self.bodies}
        self.exits: dict[tuple[str, State], frozenset[str]] = {}
        shuffle, self.shuffle = self.shuffle, None
        self.reached = dict(self.explore())  # numbers the states, in an order that stays the same
        self.shuffle = shuffle

    def explore(self) -> Iterator[tuple[Node, list[Frame]]]:
        """All nodes, each with the frames of a shortest way to it."""
        frames: dict[Node, list[Frame]] = {start.node: [] for start in self.starts()}
        waiting = deque(frames)
        while waiting:
            node = waiting.popleft()
            yield node, frames[node]
            for call in self.calls(node):
                if isinstance(call.target, Node) and call.target not in frames:
                    frames[call.target] = [*frames[node], frame(node, call)]
                    waiting.append(call.target)

    # -- the protocol --------------------------------------------------------------------------

    def starts(self) -> Sequence[Start]:
        called = {word for words in self.words.values() for word in words}
        found = []
        for name in self.bodies:
            held = frozenset(self.given.get(name, "").split())
            dangers = {Danger(one) for one in held}
            if name in self.workers:
                worker = Danger(name, DangerKind.WORKER, "work item")
                state: State = (held | {name}, False)
                start = Start(self.node(name, state), frozenset({*dangers, worker}), True)
                found.append(start)
            elif name not in called:
                found.append(Start(self.node(name, (held, False)), frozenset(dangers)))
        return self.mixed(found)

    def calls(self, node: Node) -> Sequence[Call]:
        name = node.function.name
        return self.mixed(self.run(name, self.states[name][node.state])[0])

    # -- the semantics -------------------------------------------------------------------------

    def function(self, name: str) -> Function:
        start = self.start(name)
        return Function(
            PATH, name, start, start, self.ways_out.get(name, 1), self.unfit.get(name, "")
        )

    def start(self, name: str) -> int:
        return 100 * (1 + list(self.bodies).index(name))

    def node(self, name: str, state: State) -> Node:
        if state not in self.states[name]:
            self.states[name].append(state)
        return Node(self.function(name), self.states[name].index(state))

    def run(self, name: str, entry: State) -> tuple[list[Call], frozenset[str]]:
        """The calls of a function in a state on entry, and the locks held at its end."""
        held, opened = entry
        depth = 1 if opened else 0
        mine: dict[str, list[int]] = {}
        released: dict[str, list[int]] = {}
        around: dict[str, list[frozenset[str]]] = {}  # handles open where locks come and go
        rows: list[tuple[Call, frozenset[str]]] = []
        for index, word in enumerate(self.words[name]):
            offset = self.start(name) + 1 + index
            before = held
            if word in "()":
                depth += 1 if word == "(" else -1
            elif word.endswith(("+", "-")):
                held = held | {word[:-1]} if word[-1] == "+" else held - {word[:-1]}
            else:
                inside = frozenset(lock for lock in mine if lock in held)
                rows.append((self.call(word, offset, held, depth > 0), inside))
                if word in self.bodies:
                    held = self.after(word, (held, depth > 0))
            for lock in held - before:
                mine.setdefault(lock, []).append(offset)
            for lock in before - held:
                released.setdefault(lock, []).append(offset)
            for lock in (held ^ before) - {*self.handles}:
                handles = held if lock in held else before
                around.setdefault(lock, []).append(handles & {*self.handles})
        sections = {
            lock: replace(
                self.section(name, lock, opens, released.get(lock, []), held),
                crosses=_different(around.get(lock, [])),
            )
            for lock, opens in mine.items()
        }
        calls = [
            replace(call, inside=frozenset(sections[lock] for lock in inside))
            for call, inside in rows
        ]
        return calls, held

    def after(self, name: str, entry: State) -> frozenset[str]:
        """The locks held behind a call; of a recursive one those held before."""
        if (name, entry) not in self.exits:
            self.exits[name, entry] = entry[0]
            self.exits[name, entry] = self.run(name, entry)[1]
        return self.exits[name, entry]

    def call(self, word: str, offset: int, held: frozenset[str], opened: bool) -> Call:
        target: Node | Sink
        if word[0] in KINDS:
            place = self.place(word)
            target = Sink(KINDS[word[0]], PATH, place, place)
        else:
            target = self.node(word, (held, opened))
        dangers = frozenset(self.danger(one) for one in held)
        return Call(target, offset, offset, opened, dangers)

    def danger(self, name: str) -> Danger:
        if name in self.workers:
            return Danger(name, DangerKind.WORKER, "work item")
        return Danger(name)

    def place(self, word: str) -> int:
        """The offset and line of a sink: where its word stands first."""
        for name, words in self.words.items():
            if word in words:
                return self.start(name) + 1 + words.index(word)
        raise KeyError(word)

    def section(
        self, name: str, lock: str, opens: list[int], closes: list[int], held: frozenset[str]
    ) -> Section:
        if lock in self.handles:
            opener, closer = self.handles[lock]
            taken, given = (self.start(opener) + 1,), (self.start(closer) + 1,)
            ends = (
                HandleEnd(PATH, self.start(opener), opener, True, "h", taken, ()),
                HandleEnd(PATH, self.start(closer), closer, False, "h", (), given),
            )
            return Section(
                function=self.function(opener),
                danger=Danger(lock),
                line=self.start(opener) + 1,
                opens=taken,
                closes=given,
                handle=Handle("struct handle", "saved_alloc_context", ends),
            )
        kept = f"{PATH}:{opens[0]}: {name}() returns with {lock} held" if lock in held else ""
        return Section(
            self.function(name), Danger(lock), opens[0], tuple(opens), tuple(closes), kept
        )

    def mixed(self, items: list[T]) -> list[T]:
        if self.shuffle is not None:
            random.Random(self.shuffle).shuffle(items)
        return items

    # -- the report ----------------------------------------------------------------------------

    def report(self, excused: str = "", missing: str = "") -> HazardReport:
        """What an analysis would say; excused: locks that a profile excuses. missing: sites
        without an answer."""
        found: dict[int, list[tuple[Call, Chain]]] = {}
        for node, frames in self.reached.items():
            for call in self.calls(node):
                if isinstance(call.target, Sink) and call.target.kind is SinkKind.SITE:
                    chain = Chain(ROOT, (*frames, frame(node, call)), call.open)
                    found.setdefault(call.target.line, []).append((call, chain))
        names = {
            self.place(word): word
            for words in self.words.values()
            for word in words
            if word.startswith("$")
        }
        sites = [
            self.site(line, names[line], rows, excused.split(), missing.split())
            for line, rows in sorted(found.items())
        ]
        proofs = ScopeProofs("nofs", (), (), (), (), Statistics(0, 0, 0, 0, 0), (), ())
        return HazardReport(proofs, tuple(self.mixed(sites)), (), (), (), (), {})

    def site(
        self,
        line: int,
        name: str,
        rows: Sequence[tuple[Call, Chain]],
        excused: Sequence[str],
        missing: Sequence[str],
    ) -> SiteHazards:
        hazards: dict[Danger, Hazard] = {}
        for call, chain in rows:
            for danger in () if call.open else sorted(call.held):
                fact = Fact("f", "", "") if danger.name in excused else None
                hold = Hold(danger, chain, 0, Place(PATH, 7), "mutex_lock")
                hazards.setdefault(danger, Hazard(danger, hold, Wait(danger, WAITS, "x"), fact))
        answer: SiteClass | None = SiteClass.HAZARD
        if name in missing:
            answer = None
        elif all(call.open for call, _ in rows):
            answer = SiteClass.IN_SCOPE
        elif not hazards:
            answer = SiteClass.REFLEX
        elif all(one.excused for one in hazards.values()):
            answer = SiteClass.EXCUSED
        opener = Opener("opens", Place(PATH, 1), "begin")
        evidence = ScopeEvidence(Verdict.MIXED, "nofs", None, None, (opener,), (), "")
        site = ProvenSite(
            PATH, line, line, name, "kmalloc", ("GFP_NOFS",), SiteUse.ALLOCATES, True, evidence
        )
        return SiteHazards(site, answer, tuple(hazards.values()), (), (), "")


def _different(sets: Sequence[frozenset[str]]) -> frozenset[str]:
    """What is in some sets and not in others."""
    if not sets:
        return frozenset()
    return frozenset.union(*sets) - frozenset.intersection(*sets)


def frame(node: Node, call: Call) -> Frame:
    """A step of a chain."""
    return Frame(node.function.name, Place(PATH, call.line))


ROOT = Root(RootKind.TABLE, Place(PATH, 1), "toy_operations")
WAITS = Chain(ROOT, (Frame("evict", Place(PATH, 2)),), False)
