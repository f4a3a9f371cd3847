"""How the functions that open and close a handle get at it, and whether it is the task's own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from convert.flow.hazards.following import Follower, Seen, task_members
from convert.flow.hazards.handing import Exchange, Exchanges
from convert.flow.scopes.code import DEREF, TASK, Assign, Call, Code, Expr, Give, Where
from convert.flow.scopes.paths import copies, is_variable
from convert.flow.terms import TypeRef

_NULL = (("num", 0), ("any",))


@dataclass
class Pointers(ABC):
    """One way to get at a handle."""

    exchanges: Exchanges
    exchange: Exchange

    @abstractmethod
    def opening(self, number: int) -> Follower:
        """The lock and the handle through a function that opens it."""

    @abstractmethod
    def closing(self, number: int) -> Follower:
        """The lock and the handle through a function that closes it."""

    @abstractmethod
    def refusals(self, kind: TypeRef) -> Iterator[str]:
        """Why a handle that is got at so, of that type, is not the task's own."""

    def named(self, number: int, outs: Sequence[tuple[int, Seen]]) -> Sequence[str]:
        """The variables that point to the handle at all of some ways out."""
        return self.variables(number, outs)

    def variables(self, number: int, seen: Sequence[tuple[int, Seen]]) -> Sequence[str]:
        """The variables that point to the handle in all of some states, the best first."""
        sets = [one.pointers for _, one in seen]
        code = self.code(number)
        common = frozenset.intersection(*sets) if sets else frozenset()
        return [
            name
            for name, kind in code.types.items()
            if name in common and kind.stars == 1 and kind.base.startswith("struct ")
        ]

    def follower(self, number: int, opener: bool) -> Follower:
        """A follower of the lock alone."""
        return Follower(self.code(number), self.exchange.effects[number], opener)

    def code(self, number: int) -> Code:
        """A function."""
        return self.exchanges.program.codes[number]


@dataclass
class Task(Pointers):
    """The task itself points to it. place: the member that does."""

    place: Where

    def opening(self, number: int) -> Follower:
        return self._follower(number, True)

    def closing(self, number: int) -> Follower:
        return self._follower(number, False)

    def _follower(self, number: int, opener: bool) -> Follower:
        follower = self.follower(number, opener)
        follower.task = self.place
        follower.moves = frozenset(
            index
            for index, call in self.code(number).calls()
            if self.moving.intersection(self.exchanges.program.targets(call))
        )
        return follower.run()

    @cached_property
    def moving(self) -> frozenset[int]:
        """The functions that change what the task points to, themselves or as ends."""
        return frozenset({*self.writers, *self.exchange.openers, *self.exchange.closers})

    @cached_property
    def writers(self) -> dict[int, int]:
        """The functions that assign the task's pointer, with the first place."""
        found: dict[int, int] = {}
        for number, code in enumerate(self.exchanges.program.codes):
            for index, place in task_members(code, TASK):
                if place == self.place:
                    found.setdefault(number, index)
        return found

    def refusals(self, kind: TypeRef) -> Iterator[str]:
        ends = {*self.exchange.openers, *self.exchange.closers}
        roots = self.exchanges.program.graph.roots
        for number, index in self.writers.items():
            if number in ends:
                continue
            callers = {caller for caller, _, _ in self.exchanges.callers.get(number, ())}
            is_root = bool(roots.get(self.code(number).routine.key))
            if is_root or not callers or not callers <= ends:
                yield (
                    f"{self.exchanges.place(number, index)}: {self.exchanges.function(number)} "
                    f"lets the task point to another handle"
                )


