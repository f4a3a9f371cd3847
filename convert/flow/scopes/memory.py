"""Facts about places: reading them, and what assignments do to them and to their aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convert.flow.scopes.code import DEREF, ELEMENT, Where
from convert.flow.scopes.values import (
    ANYTHING,
    FILLED,
    Facts,
    Key,
    Store,
    Sym,
    Value,
)


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
class Memory:
    """Reads and assigns places; facts are changed in place.

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

    def keeps(self, key: Key) -> bool:
        """Whether facts are kept about a place: members change behind one's back, locals do not."""
        if not key.fields:
            return key.heap or not str(key.base).startswith("::")
        return key.fields[-1] in self.fields.tracked

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
