"""Which functions hand a lock out to their callers, and which give a caller's lock back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from convert.flow.scopes.code import Call, Code, Give
from convert.flow.scopes.contexts import Instance
from convert.flow.scopes.engine import Engine
from convert.flow.scopes.held import Held, LockCall, Locks
from convert.flow.scopes.setup import Program


@dataclass(frozen=True)
class Exchange:
    """One lock that functions hand out, and that others give back.

    effects: by function, the calls that take it (True) or release it (False). openers: functions
    that take it themselves and may return with it. closers: those that may return without their
    caller's. One that releases its caller's for a while and takes it again is neither.
    """

    name: str
    effects: Mapping[int, Mapping[int, bool]]
    openers: tuple[int, ...]
    closers: tuple[int, ...]


@dataclass
class Exchanges:
    """Finds locks that are handed out. names: those that reclaim waits for."""

    program: Program
    engine: Engine
    names: frozenset[str]

    @cached_property
    def found(self) -> Mapping[str, Exchange]:
        """All of them, by name."""
        found: dict[str, Exchange] = {}
        for name, effects in sorted(self._effects.items()):
            ends = {n: balances(self.program.codes[n], effects[n]) for n in sorted(effects)}
            openers = tuple(number for number, found_here in ends.items() if max(found_here) > 0)
            closers = tuple(number for number, found_here in ends.items() if min(found_here) < 0)
            if openers and closers:
                found[name] = Exchange(name, effects, openers, closers)
        return found

    @cached_property
    def _effects(self) -> Mapping[str, dict[int, dict[int, bool]]]:
        found: dict[str, dict[int, dict[int, bool]]] = {}
        for number, code in enumerate(self.program.codes):
            for index, call in code.calls():
                for name, takes in self.direct(code, call):
                    found.setdefault(name, {}).setdefault(number, {})[index] = takes
        return found

    def direct(self, code: Code, call: Call) -> Iterator[tuple[str, bool]]:
        """The locks that a call of the kernel takes (True) or releases."""
        assert self.engine.locks is not None
        for done in self.engine.locks.calls.get(call.name or "", ()):
            if done.applies(call):
                name = done.lock(code, call)[0]
                if name in self.names:
                    yield name, done.takes

    def unsuited(self, exchange: Exchange) -> Iterator[tuple[int, int, str]]:
        """Calls that take a lock in a way that no cookie can follow; why."""
        for number, index, done in self.takings(exchange):
            call = self.program.codes[number].instructions[index]
            assert isinstance(call, Call)
            if done.other_task:
                yield number, index, f"another task may release {exchange.name}"
            elif done.held and number in exchange.openers:
                yield number, index, f"{call.name}() may fail to take {exchange.name}"

    def is_anyones(self, exchange: Exchange) -> bool:
        """Whether another task than the one that took a lock may release it."""
        return any(done.other_task for _, _, done in self.takings(exchange))

    def takings(self, exchange: Exchange) -> Iterator[tuple[int, int, LockCall]]:
        """The calls that take a lock, by function and instruction."""
        assert self.engine.locks is not None
        for number, calls in sorted(exchange.effects.items()):
            code = self.program.codes[number]
            for index in sorted(calls):
                call = code.instructions[index]
                assert isinstance(call, Call)
                for done in self.engine.locks.calls.get(call.name or "", ()):
                    if done.takes and done.lock(code, call)[0] == exchange.name:
                        yield number, index, done

    # -- what functions leave behind ------------------------------------------------------------

    def instances(self, number: int) -> list[Instance]:
        """What was run of a function."""
        return self.engine.of_function.get(number, [])

    def left(self, number: int) -> Left:
        """What the ways out of a function do to the locks of its caller."""
        if number not in self._left:
            exits = [bits[-1] for one in self.instances(number) for bits, _ in one.exits]
            self._left[number] = Left(
                frozenset(held.name for locks in exits for held in locks.held),
                frozenset(name for locks in exits for name in gone(locks)),
                frozenset(name for locks in exits for name in locks.both),
                frozenset(name for locks in exits for name in locks.unsure | locks.many),
            )
        return self._left[number]

    @cached_property
    def _left(self) -> dict[int, Left]:
        return {}

    def changes(self, number: int, name: str) -> bool:
        """Whether a function may return with another state of a lock.

        Not so a function that gives its caller's lock back for a while.
        """
        left = self.left(number)
        if name not in left.held | left.freed | left.both:
            return False
        effects = self._effects.get(name, {}).get(number)
        return effects is None or balances(self.program.codes[number], effects) != {0}

    def unsure(self, name: str) -> frozenset[int]:
        """The functions of which it is not known whether they return with a lock as they found it.

        Those that take it on some ways and release it on others, which look alike, and all that
        call them; not what calls a function that the kernel's core calls, too: that finds its locks
        as they were.
        """
        if name not in self._unsure:
            waiting = [
                number
                for number in range(len(self.program.codes))
                if name in self.left(number).both and self.changes(number, name)
            ]
            found: set[int] = set()
            while waiting:
                number = waiting.pop()
                if number not in found:
                    found.add(number)
                    if not self.program.graph.roots.get(self.program.codes[number].routine.key):
                        waiting += [caller for caller, _, _ in self.callers.get(number, ())]
            self._unsure[name] = frozenset(found)
        return self._unsure[name]

    @cached_property
    def _unsure(self) -> dict[str, frozenset[int]]:
        return {}

    def may_differ(self, number: int, name: str) -> bool:
        """Whether a function calls one of which it is not known what it does to a lock."""
        unsure = self.unsure(name)
        return bool(unsure) and any(
            target in unsure
            for _, call in self.program.codes[number].calls()
            for target in self.program.targets(call)
        )

    # -- calls -----------------------------------------------------------------------------------

    @cached_property
    def callers(self) -> Mapping[int, list[tuple[int, int, Call]]]:
        """The calls of each function: the caller's number, the instruction, the call."""
        found: dict[int, list[tuple[int, int, Call]]] = {}
        for number, code in enumerate(self.program.codes):
            for index, call in code.calls():
                for target in self.program.targets(call):
                    found.setdefault(target, []).append((number, index, call))
        return found

    def held_at(self, number: int, index: int, name: str) -> Iterator[Held]:
        """How a function itself has taken a lock that it holds where it makes a call."""
        for instance in self.instances(number):
            for bits in instance.at(index):
                yield from (one for one in bits[-2].held if one.name == name and one.at >= 0)

    def place(self, number: int, index: int | None = None) -> str:
        """``file:line`` of an instruction, or of a function."""
        code = self.program.codes[number]
        line = code.routine.item.line if index is None else code.instructions[index].line
        return f"{code.routine.path}:{line}"

    def function(self, number: int) -> str:
        """The name of a function, as it is called."""
        return f"{self.program.codes[number].routine.key.name}()"


@dataclass(frozen=True)
class Left:
    """The names of locks that a function may hand out, may give back, may do either with, and of
    which it is not known at a way out."""

    held: frozenset[str]
    freed: frozenset[str]
    both: frozenset[str]
    unsure: frozenset[str]


def balances(code: Code, effects: Mapping[int, bool]) -> set[int]:
    """How often a function may have taken a lock more often than released it when it returns.

    Between -1 and 1: what goes beyond that is no single lock.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [(0, 0)]
    while waiting:
        index, balance = waiting.pop()
        if (index, balance) in seen:
            continue
        seen.add((index, balance))
        takes = effects.get(index)
        after = balance if takes is None else balance + (1 if takes else -1)
        after = max(-1, min(1, after))
        waiting += [(to, after) for to in code.following[index] if to >= 0]
    return {balance for index, balance in seen if isinstance(code.instructions[index], Give)} or {0}


def gone(locks: Locks) -> set[str]:
    """The names of the caller's locks that were, or may have been, given back."""
    return {name for name, _ in locks.freed} | {name for name, _, _ in locks.maybe}
