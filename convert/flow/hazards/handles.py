"""Handles: what a function hands out together with a lock, and another one gets back with it.

A lock is held from the opener to the closer, in whatever functions run in between. A scope for it
has to be open as long, and its cookie needs a place that both can see and that is the task's own:
an object to which the task itself points (``current->journal_info``), one that the opener makes
and returns, or one on the stack of a caller. An object that other tasks may find is none, such as
the one that the lock is a member of.

The cookie is saved where the lock is handed out and restored where it is released, so both happen
as often as the lock is taken and released, also where openings nest, and by the same task, which
the kinds of locks that count here ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from convert.flow.hazards.following import Seen, task_members
from convert.flow.hazards.handing import Exchange, Exchanges, gone
from convert.flow.hazards.pointers import Given, Made, Pointers, Task
from convert.flow.hazards.structures import Structures
from convert.flow.placement.model import HandleEnd
from convert.flow.placement.paths import Handle
from convert.flow.scopes.code import TASK, Call, Where
from convert.flow.scopes.held import Locks
from convert.flow.terms import TypeRef


@dataclass(frozen=True)
class FoundHandle:
    """The handle of a lock.

    first: the function that opens it, by number. line: where that takes the lock. unfit: why the
    handle can keep no cookie, with file and line; empty if it can.
    """

    lock: str
    first: int
    line: int
    handle: Handle
    unfit: str


@dataclass
class _Ends:
    """What was found out about the functions of a handle."""

    ends: list[HandleEnd] = field(default_factory=list)
    types: dict[TypeRef, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    seen_open: bool = False
    seen_close: bool = False


@dataclass
class HandleFinder:
    """Finds the handles of some locks, and where they are open."""

    exchanges: Exchanges

    @cached_property
    def found(self) -> Mapping[str, FoundHandle]:
        """By lock, the handle that comes with it."""
        found: dict[str, FoundHandle] = {}
        for name, exchange in self.exchanges.found.items():
            for pointers in self.pointers(exchange):
                handle = self.handle(exchange, pointers)
                if handle is not None:
                    found[name] = handle
                    break
        return {name: self.alone(name, found) for name in found}

    def alone(self, name: str, found: Mapping[str, FoundHandle]) -> FoundHandle:
        """A handle, with a refusal if it may be open together with one found before."""
        one = found[name]
        others = [other for other in found if other < name and not found[other].unfit]
        if one.unfit or not any(self.together(name, other) for other in others):
            return one
        text = f"{self.exchanges.place(one.first)}: the handle of {others[0]} may be open, too"
        return replace(one, unfit=text)

    def together(self, name: str, other: str) -> bool:
        """Whether two locks of handles may be held at a time."""
        both = {name, other}
        return any(
            both <= {held.name for held in bits[-2].held} | bits[-2].unsure | bits[-2].many
            for instances in self.exchanges.engine.of_function.values()
            for instance in instances
            for states in instance.states.values()
            for bits in states
        )

    def pointers(self, exchange: Exchange) -> Iterator[Pointers]:
        """The ways in which callers may get at a handle.

        What any task may release, such as the lock of a page, comes with no handle but the task's.
        """
        for place in self.members:
            yield Task(self.exchanges, exchange, place)
        if not self.exchanges.is_anyones(exchange):
            yield Made(self.exchanges, exchange)
            yield Given(self.exchanges, exchange)

    @cached_property
    def members(self) -> Sequence[Where]:
        """The members of the task that are assigned anywhere."""
        codes = self.exchanges.program.codes
        return list({place: None for code in codes for _, place in task_members(code, TASK)})

    def handle(self, exchange: Exchange, pointers: Pointers) -> FoundHandle | None:
        """The handle of a lock, if its functions see one in some way."""
        known = _Ends()
        for number in exchange.openers:
            self.opener(exchange, pointers, number, known)
        for number in exchange.closers:
            self.closer(exchange, pointers, number, known)
        if not (known.seen_open and known.seen_close):
            return None
        base = next(iter(known.types)).base
        structures = Structures(self.exchanges.program)
        reasons = [*known.reasons, *self.discipline(exchange)]
        reasons += pointers.refusals(TypeRef(base, 1))
        if len(known.types) > 1:
            other = list(known.types.items())[1]
            where = self.exchanges.place(other[1])
            reasons.append(f"{where}: the handle is {base} elsewhere, but {other[0].base} here")
        reasons += structures.refusals(base, self.exchanges.place(exchange.openers[0]))
        first = exchange.openers[0]
        code = self.exchanges.program.codes[first]
        taken = min(index for index, takes in exchange.effects[first].items() if takes)
        return FoundHandle(
            exchange.name,
            first,
            code.instructions[taken].line,
            Handle(base, structures.member(base), tuple(known.ends)),
            min(reasons, key=reasons.index) if reasons else "",
        )

    # -- the two ends ----------------------------------------------------------------------------

    def opener(self, exchange: Exchange, pointers: Pointers, number: int, known: _Ends) -> None:
        """What a function hands out with the lock."""
        name, where = self.exchanges.function(number), self.exchanges.place(number)
        follower = pointers.opening(number)
        locked: list[tuple[int, Seen]] = []
        free: set[int] = set()
        for index, seen in follower.outs():
            if seen.locked:
                locked.append((index, seen))
            else:
                free.add(index)
        common = pointers.named(number, locked)
        known.seen_open |= bool(common) and number not in exchange.closers
        if not common:
            known.reasons.append(
                f"{where}: {name} returns with {exchange.name} held, but no variable certainly "
                f"points to the handle then"
            )
            return
        for index in sorted({index for index, _ in locked} & free):
            known.reasons.append(
                f"{self.exchanges.place(number, index)}: {name} returns here with "
                f"{exchange.name} held and without it"
            )
        self.note(exchange, number, common, True, known)

    def closer(self, exchange: Exchange, pointers: Pointers, number: int, known: _Ends) -> None:
        """What a function is given that releases the lock."""
        follower = pointers.closing(number)
        releases = [(index, seen) for index, seen in follower.releases()]
        common = pointers.variables(number, releases)
        known.seen_close |= bool(common) and number not in exchange.openers
        if not common:
            index = min((index for index, _ in releases), default=None)
            known.reasons.append(
                f"{self.exchanges.place(number, index)}: {self.exchanges.function(number)} "
                f"releases {exchange.name}, but no variable certainly points to the handle there"
            )
            return
        for index in sorted({index for index, seen in releases if not seen.locked}):
            known.reasons.append(
                f"{self.exchanges.place(number, index)}: {self.exchanges.function(number)} may "
                f"release {exchange.name} a second time"
            )
        self.note(exchange, number, common, False, known)

    def note(
        self,
        exchange: Exchange,
        number: int,
        common: Sequence[str],
        opens: bool,
        known: _Ends,
    ) -> None:
        code = self.exchanges.program.codes[number]
        pointer = common[0]
        known.types.setdefault(code.types[pointer], number)
        offsets: dict[bool, list[int]] = {True: [], False: []}
        for index, takes in exchange.effects[number].items():
            call = code.instructions[index]
            assert isinstance(call, Call)
            if call.origin is not code.routine:
                known.reasons.append(
                    f"{self.exchanges.place(number, index)}: a macro takes or releases "
                    f"{exchange.name}"
                )
            offsets[takes].append(call.origin.offset(call.node))
        end = HandleEnd(
            path=code.routine.path,
            start=code.routine.item.span.start,
            function=code.routine.key.name,
            opens=opens,
            pointer=pointer,
            takes=tuple(sorted(offsets[True])),
            releases=tuple(sorted(offsets[False])),
        )
        known.ends.append(end)
        if any(
            bit != "E"
            for instance in self.exchanges.instances(number)
            for bits, _ in instance.exits
            for bit in bits[:-1]
        ):
            known.reasons.append(
                f"{self.exchanges.place(number)}: {self.exchanges.function(number)} leaves "
                f"another scope than it found: the handle may keep a cookie already"
            )

    # -- discipline ------------------------------------------------------------------------------

    def discipline(self, exchange: Exchange) -> Iterator[str]:
        """Where the lock is taken or released past the handle, or by another task."""
        name = exchange.name
        for number, index, text in self.exchanges.unsuited(exchange):
            yield f"{self.exchanges.place(number, index)}: {text}"
        for number in (*exchange.openers, *exchange.closers):
            yield from self.ends_alone(exchange, number)
        for number, calls in sorted(exchange.effects.items()):
            for index in sorted(index for index, takes in calls.items() if not takes):
                yield from (
                    f"{self.exchanges.place(number, index)}: {self.exchanges.function(number)} "
                    f"releases {name}, which came with the handle, without closing that"
                    for held in self.exchanges.held_at(number, index, name)
                    if not calls.get(held.at, False)
                )
        for closer in exchange.closers:
            for number, index, _ in self.exchanges.callers.get(closer, ()):
                calls = exchange.effects.get(number, {})
                yield from (
                    f"{self.exchanges.place(number, index)}: "
                    f"{self.exchanges.function(closer)} closes a handle, but "
                    f"{self.exchanges.function(number)} took {name} itself"
                    for held in self.exchanges.held_at(number, index, name)
                    if calls.get(held.at, False)
                )

    def ends_alone(self, exchange: Exchange, number: int) -> Iterator[str]:
        """Calls in an opener or closer that take or release the lock for it."""
        name = exchange.name
        if number in exchange.openers and number in exchange.closers:
            yield (
                f"{self.exchanges.place(number)}: {self.exchanges.function(number)} opens "
                f"handles and closes handles"
            )
        for index, call in self.exchanges.program.codes[number].calls():
            for target in self.exchanges.program.targets(call):
                if self.exchanges.changes(target, name):
                    yield (
                        f"{self.exchanges.place(number, index)}: "
                        f"{self.exchanges.function(target)} may take or release {name} for "
                        f"{self.exchanges.function(number)}"
                    )

    # -- where handles are open ------------------------------------------------------------------

    def open_at(self, number: int, locks: Locks, target: int | None = None) -> frozenset[str]:
        """The locks whose handles are certainly open where a function makes a call.

        target: what is called, if it was read. In a function that closes the handle for it, the
        scope ends early, so it does not count.
        """
        found = set()
        for name, one in self.found.items():
            exchange = self.exchanges.found[name]
            if target is not None and self.closes(target, name):
                continue
            if number in exchange.closers:
                is_open = self.state(number, name, locks) == "as before"
            else:
                calls = exchange.effects.get(number, {})
                own = [held.at for held in locks.held if held.name == name and held.at >= 0]
                is_open = bool(own) and not any(at in calls for at in own)
            if is_open or (one.unfit and any(held.name == name for held in locks.held)):
                found.add(name)
        return frozenset(found)

    def closes(self, number: int, name: str) -> bool:
        """Whether a function may close a handle that its caller has open."""
        left = self.exchanges.left(number)
        return name in left.freed or name in left.both

    def leaves(self, number: int) -> str:
        """The lock of a handle that is not open as before when a function returns, or ""."""
        changed = (
            name
            for name, one in self.found.items()
            if not one.unfit and self.exchanges.changes(number, name)
        )
        return next(changed, "")

    def crossed(self, number: int, indexes: Sequence[int]) -> frozenset[str]:
        """The locks whose handles are not open alike at all of some calls of a function."""
        found = set()
        for name, one in self.found.items():
            if one.unfit:
                continue
            states = {
                self.state(number, name, bits[-2])
                for instance in self.exchanges.instances(number)
                for index in indexes
                for bits in instance.at(index)
            }
            if len(states) > 1 or "not known" in states:
                found.add(name)
        return frozenset(found)

    def state(self, number: int, name: str, locks: Locks) -> str:
        """Whether a function has opened a handle or closed its caller's."""
        calls = self.exchanges.found[name].effects.get(number, {})
        own = [held.at for held in locks.held if held.name == name and held.at >= 0]
        if any(at not in calls for at in own):
            return "open"
        if name in locks.unsure | locks.many | locks.both and self.exchanges.may_differ(
            number, name
        ):
            return "not known"
        return "closed" if name in gone(locks) else "as before"
