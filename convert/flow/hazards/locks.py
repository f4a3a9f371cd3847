"""Calls that take and release locks, from the profile's facts and the program's types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from convert.flow.hazards.naming import Namer
from convert.flow.scopes.code import Call, Code, Where
from convert.flow.scopes.held import UNNAMED, LockCall, LockRunner
from convert.flow.scopes.paths import at_call
from convert.flow.scopes.setup import Program
from convert.flow.scopes.values import NONZERO, ZERO
from convert.profiles.locks import Locks, Release, Take

# include/linux/semaphore.h: up() may be called by another task than down(); so it is for locks of
# folios and buffers, which the end of I/O releases, and for protection from freezing.
_HANDED = frozenset({"semaphore", "folio lock", "buffer lock", "bit lock", "freeze protection"})
_SIGNS = {"always": 0, "zero": ZERO, "nonzero": NONZERO}


@dataclass(frozen=True)
class LockNames:
    """Names locks of calls, by the facts of a profile."""

    namer: Namer
    facts: Locks

    def named(self, entry: Take | Release) -> Callable[[Code, Call], tuple[str, Where | None]]:
        """How to name the lock of a call of a function with that entry."""

        def lock(code: Code, call: Call) -> tuple[str, Where | None]:
            name, place = self.namer.argument(code, call, entry.slot)
            return (name, place) if entry.lock is None else (entry.lock, place)

        return lock

    def calls(self) -> Mapping[str, tuple[LockCall, ...]]:
        """What each function of the profile does with locks."""
        found: dict[str, tuple[LockCall, ...]] = {}
        for take in self.facts.take:
            signs = _SIGNS[take.succeeds]
            handed = take.what in _HANDED
            only = None if take.number_slot is None else (take.number_slot, take.number)
            done = LockCall(True, take.waits, signs, self.named(take), handed, only)
            for name in take.names:
                found[name] = (*found.get(name, ()), done)
        for given in self.facts.locked:
            done = LockCall(
                True,
                given.waits,
                _SIGNS[given.succeeds],
                _always(given.lock),
                given.what in _HANDED,
            )
            for name in given.names:
                found[name] = (*found.get(name, ()), done)
        for release in self.facts.release:
            if release.keeps:
                continue
            done = LockCall(False, False, 0, self.named(release))
            for name in release.names:
                found[name] = (*found.get(name, ()), done)
        return found


def _always(name: str) -> Callable[[Code, Call], tuple[str, Where | None]]:
    """Names the lock of an object that a function gives out."""
    return lambda code, call: (name, None)


def lock_runner(program: Program, names: LockNames) -> LockRunner:
    """Runs the locks of a program."""
    calls = {name: done for name, done in names.calls().items() if not _is_read(program, name)}
    waits = frozenset(names.facts.waits) | frozenset(names.facts.outsides)
    released = _released(program, calls, names.namer)
    return LockRunner(calls, names.namer.at, released, waits, program.is_guess)


def _is_read(program: Program, name: str) -> bool:
    """Whether a function of the profile is one of those that were read: then its body says it."""
    return any(key.name == name for key in program.numbers)


def _released(
    program: Program, calls: Mapping[str, tuple[LockCall, ...]], namer: Namer
) -> list[frozenset[str]]:
    """The names of the locks that each function may release, at any depth."""
    found: list[set[tuple[str, Where | None]]] = [set() for _ in program.codes]
    callers: list[dict[int, None]] = [{} for _ in program.codes]
    for number, code in enumerate(program.codes):
        for _, call in code.calls():
            for done in calls.get(call.name or "", ()):
                if not done.takes:
                    found[number].add(done.lock(code, call))
            for target in program.targets(call):
                callers[target][number] = None
    waiting = dict.fromkeys(number for number, names in enumerate(found) if names)
    while waiting:
        target = next(iter(waiting))
        del waiting[target]
        for number in callers[target]:
            before = len(found[number])
            code, callee = program.codes[number], program.codes[target]
            for _, call in code.calls():
                if target in program.targets(call):
                    for name, place in found[target]:
                        found[number].add(_carried(namer, code, call, callee, name, place))
            if len(found[number]) != before:
                waiting[number] = None
    return [frozenset(name for name, _ in names if name != UNNAMED) for names in found]


def _carried(
    namer: Namer, code: Code, call: Call, callee: Code, name: str, place: Where | None
) -> tuple[str, Where | None]:
    """A callee's lock by the caller's names; what has a name keeps it alone."""
    if name != UNNAMED or place is None or place.var not in callee.parameters:
        return name, None
    mine = next(iter(at_call(call, callee, place)), None)
    if mine is None:
        return UNNAMED, None
    named = namer.at(code, mine)
    return (named, None) if named != UNNAMED else (UNNAMED, mine)
