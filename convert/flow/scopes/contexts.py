"""What goes into a call: contexts, and the facts that a function starts with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from convert.flow.scopes.code import DEREF, ELSE, HANDLE, KINDS, TASK, Code, Give, Where
from convert.flow.scopes.effects import Effects
from convert.flow.scopes.exits import Exit
from convert.flow.scopes.liveness import live_variables
from convert.flow.scopes.machine import Machine
from convert.flow.scopes.values import (
    ANYTHING,
    LOCAL,
    NONZERO,
    POSITIVE,
    ZERO,
    Bits,
    Facts,
    Key,
    Store,
    Sym,
    Value,
)

_NUMBERS = frozenset({ELSE})
_NONE: Mapping[Bits, Facts] = {}
Context = tuple[Any, ...]  # one entry for each place that matters; None: nothing is known
OPENED = "::opened"  # the calls that opened what is open


@dataclass(eq=False)
class Function:
    """A function as the simulation sees it.

    places: those whose facts are handed over. changed: others that it may change, so that its
    exits say whether it did. exact, signs: see `Interest`. kinds: what a variable holds. pointees:
    what it points to. Both are one of `KINDS`, or more if the type does not say.
    """

    number: int
    code: Code
    machine: Machine
    effects: Effects
    places: tuple[Where, ...]
    changed: tuple[Where, ...]
    exact: frozenset[str]
    signs: frozenset[Where]
    kinds: Mapping[str, frozenset[str]]
    pointees: Mapping[str, frozenset[str]]

    @cached_property
    def live(self) -> Mapping[int, frozenset[str]]:
        """The variables that may still be used, by instruction that is kept."""
        known: dict[frozenset[str], frozenset[str]] = {}
        found = live_variables(self.code)
        return {index: known.setdefault(found[index], found[index]) for index in self.kept}

    @cached_property
    def pointers(self) -> frozenset[str]:
        """The local variables that are declared as pointers."""
        found = (name for name, kind in self.code.types.items() if kind.stars)
        return frozenset(name for name in found if not name.startswith("::"))

    @cached_property
    def plain_result(self) -> Value:
        """What is known about the result whatever the function is given: its constants."""
        store, found = self.machine.store, None
        for instruction in self.code.instructions:
            if isinstance(instruction, Give):
                value = self.machine.value({}, instruction.value)
                one = value if value.number is not None else store.masks[value.mask]
                found = one if found is None else store.join(found, one)
        return found or store.any

    @cached_property
    def meets(self) -> frozenset[int]:
        """The instructions that more than one other leads to."""
        counted = Counter(to for following in self.code.following for to in following)
        return frozenset(to for to, number in counted.items() if number > 1)

    @cached_property
    def kept(self) -> frozenset[int]:
        """The instructions whose states are kept: the first, where ways meet, calls, and what
        follows these, as a call has several outcomes."""
        calls = [number for number, _ in self.code.calls()]
        behind = {to for number in calls for to in self.code.following[number]}
        return frozenset({0}) | self.meets | behind.union(calls) - {-1}


@dataclass(eq=False)
class Instance:
    """A function in one context.

    states: by instruction and state of the scope, the facts; of those instructions only where facts
    may be joined or asked for (`Function.kept`). exits: by the state of the scope and
    the sign of the result. callers: the calls that use the exits. calls: what each call may start,
    with the state of the scope there. changes: what it assigns that callers can see.
    """

    function: Function
    context: Context
    states: dict[int, dict[Bits, Facts]] = field(default_factory=dict)
    exits: dict[tuple[Bits, int], Exit] = field(default_factory=dict)
    callers: dict[tuple[Instance, int], None] = field(default_factory=dict)
    calls: dict[int, dict[tuple[Bits, Instance], None]] = field(default_factory=dict)
    changes: set[tuple[str, Key | None]] = field(default_factory=set)
    waiting: dict[tuple[int, Bits], None] = field(default_factory=dict)

    def at(self, index: int) -> Mapping[Bits, Facts]:
        """The states of an instruction that is kept."""
        return self.states.get(index, _NONE)


@dataclass
class Contexts:
    """Makes contexts and entry facts.

    known_everywhere: facts that hold whenever a function is entered.
    """

    store: Store
    known_everywhere: dict[Key, Value] = field(default_factory=dict)

    @cached_property
    def task(self) -> Key:
        """The task's own structure, which is the same for all functions."""
        return self.store.key(TASK)

    def entry_sym(self, key: Key) -> Sym:
        """What a place pointed to at entry."""
        return self.store.sym("entry", key)

    def of_call(
        self, callee: Function, values: Sequence[Value], caller: Function, facts: Facts
    ) -> Context:
        """The context that a call makes for its callee."""
        found: dict[Where, Value] = {}
        for place in callee.places:
            found[place] = self.given(callee, place, values, caller.machine, facts)
        return tuple(self.entry_of(callee, place, found, caller) for place in callee.places)

    def given(
        self, callee: Function, place: Where, values: Sequence[Value], machine: Machine,
        facts: Facts,
    ) -> Value:  # fmt: skip
        """What the caller knows about a place of the callee."""
        if place.var == TASK:
            return machine.load(facts, self.store.key(self.entry_sym(self.task), place.steps[1:]))
        slot = callee.code.parameters.index(place.var)
        value = values[slot] if slot < len(values) else self.store.any
        fields: list[str] = []
        pointer: Value | None = None
        for step in place.steps:
            if step != DEREF:
                fields.append(step)
                continue
            if pointer is not None:
                value = machine.load(facts, self.inside(pointer, fields))
            pointer, fields = value, []
        return value if pointer is None else machine.load(facts, self.inside(pointer, fields))

    def inside(self, pointer: Value, fields: Sequence[str]) -> Key | None:
        """The place at some members of what a pointer points to."""
        if pointer.address is not None:
            return self.store.key(pointer.address.base, (*pointer.address.fields, *fields))
        if pointer.sym is not None:
            return self.store.key(pointer.sym, tuple(fields))
        return None

    def entry_of(
        self, callee: Function, place: Where, found: dict[Where, Value], caller: Function
    ) -> Any:
        value = found[place]
        if place.var == TASK:
            return self.relation(place, found)
        if not place.steps:
            if HANDLE in callee.kinds.get(place.var, KINDS) and value.sym is not None:
                others = self.others(place, value, found)
                if others:
                    return ("apart", value.mask, others)
            to_pointers = not callee.pointees.get(place.var, _NUMBERS) <= _NUMBERS
            if to_pointers and self.is_local(value, caller):
                return ("local", value.mask)
            if value.function is not None:
                return ("function", value.function)
            if place.var in callee.exact:
                if value.number is not None:
                    return ("number", value.number)
                if value.bits is not None:
                    return ("bits", (value.mask, value.bits))
        return masked(value.mask, place in callee.signs)

    def is_local(self, value: Value, caller: Function) -> bool:
        """Whether a pointer points to a local variable, of the caller or further up."""
        if value.address is None:
            return self.store.is_local(value.sym)
        return not value.address.fields and value.address.base in caller.pointers

    def others(self, place: Where, value: Value, found: dict[Where, Value]) -> tuple[Where, ...]:
        """The places that hold another object."""
        return tuple(
            other
            for other, pointer in found.items()
            if other != place
            and pointer.sym is not None
            and value.sym is not None
            and other.var != TASK
            and value.sym.kind in ("fresh", "apart")
            and self.store.other_objects(value.sym, pointer.sym)
        )

    def relation(self, place: Where, found: dict[Where, Value]) -> Any:
        """How the task's pointer relates to the pointers that are handed over."""
        value = found[place]
        apart = []
        for other, pointer in found.items():
            if other.var == TASK:
                continue
            different = self.store.distinct(value, pointer)
            if different is False and pointer.sym is not None:
                return ("same", other)
            if different and pointer.sym is not None and value.sym is not None:
                apart.append(other)
        if apart:
            return ("apart", value.mask, tuple(apart))
        return masked(value.mask, False)

    # -- entry ---------------------------------------------------------------------------------

    def entry_facts(self, function: Function, context: Context) -> Facts:
        """The facts with which a function starts in a context."""
        facts: Facts = dict(self.known_everywhere)
        store = self.store
        facts[self.task] = store.value(POSITIVE, "sym", self.entry_sym(self.task))
        for name in function.code.parameters:
            key = store.key(name)
            facts[key] = store.value(ANYTHING, "sym", self.entry_sym(key))
        named: dict[Key, Sym] = {}
        for place, known in zip(function.places, context, strict=True):
            key = self.entry_key(place, named)
            facts[key] = self.known(key, known, facts, named)
            if not place.steps and facts[key].sym is not None:
                named[key] = facts[key].sym or self.entry_sym(key)
        for place in function.changed:
            key = self.entry_key(place, named)
            facts.setdefault(key, store.value(ANYTHING, "sym", self.entry_sym(key)))
        return facts

    def entry_key(self, place: Where, named: dict[Key, Sym]) -> Key:
        """The place of the state at entry. ``named``: what parameters point to, if not as usual."""
        base: str | Sym = place.var
        fields: list[str] = []
        for step in place.steps:
            if step == DEREF:
                key = self.store.key(base, tuple(fields))
                base, fields = named.get(key) or self.entry_sym(key), []
            else:
                fields.append(step)
        return self.store.key(base, tuple(fields))

    def known(self, key: Key, known: Any, facts: Facts, named: dict[Key, Sym]) -> Value:
        store = self.store
        sym = self.entry_sym(key)
        match known:
            case ("mask", mask):
                return store.zero if mask == ZERO else store.value(mask, "sym", sym)
            case ("number", number):
                return store.number(number)
            case ("bits", (mask, bits)):
                return store.value(mask, "bits", bits)
            case ("function", function):
                return store.value(POSITIVE, "function", function)
            case ("same", place):
                return facts.get(self.entry_key(place, named), store.any)
            case ("apart", mask, places):
                keys = frozenset(self.entry_key(place, named) for place in places)
                return store.value(mask, "sym", store.sym("apart", (key, keys)))
            case ("local", mask):
                keys = frozenset({store.key(LOCAL)})
                return store.value(mask, "sym", store.sym("apart", (key, keys)))
        return store.value(ANYTHING, "sym", sym)


def masked(mask: int, signs: bool) -> Any:
    """What a context says about a sign."""
    if not signs and mask != ZERO:
        mask = ANYTHING if mask & ZERO else NONZERO
    return None if mask == ANYTHING else ("mask", mask)
