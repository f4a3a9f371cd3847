"""All that is known of where memory goes in a directory, as one graph of places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from convert.flow.code import FunctionKey
from convert.flow.provenance.facts import FunctionFacts
from convert.flow.provenance.index import Index
from convert.flow.provenance.names import Names
from convert.flow.provenance.origins import NUMBERS
from convert.flow.provenance.places import (
    Alloc,
    Around,
    Assigned,
    At,
    Cell,
    Field,
    Fill,
    Global,
    Heap,
    Inside,
    Loaded,
    Move,
    Opaque,
    Origin,
    Out,
    Param,
    Part,
    Ref,
    Result,
    Ret,
    Slot,
    part,
)
from convert.flow.terms import UNKNOWN_TYPE, TypeRef

_BYTES = frozenset({"void", "char", "unsigned char", "?", "unsigned long", "long", "uintptr_t"})
Sources = Mapping[Origin, Mapping[Origin, At | None]]


@dataclass(frozen=True)
class Graph:
    """The moves between places of all files. ``wrappers``: the family of each private wrapper."""

    index: Index
    names: Names
    wrappers: Mapping[FunctionKey, str] = field(default_factory=dict)

    # -- names of places ----------------------------------------

    def resolved(self, origin: Origin) -> Origin:
        """The one name of a place: typedefs and chains of members resolved."""
        match origin:
            case Field():
                return self.field(origin)
            case Loaded(place=inner, base=base):
                field = self.field(inner)
                owned = self.is_cookie(field)
                return Loaded(field, self.index.plain(TypeRef(base)).base) if owned else field
            case Heap(base=base):
                return Heap(self.index.plain(TypeRef(base)).base)
            case Result():
                return self.result(origin)
            case Global():
                return self.variable(origin)
            case Ref(place=place):
                known = self.resolved(place)
                return Ref(known) if isinstance(known, (Field, Global, Cell)) else origin
            case Around(place=place, member=member):
                if self.at_start(member):
                    return self.resolved(place)
                return Ref(self.field(member))
            case Inside(place=place):
                return Inside(self.resolved(place))
            case Part(place=place):
                return part(self.resolved(place))
            case Slot(place=place, index=index):
                return Slot(self.resolved(place), index)
            case Ret(place=place):
                return Ret(self.resolved(place))
            case Param(key=key, index=index) if self.is_pointer(key):
                return Slot(Global("", key.name), index)
        return origin

    def at_start(self, member: Field) -> bool:
        """Whether a member may lie at the start of the object that it is reached from."""
        root = self.kind(Field(member.root, ()))
        for name in member.chain:
            members = self.index.structs.get(root.base)
            bare = name.replace("[]", "")
            if members is None or bare not in members:
                return True
            groups = self.index.unions.get(root.base, ())
            first = next(iter(members))
            together = next((group for group in groups if first in group), {first})
            if bare not in together and not root.base.startswith("union "):
                return False
            root = self.index.plain(members[bare])
        return True

    def is_pointer(self, key: FunctionKey) -> bool:
        """Whether what looks like a function is a variable that holds a pointer to one."""
        return key not in self.index.definitions and key.name in self.index.variables

    def result(self, origin: Result) -> Origin:
        key, at = origin.key, origin.at
        family = self.wrappers.get(key)
        if family is not None and at is not None:
            return Alloc(at.path, at.function, at.line, key.name, family)
        if key in self.index.definitions:
            return Result(key)
        if self.is_pointer(key):
            return Ret(Global("", key.name))
        kind = None if origin.taken_as is None else self.index.plain(origin.taken_as)
        return Result(key, kind, at)

    def variable(self, origin: Global) -> Global:
        facts = self.index.files.get(origin.home)
        if facts is None:
            return Global("", origin.name)
        own = origin.name in facts.variables and origin.name not in facts.prototypes
        static = FunctionKey(origin.home, origin.name) in self.index.definitions
        return origin if own or static else Global("", origin.name)

    def owner(self, origin: Field) -> str:
        """The structure whose member a place is, by its declaration."""
        root = origin.root
        if isinstance(root, FunctionKey):
            root = self.index.results.get(root.name, TypeRef("?"))
        elif root.base.startswith("var "):
            root = self.index.variables.get(root.base[4:], TypeRef("?"))
        outer = origin.chain[:-1]
        return self.index.plain(self.index.member(root, outer) if outer else root).base

    def field(self, origin: Field) -> Field:
        name = origin.chain[-1]
        last = name.replace("[]", "")
        depth = name.count("[]")
        base = self.owner(origin)
        if last not in self.index.structs.get(base, {}):
            owners = self.index.owners.get(last, frozenset())
            if not base.startswith(("struct ", "union ")) or base not in self.index.structs:
                base = next(iter(owners)) if len(owners) == 1 else base
        return Field(TypeRef(base), (last + "[]" * depth,))

    def function_of(self, place: Origin) -> FunctionKey | None:
        """The function whose address a place is."""
        if isinstance(place, Ref):
            place = place.place
        if not isinstance(place, Global):
            return None
        for home in (place.home, ""):
            key = FunctionKey(home, place.name)
            if key in self.index.definitions and not self.index.definitions[key][0].is_macro:
                return key
        return None

    # -- types ----------------------------------------

    def type_of(self, place: Origin) -> TypeRef:
        """The declared type of a place."""
        match place:
            case Field(root=TypeRef() as root, chain=(name,)):
                kind = self.index.member(root, (name.replace("[]", ""),))
                return TypeRef(kind.base, max(0, kind.stars - name.count("[]")))
            case Loaded(base=base):
                return TypeRef(base, 1)
            case Param(key=key, index=index):
                for function in self.index.definitions.get(key, ()):
                    if index < len(function.parameters):
                        return self.index.plain(function.parameters[index])
            case Out(key=key, index=index):
                return _pointed(self.type_of(Param(key, index)))
            case Inside(place=inner):
                return _pointed(self.type_of(inner))
            case Global(name=name):
                return self.index.plain(self.index.variables.get(name, UNKNOWN_TYPE))
            case Result(key=key):
                return self.index.plain(self.index.results.get(key.name, UNKNOWN_TYPE))
        return UNKNOWN_TYPE

    def is_cookie(self, place: Field) -> bool:
        """Whether a member of one of the kernel's structures is its owner's alone."""
        base = place.root.base if isinstance(place.root, TypeRef) else "?"
        name = place.chain[-1]
        return any(
            member == name and (owner == base or not base.startswith("struct "))
            for owner, member in self.names.cookies
        )

    def holds_no_pointer(self, place: Origin) -> bool:
        """Whether a place is declared to hold a number or a whole structure."""
        kind = self.type_of(place)
        return not kind.stars and (kind.base in NUMBERS or kind.base in self.index.structs)

    def object_type(self, place: Origin) -> str | None:
        """The type of structure that a place points to, by its declaration."""
        kind = self.type_of(place)
        return kind.base if kind.base.startswith("struct ") and kind.stars == 1 else None

    # -- moves ----------------------------------------

    @cached_property
    def sources(self) -> Sources:
        """For each place the places whose content it may have, with the code that moves it."""
        found: dict[Origin, dict[Origin, At | None]] = {}
        for move, at in self.moves():
            to, origin = self.resolved(move.to), self.resolved(move.origin)
            if to == origin or isinstance(to, Opaque) or self.holds_no_pointer(to):
                continue
            if isinstance(origin, Part) and self.holds_no_pointer(origin.place):
                continue  # a number
            found.setdefault(to, {}).setdefault(origin, at)
            if isinstance(to, Field) and isinstance(origin, (Alloc, Result)):
                base = self.object_type(to)
                if base is not None:
                    found.setdefault(Heap(base), {}).setdefault(origin, at)
        for place in self.loads():
            known = found.get(place.place, {})
            found[place] = {o: at for o, at in known.items() if self.fits(o, place.base)}
        return found

    def loads(self) -> Iterator[Loaded]:
        """All loads from members that belong to the owners of objects."""
        for function in self.index.functions():
            flows = function.flows
            origins = {move.origin for move in (*flows.moves, *flows.objects)}
            origins.update(*(free.origins for free in flows.frees))
            for origin in origins:
                while isinstance(origin, (Part, Around)):
                    origin = origin.place
                place = self.resolved(origin) if isinstance(origin, Loaded) else None
                if isinstance(place, Loaded):
                    yield place

    def takes(self, place: Origin, base: str) -> bool:
        """Whether a place may hold a pointer to an object of a type, by its declaration."""
        return self.fits(self.resolved(place), self.index.plain(TypeRef(base)).base)

    def fits(self, origin: Origin, base: str) -> bool:
        """Whether what a place holds may be an object of a type, as far as both are known."""
        own = origin.base if isinstance(origin, Heap) else self.object_type(origin)
        structs = self.index.structs
        if own is None or own not in structs or base not in structs:
            return True
        return own in self.starts(base) or base in self.starts(own)

    def starts(self, base: str) -> frozenset[str]:
        """A structure and what an object of it may start with."""
        found, waiting = {base}, [base]
        while waiting:
            current = waiting.pop()
            for name, kind in self.index.structs.get(current, {}).items():
                inner = self.index.plain(kind).base
                if inner not in found and self.at_start(Field(TypeRef(current, 1), (name,))):
                    found.add(inner)
                    waiting.append(inner)
        return frozenset(found)

    def moves(self) -> Iterator[tuple[Move, At]]:
        """All moves with the places of the code that makes them."""
        for path, facts in self.index.files.items():
            for move in facts.moves:
                yield move, At(path, "", move.line)
        for function in self.index.functions():
            used = self.assigned_in(function)
            for move in function.flows.moves:
                at = At(function.path, function.key.name, move.line)
                yield move, at
                for place in used:  # a macro may have assigned any variable before
                    if isinstance(place, Assigned) or self.takes(move.to, place.base):
                        yield Move(move.to, place, move.line), at

    def assigned_in(self, function: FunctionFacts) -> list[Assigned | Heap]:
        """What the macros of a function may have assigned to any of its variables."""
        found: list[Assigned | Heap] = []
        for name in function.callees:
            for place in self.assigning.get(name, ()):
                base = function.cursors.get((name, place.index))
                is_cursor = base is not None and place in self.only_cursors
                found.append(Heap(base) if base is not None and is_cursor else place)
        return found

    @cached_property
    def only_cursors(self) -> frozenset[Assigned]:
        """The parameters of macros that only loops of the kernel assign."""
        found: dict[Assigned, bool] = {}
        for function in self.index.functions():
            for move in function.flows.moves if function.is_macro else ():
                if isinstance(move.to, Assigned):
                    cursor = isinstance(move.origin, Opaque) and move.origin.cursor
                    found[move.to] = found.get(move.to, True) and cursor
        return frozenset(place for place, only in found.items() if only)

    @cached_property
    def assigning(self) -> Mapping[str, tuple[Assigned, ...]]:
        """The macros that assign to a parameter, and so to a variable of their user."""
        found: dict[str, dict[Assigned, None]] = {}
        for function in self.index.functions():
            if function.is_macro:
                for move in function.flows.moves:
                    if isinstance(move.to, Assigned):
                        found.setdefault(function.key.name, {})[move.to] = None
        return {name: tuple(places) for name, places in found.items()}

    @cached_property
    def targets(self) -> Mapping[Origin, tuple[Origin, ...]]:
        """The same the other way: where the content of each place may go."""
        found: dict[Origin, list[Origin]] = {}
        for to, origins in self.sources.items():
            for origin in origins:
                found.setdefault(origin, []).append(to)
        return {origin: tuple(places) for origin, places in found.items()}

    @cached_property
    def objects(self) -> Sources:
        """For each type of structure the places that may hold objects of it."""
        found: dict[Origin, dict[Origin, At | None]] = {}
        for function in self.index.functions():
            for move in function.flows.objects:
                heap, origin = self.resolved(move.to), self.resolved(move.origin)
                at = At(function.path, function.key.name, move.line)
                if heap != origin:
                    found.setdefault(heap, {}).setdefault(origin, at)
        for place in self.sources:
            base = self.object_type(place)
            if base is not None:
                found.setdefault(Heap(base), {}).setdefault(place, None)
        for outer, members in self.index.structs.items():
            first = next(iter(members.values()), None)
            if first is not None and not first.stars:
                inner = self.index.plain(first).base
                if inner in self.index.structs:  # an object starts with another
                    found.setdefault(Heap(inner), {}).setdefault(Heap(outer), None)
        return found

    # -- bytes ----------------------------------------

    @cached_property
    def fills(self) -> Mapping[str, tuple[Fill, At]]:
        """The types of structures whose objects are written as bytes of something else."""
        found: dict[str, tuple[Fill, At]] = {}
        for function in self.index.functions():
            for fill in function.flows.fills:
                at = At(function.path, function.key.name, fill.line)
                for base in self.filled(function, fill):
                    found.setdefault(base, (fill, at))
        return found

    def filled(self, function: FunctionFacts, fill: Fill) -> Iterable[str]:
        """The structures that a fill writes, those inside included; none for a copy of equals."""
        kind = self.kind(fill.target)
        if kind.base not in self.index.structs or kind.stars > 1:
            return
        if fill.callee == "=" and kind.stars != 1:
            return  # a pointer is stored
        if fill.source is not None and self.kind(fill.source).base == kind.base:
            return
        for callee in self.index.find(function.path, fill.callee):
            if any(self.index.plain(p).base == kind.base for p in callee.parameters):
                return  # a function of these files, which was read
        yield from self.parts(kind.base, set())

    def kind(self, place: Field) -> TypeRef:
        """The type of what a description of an expression names."""
        root = place.root
        if not isinstance(root, TypeRef):
            return UNKNOWN_TYPE
        if root.base.startswith("var "):
            root = self.index.variables.get(root.base[4:], UNKNOWN_TYPE)
        return self.index.member(root, place.chain) if place.chain else self.index.plain(root)

    def parts(self, base: str, seen: set[str]) -> Iterator[str]:
        """A structure and the structures that lie in it."""
        if base in seen:
            return
        seen.add(base)
        yield base
        for kind in self.index.structs.get(base, {}).values():
            if not kind.stars:
                inner = self.index.plain(kind).base
                if inner in self.index.structs:
                    yield from self.parts(inner, seen)

    def overlapping(self, place: Field) -> Iterator[Field]:
        """The members that share their memory with one in a union."""
        if not isinstance(place.root, TypeRef):
            return
        name = place.chain[-1].replace("[]", "")
        suffix = place.chain[-1][len(name) :]
        for group in self.index.unions.get(place.root.base, ()):
            if name in group:
                for other in sorted(group - {name}):
                    yield Field(place.root, (other + suffix,))

    @cached_property
    def unread(self) -> Mapping[str, At]:
        """The words of all that could not be parsed."""
        found: dict[str, At] = {}
        for path, facts in self.index.files.items():
            for word, line in facts.unread.items():
                found.setdefault(word, At(path, "", line))
        return found

    @cached_property
    def exported(self) -> frozenset[str]:
        """Functions that code elsewhere may call: exported, or declared nowhere in these files."""
        exported = frozenset(n for facts in self.index.files.values() for n in facts.exported)
        declared = frozenset(n for facts in self.index.files.values() for n in facts.prototypes)
        outside = frozenset(
            function.key.name
            for function in self.index.functions()
            if not function.static and not function.is_macro and function.key.name not in declared
        )
        return exported | outside


def _pointed(kind: TypeRef) -> TypeRef:
    """What a pointer of a type points to; unknown for raw bytes, which may hold anything."""
    if kind.stars == 1 and kind.base in _BYTES:
        return UNKNOWN_TYPE
    return kind.pointed if kind.stars else UNKNOWN_TYPE
