"""Profiles of wrapper families: the hand-written facts of a conversion, checked on reading."""

from __future__ import annotations

import re
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from convert.errors import InputError
from convert.profiles.reading import parse_toml

_FLAGS = re.compile(r"^flag_prefix\b", re.MULTILINE)


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str = Field(min_length=1)


class WrapperFact(_Fact):
    """A wrapper by name, and whether it gives memory or takes it back."""

    name: str
    does: Literal["allocates", "frees"]


class DifferenceFact(_Fact):
    """A declared difference between a wrapper and the plain call.

    ``applies``: to calls that the wrapper retries for ever, to masks that carry ``flag``, or to
    wrappers that fire a trace event of their own. ``option`` names the option that keeps ``flag``.
    """

    id: str
    applies: Literal["retries", "passes-flag", "fires-event"]
    text: str
    option: str | None = None
    flag: str | None = None


class Rename(_Fact):
    """Local names that match ``pattern`` become ``name`` where that is free."""

    pattern: str
    name: str


class WrapperProfile(BaseModel):
    """One family of wrappers. See ``convert/profiles/xfs.toml`` for the meaning of each key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    name: str
    title: str
    flag_prefix: str = Field(min_length=1)
    wrapper: tuple[WrapperFact, ...]
    difference: tuple[DifferenceFact, ...] = ()
    rename: tuple[Rename, ...] = ()

    @property
    def wrappers(self) -> frozenset[str]:
        """The names of all wrappers of the family."""
        return self.allocating | self.freeing

    @property
    def allocating(self) -> frozenset[str]:
        """The names of the wrappers that give memory."""
        return frozenset(fact.name for fact in self.wrapper if fact.does == "allocates")

    @property
    def freeing(self) -> frozenset[str]:
        """The names of the wrappers that take memory back."""
        return frozenset(fact.name for fact in self.wrapper if fact.does == "frees")


def parse_profile(text: str, origin: str) -> WrapperProfile:
    """Read a profile from TOML text; raises InputError naming ``origin`` and the offending key."""
    return parse_toml(WrapperProfile, text, origin)


def load_profile(name: str) -> WrapperProfile:
    """Read a profile that ships with the tool; raises InputError if there is none of that name."""
    known = _profiles()
    if name not in known:
        raise InputError(f"no profile {name!r}; there are: {', '.join(sorted(known))}")
    return parse_profile(known[name], f"{name}.toml")


def load_profiles() -> tuple[WrapperProfile, ...]:
    """All profiles of wrappers that ship with the tool, by name."""
    return tuple(parse_profile(text, f"{name}.toml") for name, text in sorted(_profiles().items()))


def _profiles() -> dict[str, str]:
    """The texts of the profiles of wrappers: those that say how their flags start."""
    found: dict[str, str] = {}
    for entry in resources.files("convert.profiles").iterdir():
        text = entry.read_text("utf-8") if entry.name.endswith(".toml") else ""
        if _FLAGS.search(text):
            found[entry.name.removesuffix(".toml")] = text
    return found
