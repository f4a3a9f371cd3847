"""Which functions reach which place: the least solution of the constraints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from convert.flow.code import FunctionKey, Routine
from convert.flow.graph.macro_parameters import WrittenParameters
from convert.flow.graph.places import UNKNOWN, CallSite, Facts, Held, Spot, Values
from convert.flow.graph.signatures import Signatures

Value = FunctionKey | Spot  # the only spot is UNKNOWN


@dataclass
class Solver:
    """Spreads functions along the edges; indirect calls add edges as their targets are found."""

    facts: Facts
    routines: Mapping[FunctionKey, list[Routine]]
    signatures: Signatures
    written: WrittenParameters
    held: dict[Spot, set[Value]] = field(default_factory=dict)
    onward: dict[Spot, set[Spot]] = field(default_factory=dict)
    waiting: list[tuple[Spot, Value]] = field(default_factory=list)
    targets: dict[int, set[FunctionKey]] = field(default_factory=dict)
    unresolved: set[int] = field(default_factory=set)
    outside: set[Spot] = field(default_factory=set)
    _members: dict[str, set[Spot]] = field(default_factory=dict)
    _nameless: set[Spot] = field(default_factory=set)
    _callees: dict[Spot, list[CallSite]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Set up the edges."""
        for to, held in self.facts.edges:
            self._know(to)
            self._know_value(held)
        for site in self.facts.calls:
            for values in (site.callee, *site.arguments):
                for held in values:
                    self._know_value(held)
        for to, held in self.facts.edges:
            self.edge(to, held)
        for site in self.facts.calls:
            if site.keys:
                self.link(site, site.keys)
            elif site.callee:
                self._indirect(site)

    def fill_from_outside(self, spot: Spot) -> None:
        """Let code that was not read fill a place; calls through it may mean that code."""
        self.outside.add(spot)
        self.add(spot, UNKNOWN)

    def fields(self) -> tuple[Spot, ...]:
        """All members of structures that occur."""
        return tuple(spot for spots in self._members.values() for spot in spots)

    def nameless(self) -> tuple[Spot, ...]:
        """All members of structures that are not known."""
        return tuple(self._nameless)

    def variables(self) -> tuple[Spot, ...]:
        """All file-level variables that occur."""
        spots = {*self.held, *self.onward}
        return tuple(spot for spot in spots if spot.kind == "variable")

    def _know(self, spot: Spot) -> None:
        if spot.kind == "field":
            self._members.setdefault(spot.name, set()).add(spot)
        elif spot.kind == "any":
            self._nameless.add(spot)

    def _know_value(self, held: Held) -> None:
        if isinstance(held.of, Spot):
            self._know(held.of)

    # -- edges ---------------------------------------------------------------------------------

    def edge(self, to: Spot, held: Held) -> None:
        """``to`` may hold what ``held`` stands for; a member of any structure is all of them."""
        targets = [to]
        if to.kind == "any":
            targets += self._members.get(to.name, ())
        for target in targets:
            source = held.of
            if isinstance(source, FunctionKey):
                self.add(target, source)
            elif source.kind == "unknown":
                self.add(target, UNKNOWN)
            else:
                self._connect(source, target)
                if source.kind == "any":
                    for member in self._members.get(source.name, ()):
                        self._connect(member, target)

    def _connect(self, source: Spot, target: Spot) -> None:
        known = self.onward.setdefault(source, set())
        if target not in known and target != source:
            known.add(target)
            for value in tuple(self.held.get(source, ())):
                self.add(target, value)

    def add(self, spot: Spot, value: Value) -> None:
        """A place may hold a value."""
        known = self.held.setdefault(spot, set())
        if value not in known:
            known.add(value)
            self.waiting.append((spot, value))

    def run(self) -> None:
        """Spread until nothing changes."""
        while self.waiting:
            spot, value = self.waiting.pop()
            for target in tuple(self.onward.get(spot, ())):
                self.add(target, value)
            for site in self._callees.get(spot, ()):
                self._reached(site, value)

    # -- calls ---------------------------------------------------------------------------------

    def _indirect(self, site: CallSite) -> None:
        self.targets[site.number] = set()
        for held in site.callee:
            if isinstance(held.of, FunctionKey):
                self._reached(site, held.of)
                continue
            callee = Spot("callee", site.number, "")
            if callee not in self._callees:
                self._callees[callee] = [site]
            self.edge(callee, held)

    def _reached(self, site: CallSite, value: Value) -> None:
        if isinstance(value, FunctionKey):
            self._target(site, value)
        elif not self.from_outside(site) and (
            not site.routine.is_macro or site.routine.key in self._used()
        ):
            self.give_up(site)

    def from_outside(self, site: CallSite) -> bool:
        """Whether an indirect call goes through a member that code outside fills."""
        return site.through in self.outside

    def _target(self, site: CallSite, key: FunctionKey) -> None:
        known = self.targets[site.number]
        if key not in known:
            known.add(key)
            self.link(site, (key,))

    def give_up(self, site: CallSite) -> None:
        """Let a call reach every function whose address is taken and whose signature fits."""
        if site.number not in self.unresolved:
            self.unresolved.add(site.number)
            for key in self.signatures.fitting(site, self.facts.taken):
                self._target(site, key)

    def link(self, site: CallSite, keys: Iterable[FunctionKey]) -> None:
        """Hand arguments to parameters, and the result back."""
        for key in keys:
            for routine in self.routines[key]:
                names = routine.parameters
                for index, values in enumerate(site.arguments):
                    if values and names:
                        # More arguments than parameters: `...`, kept with the last one.
                        name = names[min(index, len(names) - 1)]
                        written = routine.is_macro and name in self.written.of(routine)
                        self._argument(routine, name, values, written)
            result = Held(Spot("result", key, ""))
            if not site.keys:
                self.edge(Spot("call", site.number, ""), result)

    def _argument(self, routine: Routine, name: str, values: Values, written: bool) -> None:
        parameter = Spot("local", routine.key, name)
        for held in values:
            self.edge(parameter, held)
            if isinstance(held.of, Spot) and (held.shared or written):
                self.edge(held.of, Held(parameter))

    def finish(self) -> None:
        """Give up on the calls that nothing reaches, until all have targets or none fit."""
        while True:
            used = self._used()
            empty = [
                site
                for site in self.facts.calls
                if site.number in self.targets
                and not self.targets[site.number]
                and site.number not in self.unresolved
                and not self.from_outside(site)
                and (not site.routine.is_macro or site.routine.key in used)
            ]
            if not empty:
                return
            for site in empty:
                self.give_up(site)
            self.run()

    def _used(self) -> set[FunctionKey]:
        """What is called by name or has its address taken; other macros are never expanded."""
        named = {key for site in self.facts.calls for key in site.keys}
        constants = {constant.key for _, constant, _ in self.facts.uses}
        return named | constants | self.facts.taken.keys()
