"""Profiles of wrapper families: the hand-written facts of a conversion, checked on reading."""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from convert.errors import InputError


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str = Field(min_length=1)


class Allocator(_Fact):
    """A wrapper that allocates; slots are 0-based argument positions."""

    name: str
    plain: str
    zeroing: str
    zeroes: bool
    size_slot: int
    flags_slot: int


class Deallocator(_Fact):
    """A wrapper that frees its first argument, and the plain function that does the same."""

    name: str
    plain: str


class BaseMask(_Fact):
    """The single gfp bits that a wrapper passes when no flag is given.

    ``dropped``: bits that it passes too, but that the plain call does not get (see differences).
    """

    base: tuple[str, ...]
    dropped: tuple[str, ...] = ()


class FlagFact(_Fact):
    """What one flag adds to the mask and takes from it."""

    name: str
    sets: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()


class DifferenceFact(_Fact):
    """A declared difference. ``option`` and ``flag``: the option that keeps the flag instead."""

    id: str
    applies: Literal["allocation", "never-fails", "unzeroed-or-zeroed"]
    text: str
    option: str | None = None
    flag: str | None = None


class Rename(_Fact):
    """Local names that match ``pattern`` become ``name`` where that is free."""

    pattern: str
    name: str


class Headers(_Fact):
    """Headers (as in ``#include <…>``) to look for the plain functions' declarations."""

    candidates: tuple[str, ...]


class WrapperProfile(BaseModel):
    """One family of wrappers. See ``convert/profiles/xfs.toml`` for the meaning of each key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    name: str
    title: str
    allocator: tuple[Allocator, ...]
    deallocator: tuple[Deallocator, ...]
    mask: BaseMask
    flag: tuple[FlagFact, ...]
    difference: tuple[DifferenceFact, ...] = ()
    rename: tuple[Rename, ...] = ()
    headers: Headers

    @property
    def wrappers(self) -> frozenset[str]:
        """The names of all wrappers of the family."""
        allocators = {fact.name for fact in self.allocator}
        return frozenset(allocators | {fact.name for fact in self.deallocator})

    @property
    def flags(self) -> frozenset[str]:
        """The names of all flags of the family."""
        return frozenset(fact.name for fact in self.flag)


def parse_profile(text: str, origin: str) -> WrapperProfile:
    """Read a profile from TOML text; raises InputError naming ``origin`` and the offending key."""
    try:
        return WrapperProfile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{origin}: not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{origin}: {where}: {first['msg']}") from error


def load_profile(name: str) -> WrapperProfile:
    """Read a profile that ships with the tool; raises InputError if there is none of that name."""
    entry = resources.files("convert.profiles").joinpath(f"{name}.toml")
    if not entry.is_file():
        raise InputError(f"no profile {name!r}; there are: xfs")
    return parse_profile(entry.read_text("utf-8"), f"{name}.toml")
