"""Which stretches that may not sleep may be open at a point, and what calls make of that."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pycparser import c_ast

from convert.flow.code import Routine
from convert.rules.large.events import Assigns, Opens, Runs


@dataclass(frozen=True)
class Caller:
    """Whatever holds where the function is called."""


CALLER = Caller()
VALUE = "return"  # stands for the variable that a function's result is stored in


@dataclass(frozen=True)
class State:
    """What may hold at a point: stretches that were opened, `CALLER` for those before the function.

    closed: kind and key of the locks that were given back for sure without having been taken here;
    so the caller held them. texts: the same with the text of the lock. true, false: local
    variables that were tested, and found to be so.
    """

    opens: frozenset[Opens | Caller]
    closed: frozenset[tuple[int, str]] = frozenset()
    texts: frozenset[tuple[int, str, str]] = frozenset()
    true: frozenset[str] = frozenset()
    false: frozenset[str] = frozenset()

    def joined(self, other: State) -> State:
        """What may hold where two ways meet."""
        return State(
            self._beside(other) | other._beside(self),
            self.closed & other.closed,
            self.texts & other.texts,
            self.true & other.true,
            self.false & other.false,
        )

    def _beside(self, other: State) -> frozenset[Opens | Caller]:
        """What is open here, where another way comes in.

        What is open only here is so only if a variable is true that is false on the other way.
        """
        told = sorted(self.true & other.false)
        if not told:
            return self.opens
        return frozenset(
            replace(one, result=told[0])
            if isinstance(one, Opens) and not one.result and one not in other.opens
            else one
            for one in self.opens
        )

    def only(self, opens: Iterable[Opens | Caller]) -> State:
        """The state with other stretches."""
        return replace(self, opens=frozenset(opens))

    def without(self, kind: int, key: str, lock: str | None = None) -> State:
        """The state after a lock was given back: the one that it must be, if that is clear."""
        held = [one for one in self.opens if isinstance(one, Opens) and one.kind == kind]
        alike = [one for one in held if one.key == key]
        again = [one for one in alike if one.again]
        same = [one for one in held if lock is not None and one.lock == lock]
        if same or (alike and len(alike) - len(again) <= 1):
            return self.only(self.opens - {*(same or alike), *again})
        if alike:
            return self
        text = frozenset([(kind, key, lock)] if lock is not None else [])
        return replace(self, closed=self.closed | {(kind, key)}, texts=self.texts | text)

    def opened(self, held: Opens) -> State:
        """The state after a lock was taken; one of the caller that was given back is its again."""
        text = (held.kind, held.key, held.lock)
        if text not in self.texts or held.result:
            return self.only(self.opens | {held})
        opens = self.opens if CALLER in self.opens else self.opens | {replace(held, again=True)}
        closed, texts = self.closed - {text[:2]}, self.texts - {text}
        return replace(self, opens=opens, closed=closed, texts=texts)


ENTRY = State(frozenset([CALLER]))


def is_plain(routine: Routine, name: str) -> bool:
    """Whether a name is a local variable whose address nobody has."""
    text = routine.item.span.of(routine.source.text)
    return routine.is_local(name) and not re.search(rf"&\s*{re.escape(name)}\b(?!\s*->)", text)


def given_back(state: State, code: c_ast.Node | None) -> State:
    """What a return leaves behind: locks that are held if what is returned is true."""
    value = code.expr if isinstance(code, c_ast.Return) else None
    name = value.name if isinstance(value, c_ast.ID) else None
    return state.only(
        replace(o, result=VALUE if name is not None and o.result == name else "")
        if isinstance(o, Opens)
        else o
        for o in state.opens
    )


def returned(before: State, result: State, runs: Runs, offset: int) -> State:
    """What may hold after a function that leaves ``result`` behind was called at an offset."""
    locks = runs.locks
    opened = frozenset(
        replace(
            o,
            lock="",
            key=_in_caller(o.key, locks),
            result=runs.result if o.result == VALUE else "",
            offset=offset,
        )
        for o in result.opens
        if isinstance(o, Opens)
    )
    after = before if CALLER in result.opens else before.only(())
    for kind, key in sorted(result.closed):
        after = after.without(kind, _in_caller(key, locks))
    return after.only(after.opens | opened)


def _in_caller(key: str, locks: tuple[str, ...]) -> str:
    """The key of a lock in a caller that hands over arguments with some keys."""
    if not key.startswith("#"):
        return key
    slot = int(key[1:])
    return locks[slot] if slot < len(locks) else "?"


def stale(held: Opens | Caller, assigned: Assigns) -> Opens | Caller:
    """A stretch after a variable got another value: what named the variable means another lock."""
    if not isinstance(held, Opens) or assigned.start <= held.offset < assigned.end:
        return held
    lock = "" if re.search(rf"\b{re.escape(assigned.name)}\b", held.lock) else held.lock
    key = held.key if lock == held.lock else "?"
    return replace(held, lock=lock, key=key, result=held.result * (held.result != assigned.name))
