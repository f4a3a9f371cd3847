"""What functions change besides their own variables, whatever the order of their instructions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from convert.flow.scopes.code import (
    DEREF,
    ELEMENT,
    Assign,
    Call,
    Code,
    Fill,
    Give,
    Where,
)
from convert.flow.scopes.paths import at_call, expressions, inside, is_address, is_variable
from convert.flow.scopes.shape import Shape

MAX_STEPS = 6
_MAX_PLACES = 10


@dataclass
class Effects:
    """What running a function may change besides its own variables.

    targets: parameters whose pointed-to scalar it assigns. places: tracked members that it assigns,
    and pointed-to handles, by the way from a parameter to them (some, if there are many).
    elsewhere: what it assigns through other pointers, as `KINDS`. captures: parameters that it
    keeps for later.
    """

    targets: set[int] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    captures: set[int] = field(default_factory=set)
    places: dict[Where, None] = field(default_factory=dict)

    def size(self) -> int:
        """Grows with every addition."""
        sets = (self.targets, self.elsewhere, self.captures)
        return sum(len(one) for one in sets) + len(self.places)


@dataclass(frozen=True)
class EffectFinder:
    """Finds what functions change."""

    shape: Shape

    def own_effects(self, code: Code) -> Effects:
        """What a function changes itself."""
        found = Effects()
        for instruction in code.instructions:
            if isinstance(instruction, (Assign, Fill)):
                self.written(found, code, instruction)
            if isinstance(instruction, (Assign, Give)):
                kept = isinstance(instruction, Give) or bool(instruction.target.steps)
                name = instruction.value[1].var if is_variable(instruction.value) else ""
                if name in code.parameters and (kept or name in code.escaping):
                    found.captures.add(code.parameters.index(name))
        return found

    def written(self, found: Effects, code: Code, instruction: Assign | Fill) -> None:
        """Note what one instruction assigns."""
        place = instruction.target
        if DEREF not in place.steps and ELEMENT not in place.steps:
            return
        self.assigned(found, code, place)
        last = place.steps[-1]
        if last != DEREF:
            return
        if place.steps == (DEREF,) and place.var in code.parameters:
            found.targets.add(code.parameters.index(place.var))
        else:
            found.elsewhere.update(self.shape.kind(code, place))

    def assigned(self, found: Effects, code: Code, place: Where) -> None:
        """Note an assigned place if callers can follow it."""
        few = len(found.places) < _MAX_PLACES and len(place.steps) <= MAX_STEPS
        if few and ELEMENT not in place.steps and self.shape.kept(code, place):
            found.places[place] = None

    def add_effects(
        self, own: Effects, code: Code, call: Call, other: Effects, callee: Code
    ) -> None:
        """Add to a function's effects those of a call."""
        own.elsewhere |= other.elsewhere
        for place in list(other.places):
            for mine in at_call(call, callee, place):
                self.assigned(own, code, mine)
        for slot in other.captures:
            given = call.arguments[slot] if slot < len(call.arguments) else ("any",)
            if is_variable(given) and given[1].var in code.parameters:
                own.captures.add(code.parameters.index(given[1].var))
        for slot in other.targets:
            self.through(own, code, call, slot, callee)

    def through(self, own: Effects, code: Code, call: Call, slot: int, callee: Code) -> None:
        """A callee assigns what its argument points to."""
        given = call.arguments[slot] if slot < len(call.arguments) else ("any",)
        if given[0] == "addr" and not self.shape.fields.tracked.intersection(given[1].steps[-1:]):
            return
        if given[0] == "load" and not given[1].steps and given[1].var in code.parameters:
            own.targets.add(code.parameters.index(given[1].var))
        else:
            own.elsewhere.update(self.shape.kind(callee, Where(callee.parameters[slot], (DEREF,))))


def captured(
    code: Code, targets: Callable[[Call], Sequence[int]], effects: Sequence[Effects]
) -> frozenset[str]:
    """Variables whose address is kept somewhere, so that any call may change them."""
    found: set[str] = set()
    for instruction in code.instructions:
        if isinstance(instruction, Call):
            for slot, given in enumerate(instruction.arguments):
                if is_address(given) and any(
                    slot in effects[target].captures for target in targets(instruction)
                ):
                    found.add(given[1].var)
        else:
            for expr in expressions(instruction):
                found.update(one[1].var for one in inside(expr) if is_address(one))
    return frozenset(found)
