"""What the types say about places: what is there, and which members of it facts are kept about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from convert.flow.graph.types import Types
from convert.flow.scopes.code import (
    DEREF,
    ELEMENT,
    ELSE,
    HANDLE,
    KINDS,
    POINTER,
    TASK,
    Code,
    Where,
)
from convert.flow.scopes.memory import Fields
from convert.flow.terms import TypeRef


@dataclass(frozen=True)
class Shape:
    """What the types say.

    fields: the members that facts are kept about. tags: the structures that hold a cookie.
    """

    types: Types
    fields: Fields
    tags: frozenset[str]
    _members: dict[str, frozenset[str]] = field(default_factory=dict)

    def type_at(self, code: Code, place: Where) -> TypeRef | None:
        """The type of what is at a place, without typedefs; None if it is not known."""
        kind = code.types.get(place.var)
        for step in place.steps:
            if kind is None:
                return None
            if step in (DEREF, ELEMENT):
                plain = self.types.plain(kind)  # without stars, it is an array
                kind = TypeRef(plain.base, max(plain.stars - 1, 0))
            else:
                kind = self.types.member(kind, step)
                kind = None if kind.base == "?" else kind
        if kind is None or kind.base == "?":
            return None
        # An untyped member points to data, but an untyped parameter to whatever callers hand over.
        is_parameter = place.var in code.parameters and len(place.steps) == 1
        untyped = kind.base == "void" and not kind.stars
        return None if untyped and is_parameter else self.types.plain(kind)

    def kind(self, code: Code, place: Where) -> Iterable[str]:
        """What is at a place that a pointer leads to: a pointer to a handle, to another object, a
        number; more than one if the type does not say."""
        plain = self.type_at(code, place)
        if plain is None:
            return KINDS
        if not plain.stars:
            return (POINTER, ELSE) if plain.base.startswith(("struct ", "union ")) else (ELSE,)
        if plain.base == "void":
            return (HANDLE, POINTER)
        return (HANDLE,) if plain.stars == 1 and plain.base in self.tags else (POINTER,)

    def whole(self, code: Code, place: Where) -> frozenset[str]:
        """The tracked members that an assignment of what is at a place changes."""
        plain = self.type_at(code, place)
        if plain is None:
            return self.fields.tracked - self.fields.task
        if plain.stars or not plain.base.startswith(("struct ", "union ")):
            return frozenset()
        known = self._members.get(plain.base)
        if known is None:
            found = self.types.members(plain.base)
            known = self.fields.tracked if found is None else self.fields.tracked & set(found)
            self._members[plain.base] = known
        return known

    def kept(self, code: Code, place: Where) -> bool:
        """Whether a caller hands over facts about a place."""
        if place.var == TASK:
            return len(place.steps) == 2 and place.steps[1] in self.fields.tracked
        if place.var not in code.parameters:
            return False
        if not place.steps:
            return True
        if place.steps == (DEREF,):
            return self.gives_object(code, place.var)
        return place.steps[-1] in self.fields.tracked

    def gives_object(self, code: Code, name: str) -> bool:
        """Whether a variable points to a pointer to a structure, as parameters for results do."""
        kind = code.types.get(name)
        if kind is None:
            return bool(self.fields.tracked)
        plain = self.types.plain(kind)
        return plain.stars == 2 and plain.base.startswith("struct ")
