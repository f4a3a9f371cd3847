"""Every path of a function, until all outcomes are known.

A path is cut where its state has been seen before: all that can follow was, or will be, explored
from there. Loops are run as they are; one that goes on too long, or that forks, gives up the values
of the integers that it changes (they become unknown), so that it comes back to a known state. Both
only add outcomes that cannot happen, never lose one that can.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from convert.semantics.cint import CInt, unknown
from convert.semantics.interpreter.code import Merge
from convert.semantics.interpreter.machine import Machine, Stopped
from convert.semantics.interpreter.state import Attempt, FreedBy, State, Visit
from convert.semantics.interpreter.values import (
    TASK_FLAGS,
    CannotExecute,
    Value,
    Where,
)

# Rounds of a loop that are run with exact values, if it does not fork. More than any retry limit
# worth the name; fewer would turn a bounded loop into one of unknown length, which is sound too.
EXACT_ROUNDS = 128
# Instructions and states of one run. The wrappers known need a few thousand.
MAX_STEPS = 400_000
MAX_STATES = 20_000


@dataclass(frozen=True)
class Outcome:
    """One end of a path.

    value: what the function returned, None if the path was trapped (``trap`` says by what).
    conditions: what had to be so for this path and was not decided. widened: a loop's integers
    were given up on the way. task_flags: ``current->flags`` at the end.
    """

    value: Value | None
    trap: str
    where: Where
    conditions: tuple[str, ...]
    assumptions: frozenset[str]
    widened: bool
    frees: frozenset[FreedBy]
    attempts: tuple[Attempt, ...]
    task_flags: Value

    @property
    def certain(self) -> bool:
        """Whether nothing undecided or given up led here."""
        return not self.conditions and not self.widened


@dataclass(frozen=True)
class Run:
    """All outcomes of a function under one schedule.

    endless: loops that come back to the same state and so never end on that path. repeated: the
    places of attempts that were made again after they failed. ignored: calls whose bodies were not
    read. lines: the lines that were executed.
    """

    outcomes: tuple[Outcome, ...]
    endless: tuple[Where, ...]
    repeated: tuple[Where, ...]
    attempts: tuple[Attempt, ...]
    ignored: tuple[str, ...]
    sleeps: tuple[Where, ...]
    lines: tuple[Where, ...]


def explore(machine: Machine, function: str, arguments: Sequence[Value], task_flags: CInt) -> Run:
    """Run ``function`` on all paths, with ``current->flags`` as given.

    Raises CannotExecute where a path reaches code that is not known, or the budget is used up.
    """
    start = State(frames=[], store={TASK_FLAGS: task_flags})
    code = machine.code(function)
    where = code.instructions[0].where
    if len(code.parameters) != len(arguments):
        raise CannotExecute(where, f"{function}() takes {len(code.parameters)} arguments")
    machine.enter(start, code, list(arguments), where)
    return _Exploration(machine).run(start)


class _Exploration:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.seen: set[Hashable] = set()
        self.outcomes: dict[Outcome, None] = {}
        self.endless: dict[Where, None] = {}
        self.repeated: dict[Where, None] = {}
        self.lines: dict[Where, None] = {}
        self.steps = 0
        self.states = 0

    def run(self, start: State) -> Run:
        waiting = [start]
        while waiting:
            waiting += reversed(self.follow(waiting.pop()))
        log = self.machine.log
        return Run(
            outcomes=tuple(self.outcomes),
            endless=tuple(self.endless),
            repeated=tuple(self.repeated),
            attempts=tuple(log.attempts),
            ignored=tuple(log.ignored),
            sleeps=tuple(log.sleeps),
            lines=tuple(self.lines),
        )

    def follow(self, state: State) -> list[State]:
        """Run one path to its end, or to a fork; the forks are returned."""
        while True:
            frame = state.frames[-1]
            instruction = frame.code.instructions[frame.pc]
            self.count(instruction.where)
            if isinstance(instruction, Merge) and self.known(state, instruction):
                self.note(state)
                return []
            result = self.machine.step(state)
            if isinstance(result, Stopped):
                self.end(state, result)
                return []
            if result is not None:
                self.states += len(result)
                return result

    def count(self, where: Where) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS or self.states > MAX_STATES:
            raise CannotExecute(where, f"more than {MAX_STEPS} steps or {MAX_STATES} states")

    def known(self, state: State, merge: Merge) -> bool:
        """Whether the state was seen here before; a loop's state may be widened first."""
        if merge.loop:
            self.visit(state)
        key = state.key
        if key in self.seen:
            if key in state.trail:
                self.endless.setdefault(merge.where)
            return True
        self.seen.add(key)
        state.trail.setdefault(key)
        return False

    def visit(self, state: State) -> None:
        """Count a round of a loop; give up integers that change from round to round."""
        last = state.visits.get(state.site)
        if last is not None:
            forked = last.forks != state.forks
            if last.count >= EXACT_ROUNDS or (forked and last.count >= 2):
                self.widen(state, last)
            count, forks = last.count + 1, last.forks
        else:
            count, forks = 1, state.forks
        state.visits[state.site] = Visit(count, forks, dict(state.store))

    def widen(self, state: State, last: Visit) -> None:
        for place, value in state.store.items():
            before = last.store.get(place)
            if isinstance(value, CInt) and isinstance(before, CInt) and value != before:
                state.store[place] = unknown(value.ctype)
                state.widened = True

    def note(self, state: State) -> None:
        """Keep what a path did, whether it ended or was cut."""
        self.lines.update(state.lines)
        places = [attempt.where for attempt in state.attempts]
        for index, place in enumerate(places):
            if place in places[:index]:
                self.repeated.setdefault(place)

    def end(self, state: State, stopped: Stopped) -> None:
        self.note(state)
        outcome = Outcome(
            value=stopped.value,
            trap=stopped.what,
            where=stopped.where,
            conditions=state.conditions,
            assumptions=state.assumptions,
            widened=state.widened,
            frees=state.frees,
            attempts=state.attempts,
            task_flags=state.load(TASK_FLAGS),
        )
        self.outcomes.setdefault(outcome)
