"""Where pointers to functions and to places go: who calls, and what is stored from afar."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from convert.flow.code import FunctionKey
from convert.flow.provenance.evidence import Missing
from convert.flow.provenance.graph import Graph
from convert.flow.provenance.origins import ANY
from convert.flow.provenance.places import (
    Alloc,
    At,
    Cell,
    Field,
    Global,
    Inside,
    Loaded,
    Opaque,
    Origin,
    Out,
    Param,
    Ref,
    Result,
    Ret,
    Slot,
)
from convert.flow.provenance.wording import place_text
from convert.flow.terms import TypeRef

_MOST = 3000  # places that one closure may hold
_NONE: Mapping[Origin, At | None] = {}


@dataclass
class Closures:
    """Closures over the moves of a graph; each is made once."""

    graph: Graph
    _forward: dict[Origin, Mapping[Origin, At | None]] = field(default_factory=dict)
    _functions: dict[Origin, tuple[Mapping[FunctionKey, At | None], tuple[Missing, ...]]] = field(
        default_factory=dict
    )
    _aliases: dict[Origin, tuple[Mapping[Origin, At | None], tuple[Missing, ...]]] = field(
        default_factory=dict
    )
    _strangers: dict[Origin, tuple[tuple[str, At | None], ...]] = field(default_factory=dict)
    _busy: set[Origin] = field(default_factory=set)

    # -- pointers to functions ----------------------------------------

    def functions(self, place: Origin) -> Mapping[FunctionKey, At | None]:
        """The functions that a place may hold the address of."""
        return self._held(place)[0]

    def unknown_functions(self, place: Origin) -> tuple[Missing, ...]:
        """Why a place may hold other functions than those."""
        return self._held(place)[1]

    def _held(self, place: Origin) -> tuple[Mapping[FunctionKey, At | None], tuple[Missing, ...]]:
        if place not in self._functions:
            self._functions[place] = ({}, ())  # what depends on itself adds nothing
            found: dict[FunctionKey, At | None] = {}
            missing: dict[Missing, None] = {}
            for origin, at in self.backward(place).items():
                key = self.graph.function_of(origin)
                if key is not None:
                    found.setdefault(key, at)
                    continue
                for lack in self.unknown_origin(origin, at):
                    missing[lack] = None
            self._functions[place] = (found, tuple(missing))
        return self._functions[place]

    def unknown_origin(self, origin: Origin, at: At | None) -> Iterator[Missing]:
        """What is not known about a place from which a pointer came."""
        if isinstance(origin, Loaded):
            origin = origin.place
        text = f"{place_text(origin)} is not followed"
        known = self.graph.sources.get(origin)
        match origin:
            case Opaque():
                yield Missing(text, origin.at or at)
            case Field(chain=chain) if chain[-1].replace("[]", "") in self.graph.unread:
                bare = chain[-1].replace("[]", "")
                where = self.graph.unread[bare]
                yield Missing(f"{bare} is named in code that could not be parsed", where)
            case Result(key=key) if key not in self.graph.index.definitions:
                if key.name in self.graph.names.lookups and origin.taken_as is not None:
                    return
                yield Missing(text, origin.at or at)
            case Field(root=TypeRef(base=base)) if base not in self.graph.index.structs:
                if not self.graph.is_cookie(origin):
                    yield Missing(text, at)
            case Param(key=key) if self.outside_callers(key) is not None:
                yield Missing(f"{key.name}() may be called from elsewhere", at)
            case Out() if not known:
                yield Missing(text, at)
            case Global(name=name) if name not in self.graph.index.variables:
                if self.graph.function_of(origin) is None:
                    yield Missing(f"{name} is declared nowhere in these files", at)

    def backward(self, place: Origin) -> Mapping[Origin, At | None]:
        """The places from which the content of a place may come, itself included."""
        found: dict[Origin, At | None] = {place: None}
        waiting = [place]
        while waiting and len(found) < _MOST:
            current = waiting.pop()
            behind = dict(self.graph.sources.get(current, _NONE))
            if isinstance(current, Field):
                behind |= self.graph.sources.get(Field(current.root, (ANY,)), _NONE)
            if isinstance(current, Param):
                for holder, at in self.holders_of_function(current.key).items():
                    behind.setdefault(Slot(holder, current.index), at)
            if isinstance(current, Ret):
                for key, at in self.functions(current.place).items():
                    behind.setdefault(Result(key), at)
            for origin, at in behind.items():
                if origin not in found:
                    found[origin] = at
                    waiting.append(origin)
        return found

    def holders_of_function(self, key: FunctionKey) -> Mapping[Origin, At | None]:
        """The places that may hold the address of a function."""
        own = Global(key.home, key.name)
        return {**self.forward(own), **self.forward(Ref(own))}

    def outside_callers(self, key: FunctionKey) -> Missing | None:
        """Why code that was not read may call a function; None if it cannot."""
        if key.name in self.graph.exported and not key.home:
            return Missing(f"{key.name}() may be called from files that were not read", None)
        for holder, at in self.holders_of_function(key).items():
            if self.is_outside(holder):
                text = f"{key.name}() is called from elsewhere, through {place_text(holder)}"
                return Missing(text, at)
        return None

    def is_outside(self, holder: Origin) -> bool:
        """Whether code that was not read can load from a place."""
        match holder:
            case Param(key=key):
                return key not in self.graph.index.definitions
            case Field(root=TypeRef(base=base)):
                return base not in self.graph.index.structs
            case Opaque() | Out():
                return True
            case Slot(place=inner):
                return bool(self.unknown_functions(inner))
        return False

    def forward(self, origin: Origin) -> Mapping[Origin, At | None]:
        """The places that may hold the value of an origin, with the code that puts it there."""
        if origin not in self._forward:
            found: dict[Origin, At | None] = {}
            waiting = [origin]
            while waiting and len(found) < _MOST:
                current = waiting.pop()
                for place in self.onwards(current):
                    if place not in found:
                        found[place] = self.graph.sources.get(place, _NONE).get(current)
                        waiting.append(place)
            self._forward[origin] = found
        return self._forward[origin]

    def onwards(self, place: Origin) -> Iterable[Origin]:
        """Where the content of a place goes next."""
        yield from self.graph.targets.get(place, ())
        match place:
            case Slot(place=inner, index=index):
                for key in self.functions(inner):
                    yield Param(key, index)
            case Result(key=key):
                own = Global(key.home, key.name)
                if own in self.graph.targets:
                    for holder in self.forward(own):
                        yield Ret(holder)

    # -- pointers to places ----------------------------------------

    def aliases(self, place: Origin) -> Mapping[Origin, At | None]:
        """Other names under which the memory of a place is written."""
        return self._known(place)[0]

    def lost(self, place: Origin) -> tuple[Missing, ...]:
        """Why a place may be written under names that are not known."""
        if not isinstance(place, (Field, Global, Cell, Out, Inside)):
            return ()
        return self._known(place)[1]

    def _known(self, place: Origin) -> tuple[Mapping[Origin, At | None], tuple[Missing, ...]]:
        if place not in self._aliases:
            if place in self._busy:
                return {}, ()
            self._busy.add(place)
            found: dict[Origin, At | None] = {}
            missing: dict[Missing, None] = {}
            for root in self.roots(place, missing):
                for pointer in self.forward(root).keys() & self.insides.keys():
                    found.setdefault(self.insides[pointer], self.forward(root)[pointer])
                for text, at in self.strangers(root):
                    missing[Missing(f"{text} the address of {place_text(place)}", at)] = None
                if isinstance(root, Ref):
                    found.setdefault(root.place, None)
                elif isinstance(root, Alloc) and root in self.insides:
                    found.setdefault(self.insides[root], None)
            found.pop(place, None)
            self._aliases[place] = (dict(sorted(found.items(), key=_by_text)), tuple(missing))
            self._busy.discard(place)
        return self._aliases[place]

    @cached_property
    def insides(self) -> Mapping[Origin, Origin]:
        """For each place that holds a pointer the place of what is stored through it."""
        found: dict[Origin, Origin] = {}
        for place in self.graph.sources:
            pointer = pointer_of(place)
            if pointer is not None:
                found[self.graph.resolved(pointer)] = place
        return found

    def strangers(self, root: Origin) -> tuple[tuple[str, At | None], ...]:
        """Who gets hold of an address and is not known: what it does with it, at which line."""
        if root not in self._strangers:
            found: dict[tuple[str, At | None], None] = {}
            if len(self.forward(root)) >= _MOST:
                found["very many places hold", None] = None
            for holder, at in self.forward(root).items():
                if isinstance(holder, Opaque):
                    found["code that is not followed has", at] = None
                if not isinstance(holder, Param) or holder.key in self.graph.index.definitions:
                    continue
                name = holder.key.name
                if not self.graph.names.leaves_alone(name):
                    found[f"{name}(), which was not read, is handed", at] = None
            self._strangers[root] = tuple(found)
        return self._strangers[root]

    def roots(self, place: Origin, missing: dict[Missing, None]) -> Iterator[Origin]:
        """What the pointers may hold under which the memory of a place is known."""
        own = Ref(place) if isinstance(place, (Field, Global, Cell)) else None
        if own is not None and own in self.graph.targets:
            yield own
        pointer = pointer_of(place)
        if pointer is None:
            return
        for origin, at in self.backward(self.graph.resolved(pointer)).items():
            if isinstance(origin, (Ref, Alloc)):
                yield origin
                continue
            for lack in self.unknown_origin(origin, at):
                missing[lack] = None


def pointer_of(place: Origin) -> Origin | None:
    """The place of a pointer whose target a place is."""
    match place:
        case Out(key=key, index=index):
            return Param(key, index)
        case Inside(place=pointer):
            return pointer
        case Field(root=root, chain=(*outer, name)) if name.endswith("[]"):
            return Field(root, (*outer, name[:-2]))
    return None


def _by_text(row: tuple[Origin, object]) -> str:
    return repr(row[0])
