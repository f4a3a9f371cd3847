"""Names of the kernel's own interfaces for reclaim scopes, read from kernel.toml."""

from __future__ import annotations

from functools import cached_property
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from convert.profiles.reading import parse_toml

_Name = Field(pattern=r"^[A-Za-z_]\w*$")


class Named(BaseModel):
    """A name and where it is declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = _Name
    source: str = Field(min_length=1)


class ScopePair(Named):
    """The functions that open and close one kind of scope."""

    opens: str = _Name
    closes: str = _Name


class MaskCall(Named):
    """A call that takes a mask in the argument ``slot`` (from 0) for later use.

    ``unless``: the prefix of flags that are no masks, though passed in the same place.
    """

    slot: int = Field(ge=0)
    unless: str | None = None


class KernelNames(BaseModel):
    """The names of kernel.toml; see there for the meaning of each list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    mask: tuple[Named, ...]
    never_fails: tuple[Named, ...]
    scope: tuple[ScopePair, ...]
    guard: tuple[Named, ...] = ()
    store: tuple[MaskCall, ...] = ()
    preload: tuple[MaskCall, ...] = ()
    page_cache_flag: tuple[Named, ...] = ()
    task_flag: tuple[Named, ...] = ()

    @cached_property
    def scope_calls(self) -> dict[str, tuple[str, Literal["open", "close"]]]:
        """The kind of scope that a function opens or closes, by the function's name."""
        calls: dict[str, tuple[str, Literal["open", "close"]]] = {}
        for pair in self.scope:
            calls[pair.opens] = (pair.name, "open")
            calls[pair.closes] = (pair.name, "close")
        return calls


def parse_kernel_names(text: str, origin: str) -> KernelNames:
    """Read the names from TOML text; raises InputError naming ``origin`` and the offending key."""
    return parse_toml(KernelNames, text, origin)


def load_kernel_names() -> KernelNames:
    """Read the kernel.toml that ships with the tool."""
    entry = resources.files("convert.profiles").joinpath("kernel.toml")
    return parse_kernel_names(entry.read_text("utf-8"), "kernel.toml")
