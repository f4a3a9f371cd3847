"""Which facts at a function's entry matter to it: contexts are made of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from convert.flow.scopes.code import (
    DEREF,
    ELEMENT,
    Assign,
    Call,
    Choose,
    Code,
    Expr,
    Give,
    Test,
    Where,
)
from convert.flow.scopes.effects import MAX_STEPS
from convert.flow.scopes.paths import at_call, behind
from convert.flow.scopes.shape import Shape

MAX_INTEREST = 10


@dataclass
class Interest:
    """Which facts at entry matter.

    exact: parameters whose number matters. signs: places that may be negative or an ERR_PTR; of
    all others it matters only whether they are zero.
    """

    places: dict[Where, None] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    signs: set[Where] = field(default_factory=set)

    def size(self) -> int:
        """Grows with every addition."""
        return len(self.places) + len(self.exact) + len(self.signs)


@dataclass(frozen=True)
class InterestFinder:
    """Finds what matters to functions. is_scope: whether a call opens or closes the scope."""

    shape: Shape
    is_scope: Callable[[Call], bool]

    def own_interest(self, code: Code) -> Interest:
        """What matters to a function itself."""
        found = Interest()
        for instruction in code.instructions:
            if isinstance(instruction, Test):
                self.tested(found, code, instruction.cond)
            elif isinstance(instruction, (Assign, Give)):
                self.moved(found, code, instruction)
            elif isinstance(instruction, Choose):
                self.tested(found, code, ("bin", "&", instruction.value, ("any",)))
            elif isinstance(instruction, Call):
                if instruction.name is None:
                    self.tested(found, code, ("bin", "&", instruction.pointer, ("any",)))
                elif self.is_scope(instruction):
                    for given in instruction.arguments:
                        self.tested(found, code, given)
        return found

    def moved(self, found: Interest, code: Code, instruction: Assign | Give) -> None:
        """A cookie or handle that goes from one place to another, or to the caller."""
        if isinstance(instruction, Assign):
            target = instruction.target
            if len(target.steps) == 2 and target.steps[-1] in self.shape.fields.tracked:
                self.wanted(found, code, Where(target.var), False)
        value = instruction.value
        leaves = isinstance(instruction, Give) or bool(instruction.target.steps)
        if not leaves or value[0] != "load" or not value[1].steps:
            return
        if value[1].steps[-1] in self.shape.fields.tracked:
            self.wanted(found, code, value[1], False)

    def tested(self, found: Interest, code: Code, expr: Expr, exact: bool = False) -> None:
        """The places that a condition looks at."""
        match expr[0]:
            case "load":
                self.wanted(found, code, expr[1], exact)
            case "not" | "errptr":
                self.tested(found, code, expr[1])
            case "err":
                self.tested(found, code, expr[1])
                self.sign(found, expr[1])
            case "cmp":
                if expr[1] not in ("==", "!="):
                    self.sign(found, expr[2])
                    self.sign(found, expr[3])
                numbers = [part for part in expr[2:] if part[0] == "num"]
                fine = any(part[1] != 0 for part in numbers) or not numbers
                for part in expr[2:]:
                    self.tested(found, code, part, fine)
            case "bin":
                for part in expr[2:]:
                    self.tested(found, code, part, True)

    def sign(self, found: Interest, expr: Expr) -> None:
        """The sign of a place matters."""
        if expr[0] == "load":
            found.signs.add(expr[1])

    def wanted(self, found: Interest, code: Code, place: Where, exact: bool) -> bool:
        """Note a place; whether that is new."""
        if len(place.steps) > MAX_STEPS or ELEMENT in place.steps:
            return False
        new = place not in found.places
        found.places[place] = None
        if exact and not place.steps and place.var not in found.exact:
            found.exact.add(place.var)
            new = True
        return new

    def close(self, found: Interest, code: Code, copies: dict[str, list[Expr]]) -> None:
        """What matters about a variable matters about what is assigned to it."""
        waiting = list(found.places)
        while waiting:
            place = waiting.pop()
            for source in copies.get(place.var, ()):
                exact = place.var in found.exact and not place.steps
                for other in behind(source, place.steps):
                    if len(other.steps) > MAX_STEPS:
                        continue
                    new = self.wanted(found, code, other, exact)
                    if place in found.signs and other not in found.signs:
                        found.signs.add(other)
                        new = True
                    if new:
                        waiting.append(other)

    def add_interest(
        self, own: Interest, code: Code, call: Call, other: Interest, callee: Code
    ) -> None:
        """Add to what matters to a function what matters to one that it calls."""
        for place in list(other.places):
            if not self.shape.kept(callee, place):
                continue
            exact = not place.steps and place.var in other.exact
            signs = place in other.signs
            for mine in at_call(call, callee, place):
                self.wanted(own, code, mine, exact)
                if signs:
                    own.signs.add(mine)


def interesting(run: Interest, kept: Callable[[Where], bool]) -> tuple[Where, ...]:
    """The places of a function whose facts are handed over, in a fixed order, the simple first."""
    found = [place for place in run.places if kept(place)]
    to_scalars = [Where(place.var) for place in found if place.steps == (DEREF,)]
    found += [place for place in dict.fromkeys(to_scalars) if place not in run.places]
    found.sort(key=lambda place: (len(place.steps), place))
    return tuple(found[:MAX_INTEREST])
