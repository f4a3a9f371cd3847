"""Names of the kernel that a review knows, read from review.toml, allocators.toml, kernel.toml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from convert.profiles.kernel import KernelNames, MaskCall, load_kernel_names
from convert.profiles.reading import parse_toml
from convert.semantics.stubs import Primitive, Stubs, load_stubs


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    source: str = Field(min_length=1)


class FreeFact(_Fact):
    """A deallocator and the families of memory that it must not be given.

    argument: which argument it frees, for one that allocators.toml does not list.
    """

    name: str
    rejects: tuple[str, ...]
    in_review: bool = True
    argument: int | None = Field(default=None, ge=0)


class ContainerFact(_Fact):
    """Macros that find a structure by a member; ``type``: which argument names the structure."""

    names: tuple[str, ...]
    type: int = Field(ge=0)


class PassFact(_Fact):
    """Calls worth their first argument, or (``pointed``) what it points to."""

    names: tuple[str, ...]
    pointed: bool


class NamesFact(_Fact):
    """Names that share a meaning."""

    names: tuple[str, ...]


class FindFact(_Fact):
    """Calls that store what they find, objects stored before, where an argument points to."""

    names: tuple[str, ...]
    argument: int = Field(ge=0)


class CookieFact(_Fact):
    """A member of one of the kernel's structures that belongs to the code which owns the object."""

    owner: str
    member: str


class GiveFact(_Fact):
    """Functions that return fresh memory of a family, and take no mask."""

    names: tuple[str, ...]
    family: str


