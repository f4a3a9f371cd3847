"""Where the memory of an allocation can go: the way back from a free, turned round.

`Search` asks for the places whose content a place may have. Here the same answers are asked for
every place and read the other way, so that a free is reached from an allocation if, and only if,
the allocation is found from the free.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from convert.flow.provenance.evidence import Missing
from convert.flow.provenance.graph import Graph
from convert.flow.provenance.handling import Handling
from convert.flow.provenance.places import (
    Alloc,
    At,
    Field,
    Free,
    Heap,
    Opaque,
    Origin,
    Param,
    Part,
    Ref,
    Result,
)
from convert.flow.provenance.search import Provenance, places_behind
from convert.flow.terms import TypeRef

Places = Mapping[Origin, At | None]
_NONE: Places = {}
_EXACT, _MEMBER, _COMPUTED = range(3)  # to the start, to a member, computed from a pointer


def is_structure(base: str) -> bool:
    """Whether a type is a structure or union."""
    return base.startswith(("struct ", "union "))


def is_untyped(place: Origin) -> bool:
    """Whether a place is a member of a structure whose type the code does not tell."""
    return isinstance(place, Field) and getattr(place.root, "base", "") == "?"


@dataclass(frozen=True)
class Holders:
    """The places that may hold a pointer to some memory, with the code that put it there.

    exact: to its start, as far as the code says. inner: to somewhere inside of it. computed: those
    of them that hold something computed from a pointer, which may be its start again.
    """

    exact: Places
    inner: Places
    computed: frozenset[Origin] = frozenset()

    def both(self) -> Iterator[tuple[Origin, At | None]]:
        """All of them, each once."""
        yield from self.exact.items()
        for place, at in self.inner.items():
            if place not in self.exact:
                yield place, at

    def holds(self, origins: Iterable[Origin]) -> bool:
        """Whether one of some places may hold the start of the memory."""
        return any(origin in self.exact for origin in origins)


@dataclass
class Forward:
    """Closures over the places of a directory, away from allocations."""

    provenance: Provenance
    handling: Handling

    @property
    def graph(self) -> Graph:
        """The moves between places."""
        return self.provenance.graph

    @cached_property
    def frees(self) -> tuple[tuple[Free, frozenset[Origin]], ...]:
        """All frees with the places that they free from."""
        return tuple(
            (free, frozenset(self.graph.resolved(origin) for origin in free.origins))
            for free in self.provenance.frees()
        )

    @cached_property
    def readers(self) -> Mapping[Origin, Places]:
        """For each place the places that may have its content."""
        found: dict[Origin, dict[Origin, At | None]] = {}
        seen: set[Origin] = set()
        waiting = [*self.graph.sources, *self.graph.objects]
        waiting += [inner for behind in self.graph.sources.values() for inner in behind]
        waiting += [origin for _, origins in self.frees for origin in origins]
        while waiting:
            place = self.graph.resolved(waiting.pop())
            if place in seen:
                continue
            seen.add(place)
            if isinstance(place, Alloc) or self.graph.holds_no_pointer(place):
                continue
            for inner, at in places_behind(self.provenance, place).items():
                known = self.graph.resolved(inner)
                found.setdefault(known, {}).setdefault(place, at)
                if known not in seen:
                    waiting.append(known)
        return found

    @cached_property
    def parts(self) -> Mapping[Origin, Origin]:
        """For each place the one that stands for pointers computed from its content."""
        nodes = {*self.readers, *self.graph.sources}
        nodes |= {origin for _, origins in self.frees for origin in origins}
        return {node.place: node for node in nodes if isinstance(node, Part)}

    @cached_property
    def outside_results(self) -> Mapping[str, tuple[Origin, ...]]:
        """The results of functions that were not read, by their names."""
        found: dict[str, list[Origin]] = {}
        for node in self.readers:
            if isinstance(node, Result) and node.key not in self.graph.index.definitions:
                found.setdefault(node.key.name, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def holders(self, alloc: Alloc) -> Holders:
        """The places that may hold a pointer to the memory of an allocation."""
        known: tuple[dict[Origin, At | None], ...] = ({alloc: None}, {}, {})
        waiting: list[tuple[Origin, int]] = [(alloc, _EXACT)]
        while waiting:
            place, level = waiting.pop()
            found = [(reader, at, level) for reader, at in self.onwards(place)]
            at = known[level][place]
            found += [(inner, at, new) for inner, new in self.inside(place, level)]
            for reader, line, new in found:
                if reader not in known[new]:
                    known[new][reader] = line
                    waiting.append((reader, new))
        exact, member, computed = known
        return Holders(exact, {**computed, **member}, frozenset(computed))

    def onwards(self, place: Origin) -> Iterator[tuple[Origin, At | None]]:
        """Where the content of a place goes next.

        Objects of a type of structure are found by that type. A function that was not read gives
        one back only if it looks up what was stored; what else it is handed counts as lost there.
        """
        if isinstance(place, Heap) and not is_structure(place.base):
            return
        lookups = self.graph.names.lookups
        moved = self.graph.targets.get(place, ())
        for reader, at in self.readers.get(place, _NONE).items():
            if isinstance(reader, Field) and reader not in moved and self.is_foreign(reader):
                continue  # of the same name, but of another type
            if self.is_address(place) and reader not in moved and not is_untyped(reader):
                continue  # the name stands for the address, not for what lies there
            outside = isinstance(reader, Result) and reader.key not in self.graph.index.definitions
            if isinstance(place, Heap) and outside and reader.key.name not in lookups:  # type: ignore[union-attr]
                continue
            yield reader, at

    def inside(self, place: Origin, level: int) -> Iterator[tuple[Origin, int]]:
        """Places that hold pointers into the memory that a place points to, with their level."""
        if place in self.parts:
            yield self.parts[place], _COMPUTED
        if level == _EXACT and isinstance(place, Heap):
            for node in self._nodes_of.get(place.base, ()):
                yield node, _MEMBER
        if not isinstance(place, Param) or place.key in self.graph.index.definitions:
            return
        if self.handling.returns(place.key.name):
            for node in self.outside_results.get(place.key.name, ()):
                yield node, _COMPUTED

    @cached_property
    def _nodes_of(self) -> Mapping[str, tuple[Origin, ...]]:
        """For each structure the places that hold addresses of its members."""
        inside: dict[str, list[Origin]] = {}
        for node in {*self.readers, *self.graph.sources}:
            owner = self._owner(node)
            if owner is not None:
                inside.setdefault(owner, []).append(node)
        found: dict[str, list[Origin]] = {}
        for base in self.graph.index.structs:
            for part in self.graph.parts(base, set()):
                found.setdefault(base, []).extend(inside.get(part, ()))
        return {base: tuple(nodes) for base, nodes in found.items()}

    def _owner(self, node: Origin) -> str | None:
        """The structure of whose member a place holds the address."""
        if isinstance(node, Ref) and isinstance(node.place, Field):
            return str(getattr(node.place.root, "base", "?"))
        if isinstance(node, Field):
            base = str(getattr(node.root, "base", "?"))
            name = node.chain[-1]
            if name in self.graph.index.arrays.get(base, frozenset()):
                return base
        return None

    @cached_property
    def lost(self) -> Mapping[Origin, tuple[Missing, ...]]:
        """Places whose content is stored where code that was not read may find it."""
        found: dict[Origin, dict[Missing, None]] = {}
        for move, at in self.graph.moves():
            text = ""
            if isinstance(self.graph.resolved(move.to), Opaque):
                text = "the pointer is stored through a pointer that is not followed"
            elif isinstance(move.to, Field):
                owner = self.foreign_owner(move.to)
                if owner is not None:
                    text = f"it goes to {move.to.chain[-1]} of {owner}, declared elsewhere"
            if text:
                origin = self.graph.resolved(move.origin)
                found.setdefault(origin, {}).setdefault(Missing(text, at))
        return {origin: tuple(rows) for origin, rows in found.items()}

    def is_foreign(self, place: Field) -> bool:
        """Whether a member is one of a structure that is known not to be of these files."""
        base = str(getattr(place.root, "base", "?"))
        return is_structure(base) and base not in self.graph.index.structs

    def is_address(self, place: Origin) -> bool:
        """Whether a place is an array in a structure: its name stands for its address."""
        if not isinstance(place, Field):
            return False
        index, name = self.graph.index, place.chain[-1]
        base = str(getattr(place.root, "base", "?"))
        owners = [base] if base in index.structs else index.owners.get(name, ())
        return any(name in index.arrays.get(owner, frozenset()) for owner in owners)

    def foreign_owner(self, place: Field) -> str | None:
        """The structure of a member, if it is not declared in these files and others may look."""
        owner = self.graph.owner(place)
        foreign = self.is_foreign(Field(TypeRef(owner), place.chain))
        cookie = self.graph.is_cookie(Field(TypeRef(owner), place.chain[-1:]))
        return owner if foreign and not cookie else None

    def reached(self, holders: Holders) -> tuple[Free, ...]:
        """The frees that may be given the memory, in the order of the files."""
        found = [free for free, origins in self.frees if holders.holds(origins)]
        return tuple(sorted(found, key=lambda free: (free.path, free.offset)))

    def reached_inside(self, holders: Holders) -> tuple[Free, ...]:
        """Frees that may be given a pointer computed from one to the memory."""
        return tuple(
            free for free, origins in self.frees if any(o in holders.computed for o in origins)
        )