@dataclass
class _Handed(Pointers):
    """It is handed from call to call."""

    def refusals(self, kind: TypeRef) -> Iterator[str]:
        yield from self.kept(kind)
        yield from self.closed(kind)

    def closing(self, number: int) -> Follower:
        kind = self.kind
        code = self.code(number)
        same = [name for name in code.parameters if code.types.get(name) == kind]
        return self.follower(number, False).run(frozenset(same if len(same) == 1 else ()))

    @property
    @abstractmethod
    def kind(self) -> TypeRef | None:
        """The type of what callers are given, or give."""

    def kept(self, kind: TypeRef) -> Iterator[str]:
        """Where the handle is put where another task may find it."""
        for number, code in enumerate(self.exchanges.program.codes):
            for index, instruction in enumerate(code.instructions):
                if not isinstance(instruction, Assign) or not is_variable(instruction.value):
                    continue
                target, name = instruction.target, instruction.value[1].var
                outside = DEREF in target.steps or target.var.startswith("::")
                if outside and code.types.get(name) == kind:
                    yield (
                        f"{self.exchanges.place(number, index)}: {self.exchanges.function(number)} "
                        f"puts {name} where another task may find it"
                    )

    def closed(self, kind: TypeRef) -> Iterator[str]:
        """Calls that close what is not known to be a handle that was opened."""
        seen: set[tuple[int, str]] = set()
        waiting = [
            (number, name)
            for number in self.exchange.closers
            for name in self.code(number).parameters
            if self.code(number).types.get(name) == kind
        ]
        while waiting:
            number, name = waiting.pop()
            if (number, name) in seen:
                continue
            seen.add((number, name))
            yield from self.asked_outside(number)
            for caller, index, call in self.exchanges.callers.get(number, ()):
                slot = self.code(number).parameters.index(name)
                given = call.arguments[slot] if slot < len(call.arguments) else ("any",)
                passed = self.passed_on(caller, given)
                if passed:
                    waiting.append((caller, passed))
                elif not self.is_opened(caller, given):
                    yield (
                        f"{self.exchanges.place(caller, index)}: which handle "
                        f"{self.exchanges.function(number)} closes there is not known"
                    )

    def asked_outside(self, number: int) -> Iterator[str]:
        """A function that code calls which was not read."""
        roots = self.exchanges.program.graph.roots.get(self.code(number).routine.key, ())
        for root in roots[:1]:
            yield (
                f"{self.exchanges.place(number)}: {self.exchanges.function(number)} is "
                f"{root.kind.value}: which handle it is given is not known"
            )

    def passed_on(self, number: int, given: Expr) -> str:
        """The parameter that a function hands on as it was given, or ""."""
        if not is_variable(given) or given[1].var not in self.code(number).parameters:
            return ""
        name: str = given[1].var
        changed = name in copies(self.code(number)) or name in self.code(number).escaping
        return "" if changed else name

    @abstractmethod
    def is_opened(self, number: int, given: Expr) -> bool:
        """Whether what a function hands to a closer is a handle that it opened."""


@dataclass
class Made(_Handed):
    """The opener makes it and returns it."""

    _givers: dict[int, bool] = field(default_factory=dict)

    def opening(self, number: int) -> Follower:
        follower = self.follower(number, True)
        follower.makes = frozenset(
            index for index, call in self.code(number).calls() if self.makes(call)
        )
        return follower.run()

    def named(self, number: int, outs: Sequence[tuple[int, Seen]]) -> Sequence[str]:
        given = {
            value[1].var
            for index, _ in outs
            for value in [_value(self.code(number), index)]
            if is_variable(value)
        }
        common = self.variables(number, outs)
        return [name for name in common if given == {name}]

    @cached_property
    def kind(self) -> TypeRef | None:
        """The type of what the first opener returns."""
        first = self.exchange.openers[0]
        follower = self.opening(first)
        names = self.named(first, [(index, seen) for index, seen in follower.outs() if seen.locked])
        return self.code(first).types[names[0]] if names else None

    def makes(self, call: Call, depth: int = 0) -> bool:
        """Whether a call gives out a new object."""
        program = self.exchanges.program
        if call.name is not None and program.stubs.primitive(call.name) is not None:
            return True
        targets = program.targets(call)
        return bool(targets) and depth < 2 and all(self.is_maker(one, depth) for one in targets)

    def is_maker(self, number: int, depth: int) -> bool:
        """Whether all that a function returns is a new object, or none."""
        made = {call.result for _, call in self.code(number).calls() if self.makes(call, depth + 1)}
        return bool(made) and self.all_from(number, "<result>", made)

    def all_from(self, number: int, name: str, results: set[str]) -> bool:
        """Whether a variable holds nothing but some calls' results, or nothing."""
        values = copies(self.code(number)).get(name, [])
        return bool(values) and all(
            value in _NULL
            or value[0] == "errptr"
            or (
                is_variable(value)
                and (
                    value[1].var in results
                    or (
                        value[1].var != name
                        and value[1].var not in self.code(number).escaping
                        and self.all_from(number, value[1].var, results)
                    )
                )
            )
            for value in values
        )

    def is_giver(self, number: int) -> bool:
        """Whether a function returns handles that it opened, and nothing else."""
        if number not in self._givers:
            self._givers[number] = number in self.exchange.openers
            self._givers[number] = self._givers[number] or self.all_from(
                number, "<result>", self.opened_in(number)
            )
        return self._givers[number]

    def opened_in(self, number: int) -> set[str]:
        """The results of calls that open."""
        targets = self.exchanges.program.targets
        return {
            call.result
            for _, call in self.code(number).calls()
            if targets(call) and all(self.is_giver(target) for target in targets(call))
        }

    def is_opened(self, number: int, given: Expr) -> bool:
        if not is_variable(given) or given[1].var in self.code(number).escaping:
            return False
        opened = self.opened_in(number)
        return given[1].var in opened or self.all_from(number, given[1].var, opened)


