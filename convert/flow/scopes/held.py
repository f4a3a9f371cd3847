"""Which locks a simulated function holds, besides those that it was entered with.

A lock is known by its name, ``owner.member``, and by the place that leads to it if that starts at a
variable of the function. One that is given back is matched by the place, else by the name.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from convert.flow.scopes.code import DEREF, ELEMENT, Call, Code, Where
from convert.flow.scopes.paths import at_call
from convert.flow.scopes.values import ANYTHING

_Lock = tuple[str, Where | None]
UNNAMED = "?"  # a lock that only the caller can name: the function was given its address
# What a callee may have taken or released is believed this far up: functions that begin and end
# something are near, while below most calls there is some path that begins or ends something.
_DEEPEST = 2
_MOST = 6  # locks of one name: more of them are not told apart


class Held(NamedTuple):
    """A lock that was taken by the instruction ``at`` (-1: it is handed to a caller).

    depth: the number of calls that it was taken below, as far as that matters. lost: what its place
    leads through was assigned since, so that the place is that of another lock now. several: they
    may be more than one. back: a caller's was released before, so that it may be that one.
    """

    name: str
    place: Where | None
    at: int
    depth: int = 0
    lost: bool = False
    several: bool = False
    back: bool = False


class Locks(NamedTuple):
    """What was taken since a function was entered, and what was given back of its callers'.

    maybe: what was given back if it was held: the caller's own, but nothing of who called that;
    with the number of calls that it was found below. both: names that seem to be taken and
    released, at a way out that stands for several. unsure: names that such a way out left behind:
    one may be held. many: names of which any number may be held, so that no release ends it.
    """

    held: frozenset[Held]
    freed: frozenset[_Lock]
    maybe: frozenset[tuple[str, Where | None, int]] = frozenset()
    both: frozenset[str] = frozenset()
    unsure: frozenset[str] = frozenset()
    many: frozenset[str] = frozenset()


NOTHING = Locks(frozenset(), frozenset())


@dataclass(frozen=True)
class LockCall:
    """What a function of the kernel does with a lock.

    takes: whether it takes or releases. waits: whether it blocks until it has the lock. held: the
    signs of the result with which the lock is held; 0 if it always is. lock: its name and place,
    where a function calls it. other_task: whether a task may release what another one has taken.
    only: an argument and the number that it has to be.
    """

    takes: bool
    waits: bool
    held: int
    lock: Callable[[Code, Call], tuple[str, Where | None]]
    other_task: bool = False
    only: tuple[int, int] | None = None

    def applies(self, call: Call) -> bool:
        """Whether a call of the function does it."""
        if self.only is None:
            return True
        slot, number = self.only
        return slot < len(call.arguments) and call.arguments[slot] == ("num", number)


@dataclass(frozen=True)
class LockRunner:
    """Runs calls that take and release locks.

    calls: by name. named: the name of the lock at a place of a function, `UNNAMED` if only callers
    can tell. released: the names of the locks that a function may release, at any depth. waits:
    names of functions that wait for something else; who calls them is simulated, too. guessed:
    calls whose targets are guessed from their type; they leave the locks as they are.

    The same locks come to the same places again and again, so answers are kept.
    """

    calls: Mapping[str, tuple[LockCall, ...]]
    named: Callable[[Code, Where], str]
    released: Sequence[frozenset[str]]
    waits: frozenset[str]
    guessed: Callable[[Call], bool]
    _after: dict[Hashable, Locks] = field(default_factory=dict, init=False, compare=False)
    either: Callable[[Locks, Locks], Locks] = field(
        default_factory=lambda: cache(either), init=False, compare=False
    )
    assigned: Callable[[Locks, Where], Locks] = field(
        default_factory=lambda: cache(assigned), init=False, compare=False
    )

    def run(self, code: Code, index: int, call: Call, locks: Locks) -> list[tuple[Locks, int]]:
        """What a call makes of the locks, with the signs of its result; 0 for any."""
        held = 0
        taken = locks
        for done in self.calls[call.name or ""]:
            if not done.applies(call):
                continue
            name, place = done.lock(code, call)
            if done.takes:
                taken = with_lock(taken, Held(name, place, index))
                held = done.held
            else:
                taken = without(taken, name, place)
        if not held:
            return [(taken, 0)]
        return [(taken, held), (locks, ANYTHING & ~held)]

    def leaving(self, code: Code, locks: Locks) -> Locks:
        """What a function's caller can see of the locks that it holds at a way out."""
        if locks is NOTHING:
            return locks
        groups: dict[_Lock, list[Held]] = {}
        for held in locks.held:
            place = None if held.lost else _visible(code, held.place)
            groups.setdefault((held.name, place), []).append(held)
        visible = frozenset(_leaving(*lock, group) for lock, group in groups.items())
        freed = frozenset((name, _visible(code, place)) for name, place in locks.freed)
        maybe = frozenset(
            (name, _visible(code, place), depth + 1)
            for name, place, depth in locks.maybe
            if depth < _DEEPEST and name != UNNAMED
        )
        return Locks(
            visible, freed - {(UNNAMED, None)}, maybe, unsure=locks.unsure, many=locks.many
        )

    def after(
        self, locks: Locks, leaving: Locks, code: Code, index: int, call: Call, callee: Code
    ) -> Locks:
        """What is held behind a call that left so."""
        if leaving == NOTHING or self.guessed(call):
            return locks
        key = (locks, leaving, id(code), index, id(callee))
        if key not in self._after:
            self._after[key] = self.found_after(locks, leaving, code, index, call, callee)
        return self._after[key]

    def found_after(
        self, locks: Locks, leaving: Locks, code: Code, index: int, call: Call, callee: Code
    ) -> Locks:
        """The same, not looked up."""
        for name, place in sorted(leaving.freed, key=str):
            known, mine = self.carried(code, call, callee, name, place)
            locks = without(locks, known, mine)
        for name, place, depth in sorted(leaving.maybe, key=str):
            known, mine = self.carried(code, call, callee, name, place)
            locks = perhaps_without(locks, known, mine, depth)
        for held in sorted(leaving.held, key=str):
            known, mine = self.carried(code, call, callee, held.name, held.place)
            locks = with_lock(locks, held._replace(name=known, place=mine, at=index))
        many = locks.many | leaving.many
        unsure = (locks.unsure | leaving.both | leaving.unsure) - many
        return locks._replace(unsure=unsure, many=many)

    def carried(
        self, code: Code, call: Call, callee: Code, name: str, place: Where | None
    ) -> tuple[str, Where | None]:
        """A callee's lock by the caller's names."""
        if place is None:
            return name, None
        mine = next(iter(at_call(call, callee, place)), None)
        if mine is not None and name == UNNAMED:
            name = self.named(code, mine)
        return name, mine

    def handed_over(self, locks: Locks, target: int) -> Locks:
        """The locks that are still held when a function has closed a scope.

        What it may release it has: locks are handed to a transaction, which gives all of them back
        when it ends, in a loop over what it holds.
        """
        gone = self.released[target]
        kept = frozenset(held for held in locks.held if held.name not in gone)
        return locks._replace(held=kept, unsure=locks.unsure - gone, many=locks.many - gone)


