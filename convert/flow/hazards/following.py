"""One lock through one function, with the variables that point to a handle.

A function that opens a handle takes a lock and hands it out; one that closes the handle gives back
what its caller held. What the handle is called at these places decides whether it can keep a
cookie.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from convert.flow.scopes.code import DEREF, Assign, Call, Code, Expr, Give, Where


class Seen(NamedTuple):
    """One state of an instruction.

    locked: whether the lock is held. pointers: variables that certainly point to the handle. own:
    whether the task's own pointer has not been changed since the function was entered.
    """

    locked: bool
    pointers: frozenset[str]
    own: bool = True


@dataclass
class Follower:
    """Follows a lock through a function.

    effects: the calls that take the lock (True) or release it (False). opener: whether the handle
    is what the function hands out, or what it was entered with. task: the member of the task that
    points to the handle, if one does. makes: calls that give out a new object. moves: calls that
    may let the task point to another handle.
    """

    code: Code
    effects: Mapping[int, bool]
    opener: bool
    task: Where | None = None
    makes: frozenset[int] = frozenset()
    moves: frozenset[int] = frozenset()
    states: dict[int, set[Seen]] = field(default_factory=dict)

    def run(self, pointers: frozenset[str] = frozenset()) -> Follower:
        """Follow all ways from the start, where some parameters point to the handle."""
        waiting = [(0, Seen(not self.opener, pointers - self.code.escaping))]
        while waiting:
            index, seen = waiting.pop()
            known = self.states.setdefault(index, set())
            if seen in known:
                continue
            known.add(seen)
            after = self.after(index, seen)
            waiting += [(to, after) for to in self.code.following[index] if to >= 0]
        return self

    def after(self, index: int, seen: Seen) -> Seen:
        """The state behind an instruction."""
        match self.code.instructions[index]:
            case Assign(target=target, value=value):
                return self.assigned(seen, target, value)
            case Call(result=result):
                pointers = seen.pointers - {result}
                if index in self.makes:
                    pointers |= {result}
                if index in self.moves:
                    pointers = frozenset() if self.opener else pointers
                    seen = seen._replace(own=False)
                locked = self.effects.get(index, seen.locked)
                return seen._replace(pointers=pointers, locked=locked)
        return seen

    def assigned(self, seen: Seen, target: Where, value: Expr) -> Seen:
        place = value[1] if value[0] == "load" else None
        points = place is not None and (
            (place == self.task and (self.opener or seen.own))
            or (not place.steps and place.var in seen.pointers)
        )
        if target == self.task:
            pointers = seen.pointers
            if self.opener:
                is_plain = place is not None and not place.steps
                pointers = frozenset({place.var} if place and is_plain else ()) - self.code.escaping
            return seen._replace(pointers=pointers, own=False)
        if target.steps:
            return seen
        pointers = seen.pointers - {target.var}
        if points and target.var not in self.code.escaping:
            pointers |= {target.var}
        return seen._replace(pointers=pointers)

    # -- what is seen --------------------------------------------------------------------------

    def outs(self) -> Iterator[tuple[int, Seen]]:
        """The ways out, each with its states."""
        for index, states in sorted(self.states.items()):
            if isinstance(self.code.instructions[index], Give):
                yield from ((index, seen) for seen in states)

    def releases(self) -> Iterator[tuple[int, Seen]]:
        """The calls that release the lock, each with its states."""
        for index, states in sorted(self.states.items()):
            if self.effects.get(index) is False:
                yield from ((index, seen) for seen in states)


def task_members(code: Code, name: str) -> Iterator[tuple[int, Where]]:
    """The instructions that assign a member of the task itself; ``name``: of the task."""
    for index, instruction in enumerate(code.instructions):
        if isinstance(instruction, Assign) and instruction.target.var == name:
            steps = instruction.target.steps
            if len(steps) == 2 and steps[0] == DEREF:
                yield index, instruction.target
