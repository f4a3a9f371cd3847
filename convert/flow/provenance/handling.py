"""What the kernel's functions do with memory they are handed, read from vmalloc.toml."""

from __future__ import annotations

from functools import cached_property
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from convert.profiles.reading import parse_toml


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str = Field(min_length=1)


class Twin(_Fact):
    """A function and the one that takes or gives vmalloc memory as well."""

    name: str
    twin: str


class FreeTwin(Twin):
    """The same for frees; ``later``: the memory is given back by a worker."""

    later: bool = False


class Deferred(_Fact):
    """The header of the macros that free later, and what shows that they take vmalloc memory."""

    file: str
    takes: tuple[str, ...]


class InterruptFacts(_Fact):
    """Where vfree() is, the test for interrupts in it, and what marks the function that defers."""

    file: str
    names: tuple[str, ...]
    test: str
    defers: tuple[str, ...]


class Handlers(_Fact):
    """Functions by name or by the beginning of their names.

    returns: what they return may point into the memory that they are handed.
    """

    names: tuple[str, ...]
    prefixes: tuple[str, ...] = ()
    returns: bool = False

    def has(self, name: str) -> bool:
        """Whether a function is one of them."""
        return name in self.names or (bool(self.prefixes) and name.startswith(self.prefixes))


class Linear(_Fact):
    """Functions that take memory of the linear mapping only."""

    names: tuple[str, ...]


class Atomic(_Fact):
    """What opens and closes stretches of code that may not sleep.

    tries: openers that only open one if they return true. second: those whose second argument is
    the lock.
    """

    opens: tuple[str, ...]
    closes: tuple[str, ...]
    tries: tuple[str, ...] = ()
    second: tuple[str, ...] = ()


class NoAtomic(_Fact):
    """Functions with a lock in their names that open no such stretch; ``parts`` of names, too."""

    names: tuple[str, ...]
    parts: tuple[str, ...]


class Table(_Fact):
    """Members of a structure that the kernel calls where it may sleep."""

    owner: str
    names: tuple[str, ...]


class Handling(BaseModel):
    """The tables of vmalloc.toml; see there for the meaning of each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    allocator: tuple[Twin, ...]
    free: tuple[FreeTwin, ...]
    deferred: Deferred
    vfree: InterruptFacts
    linear: tuple[Linear, ...]
    borrows: tuple[Handlers, ...]
    links: tuple[Handlers, ...]
    atomic: tuple[Atomic, ...]
    sleeps: tuple[Linear, ...]
    no_atomic: tuple[NoAtomic, ...]
    table: tuple[Table, ...]

    @cached_property
    def allocators(self) -> dict[str, str]:
        """The twin of each allocator."""
        return {one.name: one.twin for one in self.allocator}

    @cached_property
    def frees(self) -> dict[str, FreeTwin]:
        """The frees that have a twin, by name."""
        return {one.name: one for one in self.free}

    @cached_property
    def needs_linear(self) -> dict[str, str]:
        """The source for each function that takes memory of the linear mapping only."""
        return {name: one.source for one in self.linear for name in one.names}

    @cached_property
    def openers(self) -> dict[str, int]:
        """What opens a stretch that may not sleep: the number of its kind."""
        return {name: i for i, one in enumerate(self.atomic) for name in one.opens}

    @cached_property
    def tries(self) -> frozenset[str]:
        """Openers that only open a stretch if they return true."""
        return frozenset(name for one in self.atomic for name in one.tries)

    def lock_argument(self, name: str) -> int:
        """Which argument of an opener is the lock."""
        return int(any(name in one.second for one in self.atomic))

    @cached_property
    def closers(self) -> dict[str, int]:
        """What closes one: the number of its kind."""
        return {name: i for i, one in enumerate(self.atomic) for name in one.closes}

    @cached_property
    def sleepers(self) -> frozenset[str]:
        """Functions that may sleep whenever they are called."""
        return frozenset(name for one in self.sleeps for name in one.names)

    @cached_property
    def tables(self) -> dict[tuple[str, str], str]:
        """The source for each member that the kernel calls where it may sleep."""
        return {(one.owner, name): one.source for one in self.table for name in one.names}

    def leaves(self, name: str) -> bool:
        """Whether a function keeps no pointer to memory that is not found again by its type."""
        return any(one.has(name) for one in (*self.borrows, *self.links))

    def returns(self, name: str) -> bool:
        """Whether what a function returns may point into the memory that it is handed."""
        return any(one.returns and one.has(name) for one in self.borrows)

    def may_lock(self, name: str) -> bool:
        """Whether a function that was not read may open a stretch that may not sleep, by name."""
        if name in self.closers or name in self.sleepers or "lock" not in name.lower():
            return False
        if any(one.has(name) for one in self.borrows):
            return False
        parts = [part for one in self.no_atomic for part in one.parts]
        known = any(name in one.names for one in self.no_atomic)
        return not known and not any(part in name.lower() for part in parts)


def parse_handling(text: str, origin: str) -> Handling:
    """Read the facts from TOML text; raises InputError naming ``origin`` and the offending key."""
    return parse_toml(Handling, text, origin)


def load_handling() -> Handling:
    """The facts that ship with the tool."""
    entry = resources.files("convert.profiles").joinpath("vmalloc.toml")
    return parse_handling(entry.read_text("utf-8"), "vmalloc.toml")
