"""What expressions are worth in a state, and what tests tell about it."""

from __future__ import annotations

from convert.flow.scopes.code import Expr, Where
from convert.flow.scopes.memory import Memory
from convert.flow.scopes.values import (
    ANYTHING,
    NEGATIVE,
    NONZERO,
    POSITIVE,
    ZERO,
    Facts,
    Value,
)
from convert.flow.scopes.world import binary

_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SWAPPED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_SIGNS = {"<": NEGATIVE, ">": POSITIVE, "<=": NEGATIVE | ZERO, ">=": POSITIVE | ZERO}


class Machine(Memory):
    """Evaluates and refines; the facts handed in stay as they are."""

    # -- values --------------------------------------------------------------------------------

    def value(self, facts: Facts, expr: Expr) -> Value:
        """The value of an expression."""
        store = self.store
        match expr[0]:
            case "load":
                return self.load(facts, self.resolve(facts, expr[1]))
            case "num":
                return store.number(expr[1])
            case "addr":
                key = self.resolve(facts, expr[1])
                if key is None or str(key.base).startswith("::string"):
                    return store.masks[POSITIVE]
                return store.value(POSITIVE, "address", key)
            case "fn":
                return store.value(POSITIVE, "function", (expr[1], expr[2]))
            case "not":
                return self.inverted(self.value(facts, expr[1]))
            case "errptr":
                # err.h: ERR_PTR() is given "a negative error code", or 0.
                value = self.value(facts, expr[1])
                return store.limited(value, NEGATIVE | ZERO) or value
            case "err":
                return self.truth(self.value(facts, expr[1]), NEGATIVE)
            case "cmp":
                return self.compared(facts, expr)
            case "bin":
                return self.combined(facts, expr)
        return store.any

    def inverted(self, value: Value) -> Value:
        if value.mask == ZERO:
            return self.store.number(1)
        return self.store.masks[ZERO | POSITIVE] if value.mask & ZERO else self.store.zero

    def truth(self, value: Value, mask: int) -> Value:
        """Whether the sign is one of ``mask``."""
        if not value.mask & mask:
            return self.store.zero
        return self.store.masks[ZERO | POSITIVE] if value.mask & ~mask else self.store.number(1)

    def compared(self, facts: Facts, expr: Expr) -> Value:
        _, op, left, right = expr
        a, b = self.value(facts, left), self.value(facts, right)
        unknown = self.store.masks[ZERO | POSITIVE]
        if a.number is not None and b.number is not None:
            if op in ("==", "!=") or (a.number >= 0 and b.number >= 0) or self.is_signed(left):
                return self.store.number(binary(op, a.number, b.number) or 0)
            return unknown
        if op in ("==", "!="):
            different = self.store.distinct(a, b)
            if different is None:
                return unknown
            return self.store.number(int(different == (op == "!=")))
        if b.number == 0 and self.follows_sign(op, left):
            return self.truth(a, _SIGNS[op])
        if a.number == 0 and self.follows_sign(_SWAPPED[op], right):
            return self.truth(b, _SIGNS[_SWAPPED[op]])
        return unknown

    def follows_sign(self, op: str, expr: Expr) -> bool:
        """Whether a comparison with 0 asks for the sign: for unsigned numbers it does not.

        Nobody asks whether an unsigned number is negative, so the spelling tells that it is signed.
        """
        return op in ("<", ">=") or self.is_signed(expr)

    def is_signed(self, expr: Expr) -> bool:
        return expr[0] == "load" and not expr[1].steps and self.signed.get(expr[1].var) is True

    def combined(self, facts: Facts, expr: Expr) -> Value:
        _, op, left, right = expr
        a, b = self.value(facts, left), self.value(facts, right)
        store = self.store
        if a.number is not None and b.number is not None:
            number = binary(op, a.number, b.number)
            return store.any if number is None else store.number(number)
        if op in ("+", "-") and a.mask == POSITIVE and (a.sym or a.address):
            return store.masks[POSITIVE]  # inside of the object
        if op not in ("|", "&"):
            return store.any
        first, second = store.known_bits(a) or (0, 0), store.known_bits(b) or (0, 0)
        if op == "|":
            bits = (first[0] | second[0], first[1] & second[1])
            mask = NONZERO if bits[0] or not (a.mask & b.mask & ZERO) else a.mask | b.mask
        else:
            bits = (first[0] & second[0], first[1] | second[1])
            if bits[1] == -1:
                return store.zero
            mask = NONZERO if bits[0] else ANYTHING
        return store.value(mask, "bits", bits) if bits != (0, 0) else store.masks[mask]

    # -- tests ---------------------------------------------------------------------------------

    def refined(self, facts: Facts, expr: Expr, holds: bool) -> Facts | None:
        """The facts where an expression is true (or false); None where it cannot be."""
        match expr[0]:
            case "num":
                return facts if bool(expr[1]) == holds else None
            case "not":
                return self.refined(facts, expr[1], not holds)
            case "load":
                return self.narrowed(facts, expr, NONZERO if holds else ZERO)
            case "err":
                return self.narrowed(facts, expr[1], NEGATIVE if holds else ZERO | POSITIVE)
            case "cmp":
                return self.compared_with(facts, expr, holds)
            case "bin" if expr[1] == "&":
                return self.masked(facts, expr, holds)
        known = self.value(facts, expr)
        possible = known.mask & (NONZERO if holds else ZERO)
        return facts if possible else None

    def narrowed(self, facts: Facts, expr: Expr, mask: int) -> Facts | None:
        """The facts where an expression has one of the signs."""
        value = self.value(facts, expr)
        if expr[0] == "not":
            return facts if value.mask & mask else None
        limited = self.store.limited(value, mask)
        if limited is None:
            return None
        if limited is value or expr[0] != "load":
            return facts
        return self.noted(facts, expr[1], limited)

    def noted(self, facts: Facts, place: Where, value: Value) -> Facts:
        """The facts with what is found out about a place, without an assignment."""
        key = self.resolve(facts, place)
        if key is None or not self.keeps(key):
            return facts
        known = dict(facts)
        known[key] = value
        return known

    def compared_with(self, facts: Facts, expr: Expr, holds: bool) -> Facts | None:
        known = self.compared(facts, expr)
        if not known.mask & (NONZERO if holds else ZERO):
            return None
        _, op, left, right = expr
        op = op if holds else _OPPOSITE[op]
        if left[0] == "num":
            left, right, op = right, left, _SWAPPED[op]
        a, b = self.value(facts, left), self.value(facts, right)
        if op == "==":
            return self.equal(facts, (left, a), (right, b))
        if op == "!=":
            return self.narrowed(facts, left, NONZERO) if b.number == 0 else facts
        if b.number == 0 and self.follows_sign(op if holds else _OPPOSITE[op], left):
            return self.narrowed(facts, left, _SIGNS[op])
        return facts

    def equal(
        self, facts: Facts, first: tuple[Expr, Value], second: tuple[Expr, Value]
    ) -> Facts | None:
        (left, a), (right, b) = first, second
        if left[0] == "load":
            limited = self.store.limited(b, a.mask)
            if limited is None:
                return None
            if b.number is not None or b.sym is not None:
                return self.noted(facts, left[1], limited)
        if right[0] == "load" and a.sym is not None:
            limited = self.store.limited(a, b.mask)
            return None if limited is None else self.noted(facts, right[1], limited)
        return self.narrowed(facts, left, b.mask)

    def masked(self, facts: Facts, expr: Expr, holds: bool) -> Facts | None:
        """``x & mask``."""
        known = self.combined(facts, expr)
        if not known.mask & (NONZERO if holds else ZERO):
            return None
        _, _, left, right = expr
        if right[0] != "num":
            left, right = right, left
        if left[0] != "load" or right[0] != "num":
            return facts
        value = self.value(facts, left)
        if value.number is not None or (value.sym is not None and value.mask != ANYTHING):
            return facts
        bits, mask = self.store.known_bits(value) or (0, 0), right[1]
        single = mask > 0 and mask & (mask - 1) == 0
        if holds and single:
            changed = self.store.value(value.mask & NONZERO, "bits", (bits[0] | mask, bits[1]))
        elif not holds and mask > 0:
            changed = self.store.value(value.mask, "bits", (bits[0], bits[1] | mask))
        else:
            return facts
        return self.noted(facts, left[1], changed)

    def chosen(
        self, facts: Facts, expr: Expr, way: tuple[tuple[int, int], ...] | None,
        all_ways: list[tuple[tuple[int, int], ...] | None],
    ) -> Facts | None:  # fmt: skip
        """The facts on one way out of a switch; None if it cannot be taken."""
        value = self.value(facts, expr)
        if way is None:
            if value.number is not None:
                for one in all_ways:
                    if one and any(low <= value.number <= high for low, high in one):
                        return None
            elif any(one and any(low <= 0 <= high for low, high in one) for one in all_ways):
                return self.narrowed(facts, expr, NONZERO)
            return facts
        if not way:
            return facts  # a label whose value is not known
        (low, high), *_ = way
        if value.number is not None:
            return facts if low <= value.number <= high else None
        if low != high:
            return facts
        limited = self.store.limited(self.store.number(low), value.mask)
        if limited is None:
            return None
        return self.noted(facts, expr[1], limited) if expr[0] == "load" else facts
