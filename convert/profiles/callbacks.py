"""What the kernel does with the functions that it is given, read from callbacks.toml."""

from __future__ import annotations

from functools import cached_property
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from convert.profiles.reading import parse_toml

Kind = Literal["work", "thread", "timer", "module", "exported", "completion", "shrinker"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    names: tuple[str, ...] = Field(min_length=1)
    source: str = Field(min_length=1)


class Taker(_Entry):
    """Functions and macros that take a callback; ``kind``: what runs it."""

    kind: Kind


class RunMember(_Entry):
    """Members of structures (of ``owner`` only, if given) that hold callbacks of a kind."""

    kind: Kind
    owner: str | None = None


class ValueMacros(_Entry):
    """Macros that are worth one of their arguments."""


class StoreMacros(_Entry):
    """Macros that store their second argument where the first one says."""


class Tells(_Entry):
    """Beginnings of names of functions that call nothing of what they are given."""


class ClassMacros(_Entry):
    """Macros that declare a variable with a constructor and a destructor."""


class Callbacks(BaseModel):
    """The names of callbacks.toml; see there for the meaning of each list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    taker: tuple[Taker, ...] = ()
    member: tuple[RunMember, ...] = ()
    value: tuple[ValueMacros, ...] = ()
    store: tuple[StoreMacros, ...] = ()
    tells: tuple[Tells, ...] = ()
    classes: tuple[ClassMacros, ...] = Field(default=(), alias="class")

    @cached_property
    def takers(self) -> dict[str, Kind]:
        """What runs the callback that a function or macro takes."""
        return {name: entry.kind for entry in self.taker for name in entry.names}

    @cached_property
    def members(self) -> dict[tuple[str | None, str], Kind]:
        """What runs the callback that a member holds, by owner (or None) and member."""
        return {(entry.owner, name): entry.kind for entry in self.member for name in entry.names}

    @cached_property
    def values(self) -> frozenset[str]:
        """Macros that are worth one of their arguments."""
        return frozenset(name for entry in self.value for name in entry.names)

    @cached_property
    def stores(self) -> frozenset[str]:
        """Macros that store their second argument where the first one says."""
        return frozenset(name for entry in self.store for name in entry.names)

    @cached_property
    def makers(self) -> frozenset[str]:
        """Macros that declare a variable with a constructor and a destructor."""
        return frozenset(name for entry in self.classes for name in entry.names)

    def only_tells(self, name: str) -> bool:
        """Whether a function outside calls nothing of what it is given."""
        return any(name.startswith(entry.names) for entry in self.tells)

    def understands(self, name: str) -> bool:
        """Whether a function or macro is listed in any way."""
        return name in self.takers or name in self.values or name in self.stores


def parse_callbacks(text: str, origin: str) -> Callbacks:
    """Read the names from TOML text; raises InputError naming ``origin`` and the offending key."""
    return parse_toml(Callbacks, text, origin)


def load_callbacks() -> Callbacks:
    """Read the callbacks.toml that ships with the tool."""
    entry = resources.files("convert.profiles").joinpath("callbacks.toml")
    return parse_callbacks(entry.read_text("utf-8"), "callbacks.toml")
