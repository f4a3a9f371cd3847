"""Whether a free may sleep: vfree() may, and kvfree() of vmalloc memory is vfree().

In Linux 6.1 and 6.12 (mm/vmalloc.c) vfree() asks in_interrupt(): in an interrupt, hard or soft, it
hands the memory to a worker; everywhere else might_sleep() stands in it. So a free has to be shown
to run either in an interrupt or where the code may sleep. A call that may sleep shows that for all
that follows, up to the next lock: where it stands nobody may have forbidden sleeping.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.control import Role
from convert.flow.graph.graph import CallGraph
from convert.flow.graph.model import Place, Root, RootKind
from convert.rules.large.events import (
    UNREAD,
    Assigns,
    Closes,
    Event,
    EventReader,
    Opens,
    Runs,
    Sleeps,
)
from convert.rules.large.states import CALLER, ENTRY, State, given_back, is_plain, returned, stale

_SLEEPING_ROOTS = frozenset({RootKind.WORK, RootKind.THREAD, RootKind.MODULE, RootKind.SHRINKER})


@dataclass(frozen=True)
class Lack:
    """Why code may run where it may not sleep, or why that is not known."""

    text: str
    place: Place

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


@dataclass
class Contexts:
    """Answers for one call graph. ``in_interrupt``: the tree's vfree() knows interrupts."""

    graph: CallGraph
    events: EventReader
    in_interrupt: bool
    _results: dict[FunctionKey, State | None] = field(default_factory=dict)
    _settled: set[FunctionKey] = field(default_factory=set)

    def lacks(self, path: str, offset: int) -> Iterator[Lack]:
        """Why the call at an offset may stand where the code may not sleep; none if it does not."""
        owners = [
            (key, routine)
            for key, routines in self.graph.routines.items()
            for routine in routines
            if routine.path == path and offset in routine.item.span
        ]
        seen: set[FunctionKey] = set()
        waiting: list[FunctionKey] = []
        for key, routine in owners:
            yield from self._judge(routine, offset, key, waiting)
        if not owners:
            yield Lack("the code around it was not read", Place(path, 1))
        while waiting:
            key = waiting.pop()
            if key not in seen:
                seen.add(key)
                yield from self._entry(key, waiting)

    def _judge(
        self, routine: Routine, offset: int, key: FunctionKey, waiting: list[FunctionKey]
    ) -> Iterator[Lack]:
        """What holds before a call in a routine; callers of the routine are asked later."""
        for state in self._before(routine, offset):
            for held in sorted(state.opens - {CALLER}, key=repr):
                assert isinstance(held, Opens)
                what = "may be held" if held.kind != UNREAD else "was not read: it may lock"
                yield Lack(f"{held.text} {what} in {key.name}()", held.place)
            if CALLER in state.opens:
                waiting.append(key)

    def _entry(self, key: FunctionKey, waiting: list[FunctionKey]) -> Iterator[Lack]:
        """What may hold where a function starts."""
        for root in self.graph.roots.get(key, ()):
            lack = self._root(key, root)
            if lack is not None:
                yield lack
        for edge in self.graph.callers(key):
            routines = self.graph.routines.get(edge.caller, ())
            offsets = [(r, o) for r in routines for o in self._calls(r, key)]
            if not offsets:
                yield Lack(f"{key.name}() is called by a macro, which was not followed", edge.place)
            for routine, offset in offsets:
                yield from self._judge(routine, offset, edge.caller, waiting)

    def _root(self, key: FunctionKey, root: Root) -> Lack | None:
        """Why a function that is started from outside may not be allowed to sleep."""
        if root.kind in _SLEEPING_ROOTS:
            return None
        if root.kind is RootKind.TIMER and self.in_interrupt:
            return None
        owner, _, member = root.detail.rpartition(".")
        if root.kind is RootKind.TABLE and (owner, member) in self.events.handling.tables:
            return None
        what = f"whether {key.name}() may sleep is not known"
        return Lack(f"{what}: {root.kind.value} ({root.detail})", root.place)

    def _calls(self, routine: Routine, key: FunctionKey) -> list[int]:
        """The offsets of the calls in a routine that may run a function."""
        return [
            event.offset
            for events in self.events.of(routine).values()
            for event in events
            if isinstance(event.effect, Runs) and key in event.effect.keys
        ]

    # -- states --------------------------------------------------------------------------------

    def _before(self, routine: Routine, offset: int) -> Iterator[State]:
        """What may hold before the calls at an offset; nothing for code that is never reached."""
        self._settle(routine)
        states = self._states(routine)
        for index, events in self.events.of(routine).items():
            state = states.get(index)
            for event in events:
                if state is None:
                    break
                if event.offset == offset:
                    yield state
                state = self._after(state, event)

    def _states(self, routine: Routine) -> Mapping[int, State]:
        """What may hold at each point of a routine's flow."""
        flow, events = routine.flow, self.events.of(routine)
        known: dict[int, State] = {0: ENTRY}
        waiting = [0]  # in the order of the text, so that ways meet before they are followed
        while waiting:
            index = heappop(waiting)
            state: State | None = known[index]
            for event in events.get(index, ()):
                if state is not None:
                    state = self._after(state, event)
            if state is None:
                continue
            if flow.points[index].role is Role.RETURN:
                state = given_back(state, flow.points[index].code)
            for edge in flow.edges[index]:
                before = known.get(edge.to)
                kept = self._along(routine, flow.points[index].code, edge.truth, state)
                joined = kept if before is None else before.joined(kept)
                if joined != before:
                    known[edge.to] = joined
                    if edge.to not in waiting:
                        heappush(waiting, edge.to)
        return known

    @staticmethod
    def _along(
        routine: Routine, code: c_ast.Node | None, truth: bool | None, state: State
    ) -> State:
        """What may hold behind a test.

        A lock that was tried for is not held if that failed, nor is one in an object that there is
        not.
        """
        if truth is None or code is None:
            return state
        name = code.name if isinstance(code, c_ast.ID) else str(routine.offset(code))
        if isinstance(code, c_ast.ID) and is_plain(routine, name):
            true = state.true | {name} if truth else state.true - {name}
            false = state.false - {name} if truth else state.false | {name}
            state = replace(state, true=true, false=false)
        if truth:
            return state
        gone = frozenset(
            held
            for held in state.opens
            if isinstance(held, Opens)
            and (held.result == name or held.lock.lstrip("&( ").startswith(f"{name}->"))
        )
        return state.only(state.opens - gone)

    def _after(self, state: State, event: Event) -> State | None:
        """What may hold after an event; None if it never returns."""
        match event.effect:
            case Opens() as held:
                return state.opened(held) if event.sure else state.joined(state.opened(held))
            case Closes(kind=kind, lock=lock, key=key) if event.sure:
                return state.without(kind, key, lock)
            case Sleeps() if event.sure:
                return state.only(())
            case Assigns(name=name) as assigned:
                state = replace(state, true=state.true - {name}, false=state.false - {name})
                return state.only(stale(held, assigned) for held in state.opens)
            case Runs() as runs:
                result = self._run(state, runs, event.offset)
                if runs.all_known and event.sure:
                    return result
                return state if result is None else state.joined(result)
        return state

    def _run(self, state: State, runs: Runs, offset: int) -> State | None:
        """What may hold after one of some functions was called."""
        found: State | None = None
        for key in runs.keys:
            result = self._results.get(key)
            if result is None:
                continue
            own = returned(state, result, runs, offset)
            found = own if found is None else found.joined(own)
        return found

    # -- what functions leave behind -----------------------------------------------------------

    def _settle(self, routine: Routine) -> None:
        """Find what the functions that a routine calls, at any depth, leave behind."""
        order: list[FunctionKey] = []
        seen = set(self._settled)
        waiting: list[tuple[FunctionKey, bool]] = [(k, False) for k in self._called(routine)]
        while waiting:
            key, done = waiting.pop()
            if done:
                order.append(key)
            elif key not in seen:
                seen.add(key)
                waiting.append((key, True))
                for own in self.graph.routines.get(key, ()):
                    waiting += [(callee, False) for callee in self._called(own)]
        changed = bool(order)
        while changed:
            changed = False
            for key in order:
                result = self._result(key)
                if result != self._results.get(key):
                    self._results[key] = result
                    changed = True
        self._settled.update(order)

    def _called(self, routine: Routine) -> list[FunctionKey]:
        found: dict[FunctionKey, None] = {}
        for events in self.events.of(routine).values():
            for event in events:
                if isinstance(event.effect, Runs):
                    found.update(dict.fromkeys(event.effect.keys))
        return list(found)

    def _result(self, key: FunctionKey) -> State | None:
        """What may hold after a function, CALLER for what held before it; None: never returns."""
        found: State | None = None
        for routine in self.graph.routines.get(key, ()):
            own = self._states(routine).get(1)
            if own is not None:
                found = own if found is None else found.joined(own)
        return found


__all__ = ["Contexts", "Lack"]
