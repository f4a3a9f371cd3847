"""What a call does to a state: a scope's own functions, functions that were read, others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from convert.flow.scopes.changes import (
    Change,
    carried_changes,
    forget_changed,
    own_changes,
    reached_by,
)
from convert.flow.scopes.code import DEREF, Call, Code, Where
from convert.flow.scopes.contexts import OPENED, Context, Contexts, Function, Instance
from convert.flow.scopes.exits import Exit, Return, cookie_bit
from convert.flow.scopes.held import LockRunner
from convert.flow.scopes.machine import Machine
from convert.flow.scopes.memory import Fields
from convert.flow.scopes.values import (
    FILLED,
    POSITIVE,
    ZERO,
    Bits,
    Facts,
    Store,
    Sym,
    Value,
    bit_and,
)
from convert.flow.scopes.world import ScopeFunctions
from convert.semantics.stubs import Stubs

Out = tuple[int, Bits, Facts]  # the next instruction, or -1 if the function returns


@dataclass
class Calls(ABC):
    """Runs calls.

    targets: the functions that a call may run, by number; none if it leaves what was read.
    by_function: those that a function value means. is_macro: names outside that are macros.
    zero, nofail: the bits of ``__GFP_ZERO`` and ``__GFP_NOFAIL``. relevant: by function, whether it
    is simulated. locks: runs calls of locks, if they are followed; their state is the last part but
    one of ``bits``.
    """

    functions: Sequence[Function]
    store: Store
    fields: Fields
    scopes: ScopeFunctions
    stubs: Stubs
    zero: int
    nofail: int
    targets: Callable[[Call], Sequence[int]]
    by_function: Callable[[tuple[str, str]], Sequence[int]]
    is_macro: Callable[[str], bool]
    is_disabled: Callable[[Code, Call], bool]
    relevant: Sequence[bool]
    locks: LockRunner | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self.contexts = Contexts(self.store)
        self.opened = self.store.key(OPENED)

    @abstractmethod
    def instance(self, function: Function, context: Context) -> Instance:
        """The instance of a function for a context."""

    @abstractmethod
    def record(self, instance: Instance, changes: Iterable[Change]) -> None:
        """Note what a function changed of what its callers can see."""

    def call(self, instance: Instance, index: int, bits: Bits, facts: Facts) -> Iterable[Out]:
        """What follows a call."""
        function = instance.function
        call = function.code.instructions[index]
        assert isinstance(call, Call)
        if self.locks is not None:
            bits = self.moved(bits, Where(call.result))
            for given in call.arguments:
                if given[0] == "addr":  # of a pointer, which the callee may set
                    bits = self.moved(bits, given[1].then(DEREF))
        outs = self.outcomes(instance, index, call, bits, facts)
        following = function.code.following[index]
        disabled = self.is_disabled(instance.function.code, call)
        found = []
        for after, known in outs:
            if disabled:
                after = (*bits[:-1], after[-1])
            self.opens(known, bits, after, index)
            found += [(to, after, known) for to in following]
        return found

    def moved(self, bits: Bits, target: Where) -> Bits:
        """The state when a place may be assigned that held locks are found by."""
        if self.locks is None or not any(bits[-2][:3]):
            return bits
        return (*bits[:-2], self.locks.assigned(bits[-2], target), bits[-1])

    def opens(self, facts: Facts, before: Bits, after: Bits, index: int) -> None:
        """Remember who opened a scope."""
        if after[:-1] == before[:-1]:
            return
        if any(b == "1" and a != "1" for a, b in zip(before, after, strict=True)):
            facts[self.opened] = self.store.value(POSITIVE, "marks", frozenset({index}))
        elif "1" not in after:
            facts.pop(self.opened, None)

    def outcomes(
        self, instance: Instance, index: int, call: Call, bits: Bits, facts: Facts
    ) -> list[tuple[Bits, Facts]]:
        """What a call may do."""
        function = instance.function
        machine = function.machine
        name = call.name
        if name in self.scopes.saves or name in self.scopes.restores:
            return [self.scope_call(machine, call, bits, facts)]
        if self.locks is not None and name in self.locks.calls:
            return self.lock_call(self.locks, function.code, index, call, bits, facts)
        values = [machine.value(facts, given) for given in call.arguments]
        targets = self.targets(call)
        if name is None:
            pointer = machine.value(facts, call.pointer)
            if pointer.function is not None:
                targets = self.by_function(pointer.function)
        if not targets:
            return [(bits, self.outside(machine, index, call, values, facts))]
        found = []
        for target in targets:
            callee = self.functions[target]
            if not self.relevant[target]:
                after = self.after(callee, function, index, values, facts)
                self.result(after, call, callee.plain_result)
                found.append((bits, after))
                continue
            context = self.contexts.of_call(callee, values, function, facts)
            made = self.instance(callee, context)
            made.callers.setdefault((instance, index))
            instance.calls.setdefault(index, {})[bits[:-1], made] = None
            for (after_bits, _), leaving in made.exits.items():
                found.append(
                    self.returned(instance, index, call, values, facts, bits, made, after_bits,
                    leaving)
                )  # fmt: skip
        return found

    def scope_call(
        self, machine: Machine, call: Call, bits: Bits, facts: Facts
    ) -> tuple[Bits, Facts]:
        """A save, whose cookie stands for the state before it, or a restore."""
        name = call.name or ""
        facts = dict(facts)
        found = list(bits)
        kind = self.scopes.saves.get(name)
        if kind is not None:
            found[kind] = "1"
            cookie = self.store.value(POSITIVE | ZERO, "cookie", (kind, bits[kind]))
            self.result(facts, call, cookie)
            return tuple(found), facts
        kind = self.scopes.restores[name]
        given = call.arguments[0] if call.arguments else ("any",)
        value = machine.value(facts, given)
        old = self.scopes.restores_old[kind]
        saved = cookie_bit(value, kind, old)
        found[kind] = saved if old else bit_and(bits[kind], saved)
        return tuple(found), facts

    def lock_call(
        self, locks: LockRunner, code: Code, index: int, call: Call, bits: Bits, facts: Facts
    ) -> list[tuple[Bits, Facts]]:
        """A lock is taken, tried for or released."""
        found = []
        for after, signs in locks.run(code, index, call, bits[-2]):
            known = dict(facts)
            self.result(known, call, self.store.masks[signs] if signs else self.store.any)
            found.append(((*bits[:-2], after, signs or bits[-1]), known))
        return found

    def result(self, facts: Facts, call: Call, value: Value) -> None:
        """Set what the call returns."""
        key = self.store.key(call.result)
        facts.pop(key, None)
        if value is not self.store.any:
            facts[key] = value

    def outside(
        self, machine: Machine, index: int, call: Call, values: Sequence[Value], facts: Facts
    ) -> Facts:
        """A call of what was not read: it may assign what it is given the address of."""
        facts = self.without_made(facts, index)
        for value in values:
            if value.address is not None:
                machine.drop_inside(facts, value.address)
                machine.forget(facts, value.address)
            elif value.sym is not None:
                key = self.store.key(value.sym)
                if key in facts:
                    machine.forget(facts, key)
        if call.name is not None and self.is_macro(call.name):
            for given in call.arguments:
                if given[0] == "load":
                    machine.assign(facts, given[1], self.store.any, False)
        primitive = self.stubs.primitive(call.name) if call.name else None
        value = self.store.any
        if primitive is not None:
            sym = self.store.sym("fresh", None, index)
            mask = values[primitive.gfp] if primitive.gfp is not None and (
                primitive.gfp < len(values)
            ) else None  # fmt: skip
            bits = self.store.known_bits(mask) if mask is not None else None
            never_fails = bits is not None and bits[0] & self.nofail
            value = self.store.value(POSITIVE if never_fails else POSITIVE | ZERO, "sym", sym)
            if primitive.zeroes or (bits is not None and bits[0] & self.zero):
                marker = self.store.key(sym, (FILLED,))
                facts[marker] = self.store.value(7, "without", frozenset())
        self.result(facts, call, value)
        return facts

    def without_made(self, facts: Facts, index: int) -> Facts:
        """The facts without objects that this very instruction made on an earlier round."""
        facts = dict(facts)
        if index not in self.store.makers:
            return facts
        for key, value in list(facts.items()):
            if _made_by(key.base, index):
                del facts[key]
            elif _made_by(value.sym, index):
                facts[key] = self.store.masks[value.mask]
        return facts

    def after(
        self, callee: Function, function: Function, index: int, values: Sequence[Value],
        facts: Facts,
    ) -> Facts:  # fmt: skip
        """The facts that survive a function which moves no handles and cookies."""
        facts = self.without_made(facts, index)
        effects = callee.effects
        changes: set[Change] = {(kind, None) for kind in effects.elsewhere}
        forget_changed(facts, function, changes, reached_by(values))
        for slot in effects.targets:
            value = values[slot] if slot < len(values) else self.store.any
            if value.address is not None:
                function.machine.forget(facts, value.address)
            elif value.sym is not None:
                function.machine.forget(facts, self.store.key(value.sym))
        return facts

    def returned(
        self, instance: Instance, index: int, call: Call, values: Sequence[Value], facts: Facts,
        bits: Bits, callee: Instance, after_bits: Bits, leaving: Exit,
    ) -> tuple[Bits, Facts]:  # fmt: skip
        """The state behind a call for one exit of its callee."""
        function = instance.function
        carry = Return(
            self.store, function.machine, index, callee.function.code.parameters, values,
            facts, bits, self.scopes.restores_old,
        )  # fmt: skip
        changes = carried_changes(callee.changes, carry)
        self.record(instance, own_changes(changes))
        after = self.without_made(facts, index)
        forget_changed(after, function, changes, reached_by(values))
        for key, value in leaving.outs.items():
            place = carry.key(key)
            if place is None:
                continue
            if key.fields[-1:] == (FILLED,):
                after[place] = value
                continue
            function.machine.put(after, place, carry.value(value))
        self.result(after, call, carry.value(leaving.result))
        found: Bits = tuple(
            carry.bit(bit, kind) for kind, bit in enumerate(after_bits[: len(self.scopes.kinds)])
        )
        if self.locks is not None:
            held = self.locks.after(
                bits[-2], after_bits[-1], function.code, index, call, callee.function.code
            )
            if "1" in bits and "1" not in found:
                held = self.locks.handed_over(held, callee.function.number)
            found = (*found, held)
        tag = leaving.result.mask if len(callee.exits) > 1 else bits[-1]
        return (*found, tag), after


def _made_by(base: object, index: int) -> bool:
    return isinstance(base, Sym) and base.kind in ("fresh", "made") and base.node == index
