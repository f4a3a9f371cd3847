"""Why functions may run with no caller of the paths around them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from convert.flow.code import FunctionKey
from convert.flow.graph.model import Place, Root, RootKind
from convert.flow.graph.places import Facts, Spot
from convert.flow.graph.program import Program
from convert.flow.graph.solve import Solver
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
_CALLED = re.compile(r"\b([A-Za-z_]\w*)\b")


@dataclass
class Roots:
    """Collects roots; each reason of a function is kept once."""

    program: Program
    callbacks: Callbacks
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
        for spot, key, place, _ in facts.stored:
            places.setdefault((spot, key), place)
        for spot in (*solver.fields(), *self.nameless(solver)):
            if spot.kind == "field" and spot.owner in self.program.types.own:
                continue
            owner = str(spot.owner) if spot.owner else "?"
            kind = self.kind_of(owner, spot.name)
            for value in solver.held.get(spot, ()):
                if isinstance(value, FunctionKey):
                    at = places.get((spot, value)) or facts.taken.get(value)
                    self.add(value, kind, at or self.definition(value), f"{owner}.{spot.name}")

    def definition(self, key: FunctionKey) -> Place:
        """Where a function is defined."""
        routine = self.program.routines[key][0]
        return Place(routine.path, routine.item.line)

    def nameless(self, solver: Solver) -> Iterable[Spot]:
        """Members of structures that are not known."""
        return [spot for spot in solver.held if spot.kind == "any"]

    def kind_of(self, owner: str, member: str) -> RootKind:
        """What runs the function in a member of a structure outside."""
        kinds = self.callbacks.members
        kind = kinds.get((owner, member)) or kinds.get((None, member))
        return RootKind.TABLE if kind is None else _KINDS[kind]
