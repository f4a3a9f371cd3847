"""The simulation: function instances, their states, and what they make of each other's exits."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from convert.flow.scopes.changes import (
    Change,
    carried_changes,
    forget_changed,
    own_changes,
    reached_by,
)
from convert.flow.scopes.code import (
    DEREF,
    ELEMENT,
    Assign,
    Call,
    Choose,
    Code,
    Expr,
    Fill,
    Give,
    Instruction,
    TaskFlags,
    Test,
    Where,
)
from convert.flow.scopes.contexts import (
    OPENED,
    Context,
    Contexts,
    Exit,
    Function,
    Instance,
    Return,
    cookie_bit,
    visible,
)
from convert.flow.scopes.joining import Joiner
from convert.flow.scopes.machine import Fields, Machine
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


@dataclass(frozen=True)
class Limits:
    """Contexts of one function before they are made coarser, instances and steps of the run."""

    contexts: int
    instances: int
    steps: int


@dataclass
class Engine:
    """Runs instances until nothing changes.

    targets: the functions that a call may run, by number; None if it leaves what was read.
    by_function: those that a function value means. is_macro: names outside that are macros.
    """

    functions: Sequence[Function]
    store: Store
    fields: Fields
    scopes: ScopeFunctions
    stubs: Stubs
    zero: int
    nofail: int
    limits: Limits
    targets: Callable[[Call], Sequence[int]]
    by_function: Callable[[tuple[str, str]], Sequence[int]]
    kind: Callable[[Code, Where], Iterable[str]]
    whole: Callable[[Code, Where], frozenset[str]]
    is_macro: Callable[[str], bool]
    is_disabled: Callable[[Code, Call], bool]
    relevant: Sequence[bool]
    instances: dict[tuple[int, Context], Instance] = field(default_factory=dict)
    of_function: dict[int, list[Instance]] = field(default_factory=dict)
    stack: list[Instance] = field(default_factory=list)
    stacked: set[Instance] = field(default_factory=set)
    steps: int = 0
    widened: set[int] = field(default_factory=set)
    exhausted: bool = False

    def __post_init__(self) -> None:
        self.contexts = Contexts(self.store)
        self.start: Bits = (*("E" for _ in self.scopes.kinds), 0)
        self.opened = self.store.key(OPENED)
        self.joiner = Joiner(self.store, self.opened)

    # -- instances -----------------------------------------------------------------------------

    def root(self, number: int) -> Instance:
        """The instance of a function about whose caller nothing is known."""
        function = self.functions[number]
        return self.instance(function, tuple(None for _ in function.places))

    def instance(self, function: Function, context: Context) -> Instance:
        """The instance of a function for a context; too many contexts are made coarser."""
        known = self.instances.get((function.number, context))
        if known is not None:
            return known
        siblings = self.of_function.setdefault(function.number, [])
        if len(siblings) >= self.limits.contexts and any(context):
            self.widened.add(function.number)
            coarse = tuple(
                entry if place.steps and len(siblings) < 2 * self.limits.contexts else None
                for place, entry in zip(function.places, context, strict=True)
            )
            if coarse != context:
                return self.instance(function, coarse)
        entry = self.contexts.entry_facts(function, context)
        made = Instance(function, context, entry)
        self.instances[function.number, context] = made
        siblings.append(made)
        self.enter(made, 0, self.start, entry)
        self.stack.append(made)
        self.stacked.add(made)
        return made

    def run(self) -> None:
        """Run until nothing changes, or the budget is used up."""
        while self.stack:
            if self.steps > self.limits.steps or len(self.instances) > self.limits.instances:
                self.exhausted = True
                return
            instance = self.stack[-1]
            if not instance.waiting:
                self.stacked.discard(self.stack.pop())
                continue
            self.work(instance)

    def work(self, instance: Instance) -> None:
        """Run an instance until it is done, or until it needs a new one."""
        heap = sorted(instance.waiting, key=lambda entry: entry[0])
        depth = len(self.stack)
        order = 0
        queue = [(index, number, bits) for number, (index, bits) in enumerate(heap)]
        order = len(queue)
        heapq.heapify(queue)
        while queue:
            index, _, bits = heapq.heappop(queue)
            if (index, bits) not in instance.waiting:
                continue
            instance.waiting.discard((index, bits))
            for to, after, known in self.onwards(instance, index, bits):
                entered = self.enter(instance, to, after, known)
                if entered is not None:
                    order += 1
                    heapq.heappush(queue, (to, order, entered))
            if len(self.stack) > depth:
                return

    def onwards(self, instance: Instance, index: int, bits: Bits) -> Iterator[Out]:
        """From a state that is kept to the next such ones: what lies between is only run."""
        kept = instance.function.kept
        waiting: list[Out] = [(index, bits, instance.states[index][bits])]
        while waiting:
            self.steps += 1
            for out in self.step(instance, *waiting.pop()):
                if out[0] in kept:
                    yield out
                elif out[0] >= 0:
                    waiting.append(out)

    def enter(self, instance: Instance, index: int, bits: Bits, facts: Facts) -> Bits | None:
        """Join a state into those of an instruction; its key if that changed it.

        The exits of a call are kept apart up to the next place where ways meet, by the sign of the
        result, the last part of ``bits``.
        """
        if bits[-1] and index in instance.function.meets:
            bits = (*bits[:-1], 0)
        facts = self.pruned(instance.function, index, facts)
        states = instance.states.setdefault(index, {})
        known = states.get(bits)
        if known is None:
            states[bits] = facts
        else:
            joined = self.joiner.joined(known, facts, instance.function.machine, index)
            if joined == known:
                return None
            states[bits] = joined
        instance.waiting.add((index, bits))
        return bits

    def pruned(self, function: Function, index: int, facts: Facts) -> Facts:
        """The facts without those about variables that are not used any more."""
        live = function.live[index]
        dead = [key for key in facts if not key.heap and key.base not in live]
        if not dead:
            return facts
        facts = dict(facts)
        for key in dead:
            if key is not self.opened and key is not self.contexts.task:
                del facts[key]
        return facts

    # -- steps ---------------------------------------------------------------------------------

    def step(self, instance: Instance, index: int, bits: Bits, facts: Facts) -> Iterable[Out]:
        """What follows an instruction."""
        function = instance.function
        instruction = function.code.instructions[index]
        following = function.code.following[index]
        kind = type(instruction)
        if kind is Test:
            return self.branch(function, instruction, following, bits, facts)
        if kind is Call:
            return self.call(instance, index, bits, facts)
        if kind is Assign:
            facts = self.assigned(instance, instruction, facts)
        elif kind is Fill:
            facts = dict(facts)
            assert isinstance(instruction, Fill)
            if instruction.target.steps:
                members = self.whole(function.code, instruction.target)
                self.changed(instance, instruction.target, facts, members)
            function.machine.fill(facts, instruction.target)
        elif kind is Choose:
            return self.choose(function, instruction, following, bits, facts)
        elif kind is Give:
            self.give(instance, instruction, bits, facts)
            return ()
        elif kind is TaskFlags:
            bits = self.task_flags(function, instruction, bits, facts)
        return [(to, bits, facts) for to in following]

    def branch(
        self, function: Function, test: Instruction, following: list[int], bits: Bits, facts: Facts
    ) -> Iterable[Out]:
        assert isinstance(test, Test)
        cond: Expr = test.cond
        if cond[0] == "any":
            return [(to, bits, facts) for to in following if to >= 0]
        found = []
        for way, holds in ((0, True), (1, False)):
            if following[way] >= 0:
                known = function.machine.refined(facts, cond, holds)
                if known is not None:
                    found.append((following[way], bits, known))
        return found

    def choose(
        self, function: Function, switch: Instruction, following: list[int], bits: Bits,
        facts: Facts,
    ) -> Iterable[Out]:  # fmt: skip
        assert isinstance(switch, Choose)
        found = []
        for way, to in enumerate(following):
            if to >= 0:
                cases = switch.cases
                known = function.machine.chosen(facts, switch.value, cases[way], cases)
                if known is not None:
                    found.append((to, bits, known))
        return found

    def record(self, instance: Instance, changes: Iterable[Change]) -> None:
        """Note what a function changed of what its callers can see."""
        new = set(changes) - instance.changes
        if new:
            instance.changes |= new
            self.wake_callers(instance)

    def assigned(self, instance: Instance, instruction: Instruction, facts: Facts) -> Facts:
        assert isinstance(instruction, Assign)
        function = instance.function
        machine = function.machine
        value = machine.value(facts, instruction.value)
        facts = dict(facts)
        target = instruction.target
        self.followed(machine, facts, target)
        if instruction.value[0] == "load":
            self.followed(machine, facts, instruction.value[1])
        scalar = True
        if target.steps:
            members = self.whole(function.code, target) if instruction.whole else frozenset()
            scalar = not members
            self.changed(instance, target, facts, members)
        machine.assign(facts, target, value, scalar)
        return facts

    def changed(
        self, instance: Instance, target: Where, facts: Facts, members: frozenset[str]
    ) -> None:
        """Note an assignment to what callers can see."""
        if DEREF not in target.steps and ELEMENT not in target.steps:
            return
        key = instance.function.machine.resolve(facts, target)
        if key is not None and not key.heap:
            return
        last = target.steps[-1]
        found: set[Change] = set()
        if last in self.fields.tracked:
            found.add((last, key))
        elif last == DEREF:
            found |= {(kind, key) for kind in self.kind(instance.function.code, target)}
            inner = {f: key and self.store.key(key.base, (f,)) for f in members}
            found |= set(inner.items())
        self.record(instance, own_changes(found))

    def followed(self, machine: Machine, facts: Facts, place: Where) -> None:
        """Who reads or writes behind a pointer has a valid one."""
        if place.steps[:1] != (DEREF,) or place.var.startswith("::"):
            return
        key = self.store.key(place.var)
        value = machine.load(facts, key)
        if value.mask != POSITIVE and value.mask & POSITIVE:
            limited = self.store.limited(value, POSITIVE)
            if limited is not None:
                facts[key] = limited

    def task_flags(
        self, function: Function, instruction: Instruction, bits: Bits, facts: Facts
    ) -> Bits:
        """``current->flags`` is changed by hand."""
        assert isinstance(instruction, TaskFlags)
        value = function.machine.value(facts, instruction.value)
        found = list(bits)
        for kind, mask in enumerate(self.scopes.bits):
            known = self.store.known_bits(value)
            if instruction.op == "|=":
                if known is not None and known[0] & mask:
                    found[kind] = "1"
                elif known is None or not known[1] & mask:
                    found[kind] = bits[kind] if bits[kind] == "1" else "U"
            elif instruction.op == "&=" and value.number is not None:
                if not value.number & mask:
                    found[kind] = "0"
            else:
                found[kind] = "U"
        return tuple(found)

    def give(self, instance: Instance, instruction: Instruction, bits: Bits, facts: Facts) -> None:
        """A way out of the function."""
        assert isinstance(instruction, Give)
        result = instance.function.machine.value(facts, instruction.value)
        outs = visible(facts, result, self.fields.tracked)
        kind = (bits[:-1], result.mask)
        known = instance.exits.get(kind)
        if known is not None:
            outs, result = self.joined_exit(known, result, outs, instance)
            if result is known.result and outs == known.outs:
                return
        instance.exits[kind] = Exit(result, outs)
        self.wake_callers(instance)

    def joined_exit(
        self, known: Exit, result: Value, outs: Facts, instance: Instance
    ) -> tuple[Facts, Value]:
        """Both exits in one; the result takes part under a name of its own."""
        key = self.store.key("::result")
        machine = instance.function.machine
        first, second = {**known.outs, key: known.result}, {**outs, key: result}
        met = self.joiner.joined(first, second, machine, len(instance.function.code.instructions))
        return {k: v for k, v in met.items() if k is not key}, met.get(key, self.store.any)

    def wake_callers(self, instance: Instance) -> None:
        """Let the callers look at a function's exits again."""
        for caller, index in instance.callers:
            for state in caller.at(index):
                caller.waiting.add((index, state))
            if caller not in self.stacked:
                self.stacked.add(caller)
                self.stack.insert(max(0, len(self.stack) - 1), caller)

    # -- calls ---------------------------------------------------------------------------------

    def call(self, instance: Instance, index: int, bits: Bits, facts: Facts) -> Iterable[Out]:
        function = instance.function
        call = function.code.instructions[index]
        assert isinstance(call, Call)
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
            instance.calls.setdefault(index, set()).add((bits[:-1], made))
            for (after_bits, _), leaving in made.exits.items():
                found.append(
                    self.returned(instance, index, call, values, facts, bits, made, after_bits,
                    leaving)
                )  # fmt: skip
        return found

    def scope_call(
        self, machine: Machine, call: Call, bits: Bits, facts: Facts
    ) -> tuple[Bits, Facts]:
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
        found = tuple(carry.bit(bit, kind) for kind, bit in enumerate(after_bits))
        tag = leaving.result.mask if len(callee.exits) > 1 else bits[-1]
        return (*found, tag), after


def _made_by(base: object, index: int) -> bool:
    return isinstance(base, Sym) and base.kind in ("fresh", "made") and base.node == index
