"""What a function changed of the places that its caller can see, and what the caller forgets.

A change is the member's name, and the place if it is known. The scalar that a pointer points to has
no member: its name is the kind of value (`KINDS`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convert.flow.scopes.code import ELSE, HANDLE, KINDS
from convert.flow.scopes.contexts import Function
from convert.flow.scopes.exits import Return
from convert.flow.scopes.values import FILLED, Facts, Key, Sym, Value

Change = tuple[str, Key | None]


def own_changes(changes: Iterable[Change]) -> set[Change]:
    """The changes that a function's caller can see: not of objects that it made itself."""
    found: set[Change] = set()
    for name, key in changes:
        if key is None:
            found.add((name, None))
        elif isinstance(key.base, Sym) and key.base.kind != "fresh":
            known = key.base.kind in ("entry", "apart")
            found.add((name, key if known else None))
    return found


def carried_changes(changes: Iterable[Change], carry: Return) -> set[Change]:
    """A callee's changes by the caller's names."""
    return {(name, None if key is None else carry.key(key)) for name, key in changes}


def reached_by(values: Sequence[Value]) -> set[object]:
    """The variables whose address is handed over."""
    return {value.address.base for value in values if value.address is not None}


def forget_changed(
    facts: Facts, function: Function, changes: Iterable[Change], reached: set[object]
) -> None:
    """Forget what a call may have changed. ``reached``: variables whose address it was given."""
    known = reached | function.machine.escaping
    for name, place in changes:
        for key in list(facts):
            if key.heap or key.base in known:
                _forget(facts, function, key, name, place)


def _forget(facts: Facts, function: Function, key: Key, name: str, place: Key | None) -> None:
    machine = function.machine
    base = place.base if place is not None else None
    if key.base != base and (machine.apart(base, key.base) or _is_own(base)):
        return
    may_be_member = not _is_scalar_variable(function, key) and _may_be(function, key, HANDLE)
    if name in KINDS:
        exact = place is not None and place is key
        if not exact and (key.fields or not _may_be(function, key, name)):
            elsewhere = place is not None and _is_scalar_variable(function, place)
            named = key.fields[-1:] and key.fields[-1] in machine.fields.addressed
            kind = ELSE if named and key.fields[-1] in machine.fields.cookies else HANDLE
            if named and name == kind and not elsewhere:
                machine.forget(facts, key)
            return
        machine.forget(facts, key)
    elif name in key.fields:
        machine.forget(facts, key)
    elif key.fields[-1:] == (FILLED,):
        changed = (facts[key].without or frozenset()) | {name}
        facts[key] = machine.store.value(7, "without", changed)
    elif not key.fields and name in machine.fields.addressed and may_be_member:
        machine.forget(facts, key)


def _may_be(function: Function, key: Key, name: str) -> bool:
    """Whether a scalar may be of the kind that is assigned through some pointer."""
    base = key.base
    if not isinstance(base, Sym):
        return name in function.kinds.get(base, KINDS)
    if base.kind not in ("entry", "apart"):
        return True
    pointer = base.key if base.kind == "entry" else base.key[0]
    if pointer.heap or pointer.fields:
        return True
    return name in function.pointees.get(str(pointer.base), KINDS)


def _is_own(base: object) -> bool:
    """Whether a place is in a variable of the function itself, which no object is part of."""
    return isinstance(base, str) and not base.startswith("::")


def _is_scalar_variable(function: Function, key: Key) -> bool:
    """Whether a place is a whole local variable, here or in a caller: so it is no member."""
    if key.fields:
        return False
    return key.base in function.pointers or function.machine.store.is_local(key.base)
