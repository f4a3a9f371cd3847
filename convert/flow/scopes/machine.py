"""What the instructions do to the facts of one state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convert.flow.scopes.code import DEREF, ELEMENT, Expr, Where
from convert.flow.scopes.values import (
    ANYTHING,
    FILLED,
    NEGATIVE,
    NONZERO,
    POSITIVE,
    ZERO,
    Facts,
    Key,
    Store,
    Sym,
    Value,
)
from convert.flow.scopes.world import binary

_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SWAPPED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_SIGNS = {"<": NEGATIVE, ">": POSITIVE, "<=": NEGATIVE | ZERO, ">=": POSITIVE | ZERO}


@dataclass(frozen=True)
class Fields:
    """Which members facts are kept about, whatever structure they are members of.

    tracked: members that hold a handle or a cookie. addressed: those whose address is taken
    somewhere, so that a pointer to a pointer may mean them. task: tracked members of the task's own
    structure, which is never assigned as a whole. cookies: those that hold a cookie, a number.
    """

    tracked: frozenset[str]
    addressed: frozenset[str]
    task: frozenset[str] = frozenset()
    cookies: frozenset[str] = frozenset()


@dataclass
class Machine:
    """Evaluates and assigns; the facts handed in are never changed in place but by `assign`.

    signed: variables declared with a signed type (True) or another (False). escaping: variables
    whose address is kept somewhere. pointees: what kind of scalar a variable points to.
    """

    store: Store
    fields: Fields
    signed: dict[str, bool]
    escaping: frozenset[str]
    pointees: Mapping[str, frozenset[str]] = field(default_factory=dict)

    # -- places --------------------------------------------------------------------------------

    def resolve(self, facts: Facts, place: Where) -> Key | None:
        """The place of the state; None if the pointer on the way is not known."""
        store = self.store
        if not place.steps:
            return store.key(place.var)
        base: object = place.var
        fields: list[str] = []
        for step in place.steps:
            if step == ELEMENT:
                return None
            if step != DEREF:
                fields.append(step)
                continue
            value = self.load(facts, store.key(base, tuple(fields)))  # type: ignore[arg-type]
            if value.address is not None:
                base, fields = value.address.base, list(value.address.fields)
            elif value.sym is not None:
                base, fields = value.sym, []
            else:
                return None
        return store.key(base, tuple(fields))  # type: ignore[arg-type]

    def load(self, facts: Facts, key: Key | None) -> Value:
        """What is known about a place."""
        if key is None:
            return self.store.any
        found = facts.get(key)
        if found is not None:
            return found
        fields = key.fields
        if fields and fields[-1] not in self.fields.tracked:
            return self.store.any
        for length in range(len(fields) - 1, -1, -1):
            marker = facts.get(self.store.key(key.base, (*fields[:length], FILLED)))
            if marker is not None:
                changed = marker.without or ()
                hidden = any(field in changed for field in fields[length:])
                return self.store.any if hidden else self.store.zero
        return self.store.any

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

    def keeps(self, key: Key) -> bool:
        """Whether facts are kept about a place: members change behind one's back, locals do not."""
        if not key.fields:
            return key.heap or not str(key.base).startswith("::")
        return key.fields[-1] in self.fields.tracked

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

    # -- assignments ---------------------------------------------------------------------------

    def assign(self, facts: Facts, place: Where, value: Value, scalar: bool) -> None:
        """Change ``facts`` in place. ``scalar``: the place is known to be no structure."""
        key = self.resolve(facts, place)
        last = place.steps[-1] if place.steps else ""
        if key is None:
            self.kill_unknown(facts, place, scalar)
            return
        if place.steps:
            self.kill_aliases(facts, key, last, scalar)
        self.drop_inside(facts, key)
        self.put(facts, key, value)

    def put(self, facts: Facts, key: Key, value: Value) -> None:
        """Set one fact; nothing is noted where nothing is known, except inside a zeroed object."""
        facts.pop(key, None)
        if not self.keeps(key):
            self.unzero(facts, key)
            return
        if value is not self.store.any or self.load(facts, key) is not value:
            facts[key] = value

    def unzero(self, facts: Facts, key: Key) -> None:
        """A member of a zeroed object about which no facts are kept."""
        if not key.fields:
            return
        for length in range(len(key.fields)):
            marker = self.store.key(key.base, (*key.fields[:length], FILLED))
            value = facts.get(marker)
            if value is not None:
                changed = (value.without or frozenset()) | {key.fields[-1]}
                facts[marker] = self.store.value(ANYTHING, "without", changed)

    def fill(self, facts: Facts, place: Where) -> None:
        """All members become zero."""
        key = self.resolve(facts, place)
        if key is None:
            return
        self.drop_inside(facts, key)
        if not key.fields and not key.heap:
            facts[key] = self.store.zero
        marker = self.store.key(key.base, (*key.fields, FILLED))
        facts[marker] = self.store.value(ANYTHING, "without", frozenset())

    def drop_inside(self, facts: Facts, key: Key) -> None:
        """Forget the members of a place."""
        length = len(key.fields)
        for other in [
            o
            for o in facts
            if o.base == key.base and len(o.fields) > length and o.fields[:length] == key.fields
        ]:
            del facts[other]

    def kill_aliases(self, facts: Facts, key: Key, last: str, scalar: bool) -> None:
        """Other names of the place that is assigned."""
        if not key.heap:
            return
        if key.fields:
            field = key.fields[-1]
            self.kill(facts, field, field in self.fields.addressed, key.base)
            return
        for other in list(facts):
            if other.base == key.base:
                continue
            if not other.heap:
                continue  # what was there at entry holds no address of a local variable
            if self.apart(key.base, other.base):
                continue
            if scalar and other.fields and self.store.is_local(key.base):
                continue
            if scalar and not other.fields and self.other_kinds(key.base, other.base):
                continue
            if not scalar or not other.fields or other.fields[-1] in self.fields.addressed:
                self.forget(facts, other)

    def other_kinds(self, one: object, other: object) -> bool:
        """Whether two parameters point to scalars of different kinds."""
        kinds: list[frozenset[str]] = []
        for base in (one, other):
            if not isinstance(base, Sym) or base.kind not in ("entry", "apart"):
                return False
            pointer = base.key if base.kind == "entry" else base.key[0]
            if pointer.heap or pointer.fields:
                return False
            if pointer.base not in self.pointees:
                return False
            kinds.append(self.pointees[pointer.base])
        return not kinds[0] & kinds[1]

    def apart(self, one: object, other: object) -> bool:
        """Whether two objects are known to be different ones."""
        if not isinstance(one, Sym) or not isinstance(other, Sym):
            return False
        return self.store.other_objects(one, other)

    def kill(self, facts: Facts, field: str, through_pointers: bool, base: object) -> None:
        """A member of some object is assigned."""
        for other in list(facts):
            if not other.fields and self.store.is_local(other.base):
                continue  # no member
            if other.base == base or not (other.heap or str(other.base) in self.escaping):
                continue
            if self.apart(base, other.base):
                continue
            if field in other.fields or (through_pointers and other.heap and not other.fields):
                self.forget(facts, other)
            elif other.fields[-1:] == (FILLED,):
                self.unzero(facts, self.store.key(other.base, (*other.fields[:-1], field)))

    def kill_unknown(self, facts: Facts, place: Where, scalar: bool) -> None:
        """An assignment through a pointer that is not known."""
        named = [step for step in place.steps if step not in (DEREF, ELEMENT)]
        last = place.steps[-1] if place.steps else ""
        if last not in (DEREF, ELEMENT) and named:
            if last in self.fields.tracked:
                self.kill(facts, last, last in self.fields.addressed, None)
            else:
                self.kill(facts, last, False, None)
            return
        if last == ELEMENT:
            self.kill_elements(facts, place)
            return
        for other in list(facts):
            if not other.heap and str(other.base) not in self.escaping:
                continue
            if not scalar or not other.fields or other.fields[-1] in self.fields.addressed:
                self.forget(facts, other)

    def kill_elements(self, facts: Facts, place: Where) -> None:
        """An element of an array: no facts are kept about those, but a pointer may mean one."""
        array = self.resolve(facts, Where(place.var, place.steps[:-1]))
        pointed = self.load(facts, array).address
        if pointed is not None:
            self.forget(facts, pointed)
        for other in list(facts):
            if other.heap and not other.fields:
                self.forget(facts, other)

    def forget(self, facts: Facts, key: Key) -> None:
        """Nothing is known about a place any more."""
        if key.fields[-1:] == (FILLED,):
            facts.pop(key, None)
            return
        facts.pop(key, None)
        if self.load(facts, key) is not self.store.any:
            facts[key] = self.store.any
