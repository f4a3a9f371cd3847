"""Which allocations can reach a free, through fields, parameters, results and lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from convert.flow.code import FunctionKey
from convert.flow.provenance.index import Index
from convert.flow.provenance.places import (
    Alloc,
    Field,
    Free,
    Global,
    Heap,
    Opaque,
    Origin,
    Out,
    Param,
    Result,
)
from convert.flow.terms import TypeRef


@dataclass(frozen=True)
class Reached:
    """An allocation that may reach a free. ``way``: the places between, from the free on.

    by_type: only because both handle objects of the same type of structure.
    """

    alloc: Alloc
    way: tuple[Origin, ...]
    by_type: bool


@dataclass(frozen=True)
class Provenance:
    """Answers for one state of a directory."""

    index: Index

    def frees(self) -> Iterator[Free]:
        """All calls of primitive deallocators."""
        seen: set[tuple[str, int]] = set()
        for function in self.index.functions():
            for free in function.flows.frees:
                if (free.path, free.offset) not in seen:
                    seen.add((free.path, free.offset))
                    yield free

    def reaching(self, free: Free) -> tuple[Reached, ...]:
        """The allocations that a free may be given."""
        return self.sources(free.origins)

    def sources(self, origins: Iterable[Origin]) -> tuple[Reached, ...]:
        """The allocations behind some places; what is only known by type comes last."""
        found: dict[Alloc, Reached] = {}
        parents: dict[Origin, Origin | None] = {}
        later: list[tuple[Origin, Origin | None]] = []
        waiting: list[tuple[Origin, Origin | None]] = [(o, None) for o in origins]
        by_type = False
        while waiting or later:
            if not waiting:
                waiting, later, by_type = later, [], True
            origin, parent = waiting.pop(0)
            place = self.resolved(origin)
            if place in parents:
                continue
            if isinstance(place, Heap) and not by_type:
                later.append((place, parent))
                continue
            parents[place] = parent
            if isinstance(place, Alloc):
                found[place] = Reached(place, tuple(_way(parents, place)), by_type)
            waiting += [(inner, place) for inner in self.inside(place)]
        return tuple(found.values())

    def inside(self, place: Origin) -> Iterable[Origin]:
        """What may be in a place."""
        known = self.graph.get(place, ())
        if known:
            return known
        # Nobody here calls it (a callback, say), or it is stored where nobody saw: by type then.
        kind = None
        if isinstance(place, Param):
            kind = self.parameter_type(place)
        elif isinstance(place, Field):
            kind = self.member_type(place)
        if kind is not None and kind.base.startswith("struct ") and kind.stars == 1:
            return (Heap(kind.base),)
        return ()

    def member_type(self, place: Field) -> TypeRef:
        """The type of what a field holds, or its elements."""
        name = place.chain[-1].removesuffix("[]")
        kind = self.index.member(_root(place), (name,))
        return kind.pointed if name != place.chain[-1] else kind

    def parameter_type(self, place: Param) -> TypeRef | None:
        """The declared type of a parameter."""
        for function in self.index.definitions.get(place.key, ()):
            if place.index < len(function.parameters):
                return self.index.plain(function.parameters[place.index])
        return None

    @cached_property
    def graph(self) -> Mapping[Origin, tuple[Origin, ...]]:
        """For each place the places whose content it may have."""
        found: dict[Origin, dict[Origin, None]] = {}
        for function in self.index.functions():
            for to, origin in function.flows.edges:
                target, source = self.resolved(to), self.resolved(origin)
                if target == source or isinstance(target, Opaque):
                    continue
                found.setdefault(target, {})[source] = None
                if isinstance(target, Field) and isinstance(source, (Alloc, Result)):
                    kind = self.member_type(target)
                    if kind.base.startswith("struct ") and kind.stars == 1:
                        found.setdefault(Heap(kind.base), {})[source] = None
        return {place: tuple(sources) for place, sources in found.items()}

    def resolved(self, origin: Origin) -> Origin:
        """The one name of a place: typedefs and chains of members resolved."""
        match origin:
            case Field():
                return self.field(origin)
            case Heap(base=base):
                return Heap(self.index.plain(TypeRef(base)).base)
            case Result(key=key, taken_as=taken_as):
                if key in self.index.definitions:
                    return Result(key)
                if taken_as is not None:
                    return Heap(self.index.plain(taken_as).base)
                return Opaque(f"{key.name}()")
            case Global(home=home, name=name) if home:
                facts = self.index.files.get(home)
                own = facts is not None and name in facts.variables
                return origin if own else Global("", name)
        return origin

    def field(self, origin: Field) -> Field:
        root = origin.root
        if isinstance(root, FunctionKey):
            root = self.index.results.get(root.name, TypeRef("?"))
        elif root.base.startswith("var "):
            root = self.index.variables.get(root.base[4:], TypeRef("?"))
        *outer, name = origin.chain
        last = name.removesuffix("[]")
        owner = self.index.plain(self.index.member(root, tuple(outer)) if outer else root)
        base = owner.base
        if last not in self.index.structs.get(base, {}):
            owners = self.index.owners.get(last, frozenset())
            if not base.startswith(("struct ", "union ")) or base not in self.index.structs:
                base = next(iter(owners)) if len(owners) == 1 else base
        if name != last and self.index.member(TypeRef(base), (last,)).stars == 1:
            name = last  # the elements are no pointers
        return Field(TypeRef(base), (name,))


def _root(place: Field) -> TypeRef:
    return place.root if isinstance(place.root, TypeRef) else TypeRef("?")


def _way(parents: Mapping[Origin, Origin | None], place: Origin) -> list[Origin]:
    """The places from the free to an allocation, the allocation left out."""
    way: list[Origin] = []
    at = parents[place]
    while at is not None:
        way.append(at)
        at = parents[at]
    return way[::-1]


def way_text(way: Iterable[Origin]) -> str:
    """The places that memory went through, in words."""
    return ", ".join(dict.fromkeys(filter(None, map(_place_text, way))))


def _place_text(place: Origin) -> str:
    match place:
        case Field(root=root, chain=chain):
            owner = str(root) if isinstance(root, TypeRef) else f"the result of {root.name}()"
            return f"{chain[-1]} of {owner}" if owner != "?" else f"a member {chain[-1]}"
        case Param(key=key, index=index):
            return f"argument {index + 1} of {key.name}()"
        case Out(key=key, index=index):
            return f"what {key.name}() stores through argument {index + 1}"
        case Result(key=key):
            return f"the result of {key.name}()"
        case Global(name=name):
            return name
        case Heap(base=base):
            return f"objects of type {base}"
    return ""
