"""The kinds of facts about locks, waits and reclaim that locks.toml holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

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

_Lock = Annotated[str, StringConstraints(pattern=_LOCK)]
_Member = Annotated[str, StringConstraints(pattern=_MEMBER)]


class Fact(BaseModel):
    """Anything with a source."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str = Field(min_length=1)


class Calls(Fact):
    """Something about functions or macros."""

    names: tuple[str, ...] = Field(min_length=1)


class _OfObject(Calls):
    """What an argument says: the lock itself, or (``owner``, ``member``) the object that holds it.

    slot: the argument, from 0. through: the members that lead from it to the object, where it is
    not the object itself (``d_inode``, ``f_inode->i_sb``). name: what reports call the lock, if not
    by its member. bit: the argument that says which bit of the word is the lock.
    """

    slot: int = Field(default=0, ge=0)
    name: str | None = Field(default=None, pattern=_LOCK)
    bit: int | None = Field(default=None, ge=0)
    owner: str | None = Field(default=None, pattern=_OWNER)
    member: str | None = Field(default=None, pattern=_CHAIN)
    through: str | None = Field(default=None, pattern=_CHAIN)

    @model_validator(mode="after")
    def _whole(self) -> _OfObject:
        if (self.owner is None) != (self.member is None):
            raise ValueError("owner and member belong together")
        if self.owner is None and (self.through or self.name):
            raise ValueError("through and name need an owner")
        return self

    @property
    def lock(self) -> str | None:
        """``inode.i_rwsem`` if the argument holds the lock, None if it is the lock."""
        if self.name is not None:
            return self.name
        if self.owner is None or self.member is None:
            return None
        return f"{self.owner.split()[1]}.{self.member}"


class Take(_OfObject):
    """Functions that take a lock.

    waits: whether they wait until they have it; False for try-locks. succeeds: the result with
    which the lock is held. shared: whether several tasks may hold it so at once. number_slot: only
    if the argument there is written as ``number``.
    """

    what: LockKind
    waits: bool = True
    succeeds: Literal["always", "zero", "nonzero"] = "always"
    shared: bool = False
    number_slot: int | None = Field(default=None, ge=0)
    number: int = 0


class Locked(Calls):
    """Functions that give out an object with its lock held: ``lock``, for reports.

    slot: the argument that points to where it is stored; None: it is the result. succeeds: the
    result with which there is one. flag: only if the argument ``flag_slot`` has this flag. waits:
    whether they wait until they have the lock.
    """

    what: LockKind
    lock: str = Field(pattern=_LOCK)
    slot: int | None = Field(default=None, ge=0)
    succeeds: Literal["zero", "nonzero"] = "nonzero"
    flag: str | None = Field(default=None, pattern=_NAME)
    flag_slot: int | None = Field(default=None, ge=0)
    waits: bool = True


class Release(_OfObject):
    """Functions that give a lock back; ``keeps``: they only turn it into a shared one."""

    what: LockKind
    keeps: bool = False


class Guard(Calls):
    """Guard classes: ``guard(name)(&lock)`` takes a lock until the block ends."""

    what: LockKind
    waits: bool = True
    shared: bool = False


class Wait(Calls):
    """Functions that wait for something other than a lock.

    slot: the argument that says for what; None: none does. bit: the argument that says for which
    bit of it. ends: what ends the wait: a task that wakes it up (``task``), nothing but the end of
    I/O (``io``), a time that is over (``time``), all readers having left (``readers``). event: what
    reports call what is waited for, if not by the argument; who wakes up the same event ends the
    wait. runs: members of tables (``struct owner.member``) that run before it ends. bounded: it
    ends after a time as well. begins: it only enters the wait, which the next schedule() makes.
    referenced: it only lasts while somebody refers to the object that is given.
    """

    what: WaitKind
    slot: int | None = Field(default=None, ge=0)
    bit: int | None = Field(default=None, ge=0)
    event: str | None = Field(default=None, pattern=_LOCK)
    runs: tuple[_Member, ...] = ()
    bounded: bool = False
    begins: bool = False
    referenced: bool = False
    ends: Literal["task", "io", "time", "readers"] = "task"


class Wake(Calls):
    """Functions that end the wait for what the argument ``slot`` is, or for ``event``."""

    what: WaitKind
    slot: int = Field(default=0, ge=0)
    event: str | None = Field(default=None, pattern=_LOCK)


class WaitQueue(Calls):
    """Functions that return the wait queue of what the argument ``slot`` is.

    bit: the argument that says of which bit of it.
    """

    slot: int = Field(ge=0)
    bit: int | None = Field(default=None, ge=0)


