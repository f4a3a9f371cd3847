"""What takes locks, waits, wakes and is called by memory reclaim, read from locks.toml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib import resources
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from convert.profiles.lock_facts import (
    Calls,
    Explained,
    Guard,
    Harmless,
    Held,
    Locked,
    Outside,
    Queue,
    Reclaim,
    ReclaimCall,
    ReclaimWait,
    Release,
    Runs,
    Take,
    TaskFlag,
    Thread,
    Unreferenced,
    Wait,
    WaitQueue,
    Wake,
    Work,
)
from convert.profiles.reading import parse_toml

_Entry = TypeVar("_Entry", bound=Calls)


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
    locked: tuple[Locked, ...] = ()
    release: tuple[Release, ...] = ()
    guard: tuple[Guard, ...] = ()
    wait: tuple[Wait, ...] = ()
    wake: tuple[Wake, ...] = ()
    waitqueue: tuple[WaitQueue, ...] = ()
    held: tuple[Held, ...] = ()
    queue: tuple[Queue, ...] = ()
    work: tuple[Work, ...] = ()
    thread: tuple[Thread, ...] = ()
    reclaim: tuple[Reclaim, ...] = ()
    reclaim_wait: tuple[ReclaimWait, ...] = ()
    reclaim_call: tuple[ReclaimCall, ...] = ()
    outside: tuple[Outside, ...] = ()
    runs: tuple[Runs, ...] = ()
    harmless: tuple[Harmless, ...] = ()
    task: tuple[TaskFlag, ...] = ()
    unreferenced: tuple[Unreferenced, ...] = ()
    explained: tuple[Explained, ...] = ()

    @cached_property
    def takes(self) -> Mapping[str, tuple[Take, ...]]:
        """What takes a lock, by the function's name."""
        return _by_name(self.take)

    @cached_property
    def gives_locked(self) -> Mapping[str, tuple[Locked, ...]]:
        """What gives out locked objects, by the function's name."""
        return _by_name(self.locked)

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
    def waitqueues(self) -> Mapping[str, tuple[WaitQueue, ...]]:
        """What returns wait queues, by the function's name."""
        return _by_name(self.waitqueue)

    @cached_property
    def held_at(self) -> Mapping[tuple[str, str], tuple[Held, ...]]:
        """What is held when a member is called, by table and member."""
        found: dict[tuple[str, str], tuple[Held, ...]] = {}
        for entry in self.held:
            for name in entry.members:
                key = (entry.owner, name)
                found[key] = (*found.get(key, ()), entry)
        return found

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
    def names(self) -> frozenset[str]:
        """All functions, macros and guard classes that have an entry."""
        lists: tuple[tuple[Calls, ...], ...] = (
            self.take,
            self.locked,
            self.release,
            self.guard,
            self.wait,
            self.wake,
            self.waitqueue,
            self.queue,
            self.work,
            self.thread,
            self.outside,
            self.runs,
            self.reclaim_call,
        )
        return frozenset(name for entries in lists for entry in entries for name in entry.names)

    def is_harmless(self, name: str) -> bool:
        """Whether a function is known to neither wait for a task nor hold one off."""
        if any(name in entry.names for entry in self.harmless):
            return True
        return name not in self.names and any(name.startswith(one.begin) for one in self.harmless)

    @cached_property
    def running(self) -> Mapping[str, tuple[int, ...]]:
        """The arguments that are run before a function of the core returns, by its name."""
        return {name: entry.slots for entry in self.runs for name in entry.names}

    @cached_property
    def reclaims(self) -> Mapping[tuple[str, str], Reclaim]:
        """What reclaim calls, by table (``struct super_operations``) and member."""
        return {(entry.owner, name): entry for entry in self.reclaim for name in entry.members}

    @cached_property
    def reclaim_calls(self) -> Mapping[str, tuple[ReclaimCall, ...]]:
        """Functions of libraries that run in reclaim, by name."""
        return _by_name(self.reclaim_call)

    @cached_property
    def task_flags(self) -> Mapping[str, TaskFlag]:
        """Flags of the task in reclaim, by name."""
        return {entry.name: entry for entry in self.task}

    @cached_property
    def explanations(self) -> Mapping[str, Explained]:
        """Who ends a wait that the text does not tell about, by the function it stands in."""
        return {entry.function: entry for entry in self.explained}

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


__all__ = [
    "Explained",
    "Guard",
    "Harmless",
    "Held",
    "Locked",
    "Locks",
    "Outside",
    "Queue",
    "Reclaim",
    "ReclaimCall",
    "ReclaimWait",
    "Release",
    "Runs",
    "Take",
    "TaskFlag",
    "Thread",
    "Unreferenced",
    "Wait",
    "WaitQueue",
    "Wake",
    "Work",
    "load_locks",
    "parse_locks",
]
