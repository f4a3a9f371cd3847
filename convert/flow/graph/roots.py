"""Why functions may run with no caller of the paths around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from convert.flow.code import FunctionKey
from convert.flow.graph.model import Place, Root, RootKind
from convert.flow.graph.places import Facts, Spot
from convert.flow.graph.program import Program
from convert.flow.graph.solve import Solver
from convert.flow.graph.types import Types
from convert.flow.graph.typing import Typing
from convert.flow.terms import TypeRef
from convert.profiles.callbacks import Callbacks, Kind

_KINDS: Mapping[Kind, RootKind] = {
    "work": RootKind.WORK,
    "thread": RootKind.THREAD,
    "timer": RootKind.TIMER,
    "module": RootKind.MODULE,
    "exported": RootKind.EXPORTED,
    "completion": RootKind.COMPLETION,
    "shrinker": RootKind.SHRINKER,
}
_CLEANUP = re.compile(r"\b__(cleanup|free)(?:__)?\s*\(\s*(\w+)\s*\)")
_CALLED = re.compile(r"\b([A-Za-z_]\w*)\b")


@dataclass
class Roots:
    """Collects roots; each reason of a function is kept once."""

    program: Program
    callbacks: Callbacks
    is_own: Callable[[Spot], bool]
    found: dict[FunctionKey, dict[Root, None]] = field(default_factory=dict)

    def add(self, key: FunctionKey, kind: RootKind, place: Place, detail: str) -> None:
        """Note one reason."""
        self.found.setdefault(key, {})[Root(kind, place, detail)] = None

    def mentioned(self, mentions: Mapping[str, Place]) -> None:
        """Functions that files outside the paths name."""
        for name, place in mentions.items():
            for home in ("", *self.program.static.get(name, ())):
                key = FunctionKey(home, name)
                if key in self.program.routines:
                    self.add(key, RootKind.OUTSIDE, place, f"named in {place}")

    def unparsed(self) -> None:
        """Functions that refused code names."""
        for refusal, text in self.program.refusals:
            place = Place(refusal.path, refusal.line)
            names = set(_CALLED.findall(text)) & self.program.names
            for name in sorted(names):
                for key in self.program.keys(refusal.path, name):
                    self.add(key, RootKind.UNPARSED, place, refusal.name)

    def cleanups(self) -> None:
        """Functions that the end of a variable's life calls: attributes are not parsed."""
        for path, parsed in self.program.files.items():
            text = parsed.source.text
            for match in _CLEANUP.finditer(text) if "__cleanup" in text or "__free" in text else ():
                name = match[2] if match[1] == "cleanup" else f"__free_{match[2]}"
                place = Place(path, parsed.source.line(match.start()))
                for key in self.program.keys(path, name):
                    self.add(key, RootKind.ADDRESS, place, match[0])

    def handed(self, facts: Facts, solver: Solver) -> None:
        """Functions that were given to code that was not read."""
        for number, handed in enumerate(facts.handed):
            for value in solver.held.get(Spot("outside", number, ""), ()):
                if isinstance(value, FunctionKey):
                    kind = self.callbacks.takers.get(handed.to)
                    known = RootKind.ADDRESS if kind is None else _KINDS[kind]
                    self.add(value, known, handed.place, handed.to)

    def stored(self, facts: Facts, solver: Solver) -> None:
        """Functions in members of structures that are not the paths' own."""
        places: dict[tuple[Spot, FunctionKey], Place] = {}
        for stored in facts.stored:
            places.setdefault((stored.spot, stored.key), stored.place)
        for spot in (*solver.fields(), *solver.nameless(), *solver.variables()):
            if self.is_own(spot):
                continue
            owner = str(spot.owner) if spot.owner else "?"
            kind = self.kind_of(owner, spot.name)
            for value in solver.held.get(spot, ()):
                if isinstance(value, FunctionKey):
                    at = places.get((spot, value)) or facts.taken.get(value)
                    self.add(value, kind, at or self.definition(value), f"{owner}.{spot.name}")

    def lost(self, solver: Solver, typing: Typing) -> None:
        """Functions in places whose type hides them, as an integer does: they may go anywhere."""
        types = self.program.types
        for spot, values in solver.held.items():
            keys = [value for value in values if isinstance(value, FunctionKey)]
            if keys and not self._keeps(spot, types, typing):
                for key in keys:
                    self.add(
                        key,
                        RootKind.ADDRESS,
                        self.definition(key),
                        f"kept in {spot.name or spot.kind}",
                    )

    def _keeps(self, spot: Spot, types: Types, typing: Typing) -> bool:
        """Whether what is stored in a place is found again by who reads it."""
        kind: TypeRef | None = None
        if spot.kind == "field":
            kind = types.member(TypeRef(str(spot.owner)), spot.name)
        elif spot.kind == "variable":
            kind = types.variables.get((str(spot.owner), spot.name))
        elif spot.kind == "result" and isinstance(spot.owner, FunctionKey):
            declared = types.results.get((spot.owner.home, spot.owner.name))
            signature = types.signature(declared) if declared is not None else None
            kind = signature.returns if signature is not None else None
        elif spot.kind == "local" and isinstance(spot.owner, FunctionKey):
            routines = self.program.routines.get(spot.owner, ())
            kinds = [typing.locals(one).get(spot.name) for one in routines]
            known = [one for one in kinds if one is not None]
            return bool(known) and all(map(types.may_hold_function, known))
        return kind is None or types.may_hold_function(kind)

    def definition(self, key: FunctionKey) -> Place:
        """Where a function is defined."""
        routine = self.program.routines[key][0]
        return Place(routine.path, routine.item.line)

    def kind_of(self, owner: str, member: str) -> RootKind:
        """What runs the function in a member of a structure outside."""
        kinds = self.callbacks.members
        kind = kinds.get((owner, member)) or kinds.get((None, member))
        return RootKind.TABLE if kind is None else _KINDS[kind]