class Held(Fact):
    """A lock that is held when the kernel's core calls members of a table.

    slot: the argument of the callback that holds the lock; None: none does. through: the members
    that lead from it to the object. shared: others may hold it too. gives_back: the callback
    releases it.
    """

    owner: str = Field(pattern=_OWNER)
    members: tuple[str, ...] = Field(min_length=1)
    lock: str = Field(pattern=_LOCK)
    slot: int | None = Field(default=None, ge=0)
    through: str | None = Field(default=None, pattern=_CHAIN)
    shared: bool = False
    gives_back: bool = False


class Queue(Calls):
    """Functions that have a work item run: the arguments of item and workqueue, if it has one."""

    work: int = Field(ge=0)
    queue: int | None = Field(default=None, ge=0)


class Work(Calls):
    """Functions and macros that tie a work item to its function."""

    work: int = Field(ge=0)
    function: int = Field(ge=0)


class Thread(Calls):
    """Functions and macros that start a kernel thread: the arguments of function and its data."""

    function: int = Field(ge=0)
    data: int | None = Field(default=None, ge=0)


class Reclaim(Fact):
    """Members of a table that reclaim with ``__GFP_FS`` calls.

    reason: one sentence that says how it gets there. conditions: what holds whenever it does.
    unreferenced: the argument of the callbacks, from 0, that nobody refers to then (of a mapping:
    its inode); None if others may. flags: task flags that are set then, besides those that always
    are. atomic: it runs where nothing may sleep, so that it waits for nothing.
    """

    owner: str = Field(pattern=_OWNER)
    members: tuple[str, ...] = Field(min_length=1)
    reason: str = Field(min_length=1)
    conditions: tuple[str, ...] = ()
    unreferenced: int | None = Field(default=None, ge=0)
    flags: tuple[str, ...] = ()
    atomic: bool = False


class ReclaimWait(Fact):
    """What reclaim waits for by itself: the holder of a lock, a worker, or the end of I/O.

    worker: its function. runs: members of tables (``struct owner.member``) that the worker runs.
    without_fs: it also waits without ``__GFP_FS``, so that no scope helps.
    """

    lock: str | None = Field(default=None, pattern=_LOCK)
    worker: str | None = Field(default=None, pattern=_NAME)
    io: bool = False
    runs: tuple[_Member, ...] = ()
    reason: str = Field(min_length=1)
    conditions: tuple[str, ...] = ()
    without_fs: bool = False

    @model_validator(mode="after")
    def _one(self) -> ReclaimWait:
        if (self.lock is not None) + (self.worker is not None) + self.io != 1:
            raise ValueError("one of lock, worker and io is needed")
        return self


class ReclaimCall(Calls):
    """Exported functions of libraries that filesystems call from what reclaim calls.

    The keys mean what those of ``Reclaim`` do.
    """

    reason: str = Field(min_length=1)
    conditions: tuple[str, ...] = ()
    unreferenced: int | None = Field(default=None, ge=0)


class Outside(Calls):
    """Functions of the kernel's core that wait for locks, wait, or call tables.

    takes: locks (``owner.member``) that they take and give back. waits: what else they wait for.
    workers: functions of workers that they wait for. calls: members of tables
    (``struct owner.member``) that they may call. own: the argument to which all of ``takes`` that
    hold a filesystem's objects belong: no others are locked.
    """

    takes: tuple[_Lock, ...] = ()
    waits: tuple[WaitKind, ...] = ()
    workers: tuple[str, ...] = ()
    calls: tuple[_Member, ...] = ()
    own: int | None = Field(default=None, ge=0)
    note: str = ""


class Runs(Calls):
    """Functions that run the functions that their arguments ``slots`` are, before they return."""

    slots: tuple[int, ...] = Field(min_length=1)


class Harmless(Fact):
    """Functions that sound like locks or waits but neither wait for a task nor hold anything off.

    names: whole names; begin: beginnings of names, of those that have no entry elsewhere. reason:
    why they do not matter.
    """

    names: tuple[str, ...] = ()
    begin: tuple[str, ...] = ()
    reason: str = Field(min_length=1)


class TaskFlag(Fact):
    """A flag of ``current->flags`` in reclaim: set on all its paths, on some, or on none."""

    name: str = Field(pattern=_NAME)
    set: Literal["always", "sometimes", "never"]


class Explained(Fact):
    """A wait that says by nothing in the text who ends it.

    function: where it stands. statement: who ends it, and why nobody who allocates without a scope
    has to.
    """

    id: str = Field(min_length=1)
    function: str = Field(pattern=_NAME)
    statement: str = Field(min_length=1)


class Unreferenced(Fact):
    """A lock that reclaim takes of objects alone that nobody refers to.

    statement: what a maintainer said, in one sentence. quote: some of its words.
    """

    id: str = Field(min_length=1)
    lock: str = Field(pattern=_LOCK)
    statement: str = Field(min_length=1)
    quote: str = Field(min_length=1)
