"""What takes locks, waits, wakes and is called by memory reclaim, read from locks.toml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib import resources
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from convert.profiles.reading import parse_toml

LockKind = Literal[
    "mutex", "rwsem", "semaphore", "bit lock", "folio lock", "buffer lock", "freeze protection"
]
WaitKind = Literal[
    "wait queue",
    "completion",
    "work item",
    "workqueue",
    "kernel thread",
    "bit wait",
    "grace period",
    "time",
    "I/O",
]

_NAME = r"^[A-Za-z_]\w*$"
_OWNER = r"^(struct|union) [A-Za-z_]\w*$"
_LOCK = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$"
_MEMBER = r"^(struct|union) [A-Za-z_]\w*\.[A-Za-z_]\w*$"
_CHAIN = r"^[A-Za-z_]\w*((\.|->)[A-Za-z_]\w*)*$"


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str = Field(min_length=1)


class _Calls(_Fact):
    names: tuple[str, ...] = Field(min_length=1)


class _OfObject(_Calls):
    """What an argument says: the lock itself, or (``owner``, ``member``) the object that holds it.

    slot: the argument, from 0. through: the members that lead from the argument to the object,
    where the argument is not the object itself (``d_inode``, ``f_inode->i_sb``).
    """

    slot: int = Field(default=0, ge=0)
    owner: str | None = Field(default=None, pattern=_OWNER)
    member: str | None = Field(default=None, pattern=_CHAIN)
    through: str | None = Field(default=None, pattern=_CHAIN)

    @model_validator(mode="after")
    def _whole(self) -> _OfObject:
        if (self.owner is None) != (self.member is None):
            raise ValueError("owner and member belong together")
        if self.through is not None and self.owner is None:
            raise ValueError("through needs an owner")
        return self

    @property
    def lock(self) -> str | None:
        """``inode.i_rwsem`` if the argument holds the lock, None if it is the lock."""
        if self.owner is None or self.member is None:
            return None
        return f"{self.owner.split()[1]}.{self.member}"


class Take(_OfObject):
    """Functions that take a lock.

    waits: whether they wait until they have it; False for try-locks. succeeds: the result with
    which the lock is held. shared: whether several tasks may hold it so at once.
    """

    what: LockKind
    waits: bool = True
    succeeds: Literal["always", "zero", "nonzero"] = "always"
    shared: bool = False


class Release(_OfObject):
    """Functions that give a lock back; ``keeps``: they only turn it into a shared one."""

    what: LockKind
    keeps: bool = False


class Guard(_Calls):
    """Guard classes: ``guard(name)(&lock)`` takes a lock until the block ends."""

    what: LockKind
    waits: bool = True
    shared: bool = False


class Wait(_Calls):
    """Functions that wait for something other than a lock.

    slot: the argument that says for what; None: none does. ends: what ends the wait: a task that
    wakes it up (``task``), nothing but the end of I/O (``io``), a time that is over (``time``), all
    readers having left (``readers``).
    """

    what: WaitKind
    slot: int | None = Field(default=None, ge=0)
    ends: Literal["task", "io", "time", "readers"] = "task"


class Wake(_Calls):
    """Functions that end the wait for what the argument ``slot`` is."""

    what: WaitKind
    slot: int = Field(default=0, ge=0)


class Queue(_Calls):
    """Functions that have a work item run: the arguments of item and workqueue, if it has one."""

    work: int = Field(ge=0)
    queue: int | None = Field(default=None, ge=0)


class Work(_Calls):
    """Functions and macros that tie a work item to its function."""

    work: int = Field(ge=0)
    function: int = Field(ge=0)


class Thread(_Calls):
    """Functions and macros that start a kernel thread: the arguments of function and its data."""

    function: int = Field(ge=0)
    data: int | None = Field(default=None, ge=0)


class Reclaim(_Fact):
    """Members of a table that reclaim with ``__GFP_FS`` calls.

    reason: one sentence that says how it gets there. conditions: what holds whenever it does.
    unreferenced: the argument of the callbacks, from 0, that nobody refers to then; None if
    others may.
    """

    owner: str = Field(pattern=_OWNER)
    members: tuple[str, ...] = Field(min_length=1)
    reason: str = Field(min_length=1)
    conditions: tuple[str, ...] = ()
    unreferenced: int | None = Field(default=None, ge=0)


class Outside(_Calls):
    """Functions of the kernel's core that wait for locks, wait, or call tables.

    takes: locks (``owner.member``) that they take and give back. waits: what else they wait for.
    calls: members of tables (``struct owner.member``) that they may call.
    """

    takes: tuple[str, ...] = ()
    waits: tuple[WaitKind, ...] = ()
    calls: tuple[str, ...] = ()
    note: str = ""


class TaskFlag(_Fact):
    """A flag of ``current->flags`` in reclaim: set on all its paths, or on some of them."""

    name: str = Field(pattern=_NAME)
    set: Literal["always", "sometimes"]


class Unreferenced(_Fact):
    """A lock that reclaim takes of objects alone that nobody refers to.

    statement: what a maintainer said, in one sentence. quote: some of its words.
    """

    id: str = Field(min_length=1)
    lock: str = Field(pattern=_LOCK)
    statement: str = Field(min_length=1)
    quote: str = Field(min_length=1)


_Entry = TypeVar("_Entry", bound=_Calls)


def _by_name(entries: Iterable[_Entry]) -> Mapping[str, tuple[_Entry, ...]]:
    found: dict[str, tuple[_Entry, ...]] = {}
    for entry in entries:
        for name in entry.names:
            found[name] = (*found.get(name, ()), entry)
    return found


class Locks(BaseModel):
    """The facts of locks.toml; see there for the meaning of each list.

    A name may have several entries of one list: a function that takes the locks of two arguments.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    take: tuple[Take, ...] = ()
    release: tuple[Release, ...] = ()
    guard: tuple[Guard, ...] = ()
    wait: tuple[Wait, ...] = ()
    wake: tuple[Wake, ...] = ()
    queue: tuple[Queue, ...] = ()
    work: tuple[Work, ...] = ()
    thread: tuple[Thread, ...] = ()
    reclaim: tuple[Reclaim, ...] = ()
    outside: tuple[Outside, ...] = ()
    task: tuple[TaskFlag, ...] = ()
    unreferenced: tuple[Unreferenced, ...] = ()

    @cached_property
    def takes(self) -> Mapping[str, tuple[Take, ...]]:
        """What takes a lock, by the function's name."""
        return _by_name(self.take)

    @cached_property
    def releases(self) -> Mapping[str, tuple[Release, ...]]:
        """What gives a lock back, by the function's name."""
        return _by_name(self.release)

    @cached_property
    def guards(self) -> Mapping[str, tuple[Guard, ...]]:
        """Guard classes, by their name."""
        return _by_name(self.guard)

    @cached_property
    def waits(self) -> Mapping[str, tuple[Wait, ...]]:
        """What waits, by the function's name."""
        return _by_name(self.wait)

    @cached_property
    def wakes(self) -> Mapping[str, tuple[Wake, ...]]:
        """What ends waits, by the function's name."""
        return _by_name(self.wake)

    @cached_property
    def queues(self) -> Mapping[str, tuple[Queue, ...]]:
        """What has work items run, by the function's name."""
        return _by_name(self.queue)

    @cached_property
    def works(self) -> Mapping[str, tuple[Work, ...]]:
        """What ties work items to functions, by its name."""
        return _by_name(self.work)

    @cached_property
    def threads(self) -> Mapping[str, tuple[Thread, ...]]:
        """What starts kernel threads, by its name."""
        return _by_name(self.thread)

    @cached_property
    def outsides(self) -> Mapping[str, tuple[Outside, ...]]:
        """Functions of the kernel's core that wait or call back, by name."""
        return _by_name(self.outside)

    @cached_property
    def reclaims(self) -> Mapping[tuple[str, str], Reclaim]:
        """What reclaim calls, by table (``struct super_operations``) and member."""
        return {(entry.owner, name): entry for entry in self.reclaim for name in entry.members}

    @cached_property
    def task_flags(self) -> Mapping[str, TaskFlag]:
        """Flags of the task in reclaim, by name."""
        return {entry.name: entry for entry in self.task}

    @cached_property
    def excused(self) -> Mapping[str, tuple[Unreferenced, ...]]:
        """Statements about a lock (``xfs_inode.i_lock``), by the lock."""
        found: dict[str, tuple[Unreferenced, ...]] = {}
        for entry in self.unreferenced:
            found[entry.lock] = (*found.get(entry.lock, ()), entry)
        return found


def parse_locks(text: str, origin: str) -> Locks:
    """Read the facts from TOML text; raises InputError naming ``origin`` and the offending key."""
    return parse_toml(Locks, text, origin)


def load_locks() -> Locks:
    """Read the locks.toml that ships with the tool."""
    entry = resources.files("convert.profiles").joinpath("locks.toml")
    return parse_locks(entry.read_text("utf-8"), "locks.toml")
