"""The files of the paths: their routines by key, and what a name means in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine, routines_of
from convert.flow.graph.types import Types
from convert.sites.sources import Sources
from convert.source.edits import Span
from convert.source.nodes import nodes_of
from convert.source.parse import Item, ParsedFile, ParseRefusal


@dataclass
class Program:
    """All that was read.

    ``constants`` are macros without parameters, by home and name. ``homes`` maps a file to the
    homes in which its static names are looked up: itself, and ``.c`` files it includes or is
    included by. ``refusals`` have the text that could not be read with them; ``names`` are those of
    all functions and macros, ``static`` has the homes of those that are known in one file only.
    """

    sources: Sources
    types: Types
    routines: dict[FunctionKey, list[Routine]] = field(default_factory=dict)
    constants: dict[FunctionKey, list[Routine]] = field(default_factory=dict)
    files: dict[str, ParsedFile] = field(default_factory=dict)
    refusals: list[tuple[ParseRefusal, str]] = field(default_factory=list)
    homes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    static: dict[str, dict[str, None]] = field(default_factory=dict)
    _refused: set[str] | None = None

    def read(self, paths: Iterable[str], traps: frozenset[str]) -> None:
        """Parse files and note what they define."""
        for path in paths:
            parsed = self.sources.parsed_whole(path)
            if parsed is not None:
                self.files[path] = parsed
                self.add(parsed, traps)
            else:
                self._broken(path)
        self._join_included()

    def _broken(self, path: str) -> None:
        """A file that cannot be lexed is text that was not parsed."""
        error = self.sources.broken[path]
        text = self.sources.data(path).decode("latin-1")
        refusal = ParseRefusal(path, error.line, "file", Span(0, len(text)), error.construct)
        self.refusals.append((refusal, text))

    def refused(self, name: str) -> bool:
        """Whether a function of that name could not be parsed."""
        if self._refused is None:
            self._refused = {refusal.name for refusal, _ in self.refusals}
        return name in self._refused

    def add(self, parsed: ParsedFile, traps: frozenset[str], own: bool = True) -> None:
        """Note what one parsed file defines."""
        path, text = parsed.source.path, parsed.source.text
        self.refusals += [(refusal, refusal.span.of(text)) for refusal in parsed.refusals]
        for item in parsed.declarations:
            self.types.declaration(item, path, own)
        for routine in routines_of(self._with_heads(parsed), traps):
            routine = _homed(routine)
            self.routines.setdefault(routine.key, []).append(routine)
            self.names.add(routine.key.name)
            if routine.key.home:
                self.static.setdefault(routine.key.name, {})[routine.key.home] = None
            if not routine.is_macro:
                at = (routine.key.home, routine.key.name)
                declared = self.types.reference(routine.variant.root.decl)
                self.types.results.setdefault(at, declared)
        for item in parsed.macros:
            if text[item.name_span.end : item.name_span.end + 1] == "(":
                continue
            key = FunctionKey(path if path.endswith(".c") else "", item.name)
            self.names.add(item.name)
            for variant in item.variants:
                constant = Routine(key, parsed.source, item, variant, traps)
                self.constants.setdefault(key, []).append(constant)

    def adopt(self, files: Iterable[ParsedFile], traps: frozenset[str]) -> None:
        """Take in definitions of the kernel's headers."""
        for parsed in files:
            self.add(parsed, traps, own=False)

    def _with_heads(self, parsed: ParsedFile) -> ParsedFile:
        """The file without functions whose head is a macro: their names are not known."""
        known = [item for item in parsed.functions if _has_head(item)]
        for item in parsed.functions:
            if not _has_head(item):
                path, line = parsed.source.path, item.line
                reason = f"the head of the function is a macro (line {line})"
                refusal = ParseRefusal(path, line, item.name, item.span, reason)
                self.refusals.append((refusal, item.span.of(parsed.source.text)))
        return replace(parsed, functions=tuple(known))

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

    def keys(
        self, path: str, name: str, inside: FunctionKey | None = None
    ) -> tuple[FunctionKey, ...]:
        """The functions and macros with parameters that a name may mean in a file.

        More than one where macros and functions share a name under different ``#if``. ``inside`` is
        the macro in whose body the name stands: there its own name is not expanded.
        """
        return self._keys(path, name, frozenset(), inside)

    def _keys(
        self, path: str, name: str, seen: frozenset[str], inside: FunctionKey | None
    ) -> tuple[FunctionKey, ...]:
        if name in seen or name not in self.names:
            return ()
        found: list[FunctionKey] = []
        for home in (*self.homes.get(path, (path,)), ""):
            key = FunctionKey(home, name)
            # A name of the file hides a function of others, but not always a macro of a header.
            if not (home == "" and found and self.only_function(key)):
                found += self._meant(key, path, seen, inside)
        if not found and path.endswith(".h"):
            # A header's text means what is known where it is included.
            found = [FunctionKey(home, name) for home in self.static.get(name, ())]
        return tuple(dict.fromkeys(found))

    def _meant(
        self, key: FunctionKey, path: str, seen: frozenset[str], inside: FunctionKey | None
    ) -> list[FunctionKey]:
        found = []
        if key in self.routines and not (key == inside and self.only_macro(key)):
            found.append(key)
        for routine in self.constants.get(key, ()):
            target = routine.variant.root
            if isinstance(target, c_ast.ID):
                found += self._keys(path, target.name, seen | {key.name}, inside)
        return found

    def only_macro(self, key: FunctionKey) -> bool:
        """Whether all definitions are macros."""
        return all(routine.is_macro for routine in self.routines.get(key, ()))

    def only_function(self, key: FunctionKey) -> bool:
        """Whether no definition is a macro, with parameters or without."""
        macros = any(routine.is_macro for routine in self.routines.get(key, ()))
        return not macros and key not in self.constants

    def alias(self, path: str, name: str) -> str:
        """The name that stands at the end of a chain of macros without parameters."""
        seen = {name}
        while True:
            roots = [one.variant.root for one in self.constant(path, name)]
            if len(roots) != 1 or not isinstance(roots[0], c_ast.ID) or roots[0].name in seen:
                return name
            name = roots[0].name
            seen.add(name)

    def constant(self, path: str, name: str) -> tuple[Routine, ...]:
        """The definitions of a macro without parameters."""
        for home in (path, ""):
            found = self.constants.get(FunctionKey(home, name))
            if found:
                return tuple(found)
        return ()

    def included(self) -> frozenset[str]:
        """What the files include, as they spell it."""
        lines = (line for parsed in self.files.values() for line in parsed.directives)
        return frozenset(line.argument.strip('"<> ') for line in lines if line.name == "include")

    def frozen(self) -> Mapping[FunctionKey, tuple[Routine, ...]]:
        """The routines by key."""
        return {key: tuple(found) for key, found in self.routines.items()}


def _homed(routine: Routine) -> Routine:
    """A macro of a ``.c`` file belongs to that file."""
    if routine.is_macro and routine.path.endswith(".c"):
        return replace(routine, key=FunctionKey(routine.path, routine.key.name))
    return routine


def _has_head(item: Item) -> bool:
    return all(isinstance(variant.root.decl, c_ast.Decl) for variant in item.variants)


def names_used(root: c_ast.Node) -> tuple[bool, frozenset[str]]:
    """Whether a tree calls anything, and all names in it."""
    calls = False
    names: set[str] = set()
    for node in nodes_of(root):
        if isinstance(node, c_ast.FuncCall):
            calls = True
        elif isinstance(node, c_ast.ID):
            names.add(node.name)
    return calls, frozenset(names)
