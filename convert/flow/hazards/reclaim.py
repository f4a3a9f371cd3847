"""What memory reclaim waits for in some paths: locks, and workers with what they wait for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from convert.flow.code import FunctionKey
from convert.flow.graph.model import Place, Root, RootKind
from convert.flow.hazards.model import Danger, DangerKind, Missing, Wait
from convert.flow.hazards.waits import Blocked, WaitFinder
from convert.flow.scopes.contexts import Instance
from convert.flow.scopes.engine import Engine
from convert.flow.scopes.held import UNNAMED
from convert.flow.scopes.model import Chain
from convert.flow.scopes.reach import Reach
from convert.flow.scopes.values import POSITIVE
from convert.profiles.locks import Locks

_LOCKS = frozenset({"mutex", "rwsem", "semaphore", "bit lock", "folio lock", "buffer lock", "lock"})
_MOST_BEHIND = 3  # workers that wait for workers


@dataclass
class ReclaimSide:
    """Finds what reclaim waits for.

    waits: a shortest one for each thing. open_ended: waits that tasks end which are no workers,
    with the functions that may end them. possible: workers of which it is not known whether reclaim
    waits for them: the line that waits, and for what. missing: what could not be named. lines: that
    wait.
    """

    finder: WaitFinder
    facts: Locks
    engine: Engine
    outer: Reach
    waits: dict[Danger, Wait] = field(default_factory=dict)
    open_ended: dict[str, tuple[Place, tuple[int, ...]]] = field(default_factory=dict)
    possible: dict[str, tuple[Place, str]] = field(default_factory=dict)
    missing: dict[Missing, None] = field(default_factory=dict)
    lines: int = 0

    def roots(self) -> Iterator[tuple[FunctionKey, Root]]:
        """What reclaim calls."""
        graph = self.finder.program.graph
        for key, roots in sorted(graph.roots.items(), key=lambda one: (one[0].name, one[0].home)):
            for root in roots:
                owner, _, member = root.detail.rpartition(".")
                if root.kind is RootKind.SHRINKER or (owner, member) in self.facts.reclaims:
                    yield key, root
                    break

    def run(self) -> None:
        """Find all waits: in reclaim itself, then in the workers that it waits for."""
        program = self.finder.program
        self.know_task()
        starts: list[tuple[Instance, Root]] = []
        for key, root in self.roots():
            for number in program.numbers.get(key, ()):
                if program.summary.relevant[number]:
                    starts.append((self.engine.root(number), root))
        self.engine.run()
        reach = Reach(program.codes, self.engine.opened, program.graph.roots)
        reach.run(starts)
        self.note_unresolved(reach)
        waiting = [wait for wait in self.events(reach, ()) if self.add(wait)]
        while waiting:
            wait = waiting.pop(0)
            if wait.danger.kind is DangerKind.WORKER and len(wait.behind) < _MOST_BEHIND:
                inner = self.worker_reach(wait.danger.name)
                waiting += [
                    one for one in self.events(inner, (*wait.behind, wait)) if self.add(one)
                ]

    def add(self, wait: Wait) -> bool:
        """Note a wait; whether it is the first for its danger."""
        if wait.danger in self.waits:
            return False
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
        reach = Reach(program.codes, self.engine.opened, program.graph.roots)
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
            if blocked.what in _LOCKS:
                if blocked.name == UNNAMED:
                    self.lacks(chain, f"which lock {blocked.call}() takes there")
                    continue
                danger = Danger(blocked.name, DangerKind.LOCK, blocked.what)
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
        if blocked.name == UNNAMED or not wakers:
            self.lacks(chain, f"what ends the wait in {blocked.call}() there")
        else:
            self.open_ended.setdefault(blocked.name, (place, wakers))

    def lacks(self, chain: Chain, text: str) -> None:
        """Note what is not known about a line of reclaim."""
        self.missing[Missing(chain.frames[-1].place, text)] = None

    def note_unresolved(self, reach: Reach) -> None:
        """Calls in reclaim through pointers that could not be followed."""
        program = self.finder.program
        lines = {one.place: one for one in program.graph.unresolved}
        for node in reach.first:
            code = program.codes[node.instance.function.number]
            for index, call in code.calls():
                place = Place(code.routine.path, call.line)
                if call.name is None and place in lines and node.instance.at(index):
                    text = f"which function the call of {lines[place].text} runs in reclaim"
                    self.missing[Missing(place, text)] = None


def order(waits: Sequence[Wait]) -> tuple[Wait, ...]:
    """Waits by what is waited for."""
    return tuple(sorted(waits, key=lambda wait: wait.danger))


__all__ = ["ReclaimSide", "order"]
