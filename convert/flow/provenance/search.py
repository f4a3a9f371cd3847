"""Which allocations can reach a free, and whether these are known to be all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from convert.flow.code import FunctionKey
from convert.flow.provenance.closures import Closures
from convert.flow.provenance.evidence import Account, Hop, Missing, Reached
from convert.flow.provenance.graph import Graph
from convert.flow.provenance.index import Index
from convert.flow.provenance.names import Names
from convert.flow.provenance.origins import ANY
from convert.flow.provenance.places import (
    Alloc,
    At,
    Cell,
    Field,
    Free,
    Global,
    Heap,
    Inside,
    Loaded,
    Opaque,
    Origin,
    Out,
    Param,
    Result,
    Ret,
    Slot,
)
from convert.flow.provenance.wording import place_text
from convert.flow.terms import UNKNOWN_TYPE, TypeRef


@dataclass(frozen=True)
class Provenance:
    """Answers for one state of a directory. ``wrappers``: the family of each private wrapper."""

    index: Index
    names: Names
    wrappers: Mapping[FunctionKey, str] = field(default_factory=dict)

    @cached_property
    def graph(self) -> Graph:
        """The moves between places."""
        return Graph(self.index, self.names, self.wrappers)

    @cached_property
    def closures(self) -> Closures:
        """Where pointers to places go."""
        return Closures(self.graph)

    def frees(self) -> Iterator[Free]:
        """All calls of deallocators; one for each place in the text."""
        found: dict[tuple[str, int], Free] = {}
        for function in self.index.functions():
            macros = self.graph.assigned_in(function)
            for free in function.flows.frees:
                key = (free.path, free.offset)
                origins = free.origins | frozenset(macros)
                known = found.get(key)
                if known is not None:  # in another #if variant
                    origins |= known.origins
                found[key] = Free(
                    free.path, free.function, free.line, free.offset, free.deallocator, free.text,
                    origins, free.apart,
                )  # fmt: skip
        yield from found.values()

    def reaching(self, free: Free) -> tuple[Reached, ...]:
        """The allocations that a free may be given, as far as moves of pointers show."""
        return self.sources(free.origins)

    def sources(self, origins: Iterable[Origin]) -> tuple[Reached, ...]:
        """The allocations behind some places; what is only known by type comes last."""
        return self.account(origins, every=False).reached

    def account(self, origins: Iterable[Origin], every: bool = True) -> Account:
        """All allocations behind some places, and what is not known about them.

        Without ``every`` objects that are found by their type are those that are put into a
        pointer to that type right where they are made.
        """
        return _Search(self, every).run(origins)


@dataclass
class _Search:
    provenance: Provenance
    every: bool
    parents: dict[Origin, Hop | None] = field(default_factory=dict)
    found: dict[Alloc, Reached] = field(default_factory=dict)
    missing: dict[Missing, None] = field(default_factory=dict)
    tested: bool = False

    @property
    def graph(self) -> Graph:
        return self.provenance.graph

    def run(self, origins: Iterable[Origin]) -> Account:
        later: list[tuple[Origin, Hop | None]] = []
        waiting: list[tuple[Origin, Hop | None]] = [(o, None) for o in _ordered(origins)]
        by_type = False
        while waiting or later:
            if not waiting:
                waiting, later, by_type = later, [], True
            origin, parent = waiting.pop(0)
            place = self.graph.resolved(origin)
            if place in self.parents:
                continue
            if isinstance(place, Heap) and not by_type:
                later.append((place, parent))
                continue
            self.parents[place] = parent
            if isinstance(place, Alloc):
                hops = tuple(self.way(place))
                way = tuple(hop.place for hop in hops)
                self.found[place] = Reached(place, way, by_type, hops)
                continue
            if self.graph.holds_no_pointer(place):
                continue
            self.lacking(place)
            waiting += [(inner, Hop(place, at)) for inner, at in self.behind(place).items()]
        missing = dict(self.missing)
        if not self.found and not missing and not self.tested:
            missing[Missing("no allocation was found that reaches it", None)] = None
        return Account(tuple(self.found.values()), tuple(missing), self.tested)

    def way(self, place: Origin) -> list[Hop]:
        """The places from the free to an allocation, the allocation left out."""
        hops: list[Hop] = []
        hop = self.parents[place]
        while hop is not None:
            hops.append(hop)
            hop = self.parents[hop.place]
        return hops[::-1]

    # -- what may be in a place ----------------------------------------

    def behind(self, place: Origin) -> dict[Origin, At | None]:
        """The places whose content a place may have."""
        found: dict[Origin, At | None] = dict(self.graph.sources.get(place, {}))
        match place:
            case Loaded(place=inner):
                known = self.graph.sources.get(inner, {})
                found |= {o: at for o, at in self.behind(inner).items() if o not in known}
            case Heap():
                if self.every:
                    found |= self.graph.objects.get(place, {})
            case Param():
                self.from_callers(place, found)
            case Ret(place=inner):
                for key, at in self.provenance.closures.functions(inner).items():
                    found.setdefault(Result(key), at)
            case Field():
                for other in self.graph.overlapping(place):
                    found.setdefault(other, None)
                self.by_name(place, found)
                if not found and not self.every:
                    self.by_declaration(place, found)
            case Result(key=key, taken_as=kind) if key not in self.graph.index.definitions:
                if kind is not None and kind.stars == 1:
                    found.setdefault(Heap(kind.base), place.at)
        if isinstance(place, (Field, Global, Cell, Out, Inside)):
            for alias, at in self.provenance.closures.aliases(place).items():
                found.setdefault(alias, at)
        return found

    def from_callers(self, place: Param, found: dict[Origin, At | None]) -> None:
        """What callers pass that call through a pointer, or are not among the files."""
        for holder, at in self.provenance.closures.holders_of_function(place.key).items():
            found.setdefault(Slot(holder, place.index), at)
        if self.provenance.closures.outside_callers(place.key) or not found:
            self.by_declaration(place, found)

    def by_declaration(self, place: Param | Field, found: dict[Origin, At | None]) -> None:
        """Any object of the type that a place points to."""
        base = self.graph.object_type(place)
        if base is not None:
            found.setdefault(Heap(base), None)

    def by_name(self, place: Field, found: dict[Origin, At | None]) -> None:
        """Stores in a member of that name of an object whose type is not known, or loads of one."""
        name = place.chain[-1]
        root = place.root
        if isinstance(root, TypeRef) and root.base in self.graph.index.structs:
            for other in (Field(UNKNOWN_TYPE, (name,)), Field(root, (ANY,))):
                if other in self.graph.sources and other != place:
                    found.setdefault(other, None)
            return
        for owner in sorted(self.graph.index.owners.get(name.replace("[]", ""), ())):
            if Field(TypeRef(owner), (name,)) != place:
                found.setdefault(Field(TypeRef(owner), (name,)), None)

    # -- what is not known ----------------------------------------

    def lacking(self, place: Origin) -> None:
        """Note what is not known about a place."""
        for missing in self.facts_missing(place):
            self.missing.setdefault(missing)

    def facts_missing(self, place: Origin) -> Iterator[Missing]:
        graph = self.graph
        match place:
            case Loaded(place=inner):
                yield from self.facts_missing(inner)
            case Opaque(tested=True):
                self.tested = True
            case Opaque(text=text, at=at):
                yield Missing(f"{text} is not followed", at)
            case Field(root=root, chain=chain):
                yield from self.about_field(place, root, chain[-1])
            case Heap(base=base):
                if base not in graph.index.structs:
                    yield Missing(f"objects of type {base} may be made elsewhere", None)
                elif base.split()[-1] in graph.unread:
                    at = graph.unread[base.split()[-1]]
                    yield Missing(f"{base} is named in code that could not be parsed", at)
            case Param(key=key):
                yield from self.about_parameter(place, key)
            case Result(key=key, at=at) if key not in graph.index.definitions:
                if key.name not in graph.names.lookups or place.taken_as is None:
                    yield Missing(f"the result of {key.name}(), which was not read", at)
            case Out(key=key, index=index) if key not in graph.index.definitions:
                if not graph.names.leaves_alone(key.name):
                    what = f"{key.name}(), which was not read, may store through its"
                    yield Missing(f"{what} argument {index + 1}", self.call_of(place))
            case Ret(place=inner):
                yield from self.about_pointer(inner)
            case Slot(place=inner):
                yield from self.about_pointer(inner)
            case Global() if graph.function_of(place) is None:
                if place.name not in graph.index.variables:
                    yield Missing(f"{place.name} is declared nowhere in these files", None)
        yield from self.provenance.closures.lost(place)

    def call_of(self, place: Origin) -> At | None:
        parent = self.parents.get(place)
        return parent.at if parent is not None else None

    def about_field(self, place: Field, root: object, name: str) -> Iterator[Missing]:
        graph = self.graph
        bare = name.replace("[]", "")
        base = root.base if isinstance(root, TypeRef) else "?"
        if base not in graph.index.structs:
            if base == "?" and graph.index.owners.get(bare):
                return  # a member of that name of any structure
            if not graph.is_cookie(place):
                what = f"{place_text(place)}: that type is not declared in these files"
                yield Missing(what, self.call_of(place))
            return
        if base in graph.fills:
            fill, at = graph.fills[base]
            by = "an assignment" if fill.callee == "=" else f"{fill.callee}()"
            yield Missing(f"objects of type {base} are written as bytes by {by}", at)
        if bare in graph.unread:
            yield Missing(f"{bare} is named in code that could not be parsed", graph.unread[bare])

    def about_parameter(self, place: Param, key: FunctionKey) -> Iterator[Missing]:
        graph = self.graph
        if key.name in graph.unread:
            at = graph.unread[key.name]
            yield Missing(f"{key.name}() is named in code that could not be parsed", at)
        who = self.provenance.closures.outside_callers(key)
        if who is not None:
            base = graph.object_type(place)
            if base is None or base not in graph.index.structs:
                yield who

    def about_pointer(self, inner: Origin) -> Iterator[Missing]:
        """A pointer to functions, of which some may not be known."""
        yield from self.provenance.closures.unknown_functions(inner)


def places_behind(provenance: Provenance, place: Origin) -> Mapping[Origin, At | None]:
    """The places whose content a place may have, with the code that moves it."""
    return _Search(provenance, True).behind(place)


def _ordered(origins: Iterable[Origin]) -> list[Origin]:
    """Origins in an order that does not depend on hashes."""
    return sorted(origins, key=lambda origin: (not isinstance(origin, Alloc), repr(origin)))