def with_lock(locks: Locks, held: Held) -> Locks:
    """With one more lock; one that is held already is not taken once more.

    What cannot be told from one that is held, an element of an array or what a callee found, counts
    as one more of which nothing else is known.
    """
    freed = frozenset(one for one in locks.freed if one[0] != held.name)
    held = held._replace(back=held.back or len(freed) < len(locks.freed))
    locks = locks._replace(freed=freed)
    same = [one for one in locks.held if one.name == held.name]
    there = [one for one in same if one.place == held.place and not one.lost]
    if held.place is None:
        known = bool(same) and held.back
    else:
        known = bool(there) and ELEMENT not in held.place.steps
    if known:
        return locks
    if not there and len(same) < _MOST:
        return locks._replace(held=locks.held | {held})
    one = max(there or same, key=_age)
    return locks._replace(held=locks.held - {one} | {one._replace(several=True)})


def without(locks: Locks, name: str, place: Where | None) -> Locks:
    """Without one that is released; in doubt, the name of what may be held stays."""
    gone, sure = _released(locks, name, place)
    if gone:
        left = locks._replace(held=locks.held - gone)
        return left if sure else _in_doubt(left, gone)
    if name in locks.many:
        return locks
    if name in locks.unsure:
        return locks._replace(unsure=locks.unsure - {name})
    return locks._replace(freed=locks.freed | {(name, place)})


def perhaps_without(locks: Locks, name: str, place: Where | None, depth: int) -> Locks:
    """Not known any more: a callee releases it on some of its ways."""
    gone, _ = _released(locks, name, place)
    if not gone:
        same = {one for one in locks.maybe if one[:2] == (name, place)}
        depth = min(depth, *(one[2] for one in same)) if same else depth
        return locks._replace(maybe=locks.maybe - same | {(name, place, depth)})
    return _in_doubt(locks._replace(held=locks.held - gone), gone)


def _in_doubt(locks: Locks, gone: frozenset[Held]) -> Locks:
    """With locks of which it is not known any more whether, or how many of them, are held."""
    many = locks.many | {held.name for held in gone if held.several}
    return locks._replace(unsure=(locks.unsure | {held.name for held in gone}) - many, many=many)


