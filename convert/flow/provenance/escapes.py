"""Why not all that becomes of some memory is known, or why it has to be kmalloc memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from convert.flow.provenance.evidence import Missing
from convert.flow.provenance.facts import FunctionFacts
from convert.flow.provenance.forward import Forward, Holders
from convert.flow.provenance.graph import Graph
from convert.flow.provenance.handling import Handling
from convert.flow.provenance.places import (
    Alloc,
    At,
    Cell,
    Field,
    Global,
    Heap,
    Inside,
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
class Escapes:
    """Asks for every place that may hold a pointer to some memory whether all of it was read."""

    forward: Forward
    handling: Handling

    @property
    def graph(self) -> Graph:
        """The moves between places."""
        return self.forward.graph

    def of(self, alloc: Alloc, holders: Holders) -> Iterator[Missing]:
        """Why not all is known of what becomes of the memory, or it has to be kmalloc memory."""
        for place, at in holders.both():
            for missing in self.about(place, at, place in holders.exact):
                yield missing if missing.at is not None else Missing(missing.text, at)
            yield from self.forward.lost.get(place, ())
        yield from self.uses(holders)
        yield from self.cleanups(alloc, holders)
        for free in self.forward.reached_inside(holders):
            text = f"{free.deallocator}({free.text}) may free a pointer computed from it"
            yield Missing(text, At(free.path, free.function, free.line))

    def about(self, place: Origin, at: At | None, is_exact: bool) -> Iterator[Missing]:
        """What is not known of one place."""
        closures, index = self.forward.provenance.closures, self.graph.index
        match place:
            case Param(key=key, index=slot):
                if key not in index.definitions:
                    yield from self.handed(key.name, at)
                elif any(_varies(function, slot) for function in index.definitions[key]):
                    yield Missing(f"{key.name}() takes it as one of a varying number", at)
                yield from self.unread(key.name, f"{key.name}()")
            case Field():
                yield from self.field(place, at)
            case Global(name=name):
                if name not in index.variables and self.graph.function_of(place) is None:
                    yield Missing(f"it goes to {name}, which is declared nowhere here", at)
                if any(name in facts.exported for facts in index.files.values()):
                    yield Missing(f"{name} is exported", at)
                yield from self.unread(name, name)
            case Out(key=key) | Result(key=key) if key in index.definitions:
                who = closures.outside_callers(key)
                if who is not None:
                    yield Missing(f"{place_text(place)} goes to code that was not read: {who}", at)
                yield from self.unread(key.name, f"{key.name}()")
            case Slot(place=inner) | Ret(place=inner):
                yield from closures.unknown_functions(inner)
                if not closures.functions(inner):
                    yield Missing(f"no function is known that {place_text(inner)} calls", at)
            case Heap(base=base):
                yield from self.unread(base.split()[-1], base)
        stored = is_exact or not self.forward.is_address(place)
        if stored and isinstance(place, (Field, Global, Cell, Out, Inside)):
            yield from closures.lost(place)

    def field(self, place: Field, at: At | None) -> Iterator[Missing]:
        base = place.root.base if isinstance(place.root, TypeRef) else "?"
        bare = place.chain[-1].replace("[]", "")
        index = self.graph.index
        known = base in index.structs or (base == "?" and bool(index.owners.get(bare)))
        if not known and not self.graph.is_cookie(place):
            yield Missing(f"it goes to {place_text(place)}: that type is declared elsewhere", at)
        yield from self.unread(bare, bare)

    def unread(self, word: str, what: str) -> Iterator[Missing]:
        """Code that could not be parsed names something."""
        if word in self.graph.unread:
            where = self.graph.unread[word]
            yield Missing(f"{what} is named in code that could not be parsed", where)

    def handed(self, name: str, at: At | None) -> Iterator[Missing]:
        """A function that was not read gets the pointer."""
        source = self.handling.needs_linear.get(name)
        if source is not None:
            text = f"{name}() takes only memory of the linear mapping ({source})"
            yield Missing(text, at)
        elif name in self.graph.names.kind_tests:
            yield Missing(f"{name}() asks which kind of memory it is", at)
        elif not self.handling.leaves(name):
            yield Missing(f"{name}(), which was not read, is handed the pointer", at)

    def uses(self, holders: Holders) -> Iterator[Missing]:
        """Lookups and allocations that are handed the pointer."""
        for function in self.graph.index.functions():
            for use in function.flows.uses:
                given = {self.graph.resolved(origin) for origin in use.origins}
                if any(place in holders.exact or place in holders.inner for place in given):
                    at = At(function.path, function.key.name, use.line)
                    yield from self.handed(use.callee, at)

    def cleanups(self, alloc: Alloc, holders: Holders) -> Iterator[Missing]:
        """Variables that are freed by themselves, in functions that have the pointer."""
        for function in self.graph.index.functions():
            if function.cleans is None:
                continue
            own = function.path == alloc.path and function.key.name == alloc.function
            moves = (*function.flows.moves, *function.flows.objects)
            if own or any(self.graph.resolved(m.origin) in holders.exact for m in moves):
                at = At(function.path, function.key.name, function.cleans)
                yield Missing("a variable is freed at the end of its block", at)


def _varies(function: FunctionFacts, slot: int) -> bool:
    """Whether an argument is one of a varying number: no parameter stands for it."""
    if function.is_macro:
        return False
    return slot >= len(function.parameters) or function.parameters[slot] == UNKNOWN_TYPE
