"""The calls at which interpretation stops: primitive allocators, frees and helpers, as data."""

from __future__ import annotations

from functools import cached_property
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from convert.profiles.reading import parse_toml

Family = Literal["kmalloc", "vmalloc", "kvmalloc", "cache", "pages"]
Effect = Literal[
    "value", "trap", "trap-if", "assert", "warn", "silent", "sleep", "opaque", "fill", "copy",
    "cache-size",
]  # fmt: skip


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str = Field(min_length=1)


class Primitive(_Fact):
    """An allocator that is not looked into.

    family: which free fits its memory. size: the argument positions whose product is the size in
    bytes. gfp: the position of the mask, or ``mask``, the gfp names it passes itself. reallocates:
    the position of memory that it may free. cache: the position of the slab cache, the size of
    whose objects is the size.
    """

    name: str
    family: Family
    size: tuple[int, ...]
    gfp: int | None = None
    mask: tuple[str, ...] = ()
    zeroes: bool = False
    reallocates: int | None = None
    cache: int | None = None

    @model_validator(mode="after")
    def _has_one_mask(self) -> Primitive:
        if (self.gfp is None) == (not self.mask):
            raise ValueError("give either gfp (a position) or mask (gfp names)")
        return self


class Deallocator(_Fact):
    """A function that frees its argument number ``argument``."""

    name: str
    argument: int = Field(ge=0)


class Helper(_Fact):
    """Functions and macros that mean the same to an interpreted body."""

    names: tuple[str, ...]
    prefixes: tuple[str, ...] = ()
    does: Effect


class ScopeFacts(_Fact):
    """Where to look for the tree's scope functions."""

    headers: tuple[str, ...]
    constants: tuple[str, ...]
    context: tuple[str, ...]
    reclaim: tuple[str, ...]
    reclaim_file: str


class CapabilityFacts(_Fact):
    """Which names and files tell what a tree's allocators can do."""

    headers: tuple[str, ...]
    names: tuple[str, ...]
    kvmalloc_files: tuple[str, ...]
    kvmalloc: tuple[str, ...]
    vmalloc_file: str
    vmalloc: tuple[str, ...]
    order_file: str
    limits: tuple[str, ...]
    expand: tuple[str, ...]
    pass_on: tuple[str, ...]


class Stubs(BaseModel):
    """The whole table. See ``convert/profiles/allocators.toml`` for the meaning of each key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    allocator: tuple[Primitive, ...]
    deallocator: tuple[Deallocator, ...]
    helper: tuple[Helper, ...]
    scope: ScopeFacts
    capability: CapabilityFacts
    suffixes: tuple[str, ...] = ()

    @cached_property
    def _primitives(self) -> dict[str, Primitive]:
        return {
            fact.name + suffix: fact for fact in self.allocator for suffix in ("", *self.suffixes)
        }

    def primitive(self, name: str) -> Primitive | None:
        """The primitive allocator of that name, or None."""
        return self._primitives.get(name)

    @cached_property
    def deallocators(self) -> dict[str, Deallocator]:
        """The functions that free, by name."""
        return {fact.name: fact for fact in self.deallocator}

    @cached_property
    def _effects(self) -> dict[str, Effect]:
        return {name: helper.does for helper in self.helper for name in helper.names}

    def effect(self, name: str) -> Effect | None:
        """What a helper does, or None if the name is no helper's."""
        if name in self._effects:
            return self._effects[name]
        for helper in self.helper:
            if helper.prefixes and name.startswith(helper.prefixes):
                return helper.does
        return None


def parse_stubs(text: str, origin: str) -> Stubs:
    """Read the table from TOML text; raises InputError naming ``origin`` and the offending key."""
    return parse_toml(Stubs, text, origin)


def load_stubs() -> Stubs:
    """The table that ships with the tool."""
    entry = resources.files("convert.profiles").joinpath("allocators.toml")
    return parse_stubs(entry.read_text("utf-8"), "allocators.toml")
