"""Effects and interests of all functions, as least fixed points over the call graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from convert.flow.scopes.code import DEREF, HANDLE, Assign, Call, Code, Expr, Fill
from convert.flow.scopes.effects import EffectFinder, Effects
from convert.flow.scopes.interest import Interest, InterestFinder
from convert.flow.scopes.paths import copies
from convert.flow.scopes.shape import Shape
from convert.flow.terms import TypeRef

_MAX_DECIDING = 40


@dataclass(frozen=True)
class Summary:
    """Effects and interests of all functions, by number. relevant: the simulation runs these."""

    effects: list[Effects]
    interests: list[Interest]
    relevant: list[bool]


def summarise(
    codes: Sequence[Code],
    targets: Callable[[Call], Sequence[int]],
    shape: Shape,
    is_scope: Callable[[Call], bool],
    is_site: Callable[[Call], bool],
) -> Summary:
    """Run the fixed points. ``targets``: the numbers of the codes that a call may run.

    Relevant are the functions that lead to a scope's function or a site, or decide for others.
    """
    run = _Run(codes, shape, InterestFinder(shape, is_scope), is_site)
    run.calls = [
        [(call, target) for _, call in code.calls() for target in targets(call)] for code in codes
    ]
    return run.summary()


@dataclass
class _Run:
    codes: Sequence[Code]
    shape: Shape
    finder: InterestFinder
    is_site: Callable[[Call], bool]
    calls: list[list[tuple[Call, int]]] = field(default_factory=list)

    def summary(self) -> Summary:
        callers, order = self.callers(), self.order()
        effects = self.effects(callers, order)
        assigned = [copies(code) for code in self.codes]
        interests = [self.finder.own_interest(code) for code in self.codes]
        for number, code in enumerate(self.codes):
            self.finder.close(interests[number], code, assigned[number])
        _fixed(order, callers, lambda n: self.add_interest(interests, assigned, n))
        relevant = [self.is_relevant(code) for code in self.codes]
        _fixed(order, callers, lambda n: self.add_relevant(relevant, n))
        for number, code in enumerate(self.codes):
            relevant[number] = relevant[number] or _decides(code, interests[number])
        return Summary(effects, interests, relevant)

    def callers(self) -> list[list[int]]:
        """The callers of each function."""
        found: list[dict[int, None]] = [{} for _ in self.codes]
        for number, calls in enumerate(self.calls):
            for _, target in calls:
                found[target][number] = None
        return [list(one) for one in found]

    def order(self) -> list[int]:
        """Callees before their callers, as far as there is no recursion."""
        order: list[int] = []
        seen = [False] * len(self.codes)
        for start in range(len(self.codes)):
            stack = [(start, iter(self.calls[start]))] if not seen[start] else []
            seen[start] = True
            while stack:
                number, rest = stack[-1]
                target = next((one for _, one in rest if not seen[one]), None)
                if target is None:
                    order.append(number)
                    stack.pop()
                else:
                    seen[target] = True
                    stack.append((target, iter(self.calls[target])))
        return order

    def effects(self, callers: list[list[int]], order: list[int]) -> list[Effects]:
        finder = EffectFinder(self.shape)
        effects = [finder.own_effects(code) for code in self.codes]
        known: list[list[int]] = [[-1] * len(calls) for calls in self.calls]  # sizes when added

        def add(number: int) -> bool:
            own, code = effects[number], self.codes[number]
            before = own.size()
            for index, (call, target) in enumerate(self.calls[number]):
                other = effects[target]
                if other.size() != known[number][index]:
                    known[number][index] = other.size()
                    finder.add_effects(own, code, call, other, self.codes[target])
            return own.size() != before

        _fixed(order, callers, add)
        return effects

    def add_interest(
        self, interests: list[Interest], assigned: list[dict[str, list[Expr]]], number: int
    ) -> bool:
        own, code = interests[number], self.codes[number]
        before = own.size()
        for call, target in self.calls[number]:
            self.finder.add_interest(own, code, call, interests[target], self.codes[target])
        if own.size() != before:
            self.finder.close(own, code, assigned[number])
        return own.size() != before

    def is_relevant(self, code: Code) -> bool:
        """Whether a function itself moves a handle or a cookie, or holds what is asked about."""
        for instruction in code.instructions:
            if isinstance(instruction, Call):
                if self.is_site(instruction):
                    return True
            elif isinstance(instruction, (Assign, Fill)) and instruction.target.steps:
                target = instruction.target
                if target.steps[-1] in self.shape.fields.tracked:
                    return True
                if target.steps == (DEREF,) and self.shape.kind(code, target) == (HANDLE,):
                    return True
                whole = isinstance(instruction, Fill) or instruction.whole
                if whole and DEREF in target.steps and self.shape.whole(code, target):
                    return True
        return False

    def add_relevant(self, relevant: list[bool], number: int) -> bool:
        if relevant[number]:
            return False
        relevant[number] = any(relevant[target] for _, target in self.calls[number])
        return relevant[number]


def _fixed(order: list[int], callers: list[list[int]], step: Callable[[int], bool]) -> None:
    """Repeat a step for every function until nothing grows."""
    waiting = dict.fromkeys(order)
    while waiting:
        number = next(iter(waiting))
        del waiting[number]
        if step(number):
            waiting.update(dict.fromkeys(callers[number]))


def _decides(code: Code, interest: Interest) -> bool:
    """Whether a short function without effects tells something about the numbers it is given.

    The simulation runs these, too: what they return decides which way their callers take.
    """
    if len(code.instructions) > _MAX_DECIDING or not interest.exact & set(code.parameters):
        return False
    assigned = (i for i in code.instructions if isinstance(i, (Assign, Fill)))
    if any(one.target.steps for one in assigned):
        return False
    return code.routine.returns in (TypeRef("bool"), TypeRef("gfp_t"))