@dataclass
class Given(_Handed):
    """It stands on the stack of a caller, who hands its address to both."""

    def opening(self, number: int) -> Follower:
        code = self.code(number)
        same = [name for name in code.parameters if code.types.get(name) == self.kind]
        assigned = copies(code)
        start = frozenset(same if len(same) == 1 and same[0] not in assigned else ())
        return self.follower(number, True).run(start)

    @cached_property
    def kind(self) -> TypeRef | None:
        """The type of what some caller of an opener has on its stack."""
        for number in self.exchange.openers:
            code = self.code(number)
            for _, _, call in self.exchanges.callers.get(number, ()):
                for name, given in zip(code.parameters, call.arguments, strict=False):
                    kind = code.types.get(name)
                    if _is_on_stack(given) and kind is not None and _is_structure(kind):
                        return kind
        return None

    def refusals(self, kind: TypeRef) -> Iterator[str]:
        yield from super().refusals(kind)
        for number, slot in sorted(self.opening_slots):
            for caller, index, call in self.exchanges.callers.get(number, ()):
                given = call.arguments[slot] if slot < len(call.arguments) else ("any",)
                if not _is_on_stack(given) and not self.passed_on(caller, given):
                    yield (
                        f"{self.exchanges.place(caller, index)}: which handle "
                        f"{self.exchanges.function(number)} opens there is not known"
                    )

    @cached_property
    def opening_slots(self) -> frozenset[tuple[int, int]]:
        """Functions that open the handle that they are given, with the number of its parameter."""
        found: set[tuple[int, int]] = set()
        waiting = [
            (number, slot)
            for number in self.exchange.openers
            for slot, name in enumerate(self.code(number).parameters)
            if self.code(number).types.get(name) == self.kind
        ]
        while waiting:
            number, slot = waiting.pop()
            if (number, slot) in found:
                continue
            found.add((number, slot))
            for caller, _, call in self.exchanges.callers.get(number, ()):
                if slot < len(call.arguments):
                    name = self.passed_on(caller, call.arguments[slot])
                    if name:
                        waiting.append((caller, self.code(caller).parameters.index(name)))
        return frozenset(found)

    def is_opened(self, number: int, given: Expr) -> bool:
        return _is_on_stack(given) and any(
            slot < len(call.arguments) and call.arguments[slot] == given
            for _, call in self.code(number).calls()
            for target in self.exchanges.program.targets(call)
            for to, slot in self.opening_slots
            if to == target
        )


def _value(code: Code, index: int) -> Expr:
    give = code.instructions[index]
    assert isinstance(give, Give)
    return give.value


def _is_on_stack(given: Expr) -> bool:
    """Whether an expression is the address of a variable of the function."""
    return bool(given[0] == "addr" and not given[1].steps and not given[1].var.startswith("::"))


def _is_structure(kind: TypeRef) -> bool:
    return kind.stars == 1 and kind.base.startswith("struct ")
