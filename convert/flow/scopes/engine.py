"""The simulation: function instances, their states, and what they make of each other's exits."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce

from convert.flow.scopes.calls import Calls, Out
from convert.flow.scopes.changes import (
    Change,
    own_changes,
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
from convert.flow.scopes.contexts import Context, Function, Instance
from convert.flow.scopes.exits import Exit, visible
from convert.flow.scopes.held import NOTHING, Locks, met
from convert.flow.scopes.joining import Joiner
from convert.flow.scopes.machine import Machine
from convert.flow.scopes.values import (
    POSITIVE,
    Bits,
    Facts,
    Value,
)

# States of one instruction that differ by the locks that are held, before they become one; the same
# in a long run.
_MOST_LOCKED = 6
_FEW_LOCKED = 4

# Contexts of one function in a long run.
_FEW_CONTEXTS = 4


@dataclass(frozen=True)
class Limits:
    """Contexts of one function before they are made coarser, instances and steps of the run.

    long: the steps after which a run goes on with fewer contexts.
    """

    contexts: int
    instances: int
    steps: int
    long: int


@dataclass
class Engine(Calls):
    """Runs instances until nothing changes.

    kind, whole: what is at a place, see `Program`. widened: functions whose contexts were made
    coarser. exhausted: whether the budget was used up.
    """

    limits: Limits
    kind: Callable[[Code, Where], Iterable[str]]
    whole: Callable[[Code, Where], frozenset[str]]
    instances: dict[tuple[int, Context], Instance] = field(default_factory=dict)
    of_function: dict[int, list[Instance]] = field(default_factory=dict)
    stack: list[Instance] = field(default_factory=list)
    ran: dict[Instance, int] = field(default_factory=dict)
    woken: list[tuple[int, Instance]] = field(default_factory=list)
    started: set[Instance] = field(default_factory=set)
    queued: set[int] = field(default_factory=set)
    steps: int = 0
    widened: set[int] = field(default_factory=set)
    exhausted: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        locks = () if self.locks is None else (NOTHING,)
        self.start: Bits = (*("E" for _ in self.scopes.kinds), *locks, 0)
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
        contexts = self.limits.contexts
        if self.steps > self.limits.long:
            contexts = min(contexts, _FEW_CONTEXTS)
        if len(siblings) >= contexts and any(context):
            self.widened.add(function.number)
            coarse = tuple(
                entry if place.steps and len(siblings) < 2 * contexts else None
                for place, entry in zip(function.places, context, strict=True)
            )
            if coarse != context:
                return self.instance(function, coarse)
        entry = self.contexts.entry_facts(function, context)
        made = Instance(function, context)
        self.instances[function.number, context] = made
        siblings.append(made)
        self.enter(made, 0, self.start, entry)
        self.stack.append(made)
        return made

    def run(self) -> None:
        """Run until nothing changes, or the budget is used up."""
        while self.stack or self.woken:
            if self.steps > self.limits.steps or len(self.instances) > self.limits.instances:
                self.exhausted = True
                return
            if self.stack and (not self.woken or self.stack[-1] not in self.started):
                depth = len(self.stack)
                instance = self.stack[-1]
                self.started.add(instance)
                self.work(instance)
                if not instance.waiting:
                    del self.stack[depth - 1]
                    self.ran[instance] = len(self.ran)
            else:
                number, instance = heapq.heappop(self.woken)
                self.queued.discard(number)
                self.work(instance)
                if instance.waiting:
                    self.wake(instance)

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
            del instance.waiting[index, bits]
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
        if self.locks is not None and bits not in states:
            most = _MOST_LOCKED if self.steps <= self.limits.long else _FEW_LOCKED
            if len(states) >= most:
                bits, facts = self.merged(instance, index, bits, facts, most)
        known = states.get(bits)
        if known is None:
            states[bits] = facts
        else:
            joined = self.joiner.joined(known, facts, instance.function.machine, index)
            if joined == known:
                return None
            states[bits] = joined
        instance.waiting[index, bits] = None
        return bits

    def merged(
        self, instance: Instance, index: int, bits: Bits, facts: Facts, most: int
    ) -> tuple[Bits, Facts]:
        """One state for those that differ by their locks alone, if there are too many of them."""
        assert self.locks is not None
        states = instance.states[index]
        scopes, locks = bits[:-2], bits[-2]
        alike = [other for other in states if other[:-2] == scopes]
        if len(alike) < most:
            for other in alike:
                if other[-1] == 0 and self.locks.either(locks, other[-2]) == other[-2]:
                    return other, facts
            return bits, facts
        locks = reduce(self.locks.either, (other[-2] for other in alike), bits[-2])
        bits = (*bits[:-2], locks, 0)
        for other in alike:
            if other != bits:
                known = states.pop(other)
                instance.waiting.pop((index, other), None)
                facts = self.joiner.joined(facts, known, instance.function.machine, index)
        return bits, facts

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
            assert isinstance(instruction, Assign)
            bits = self.moved(bits, instruction.target)
            facts = self.assigned(instance, instruction, facts)
        elif kind is Fill:
            facts = dict(facts)
            assert isinstance(instruction, Fill)
            bits = self.moved(bits, instruction.target)
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

    def assigned(self, instance: Instance, instruction: Assign, facts: Facts) -> Facts:
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
        outs = visible(facts, result)
        if self.locks is not None:
            bits = (*bits[:-2], self.leaving(instance, bits, result), 0)
        kind = (bits[:-1], result.mask)
        known = instance.exits.get(kind)
        if known is not None:
            outs, result = self.joined_exit(known, result, outs, instance)
            if result is known.result and outs == known.outs:
                return
        instance.exits[kind] = Exit(result, outs)
        self.wake_callers(instance)

    def leaving(self, instance: Instance, bits: Bits, result: Value) -> Locks:
        """What the callers see of the locks that are held at a way out.

        Ways out with the same scope and sign of the result are one, so an exit may go for another.
        """
        assert self.locks is not None
        left = self.locks.leaving(instance.function.code, bits[-2])
        for known, mask in list(instance.exits):
            if known[:-1] == bits[:-2] and mask == result.mask and known[-1] != left:
                left = met(known[-1], left)
                if left != known[-1]:
                    del instance.exits[known, mask]
        return left

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
                caller.waiting[index, state] = None
            self.wake(caller)

    def wake(self, instance: Instance) -> None:
        """Let an instance that ran before run once more; others wait on the stack."""
        number = self.ran.get(instance)
        if number is not None and number not in self.queued:
            self.queued.add(number)
            heapq.heappush(self.woken, (number, instance))
