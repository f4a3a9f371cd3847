"""One state of a run: frames, memory, and the path that led here."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace

from convert.semantics.cint import UINT, CInt, CType, unknown
from convert.semantics.interpreter.code import Code
from convert.semantics.interpreter.values import (
    TASK_FLAGS,
    Allocation,
    CannotExecute,
    Inside,
    Kind,
    Memory,
    Opaque,
    Place,
    Ref,
    Type,
    Value,
    Where,
)
from convert.semantics.stubs import Family

# A member name that stands for "some element" of an array.
ANY_ELEMENT = "[?]"


@dataclass(frozen=True)
class Attempt:
    """One call of a primitive allocator: with which mask, under which ``current->flags``."""

    allocator: str
    family: Family
    mask: CInt
    task_flags: CInt
    where: Where


@dataclass(frozen=True)
class FreedBy:
    """One call of a deallocator; ``label`` is the entry's parameter that was freed, if it was."""

    deallocator: str
    label: str
    where: Where


@dataclass
class Frame:
    """One active call."""

    code: Code
    pc: int = 0
    stack: list[Value] = field(default_factory=list)

    def copy(self) -> Frame:
        """An independent copy."""
        return Frame(self.code, self.pc, list(self.stack))


@dataclass(frozen=True)
class Visit:
    """How often a path came to a loop, and what it was like the last time."""

    count: int
    forks: int
    store: dict[Place, Value]


@dataclass
class State:
    """Where a path stands.

    ``frames`` to ``frees`` decide how it goes on; the rest tells how it came here: conditions that
    were not decided, whether a loop's variables were given up (``widened``), attempts in order.
    """

    frames: list[Frame]
    store: dict[Place, Value]
    failures: int = 0
    allocations: int = 0
    frees: frozenset[FreedBy] = frozenset()
    conditions: tuple[str, ...] = ()
    assumptions: frozenset[str] = frozenset()
    widened: bool = False
    forks: int = 0
    attempts: tuple[Attempt, ...] = ()
    lines: dict[Where, None] = field(default_factory=dict)
    visits: dict[Hashable, Visit] = field(default_factory=dict)
    trail: dict[Hashable, None] = field(default_factory=dict)

    def copy(self) -> State:
        """An independent copy."""
        return State(
            frames=[frame.copy() for frame in self.frames],
            store=dict(self.store),
            failures=self.failures,
            allocations=self.allocations,
            frees=self.frees,
            conditions=self.conditions,
            assumptions=self.assumptions,
            widened=self.widened,
            forks=self.forks,
            attempts=self.attempts,
            lines=dict(self.lines),
            visits=dict(self.visits),
            trail=dict(self.trail),
        )

    @property
    def key(self) -> Hashable:
        """What decides how the path goes on; two states with one key have the same outcomes."""
        frames = tuple((f.code.name, f.pc, tuple(f.stack)) for f in self.frames)
        memory = frozenset(self.store.items())
        return frames, memory, self.failures, self.allocations, self.frees, self.assumptions

    @property
    def site(self) -> Hashable:
        """The place in the code, with the calls that led there."""
        return tuple((frame.code.name, frame.pc) for frame in self.frames)

    def add_condition(self, condition: str) -> None:
        """Note that this path is taken only if something undecided is so."""
        if condition not in self.conditions:
            self.conditions = (*self.conditions, condition)

    # -- objects -----------------------------------------------------------------------------

    def type_at(self, place: Place) -> Type:
        """The declared type of an object."""
        if place == TASK_FLAGS:
            return UINT
        if place.frame < 0 or place.fields:
            return Kind.UNKNOWN
        return self.frames[place.frame].code.types[place.name]

    def load(self, place: Place) -> Value:
        """The value of an object; opaque if it was never stored."""
        if place in self.store:
            return self.store[place]
        ctype = self.type_at(place)
        if ctype is Kind.ARRAY:
            return Ref(place)
        return unknown(ctype) if isinstance(ctype, CType) else Opaque()

    def assign(self, place: Place, value: Value) -> None:
        """Store a value that has the object's type already."""
        if ANY_ELEMENT in place.fields:
            cut = place.fields.index(ANY_ELEMENT)
            self.forget(Place(place.frame, place.name, place.fields[:cut]))
            return
        root = Place(place.frame, place.name)
        if place.frame >= 0 and any(not field.startswith("[") for field in place.fields):
            self.forget(root)  # members may share their bytes, as those of a union do
        self.forget(place)
        if self.type_at(place) not in (Kind.AGGREGATE, Kind.ARRAY):
            self.store[place] = value

    def forget(self, place: Place) -> None:
        """Nothing is known any more of an object and its members."""
        depth = len(place.fields)
        for known in list(self.store):
            same = (known.frame, known.name) == (place.frame, place.name)
            if same and known.fields[:depth] == place.fields:
                del self.store[known]

    def drop_frame(self) -> None:
        """End the innermost call: its locals are gone, addresses of them are worth nothing."""
        dead = len(self.frames) - 1
        self.frames.pop()
        self.store = {place: value for place, value in self.store.items() if place.frame != dead}
        self.replace(
            lambda v: Opaque(nonzero=True) if isinstance(v, Ref) and v.place.frame == dead else v
        )

    def replace(self, change: Callable[[Value], Value]) -> None:
        """Change every value in memory and on the stacks."""
        self.store = {place: change(value) for place, value in self.store.items()}
        for frame in self.frames:
            frame.stack = [change(value) for value in frame.stack]

    def release(self, allocation: Allocation) -> None:
        """An allocation is gone: pointers to it are worth nothing."""

        def change(value: Value) -> Value:
            gone = isinstance(value, (Memory, Inside)) and value.allocation == allocation
            return Opaque(nonzero=True) if gone else value

        self.replace(change)

    def set_zeroed(self, allocation: Allocation, zeroed: bool | None) -> None:
        """Say of an allocation whether it is zero; None where something was written to it."""
        changed = replace(allocation, zeroed=zeroed)

        def change(value: Value) -> Value:
            if isinstance(value, (Memory, Inside)) and value.allocation == allocation:
                return type(value)(changed)
            return value

        self.replace(change)

    def check_escape(self, value: Value, where: Where, what: str) -> None:
        """Raise CannotExecute if ``value`` would make a followed object known to unknown code."""
        if isinstance(value, Ref):
            raise CannotExecute(where, what)
