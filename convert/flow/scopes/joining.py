"""What is known where ways meet.

Two ways may hold different objects in the same places: an old handle on one, the new one on the
other. Such a pair of objects gets one new name, so that it stays known that the places hold the
same object, and what its members are. So does the pair of a new object and NULL, as an allocation
that may fail returns it.
"""

from __future__ import annotations

from dataclasses import dataclass

from convert.flow.scopes.memory import Memory
from convert.flow.scopes.values import FILLED, Facts, Key, Store, Sym, Value

_Pair = tuple[Sym | None, Sym | None]  # None: NULL, which has no members


@dataclass
class Joiner:
    """Joins states. ``opened``: the marks of who opened a scope, which are collected."""

    store: Store
    opened: Key

    def joined(self, a: Facts, b: Facts, memory: Memory, index: int) -> Facts:
        """What both states say, at the instruction ``index``."""
        if a == b:
            return a
        names = self.pairs(a, b, index)
        result = self.met(a, b, memory, names)
        if names:
            self.members(a, b, memory, names, result)
        return self.shadowed(result, memory)

    # -- pairs of objects ----------------------------------------------------------------------

    def pairs(self, a: Facts, b: Facts, index: int) -> dict[_Pair, Sym]:
        """The pairs of different objects that the same places hold, with their new names."""
        names: dict[_Pair, Sym] = {}
        taken: set[Sym] = set()
        todo: list[tuple[Key, Key]] = [
            (key, key)
            for key, value in a.items()
            if (other := b.get(key)) is not None
            and other is not value
            and (value.sym is not None or other.sym is not None)
        ]
        seen: set[_Pair] = set()
        while todo:
            left, right = todo.pop(0)
            pair = _pair(a[left], b[right])
            if pair is None or pair in seen:
                continue
            seen.add(pair)
            name = self.name(pair, left, index)
            if name is None or name in taken:
                continue
            taken.add(name)
            names[pair] = name
            if None in pair:
                continue
            others = {key.fields: key for key in b if key.base is pair[1]}
            todo += [
                (key, others[key.fields])
                for key in a
                if key.base is pair[0] and key.fields in others
            ]
        return names

    def name(self, pair: _Pair, key: Key, index: int) -> Sym | None:
        """The name of a pair: that of an earlier round, or a new one by the place it is met at."""
        node = -2 - index
        for sym in pair:
            if sym is not None and sym.kind == "made" and sym.node == node:
                return sym
        if isinstance(key.base, Sym) and key.base.kind == "made":
            return None  # no endless chains of objects
        return self.store.sym("made", key, node)

    # -- facts ---------------------------------------------------------------------------------

    def met(self, a: Facts, b: Facts, memory: Memory, names: dict[_Pair, Sym]) -> Facts:
        """The facts about places that have the same name on both ways."""
        result: Facts = {}
        renamed = set(names.values())
        for first, second, both in ((a, b, True), (b, a, False)):
            for key, value in first.items():
                if key.base in renamed:
                    continue  # the name may mean another object now
                other = second.get(key)
                if other is None:
                    if key is self.opened:
                        result[key] = value
                        continue
                    if key.fields[-1:] == (FILLED,):
                        continue
                    other = memory.load(second, key)
                elif not both:
                    continue
                elif other is value and not names:
                    result[key] = value
                    continue
                pair = (value, other) if both else (other, value)
                result[key] = self.one(*pair, names)
        return result

    def one(self, a: Value, b: Value, names: dict[_Pair, Sym]) -> Value:
        pair = _pair(a, b)
        if pair is not None and pair in names:
            return self.store.value(a.mask | b.mask, "sym", names[pair])
        met = self.store.join(a, b)
        if met.sym is not None and any(met.sym is name for name in names.values()):
            return self.store.masks[met.mask]  # the same name, but of two different objects
        return met

    def members(
        self, a: Facts, b: Facts, memory: Memory, names: dict[_Pair, Sym], result: Facts
    ) -> None:
        """The facts about the members of renamed objects."""
        for (left, right), name in names.items():
            fields = {key.fields: None for key in a if key.base is left and key.heap}
            fields |= {key.fields: None for key in b if key.base is right and key.heap}
            for inner in fields:
                if left is None or right is None:  # who has the object came the way that made it
                    known, facts = (right, b) if left is None else (left, a)
                    value = facts[self.store.key(known or name, inner)]
                    if any(value.sym is other for other in names.values()):
                        value = self.store.masks[value.mask]  # the name may mean another one now
                    result[self.store.key(name, inner)] = value
                    continue
                first, second = self.store.key(left, inner), self.store.key(right, inner)
                if inner[-1:] == (FILLED,) and not (first in a and second in b):
                    continue
                one = a[first] if first in a else memory.load(a, first)
                other = b[second] if second in b else memory.load(b, second)
                result[self.store.key(name, inner)] = self.one(one, other, names)

    def shadowed(self, result: Facts, memory: Memory) -> Facts:
        """Without empty facts, except those that hide a zeroed object's members."""
        unknown = [key for key, value in result.items() if value is self.store.any]
        for key in unknown:
            del result[key]
        for key in unknown:
            if memory.load(result, key) is not self.store.any:
                result[key] = self.store.any
        return result


def _pair(a: Value, b: Value) -> _Pair | None:
    if a.sym is None or b.sym is None:
        new, other = (b, a) if a.sym is None else (a, b)
        if other.number != 0 or new.sym is None or new.sym.kind not in ("fresh", "made"):
            return None  # what was there at entry is itself both
    elif a.sym is b.sym:
        return None
    return (a.sym, b.sym)
