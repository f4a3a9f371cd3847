"""What comes out of a call: the callee's places and values by the caller's names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from convert.flow.scopes.code import TASK
from convert.flow.scopes.machine import Machine
from convert.flow.scopes.values import (
    ANYTHING,
    POSITIVE,
    Bit,
    Bits,
    Facts,
    Key,
    Store,
    Sym,
    Value,
    bit_and,
)


@dataclass(eq=False)
class Exit:
    """One way out: the result, and what is known about places that the caller can see."""

    result: Value
    outs: Facts


@dataclass
class Return:
    """Carries a callee's exit over to one call: ``values`` of the arguments, ``facts`` before."""

    store: Store
    machine: Machine
    node: int
    parameters: tuple[str, ...]
    values: Sequence[Value]
    facts: Facts
    bits: Bits
    restores_old: tuple[bool, ...]
    made: dict[Sym, Sym] = field(default_factory=dict)

    def entry_value(self, key: Key) -> Value:
        """The caller's value of what was at a place when the callee was entered."""
        if not key.heap and not key.fields:
            if key.base == TASK:
                return self.machine.load(self.facts, key)
            if key.base in self.parameters:
                slot = self.parameters.index(str(key.base))
                return self.values[slot] if slot < len(self.values) else self.store.any
            return self.store.any
        return self.machine.load(self.facts, self.key(key))

    def key(self, key: Key) -> Key | None:
        """The caller's name of a callee's place."""
        base = key.base
        if not isinstance(base, Sym):
            return None
        if base.kind in ("entry", "apart"):
            pointer = self.entry_value(base.key if base.kind == "entry" else base.key[0])
            if pointer.address is not None:
                return self.store.key(pointer.address.base, (*pointer.address.fields, *key.fields))
            return None if pointer.sym is None else self.store.key(pointer.sym, key.fields)
        if base.kind in ("fresh", "made"):
            return self.store.key(self.sym(base), key.fields)
        return None

    def sym(self, sym: Sym) -> Sym:
        """The caller's name of an object that the callee made."""
        if sym not in self.made:
            self.made[sym] = self.store.sym(sym.kind, len(self.made), self.node)
        return self.made[sym]

    def value(self, value: Value) -> Value:
        """A callee's value as the caller sees it."""
        store = self.store
        if value.sym is not None:
            if value.sym.kind in ("entry", "apart"):
                place = value.sym.key if value.sym.kind == "entry" else value.sym.key[0]
                known = store.limited(self.entry_value(place), value.mask)
                return known or store.masks[value.mask]
            return store.value(value.mask, "sym", self.sym(value.sym))
        if value.address is not None:
            key = self.key(value.address)
            if key is None and str(value.address.base).startswith("::"):
                return value
            return store.masks[POSITIVE] if key is None else store.value(POSITIVE, "address", key)
        if value.cookie is not None:
            kind, bit = value.cookie
            return store.value(ANYTHING, "cookie", (kind, self.bit(bit, kind)))
        return value

    def bit(self, bit: Bit, kind: int) -> Bit:
        """A callee's state of the scope as the caller's."""
        if bit == "E":
            return self.bits[kind]
        if not isinstance(bit, tuple):
            return bit
        saved = cookie_bit(self.entry_value(bit[1]), kind, self.restores_old[kind])
        return saved if bit[0] == "in" else bit_and(self.bits[kind], saved)


def cookie_bit(value: Value, kind: int, restores_old: bool) -> Bit:
    """The state of the scope that a cookie stands for."""
    if value.cookie is not None:
        return value.cookie[1] if value.cookie[0] == kind else "U"
    if value.sym is not None and value.sym.kind == "entry":
        return ("in", value.sym.key)
    if value.number == 0:
        return "0" if restores_old else "1"
    return "U"


def visible(facts: Facts, result: Value) -> Facts:
    """What an exit says about places that the caller can see."""
    outs: Facts = {}
    reachable = {result.sym} if result.sym is not None else set()
    rest: list[tuple[Key, Value]] = []
    for key, value in facts.items():
        if not isinstance(key.base, Sym):
            continue
        if key.base.kind in ("entry", "apart"):
            outs[key] = value
            if value.sym is not None:
                reachable.add(value.sym)
        else:
            rest.append((key, value))
    while True:
        more = [(key, value) for key, value in rest if key.base in reachable and key not in outs]
        if not more:
            break
        for key, value in more:
            outs[key] = value
            if value.sym is not None:
                reachable.add(value.sym)
    return outs
