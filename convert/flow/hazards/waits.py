"""What some functions wait for: locks, and workers that have to get on first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from convert.flow.code import FunctionKey
from convert.flow.graph.model import RootKind
from convert.flow.hazards.naming import Namer
from convert.flow.scopes.code import Call, Code, Where
from convert.flow.scopes.held import UNNAMED, LockRunner
from convert.flow.scopes.paths import at_call
from convert.flow.scopes.reach import Node, Reach
from convert.flow.scopes.setup import Program
from convert.profiles.locks import Locks

WORKERS = (RootKind.WORK, RootKind.THREAD)
_OF_FOLIOS = "folio."
_EVICTS = "struct super_operations.evict_inode"
OWN = "lock of the object that is given"
_MOST_CALLERS = 6  # how far a lock is followed whose name only callers know


@dataclass(frozen=True)
class Blocked:
    """A line that waits. what: of the profile. call: what is called.

    node, index: where, or the caller that knows the name; then tail leads on to the line.
    """

    name: str
    what: str
    call: str
    node: Node
    index: int
    tail: tuple[tuple[Node, int], ...] = ()


@dataclass
class WaitFinder:
    """Finds what is waited for, and who ends it."""

    program: Program
    namer: Namer
    facts: Locks
    runner: LockRunner
    _names: dict[tuple[int, int, int], tuple[str, Where | None]] = field(default_factory=dict)

    # -- what blocks ---------------------------------------------------------------------------

    def blocked(self, reach: Reach) -> Iterator[Blocked]:
        """All lines that wait, in the order of the search: the nearest to a root first."""
        for node in reach.first:
            number = node.instance.function.number
            code = self.program.codes[number]
            for index, call in code.calls():
                if not node.instance.at(index):
                    continue
                for what, name, place in self.waited(number, index, call):
                    for known, (first, *rest) in self.names(reach, (node, index), name, place):
                        yield Blocked(known, what, call.name or "", *first, tuple(rest))

    def waited(
        self, number: int, index: int, call: Call
    ) -> Iterator[tuple[str, str, Where | None]]:
        """What a call of the kernel waits for."""
        name = call.name or ""
        if name in self.runner.calls:
            for take in self.facts.takes.get(name, ()):
                # Freezing waits for the levels one after the other, that of evictions last, so who
                # holds one of the others off is not waited for (fs/super.c: freeze_super()).
                if take.waits and take.what != "freeze protection":
                    known = self.named(number, index, call, take.slot)
                    yield take.what, take.lock or known[0], known[1]
            for given in self.facts.gives_locked.get(name, ()):
                if given.waits:
                    yield given.what, given.lock, None
            return
        if self.program.targets(call):
            return
        for wait in self.facts.waits.get(name, ()):
            if wait.bounded or (wait.ends != "task" and wait.event is None):
                continue
            if wait.event is not None:
                yield wait.what, wait.event, None
            elif wait.slot is not None:
                yield wait.what, *self.named(number, index, call, wait.slot)
            elif wait.what != "wait queue" or not self.begins_wait(number):
                yield wait.what, UNNAMED, None
        for outside in self.facts.outsides.get(name, ()):
            for lock in outside.takes:
                if _EVICTS in outside.calls and lock.startswith(_OF_FOLIOS):
                    continue  # of an inode whose last reference goes: nobody else holds it
                yield "lock" if outside.own is None else OWN, lock, None

    def begins_wait(self, number: int) -> bool:
        """Whether a function enters a wait that names what it is for."""
        calls = (call.name or "" for _, call in self.program.codes[number].calls())
        return any(wait.begins for name in calls for wait in self.facts.waits.get(name, ()))

    def named(self, number: int, index: int, call: Call, slot: int) -> tuple[str, Where | None]:
        """The name of what an argument means; each call is looked at once."""
        key = (number, index, slot)
        if key not in self._names:
            self._names[key] = self.namer.argument(self.program.codes[number], call, slot)
        return self._names[key]

    def names(
        self, reach: Reach, where: tuple[Node, int], name: str, place: Where | None
    ) -> list[tuple[str, list[tuple[Node, int]]]]:
        """The names of a lock, by those of the callers if the function does not know it.

        With each the way down from the caller that knows it.
        """
        found: dict[str, list[tuple[Node, int]]] = {}
        waiting = [(name, place, [where])]
        seen: set[tuple[Node, Where | None]] = set()
        for known, lock, way in waiting:  # grows: nearest first
            node = way[0][0]
            code = self.program.codes[node.instance.function.number]
            lifted = known == UNNAMED and lock is not None and lock.var in code.parameters
            if not lifted or len(way) > _MOST_CALLERS:
                found.setdefault(known, way)
                continue
            if lock is None or (node, lock) in seen:
                continue
            seen.add((node, lock))
            for caller, index in reach.callers.get(node, ()):
                outer = self.program.codes[caller.instance.function.number]
                call = outer.instructions[index]
                if isinstance(call, Call):
                    mine = next(iter(at_call(call, code, lock)), None)
                    named = UNNAMED if mine is None else self.namer.at(outer, mine)
                    waiting.append((named, mine, [(caller, index), *way]))
        return list(found.items())

    def run_inside(self, number: int) -> Iterator[tuple[int, FunctionKey]]:
        """The functions that a function has the kernel's core run before it goes on."""
        code = self.program.codes[number]
        for index, call in code.calls():
            for slot in self.facts.running.get(call.name or "", ()):
                for key in self.functions(code, call, slot):
                    yield index, key

    def called_back(self, number: int) -> Iterator[tuple[int, FunctionKey]]:
        """The same, and all members of tables that the kernel's core may call there.

        Not for functions that were read: what they call is known better.
        Which of the tables it has at hand is not known. That is right for what may be held in such
        a method; it would say too much of what reclaim runs, which the profile lists itself.
        """
        yield from self.run_inside(number)
        for index, call in self.program.codes[number].calls():
            if self.program.targets(call):
                continue
            for outside in self.facts.outsides.get(call.name or "", ()):
                for member in outside.calls:
                    for key in self.members.get(member, ()):
                        yield index, key

    @cached_property
    def members(self) -> Mapping[str, tuple[FunctionKey, ...]]:
        """The functions that the outside may call as a member of a table, ``struct x.member``."""
        found: dict[str, dict[FunctionKey, None]] = {}
        for key, roots in self.program.graph.roots.items():
            for root in roots:
                found.setdefault(root.detail, {})[key] = None
        return {name: tuple(keys) for name, keys in found.items()}

    # -- who ends it ---------------------------------------------------------------------------

    @cached_property
    def works(self) -> Mapping[str, tuple[FunctionKey, ...]]:
        """The functions of work items, by the item's name; and of workqueues, by the queue's."""
        items: dict[str, dict[FunctionKey, None]] = {}
        queued: dict[str, dict[str, None]] = {}
        for number, code in enumerate(self.program.codes):
            for index, call in code.calls():
                name = call.name or ""
                for work in self.facts.works.get(name, ()):
                    item, _ = self.named(number, index, call, work.work)
                    for key in self.functions(code, call, work.function):
                        items.setdefault(item, {})[key] = None
                for queue in self.facts.queues.get(name, ()):
                    if queue.queue is not None:
                        item, _ = self.named(number, index, call, queue.work)
                        owner, _ = self.named(number, index, call, queue.queue)
                        queued.setdefault(owner, {})[item] = None
        found = {name: dict(keys) for name, keys in items.items() if name != UNNAMED}
        for owner, names in queued.items():
            for item in names:
                if owner != UNNAMED:
                    found.setdefault(owner, {}).update(items.get(item, {}))
        return {name: tuple(keys) for name, keys in found.items()}

    def functions(self, code: Code, call: Call, slot: int) -> Iterator[FunctionKey]:
        """The functions that an argument is."""
        given = call.arguments[slot] if slot < len(call.arguments) else ("any",)
        if given[0] == "fn":
            yield from self.program.world.keys(given[2], given[1])

    @cached_property
    def wakers(self) -> Mapping[str, tuple[int, ...]]:
        """The functions that end waits, by what is waited for."""
        found: dict[str, dict[int, None]] = {}
        for number, code in enumerate(self.program.codes):
            for index, call in code.calls():
                for wake in self.facts.wakes.get(call.name or "", ()):
                    name = wake.event or self.named(number, index, call, wake.slot)[0]
                    found.setdefault(name, {})[number] = None
        return {name: tuple(numbers) for name, numbers in found.items()}

    def workers(self, blocked: Blocked) -> tuple[tuple[FunctionKey, ...], tuple[FunctionKey, ...]]:
        """The workers that have to get on for a wait to end, and others that may end it.

        A wait queue or completion is part of an object. Who ends the wait for one is the worker
        that was handed it: it wakes up at once. What a worker may wake at the end of a longer chain
        of calls is in general another object of the kind, one that it works on itself.
        """
        if blocked.what in ("work item", "workqueue"):
            return self.works.get(blocked.name, ()), ()
        found: dict[FunctionKey, int] = {}
        for number in self.wakers.get(blocked.name, ()) if blocked.name != UNNAMED else ():
            for key, depth in self.worker_roots.get(number, {}).items():
                found[key] = min(depth, found.get(key, depth))
        least = min(found.values(), default=0)
        near = tuple(key for key, depth in found.items() if depth == least)
        return near, tuple(key for key in found if key not in near)

    @cached_property
    def worker_roots(self) -> Mapping[int, Mapping[FunctionKey, int]]:
        """The work items and threads that may run each function, with the number of calls."""
        found: dict[int, dict[FunctionKey, int]] = {}
        for key, roots in self.program.graph.roots.items():
            if not any(root.kind in WORKERS for root in roots):
                continue
            waiting = list(self.program.numbers.get(key, ()))
            seen = dict.fromkeys(waiting, 0)
            for number in waiting:  # grows: nearest first
                found.setdefault(number, {})[key] = seen[number]
                for _, call in self.program.codes[number].calls():
                    for target in self.program.targets(call):
                        if target not in seen:
                            seen[target] = seen[number] + 1
                            waiting.append(target)
        return found
