"""The files of the paths: their routines by key, and what a name means in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine, routines_of
from convert.flow.graph.types import Types
from convert.sites.sources import Sources
from convert.source.parse import Item, ParsedFile, ParseRefusal


@dataclass
class Program:
    """All that was read.

    ``constants`` are macros without parameters, by home and name. ``homes`` maps a file to the
    homes in which its static names are looked up: itself, and ``.c`` files it includes or is
    included by.
    """

    sources: Sources
    types: Types
    routines: dict[FunctionKey, list[Routine]] = field(default_factory=dict)
    constants: dict[FunctionKey, list[Routine]] = field(default_factory=dict)
    files: dict[str, ParsedFile] = field(default_factory=dict)
    refusals: list[ParseRefusal] = field(default_factory=list)
    homes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def read(self, paths: Iterable[str], traps: frozenset[str]) -> None:
        """Parse files and note what they define."""
        for path in paths:
            parsed = self.sources.parsed_whole(path)
            if parsed is not None:
                self.files[path] = parsed
                self.add(parsed, traps)
        self._join_included()

    def add(self, parsed: ParsedFile, traps: frozenset[str], own: bool = True) -> None:
        """Note what one parsed file defines."""
        path = parsed.source.path
        for item in parsed.declarations:
            self.types.declaration(item, path, own)
        for routine in routines_of(parsed, traps):
            routine = _homed(routine)
            self.routines.setdefault(routine.key, []).append(routine)
            if not routine.is_macro and isinstance(routine.variant.root.decl, c_ast.Decl):
                self.types.results.setdefault(
                    (routine.key.home, routine.key.name),
                    self.types.reference(routine.variant.root.decl),
                )
        functions = {id(item) for item in parsed.macros if _parameters(item, parsed)}
        for item in parsed.macros:
            if id(item) not in functions:
                home = path if path.endswith(".c") else ""
                key = FunctionKey(home, item.name)
                for variant in item.variants:
                    self.constants.setdefault(key, []).append(
                        Routine(key, parsed.source, item, variant, traps)
                    )
        self.refusals += parsed.refusals

    def _join_included(self) -> None:
        """``#include "x.c"`` lets two files see each other's static names."""
        for path, parsed in self.files.items():
            for line in parsed.directives:
                name = line.argument.strip('"<>')
                if line.name != "include" or not name.endswith(".c"):
                    continue
                other = f"{path.rsplit('/', 1)[0]}/{name}"
                if other in self.files:
                    self.homes[path] = (*self.homes.get(path, (path,)), other)
                    self.homes[other] = (*self.homes.get(other, (other,)), path)

    # -- names ---------------------------------------------------------------------------------

    def keys(self, path: str, name: str) -> tuple[FunctionKey, ...]:
        """The functions and macros with parameters that a name may mean in a file.

        More than one where an alias and a function share a name under different ``#if``.
        """
        return self._keys(path, name, frozenset())

    def _keys(self, path: str, name: str, seen: frozenset[str]) -> tuple[FunctionKey, ...]:
        if name in seen or name not in self.names:
            return ()
        found: list[FunctionKey] = []
        for home in (*self.homes.get(path, (path,)), ""):
            key = FunctionKey(home, name)
            if key in self.routines:
                found.append(key)
            for routine in self.constants.get(key, ()):
                target = routine.variant.root
                if isinstance(target, c_ast.ID):
                    found += self._keys(path, target.name, seen | {name})
            if found:
                break
        return tuple(dict.fromkeys(found))

    @cached_property
    def names(self) -> frozenset[str]:
        """All names of functions and macros."""
        return frozenset(key.name for key in (*self.routines, *self.constants))

    def constant(self, path: str, name: str) -> tuple[Routine, ...]:
        """The definitions of a macro without parameters."""
        for home in (path, ""):
            found = self.constants.get(FunctionKey(home, name))
            if found:
                return tuple(found)
        return ()

    def frozen(self) -> Mapping[FunctionKey, tuple[Routine, ...]]:
        """The routines by key."""
        return {key: tuple(found) for key, found in self.routines.items()}


def _homed(routine: Routine) -> Routine:
    """A macro of a ``.c`` file belongs to that file."""
    if routine.is_macro and routine.path.endswith(".c"):
        return replace(routine, key=FunctionKey(routine.path, routine.key.name))
    return routine


def _parameters(item: Item, parsed: ParsedFile) -> bool:
    end = item.name_span.end
    return parsed.source.text[end : end + 1] == "("
