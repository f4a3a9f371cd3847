"""What the files of a directory say about each other: types and functions by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from convert.flow.code import FunctionKey
from convert.flow.provenance.facts import FileFacts, FunctionFacts, Members
from convert.flow.terms import UNKNOWN_TYPE, TypeRef

V = TypeVar("V")


@dataclass(frozen=True)
class Index:
    """The facts of all files of a directory in one state of the tree."""

    files: Mapping[str, FileFacts]

    @cached_property
    def definitions(self) -> Mapping[FunctionKey, tuple[FunctionFacts, ...]]:
        """The functions by key; several for one defined in several variants."""
        found: dict[FunctionKey, list[FunctionFacts]] = {}
        for function in self.functions():
            found.setdefault(function.key, []).append(function)
        return {key: tuple(facts) for key, facts in found.items()}

    def functions(self) -> Iterator[FunctionFacts]:
        """All functions and macros of all files."""
        for facts in self.files.values():
            yield from facts.functions

    def find(self, path: str, name: str) -> tuple[FunctionFacts, ...]:
        """The definitions of the function that ``name`` means in a file."""
        own = self.definitions.get(FunctionKey(path, name))
        return own or self.definitions.get(FunctionKey("", name), ())

    @cached_property
    def structs(self) -> Mapping[str, Members]:
        """The members of each structure."""
        return _merged(facts.structs for facts in self.files.values())

    @cached_property
    def unions(self) -> Mapping[str, tuple[frozenset[str], ...]]:
        """The members of each structure that share their memory, by group."""
        found: dict[str, list[frozenset[str]]] = {}
        for facts in self.files.values():
            for tag, groups in facts.unions.items():
                found.setdefault(tag, []).extend(groups)
        return {tag: tuple(groups) for tag, groups in found.items()}

    @cached_property
    def typedefs(self) -> Mapping[str, TypeRef]:
        """What each typedef stands for."""
        return _merged(facts.typedefs for facts in self.files.values())

    @cached_property
    def results(self) -> Mapping[str, TypeRef]:
        """The declared type of each function's result."""
        return _merged(facts.results for facts in self.files.values())

    @cached_property
    def variables(self) -> Mapping[str, TypeRef]:
        """The declared types of file-level variables; of one name the last one read."""
        return _merged(facts.variables for facts in self.files.values())

    @cached_property
    def constants(self) -> Mapping[str, tuple[str, ...]]:
        """The files that define a macro without parameters or an enumerator."""
        found: dict[str, list[str]] = {}
        for path, facts in self.files.items():
            for name in facts.constants:
                found.setdefault(name, []).append(path)
        return {name: tuple(paths) for name, paths in found.items()}

    @cached_property
    def owners(self) -> Mapping[str, frozenset[str]]:
        """The structures that have a member of a name."""
        found: dict[str, set[str]] = {}
        for tag, members in self.structs.items():
            for member in members:
                found.setdefault(member, set()).add(tag)
        return {name: frozenset(tags) for name, tags in found.items()}

    @cached_property
    def arrays(self) -> Mapping[str, frozenset[str]]:
        """The members of each structure that are arrays."""
        return _merged(facts.arrays for facts in self.files.values())

    def plain(self, kind: TypeRef) -> TypeRef:
        """A type without typedefs."""
        seen: set[str] = set()
        while kind.base in self.typedefs and kind.base not in seen:
            seen.add(kind.base)
            inner = self.typedefs[kind.base]
            kind = TypeRef(inner.base, kind.stars + inner.stars)
        return kind

    def member(self, root: TypeRef, chain: tuple[str, ...]) -> TypeRef:
        """The type of a member reached through others; unknown where a structure is not known."""
        for name in (part.removesuffix("[]") for part in chain):
            members = self.structs.get(self.plain(root).base)
            if members is None or name not in members:
                owners = self.owners.get(name, frozenset())
                if len(owners) != 1:
                    return UNKNOWN_TYPE
                members = self.structs[next(iter(owners))]
            root = members[name]
        return self.plain(root)


def _merged(parts: Iterable[Mapping[str, V]]) -> dict[str, V]:
    found: dict[str, V] = {}
    for part in parts:
        found.update(part)
    return found