class ReviewFacts(BaseModel):
    """The tables of review.toml; see there for the meaning of each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = Field(alias="schema")
    free: tuple[FreeFact, ...]
    gives: tuple[GiveFact, ...]
    container: tuple[ContainerFact, ...]
    passes: tuple[PassFact, ...]
    null_test: tuple[NamesFact, ...]
    kind_test: tuple[NamesFact, ...]
    fill: tuple[NamesFact, ...]
    touch: tuple[NamesFact, ...]
    copies: tuple[NamesFact, ...]
    stores_value: tuple[NamesFact, ...]
    swaps: tuple[NamesFact, ...]
    nothing: tuple[NamesFact, ...]
    lookup: tuple[NamesFact, ...]
    byte_copy: tuple[NamesFact, ...]
    reads_bytes: tuple[NamesFact, ...]
    keeps: tuple[NamesFact, ...]
    neighbour: tuple[NamesFact, ...]
    find_many: tuple[FindFact, ...]
    cookie: tuple[CookieFact, ...]


def parse_review_facts(text: str, origin: str) -> ReviewFacts:
    """Read the facts from TOML text; raises InputError naming ``origin`` and the offending key."""
    return parse_toml(ReviewFacts, text, origin)


@dataclass(frozen=True)
class ScopeCall:
    """A function that opens (``opens``) or closes a scope of a kind (``nofs``)."""

    kind: str
    opens: bool


@dataclass(frozen=True)
class Names:
    """All names that a review looks for. Only data: nothing here depends on a tree."""

    stubs: Stubs
    kernel: KernelNames
    facts: ReviewFacts
    own_allocators: Mapping[str, str] = field(default_factory=dict)
    own_frees: Mapping[str, int] = field(default_factory=dict)

    def extended(self, allocators: Mapping[str, str], frees: Mapping[str, int]) -> Names:
        """The same with a tree's own wrappers: the family of each, the argument that each frees."""
        return replace(self, own_allocators=allocators, own_frees=frees)

    def with_frees(self, more: tuple[FreeFact, ...]) -> Names:
        """The same with further facts about frees."""
        facts = self.facts.model_copy(update={"free": (*self.facts.free, *more)})
        return replace(self, facts=facts)

    def family(self, name: str) -> str | None:
        """The family of the fresh memory that a function returns; None if it is no allocator."""
        if name in self.own_allocators:
            return self.own_allocators[name]
        primitive = self.primitive(name)
        return primitive.family if primitive is not None else self.gives.get(name)

    def primitive(self, name: str | None) -> Primitive | None:
        """The primitive allocator of that name, or None."""
        return self.stubs.primitive(name) if name is not None else None

    @cached_property
    def frees(self) -> dict[str, int]:
        """The deallocators: which argument each frees."""
        known = {name: fact.argument for name, fact in self.stubs.deallocators.items()}
        known |= {f.name: f.argument for f in self.facts.free if f.argument is not None}
        return known | dict(self.own_frees)

    @cached_property
    def rejects(self) -> dict[str, frozenset[str]]:
        """The families that a deallocator must not be given."""
        return {fact.name: frozenset(fact.rejects) for fact in self.facts.free if fact.in_review}

    @cached_property
    def all_rejects(self) -> dict[str, frozenset[str]]:
        """The same, with what only a search for mismatches asks for."""
        found: dict[str, frozenset[str]] = {}
        for fact in self.facts.free:
            found[fact.name] = found.get(fact.name, frozenset()) | frozenset(fact.rejects)
        return found

    @cached_property
    def gives(self) -> dict[str, str]:
        """Functions that return fresh memory and take no mask: its family."""
        return {name: fact.family for fact in self.facts.gives for name in fact.names}

    @cached_property
    def containers(self) -> dict[str, int]:
        """Container macros: the argument that names the structure."""
        return {name: fact.type for fact in self.facts.container for name in fact.names}

    @cached_property
    def passes(self) -> dict[str, bool]:
        """Calls worth their first argument; the value says whether it is what that points to."""
        return {name: fact.pointed for fact in self.facts.passes for name in fact.names}

    @cached_property
    def null_tests(self) -> frozenset[str]:
        """Calls that test their argument for NULL."""
        return _union(self.facts.null_test)

    @cached_property
    def kind_tests(self) -> frozenset[str]:
        """Calls that tell vmalloc memory from other memory."""
        return _union(self.facts.kind_test)

    @cached_property
    def fills(self) -> frozenset[str]:
        """Calls that write all of the memory of their first argument."""
        return _union(self.facts.fill)

    @cached_property
    def touches(self) -> frozenset[str]:
        """Calls that crash if their first argument is NULL."""
        return _union(self.facts.touch)

    @cached_property
    def copies(self) -> frozenset[str]:
        """Allocators that fill the memory which they return."""
        return _union(self.facts.copies)

    @cached_property
    def stores_value(self) -> frozenset[str]:
        """Calls that store their second argument in their first."""
        return _union(self.facts.stores_value)

    @cached_property
    def swaps(self) -> frozenset[str]:
        """Calls that exchange what their two arguments hold."""
        return _union(self.facts.swaps)

    @cached_property
    def nothing(self) -> frozenset[str]:
        """Calls worth no memory."""
        return _union(self.facts.nothing)

    @cached_property
    def lookups(self) -> frozenset[str]:
        """Calls that find what was stored before; of which type, the use of the result says."""
        return _union(self.facts.lookup)

    @cached_property
    def byte_copies(self) -> frozenset[str]:
        """Calls that copy bytes from their second argument to their first."""
        return _union(self.facts.byte_copy)

    @cached_property
    def reads_bytes(self) -> frozenset[str]:
        """Calls that are given the size of an object but only read it, or write no pointer."""
        return _union(self.facts.reads_bytes)

    @cached_property
    def keeps(self) -> frozenset[str]:
        """Calls that get the address of a pointer and store no other pointer there."""
        return _union(self.facts.keeps)

    def is_question(self, name: str | None) -> bool:
        """Whether a call only looks at what it is given, and stores nothing anywhere."""
        if name is None:
            return False
        effect = self.stubs.effect(name) in ("value", "assert", "warn", "opaque")
        known = name in self.null_tests or name in self.nothing
        return effect or known or self.passes.get(name) is False

    def leaves_alone(self, name: str) -> bool:
        """Whether a function that was not read stores no pointer through what it is given."""
        silent = self.stubs.effect(name) in ("silent", "assert", "warn", "sleep", "trap", "trap-if")
        return silent or name in self.keeps

    @cached_property
    def neighbours(self) -> frozenset[str]:
        """Calls that find another object of the type of their first argument."""
        return _union(self.facts.neighbour)

    @cached_property
    def find_many(self) -> dict[str, int]:
        """Calls that store what they find where an argument points to: which argument."""
        return {name: fact.argument for fact in self.facts.find_many for name in fact.names}

    @cached_property
    def cookies(self) -> frozenset[tuple[str, str]]:
        """Members of the kernel's structures that only the owner of the object sets."""
        return frozenset((fact.owner, fact.member) for fact in self.facts.cookie)

    @cached_property
    def traps(self) -> frozenset[str]:
        """Functions that never return."""
        return frozenset(
            name for helper in self.stubs.helper if helper.does == "trap" for name in helper.names
        )

    @cached_property
    def asserts(self) -> frozenset[str]:
        """Assertions: they look at their argument but decide nothing."""
        return frozenset(
            name for helper in self.stubs.helper if helper.does == "assert" for name in helper.names
        )

    @cached_property
    def scopes(self) -> dict[str, ScopeCall]:
        """The functions that open and close scopes."""
        return {
            name: ScopeCall(kind, way == "open")
            for name, (kind, way) in self.kernel.scope_calls.items()
        }

    @cached_property
    def stores(self) -> dict[str, MaskCall]:
        """Calls that keep a mask for allocations made later."""
        return {fact.name: fact for fact in self.kernel.store}

    @cached_property
    def page_cache_flags(self) -> frozenset[str]:
        """Flags of the page cache that keep reclaim out of the filesystem."""
        return frozenset(fact.name for fact in self.kernel.page_cache_flag)

    @cached_property
    def is_value(self) -> Callable[[str | None], bool]:
        """Whether a call is worth its first argument, by name."""
        plain = {name for name, pointed in self.passes.items() if not pointed}
        return lambda name: name in plain


def _union(facts: tuple[NamesFact, ...]) -> frozenset[str]:
    return frozenset(name for fact in facts for name in fact.names)


def load_names() -> Names:
    """The names that ship with the tool."""
    entry = resources.files("convert.profiles").joinpath("review.toml")
    facts = parse_review_facts(entry.read_text("utf-8"), "review.toml")
    return Names(load_stubs(), load_kernel_names(), facts)