def _released(locks: Locks, name: str, place: Where | None) -> tuple[frozenset[Held], bool]:
    """Those of the held locks that a release means, and whether it means them for sure.

    The same place, else one that has none, else the youngest of that name. One that the place does
    not lead to any more is meant only if no other can be: then the lock that is released may as
    well be a caller's.
    """
    same = [held for held in locks.held if held.name == name]
    exact = [held for held in same if place is not None and held.place == place]
    there = frozenset(held for held in exact if not held.lost)
    if there or not same:
        return there, not any(held.several for held in there)
    others = [held for held in same if held not in exact]
    last = max(others or exact, key=lambda held: (not held.several, held.place is None, _age(held)))
    return frozenset({last}), bool(others) and not last.several


def _age(held: Held) -> tuple[bool, int, str]:
    """Orders locks, the ones that were taken last at the end."""
    return (held.lost, held.at, str(held.place))


def _leaving(name: str, place: Where | None, group: Sequence[Held]) -> Held:
    """The locks of a function that look like one to its callers."""
    several = len(group) > 1 or group[0].several
    depth = min(_DEEPEST + 1, min(held.depth for held in group) + 1)
    back = all(held.back for held in group)
    return Held(name, place, -1, depth, several=several, back=back)


def assigned(locks: Locks, target: Where) -> Locks:
    """Behind an assignment: places that lead through the target lead to other locks now.

    Where the target ends with a pointer that is followed, the pointer itself may be assigned.
    """
    held = frozenset(h._replace(lost=True) if _moved(h.place, target) else h for h in locks.held)
    freed = frozenset((n, None if _moved(p, target) else p) for n, p in locks.freed)
    maybe = frozenset((n, None if _moved(p, target) else p, d) for n, p, d in locks.maybe)
    return locks._replace(held=held, freed=freed, maybe=maybe)


def _moved(place: Where | None, target: Where) -> bool:
    """Whether a pointer on the way to a place is assigned; by its member, if by another way."""
    if place is None:
        return False
    steps, known = place.steps, target.steps
    if place.var == target.var and steps[: len(known)] == known:
        return DEREF in steps[len(known) - (known[-1:] == (DEREF,)) :]
    last = known[-1] if known else DEREF
    if last in (DEREF, ELEMENT):
        return False
    return any(step == last and DEREF in steps[n:] for n, step in enumerate(steps))


def either(a: Locks, b: Locks) -> Locks:
    """What may be held where two ways meet that are not kept apart."""
    freed = a.freed & b.freed
    maybe = {(name, place, 0) for name, place in (a.freed | b.freed) - freed}
    gone = a.maybe | b.maybe | maybe
    held, many = _either_held(a.held, b.held), a.many | b.many
    return Locks(held, freed, gone, unsure=(a.unsure | b.unsure) - many, many=many)


def _either_held(a: frozenset[Held], b: frozenset[Held]) -> frozenset[Held]:
    """What is held on one of two ways: who has no place may be the same lock on both."""
    found = a | b
    for name in {held.name for held in found if held.place is None}:
        here, there = ({h for h in one if h.name == name and h.place is None} for one in (a, b))
        if here and there and here != there:
            found -= min(here - there, there - here, key=len)
    return found


def met(a: Locks, b: Locks) -> Locks:
    """What a function that leaves with the same result in two ways does for its caller.

    A lock that it takes on one of them counts as taken, unless it was taken far below: then the
    conditions of taking and releasing it may belong together, and only the analysis mixes them up.
    So it is if it seems to take one and to release it, as a nested begin and end does. Whether such
    a lock is held is not known.
    """
    found = either(a, b)
    gone = {name for name, _ in found.freed} | {name for name, _, _ in found.maybe}
    here, there = {held.name for held in a.held}, {held.name for held in b.held}
    far = {
        held.name for held in found.held if held.depth > _DEEPEST and held.name not in here & there
    }
    both = a.both | b.both | ((here | there) & gone) | far
    if not both:
        return found
    return Locks(
        frozenset(held for held in found.held if held.name not in both),
        frozenset(one for one in found.freed if one[0] not in both),
        frozenset(one for one in found.maybe if one[0] not in both),
        both,
        found.unsure,
        found.many,
    )


def _visible(code: Code, place: Where | None) -> Where | None:
    """The place, if it is the same for the caller: a parameter that is still what was given."""
    if place is None or place.var not in code.parameters or place.var in code.changing():
        return None
    return place


__all__ = [
    "NOTHING",
    "UNNAMED",
    "Held",
    "LockCall",
    "LockRunner",
    "Locks",
    "assigned",
    "either",
    "met",
    "with_lock",
    "without",
]
