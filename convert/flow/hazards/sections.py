"""Critical sections: where a function takes and releases what reclaim waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from convert.flow.hazards.handles import HandleFinder
from convert.flow.hazards.model import Danger
from convert.flow.placement.paths import Function, Section
from convert.flow.scopes.code import Call
from convert.flow.scopes.contexts import Instance
from convert.flow.scopes.engine import Engine
from convert.flow.scopes.held import Locks
from convert.flow.scopes.reach import called
from convert.flow.scopes.setup import Program
from convert.flow.scopes.values import Bits


@dataclass
class SectionFinder:
    """Finds the sections of functions, by the name of the lock."""

    program: Program
    engine: Engine
    by_name: Mapping[str, Danger]
    handles: HandleFinder
    _known: dict[int, Mapping[str, Section]] = field(default_factory=dict)

    def of(self, number: int, function: Function) -> Mapping[str, Section]:
        """The sections of one function."""
        if number not in self._known:
            taken = self.taken(number)
            self._known[number] = {
                name: self.section(number, function, name, taken[name]) for name in sorted(taken)
            }
        return self._known[number]

    def instances(self, number: int) -> list[Instance]:
        """What was run of a function."""
        return self.engine.of_function.get(number, [])

    def taken(self, number: int) -> dict[str, set[int]]:
        """The calls that take each lock."""
        found: dict[str, set[int]] = {}
        for instance in self.instances(number):
            for states in instance.states.values():
                for bits in states:
                    for held in bits[-2].held:
                        if held.name in self.by_name and held.at >= 0:
                            found.setdefault(held.name, set()).add(held.at)
        return found

    def section(self, number: int, function: Function, name: str, opens: set[int]) -> Section:
        code = self.program.codes[number]
        closes = self.closing(number, name)
        where = f"{function.path}:{function.line}"
        unfit = ""
        for instance in self.instances(number):
            for bits, _ in instance.exits:
                if any(held.name == name for held in bits[-1].held):
                    unfit = f"{where}: {function.name}() may return with {name} held"
                elif any(one == name for one, *_ in (*bits[-1].freed, *bits[-1].maybe)):
                    unfit = unfit or f"{where}: {function.name}() may release its caller's {name}"
        if not closes:
            unfit = unfit or f"{where}: nothing in {function.name}() releases {name}"
        calls = {index: code.instructions[index] for index in (*opens, *closes)}
        for call in calls.values():
            if not isinstance(call, Call) or call.origin is not code.routine:
                unfit = f"{function.path}:{call.line}: a macro takes or releases {name}"
        scopes = {self.scope(number, index) for index in opens}
        if len(scopes) > 1 or scopes != {self.scope(number, index) for index in closes}:
            unfit = unfit or (
                f"{where}: in {function.name}() another scope is open where {name} is released "
                "than where it is taken"
            )
        first = min(opens, key=lambda index: (code.instructions[index].line, index))
        taking = code.instructions[first]
        return Section(
            function,
            self.by_name[name],
            taking.line,
            self.offsets(calls, opens),
            self.offsets(calls, closes),
            unfit,
            crosses=self.handles.crossed(number, [*opens, *closes]) - {name},
            call=called(code, taking) if isinstance(taking, Call) else "",
        )

    def of_handles(
        self,
        number: int,
        locks: Iterable[Locks],
        target: int | None,
        told: Callable[[int], Function],
    ) -> frozenset[Section]:
        """The sections of handles that are open where a function makes a call.

        locks: all that may be held there. target: the function that is called, if it was read.
        told: functions by number.
        """
        if not self.handles.found:
            return frozenset()
        ways = [self.handles.open_at(number, one, target) for one in locks]
        names = frozenset.intersection(*ways) if ways else frozenset()
        return frozenset(self.of_handle(name, told) for name in names)

    def of_handle(self, name: str, told: Callable[[int], Function]) -> Section:
        """The section of a handle: from all that open it to all that close it."""
        found = self.handles.found[name]
        ends = found.handle.ends
        return Section(
            told(found.first),
            self.by_name[name],
            found.line,
            tuple(at for end in ends if end.opens for at in end.takes),
            tuple(at for end in ends if not end.opens for at in end.releases),
            found.unfit,
            found.handle,
        )

    def closing(self, number: int, name: str) -> set[int]:
        """The calls that release a lock of the function's own."""
        code = self.program.codes[number]
        found: set[int] = set()
        locks = self.engine.locks
        assert locks is not None
        for index, call in code.calls():
            for done in locks.calls.get(call.name or "", ()):
                if not done.takes and done.lock(code, call)[0] == name:
                    found.add(index)
            for target in self.program.targets(call):
                if self.releases(target, name) and self.is_held_at(number, index, name):
                    found.add(index)
        return found

    def releases(self, target: int, name: str) -> bool:
        """Whether a function may return without a lock of its caller."""
        return any(
            one == name
            for instance in self.instances(target)
            for bits, _ in instance.exits
            for one, *_ in (*bits[-1].freed, *bits[-1].maybe)
        )

    def is_held_at(self, number: int, index: int, name: str) -> bool:
        """Whether a function has taken a lock when it comes to a call."""
        return any(
            held.name == name
            for instance in self.instances(number)
            for bits in instance.at(index)
            for held in bits[-2].held
        )

    def scope(self, number: int, index: int) -> frozenset[Bits]:
        """The states of the scope at a call."""
        return frozenset(
            bits[:-2] for instance in self.instances(number) for bits in instance.at(index)
        )

    @staticmethod
    def offsets(calls: Mapping[int, object], indexes: set[int]) -> tuple[int, ...]:
        """Where the callees' names of some calls stand."""
        found = {
            call.origin.offset(call.node)
            for index in indexes
            if isinstance(call := calls[index], Call)
        }
        return tuple(sorted(found))
