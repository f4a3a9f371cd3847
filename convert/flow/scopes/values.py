"""What is known about a value: its sign, a number, which object it points to, what cookie it is.

Everything here is made once per run (`Store`), so that equal things are identical.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NEGATIVE, ZERO, POSITIVE = 1, 2, 4  # ERR_PTR, NULL, a valid pointer
ANYTHING = NEGATIVE | ZERO | POSITIVE
NONZERO = NEGATIVE | POSITIVE

# The state of one kind of scope: "0" closed, "1" open, "E" as it was when the function was entered,
# "U" not known; ("in", key): as the cookie says that was at a place when the function was entered;
# ("and", key): open if both that and "E" say so. Behind the kinds stands a number that keeps the
# exits of a call apart.
Bit = Any
Bits = tuple[Bit, ...]


class Sym:
    """An object that pointers can be compared with.

    kind: "entry" (what the place ``key`` pointed to when the function was entered), "fresh" (made
    by the instruction ``node``, so it is no object that was there before), "made" (some object that
    the instruction handed over), "apart" (what the first place of ``key`` pointed to at entry,
    which is none of the objects that the other places pointed to; `LOCAL` among these: it is a
    caller's local variable that holds a pointer, so it is no member of any object).
    """

    __slots__ = ("key", "kind", "node")

    def __init__(self, kind: str, key: Any, node: int) -> None:
        self.kind = kind
        self.key = key
        self.node = node

    def __repr__(self) -> str:
        return f"{self.kind}({self.key if self.key is not None else self.node})"


class Key:
    """A place of the state: a variable or an object, and the members on the way."""

    __slots__ = ("base", "fields", "heap")

    def __init__(self, base: str | Sym, fields: tuple[str, ...]) -> None:
        self.base = base
        self.fields = fields
        self.heap = isinstance(base, Sym)

    def __repr__(self) -> str:
        return ".".join([str(self.base), *self.fields])


class Value:
    """What is known. ``mask``: which of negative, zero, positive it may be.

    number: exactly. sym: the object pointed to. address: the place pointed to. cookie: the state of
    each kind that the cookie stands for, by kind. function: name and file. bits: known set, known
    clear. without: members of a zeroed object that may have changed. numbers: a set of marks.
    """

    __slots__ = (
        "address", "bits", "cookie", "function", "marks", "mask", "number", "sym", "without",
    )  # fmt: skip

    def __init__(self, mask: int, what: str, data: Any) -> None:
        self.mask = mask
        self.number: int | None = None
        self.sym: Sym | None = None
        self.address: Key | None = None
        self.cookie: tuple[int, Bit] | None = None
        self.function: tuple[str, str] | None = None
        self.bits: tuple[int, int] | None = None
        self.without: frozenset[str] | None = None
        self.marks: frozenset[int] | None = None
        if what:
            setattr(self, what, data)

    def __repr__(self) -> str:
        parts = [str(self.mask)]
        for name in ("number", "sym", "address", "cookie", "function", "bits", "without", "marks"):
            if getattr(self, name) is not None:
                parts.append(f"{name}={getattr(self, name)}")
        return f"<{' '.join(parts)}>"


LOCAL = "::local"
Facts = dict[Key, Value]
FILLED = "{}"  # the member that says that all others are zero


@dataclass
class Store:
    """Makes values, objects and places, each once.

    makers: the instructions, of any function, that new objects have their names from.
    """

    makers: set[int] = field(default_factory=set)
    _values: dict[Any, Value] = field(default_factory=dict)
    _syms: dict[Any, Sym] = field(default_factory=dict)
    _keys: dict[Any, Key] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.any = self.value(ANYTHING)
        self.masks = [self.value(mask) for mask in range(8)]
        self.zero = self.number(0)

    def value(self, mask: int, what: str = "", data: Any = None) -> Value:
        """A value with one thing known about it besides the sign."""
        ident = (mask, what, data)
        found = self._values.get(ident)
        if found is None:
            found = self._values[ident] = Value(mask, what, data)
        return found

    def number(self, number: int) -> Value:
        """A known number."""
        mask = ZERO if number == 0 else POSITIVE if number > 0 else NEGATIVE
        return self.value(mask, "number", number)

    def sym(self, kind: str, key: Any = None, node: int = 0) -> Sym:
        """An object."""
        ident = (kind, key, node)
        found = self._syms.get(ident)
        if found is None:
            found = self._syms[ident] = Sym(kind, key, node)
            if kind in ("fresh", "made"):
                self.makers.add(node)
        return found

    def key(self, base: str | Sym, fields: tuple[str, ...] = ()) -> Key:
        """A place."""
        ident = (base, fields)
        found = self._keys.get(ident)
        if found is None:
            found = self._keys[ident] = Key(base, fields)
        return found

    # -- operations ----------------------------------------------------------------------------

    def join(self, a: Value, b: Value) -> Value:
        """What is known if the value is one or the other."""
        if a is b:
            return a
        mask = a.mask | b.mask
        if a.sym is not None and a.sym is b.sym:
            return self.value(mask, "sym", a.sym)
        if a.marks is not None and b.marks is not None:
            return self.value(mask, "marks", a.marks | b.marks)
        if a.without is not None and b.without is not None:
            return self.value(mask, "without", a.without | b.without)
        first, second = self.known_bits(a), self.known_bits(b)
        if first is not None and second is not None:
            bits = (first[0] & second[0], first[1] & second[1])
            if bits != (0, 0):
                return self.value(mask, "bits", bits)
        return self.masks[mask]

    def known_bits(self, value: Value) -> tuple[int, int] | None:
        """The bits known to be set, and known to be clear."""
        if value.bits is not None:
            return value.bits
        if value.number is not None and value.number >= 0:
            return value.number, ~value.number
        return None

    def limited(self, value: Value, mask: int) -> Value | None:
        """The value if its sign is one of ``mask``; None if that cannot be."""
        both = value.mask & mask
        if both == value.mask:
            return value
        if not both:
            return None
        if both == ZERO:
            return self.zero
        for what in ("sym", "bits", "address", "cookie", "function"):
            data = getattr(value, what)
            if data is not None:
                return self.value(both, what, data)
        return self.masks[both]

    def other_objects(self, one: Sym, other: Sym) -> bool:
        """Whether two objects are known to be different ones."""
        if one is other:
            return False
        if {one.kind, other.kind} <= {"fresh", "entry", "apart"} and "fresh" in (
            one.kind, other.kind,
        ):  # fmt: skip
            return True
        for apart, entry in ((one, other), (other, one)):
            if apart.kind != "apart" or entry.kind not in ("entry", "apart"):
                continue
            if (entry.key if entry.kind == "entry" else entry.key[0]) in apart.key[1]:
                return True
        return False

    def is_local(self, base: object) -> bool:
        """Whether an object is a caller's local variable, and hence no member of another object."""
        if not isinstance(base, Sym) or base.kind != "apart":
            return False
        return self.key(LOCAL) in base.key[1]

    def distinct(self, a: Value, b: Value) -> bool | None:
        """Whether two values are different (True), equal (False), or who knows (None)."""
        if not a.mask & b.mask:
            return True
        if a.number is not None and b.number is not None:
            return a.number != b.number
        if a.address is not None and b.address is not None:
            if a.address is b.address:
                return False
            return None
        one, other = a.sym, b.sym
        if one is None or other is None:
            return None
        if one is other:
            return False
        if (a.mask & b.mask) & ZERO:
            return None
        return True if self.other_objects(one, other) else None


def bit_and(a: Bit, b: Bit) -> Bit:
    """The state if both must be open."""
    if a == "0" or b == "0":
        return "0"
    if a == "1":
        return b
    if b == "1" or a == b:
        return a
    if a == "E" and isinstance(b, tuple) and b[0] == "in":
        return ("and", b[1])
    if a == "E" and isinstance(b, tuple) and b[0] == "and":
        return b
    return "U"
