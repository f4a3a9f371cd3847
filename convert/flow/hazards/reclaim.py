"""What memory reclaim waits for in some paths: locks, and workers with what they wait for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import FunctionKey
from convert.flow.graph.model import Place, Root, RootKind
from convert.flow.hazards.model import Danger, DangerKind, Fact, Missing, Wait
from convert.flow.hazards.waits import OWN, Blocked, WaitFinder
from convert.flow.scopes.code import Call
from convert.flow.scopes.contexts import Instance
from convert.flow.scopes.engine import Engine
from convert.flow.scopes.held import UNNAMED
from convert.flow.scopes.model import Chain
from convert.flow.scopes.reach import Reach, called
from convert.flow.scopes.values import POSITIVE
from convert.profiles.locks import Locks

_LOCKS = frozenset({"mutex", "rwsem", "semaphore", "bit lock", "folio lock", "buffer lock", "lock"})
_MOST_BEHIND = 3  # workers that wait for workers


@dataclass
class ReclaimSide:
    """Finds what reclaim waits for.

    waits: a shortest one for each thing. open_ended: waits that tasks end which are no workers,
    with the functions that may end them. possible: workers of which it is not known whether reclaim
    waits for them: the line that waits, and for what. outside: waits that nothing in the paths
    ends. explained: what a profile says of waits. missing: what is not known. lines: that wait.
    """

    finder: WaitFinder
    facts: Locks
    engine: Engine
    outer: Reach
    waits: dict[Danger, Wait] = field(default_factory=dict)
    open_ended: dict[str, tuple[Place, tuple[int, ...]]] = field(default_factory=dict)
    possible: dict[str, tuple[Place, str]] = field(default_factory=dict)
    outside: dict[str, Place] = field(default_factory=dict)
    explained: dict[Fact, None] = field(default_factory=dict)
    missing: dict[Missing, None] = field(default_factory=dict)
    lines: int = 0
    seen: set[tuple[DangerKind, str]] = field(default_factory=set)

    def roots(self) -> Iterator[tuple[FunctionKey, Root]]:
        """What reclaim calls."""
        graph = self.finder.program.graph
        for key, roots in sorted(graph.roots.items(), key=lambda one: (one[0].name, one[0].home)):
            for root in roots:
                if self.is_reclaim(key, root):
                    yield key, root
                    break

    def search(self, starts: list[tuple[Instance, Root]]) -> Reach:
        """All that reclaim runs: its roots, and what these have the kernel's core run."""
        program = self.finder.program
        started = {instance.function.number for instance, _ in starts}
        while True:
            self.engine.run()
            reach = self.new_reach()
            reach.run(starts)
            more: dict[int, Root] = {}
            for node in reach.first:
                for index, key in self.finder.run_inside(node.instance.function.number):
                    if node.instance.at(index):
                        root = next(iter(program.graph.roots.get(key, ())), None)
                        for number in program.numbers.get(key, ()):
                            if root is not None and program.summary.relevant[number]:
                                more.setdefault(number, root)
            new = {number: root for number, root in more.items() if number not in started}
            if not new:
                return reach
            started.update(new)
            starts += [(self.engine.root(number), root) for number, root in new.items()]

    def is_unreferenced(self, root: Root, behind: tuple[Wait, ...]) -> bool:
        """Whether nobody refers to the object that reclaim hands to a root."""
        owner, _, member = root.detail.rpartition(".")
        entry = self.facts.reclaims.get((owner, member))
        return not behind and entry is not None and entry.unreferenced is not None

    def is_reclaim(self, key: FunctionKey, root: Root) -> bool:
        """Whether reclaim calls a root, and may wait there."""
        owner, _, member = root.detail.rpartition(".")
        entry = self.facts.reclaims.get((owner, member))
        if entry is not None:
            return not entry.atomic
        outside = root.kind in (RootKind.EXPORTED, RootKind.OUTSIDE)
        return root.kind is RootKind.SHRINKER or (outside and key.name in self.facts.reclaim_calls)

    def run(self) -> None:
        """Find all waits: in reclaim itself, then in the workers that it waits for."""
        program = self.finder.program
        self.know_task()
        starts: list[tuple[Instance, Root]] = []
        for key, root in self.roots():
            for number in program.numbers.get(key, ()):
                if program.summary.relevant[number]:
                    starts.append((self.engine.root(number), root))
        reach = self.search(starts)
        self.note_unresolved(reach)
        waiting = [wait for wait in self.events(reach, ()) if self.add(wait)]
        while waiting:
            wait = waiting.pop(0)
            if wait.danger.kind is DangerKind.WORKER and len(wait.behind) < _MOST_BEHIND:
                inner = self.worker_reach(wait.danger.name)
                waiting += [
                    one for one in self.events(inner, (*wait.behind, wait)) if self.add(one)
                ]

    def new_reach(self) -> Reach:
        """A search that follows no guessed calls."""
        program = self.finder.program
        reach = Reach(program.codes, self.engine.opened, program.graph.roots)
        reach.without = program.is_guess
        return reach

    def add(self, wait: Wait) -> bool:
        """Note a wait; whether it is the first for its danger."""
        if (wait.danger.kind, wait.danger.name) in self.seen:
            return False
        self.seen.add((wait.danger.kind, wait.danger.name))
        self.waits[wait.danger] = wait
        return True

    def know_task(self) -> None:
        """Who reclaims memory has its task marked so."""
        contexts, store = self.engine.contexts, self.engine.store
        bits = 0
        for flag in self.facts.task:
            number = self.finder.program.outer.get(flag.name)
            if flag.set == "always" and number is not None:
                bits |= number
        if bits:
            place = store.key(contexts.entry_sym(contexts.task), ("flags",))
            contexts.known_everywhere[place] = store.value(POSITIVE, "bits", (bits, 0))

    def worker_reach(self, name: str) -> Reach:
        """What a worker reaches, as nodes of the run for all roots."""
        program = self.finder.program
        reach = self.new_reach()
        starts: list[tuple[Instance, Root]] = []
        for key, roots in program.graph.roots.items():
            if key.name == name:
                root = next(
                    (r for r in roots if r.kind in (RootKind.WORK, RootKind.THREAD)), roots[0]
                )
                for number in program.numbers.get(key, ()):
                    for node in self.outer.nodes.get(number, ()):
                        if isinstance(self.outer.first[node], Root):
                            starts.append((node.instance, root))
        reach.run(starts)
        return reach

    # -- events --------------------------------------------------------------------------------

    def events(self, reach: Reach, behind: tuple[Wait, ...]) -> Iterator[Wait]:
        """The waits of a search, nearest first."""
        for blocked in self.finder.blocked(reach):
            self.lines += 1
            chain = reach.chain(blocked.node, blocked.index, False)
            if blocked.tail:
                frames = tuple(reach.frame(*one) for one in blocked.tail)
                chain = Chain(chain.root, (*chain.frames, *frames), False)
            if blocked.what == OWN and self.is_unreferenced(chain.root, behind):
                continue
            if blocked.what in _LOCKS or blocked.what == OWN:
                if blocked.name == UNNAMED:
                    self.lacks(chain, f"which lock {blocked.call}() takes there")
                    continue
                what = "lock" if blocked.what == OWN else blocked.what
                danger = Danger(blocked.name, DangerKind.LOCK, what)
                yield Wait(danger, chain, blocked.call, behind)
                continue
            yield from self.ended(blocked, chain, behind)

    def ended(self, blocked: Blocked, chain: Chain, behind: tuple[Wait, ...]) -> Iterator[Wait]:
        """The workers that end a wait."""
        workers, others = self.finder.workers(blocked)
        place = chain.frames[-1].place
        for key in others:
            self.possible.setdefault(key.name, (place, blocked.name))
        for key in workers:
            what = "work item" if blocked.what in ("work item", "workqueue") else "worker"
            yield Wait(Danger(key.name, DangerKind.WORKER, what), chain, blocked.call, behind)
        if workers:
            return
        wakers = self.finder.wakers.get(blocked.name, ())
        if blocked.name == UNNAMED:
            self.lacks(chain, f"what ends the wait in {blocked.call}() there")
        elif not wakers:
            self.outside.setdefault(blocked.name, place)
        else:
            self.open_ended.setdefault(blocked.name, (place, wakers))

    def lacks(self, chain: Chain, text: str) -> None:
        """Note what is not known about a line of reclaim, or the fact that tells it."""
        entry = self.facts.explanations.get(chain.frames[-1].function)
        if entry is not None:
            self.explained[Fact(entry.id, entry.statement, entry.source)] = None
            return
        self.missing[Missing(chain.frames[-1].place, text)] = None

    def note_unresolved(self, reach: Reach) -> None:
        """Calls in reclaim through pointers that could not be followed."""
        program = self.finder.program
        for node in reach.first:
            code = program.codes[node.instance.function.number]
            for index, call in code.calls():
                if program.is_guess(call) and node.instance.at(index) and self.may_run(call):
                    text = f"what {called(code, call)}() runs there in reclaim"
                    self.missing[Missing(Place(code.routine.path, call.line), text)] = None

    def may_run(self, call: Call) -> bool:
        """Whether any function is stored in the member that a call runs."""
        graph, name = self.finder.program.graph, call.node.name
        if not isinstance(name, c_ast.StructRef):
            return True
        owner = graph.type_of(call.origin, name.name).base
        own = owner in graph.program.types.own
        return not own or (owner, str(name.field.name)) in graph.initialisers


def order(waits: Sequence[Wait]) -> tuple[Wait, ...]:
    """Waits by what is waited for."""
    return tuple(sorted(waits, key=lambda wait: wait.danger))


__all__ = ["ReclaimSide", "order"]
