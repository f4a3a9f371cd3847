"""What the files of a directory say about each other: types, functions, where pointers go.

The facts of a file depend on its own bytes alone, so that a file that a series does not touch is
read once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine, routines_of
from convert.flow.provenance.names import Names
from convert.flow.provenance.origins import flows_of
from convert.flow.provenance.places import Flows
from convert.flow.terms import UNKNOWN_TYPE, TypeRef, type_ref
from convert.source.parse import Item, ParsedFile, ParseRefusal

V = TypeVar("V")
_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)(?!\w|\()", re.MULTILINE)
_DECLARATORS = (c_ast.Decl, c_ast.Typedef, c_ast.TypeDecl, c_ast.PtrDecl, c_ast.ArrayDecl)
Members = Mapping[str, TypeRef]


@dataclass(frozen=True)
class FunctionFacts:
    """One function or function-like macro in one ``#if`` variant."""

    key: FunctionKey
    path: str
    line: int
    returns: TypeRef
    parameters: tuple[TypeRef, ...]
    callees: frozenset[str]
    allocates: bool  # itself calls a primitive allocator
    flows: Flows
    is_macro: bool


@dataclass(frozen=True)
class FileFacts:
    """What one file says.

    results: declared types of functions; variables: of globals; constants: the names of its macros
    without parameters and of its enumerators.
    """

    path: str
    functions: tuple[FunctionFacts, ...]
    structs: Mapping[str, Members]
    typedefs: Mapping[str, TypeRef]
    results: Mapping[str, TypeRef]
    variables: Mapping[str, TypeRef]
    constants: frozenset[str]
    refusals: tuple[ParseRefusal, ...]


def file_facts(parsed: ParsedFile, names: Names) -> FileFacts:
    """Read the facts of a parsed file."""
    routines = routines_of(parsed, names.traps)
    statics = frozenset(routine.key.name for routine in routines if routine.key.home)
    types = _Types()
    for item in parsed.declarations:
        types.declaration(item)
    for routine in routines:
        if not routine.is_macro:
            types.results[routine.key.name] = routine.returns
    return FileFacts(
        path=parsed.source.path,
        functions=tuple(_function(routine, names, statics) for routine in routines),
        structs=types.structs,
        typedefs=types.typedefs,
        results=types.results,
        variables=types.variables,
        constants=frozenset(types.constants) | _macro_names(parsed),
        refusals=parsed.refusals,
    )


def _function(routine: Routine, names: Names, statics: frozenset[str]) -> FunctionFacts:
    callees = frozenset(call.callee for call in routine.variant.calls if call.callee)
    return FunctionFacts(
        key=routine.key,
        path=routine.path,
        line=routine.source.line(routine.item.name_span.start),
        returns=routine.returns,
        parameters=tuple(routine.types.get(n, UNKNOWN_TYPE) for n in routine.parameters),
        callees=callees,
        allocates=any(names.primitive(name) for name in callees),
        flows=flows_of(routine, names, statics),
        is_macro=routine.is_macro,
    )


@dataclass
class _Types:
    """Collects declared types."""

    structs: dict[str, dict[str, TypeRef]] = field(default_factory=dict)
    typedefs: dict[str, TypeRef] = field(default_factory=dict)
    results: dict[str, TypeRef] = field(default_factory=dict)
    variables: dict[str, TypeRef] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)

    def declaration(self, item: Item) -> None:
        for variant in item.variants:
            root = variant.root
            for node in root.decls if isinstance(root, c_ast.DeclList) else [root]:
                self.declared(node)

    def declared(self, node: c_ast.Node) -> None:
        if not isinstance(node, (c_ast.Decl, c_ast.Typedef)):
            return
        inner = _innermost(node)
        if isinstance(inner, c_ast.Enum) and inner.values is not None:
            self.constants.update(one.name for one in inner.values.enumerators)
        inner = _aggregate(node)
        if inner is not None and inner.decls is not None:
            tag = _tag(inner) or (f"struct {node.name}" if node.name else None)
            if tag is not None:
                self.members(tag, inner)
                if isinstance(node, c_ast.Typedef):
                    self.typedefs[node.name] = TypeRef(tag, type_ref(node).stars)
                    return
        if isinstance(node, c_ast.Typedef):
            self.typedefs[node.name] = type_ref(node)
        elif isinstance(node.type, c_ast.FuncDecl):
            self.results[node.name] = type_ref(node.type.type)
        elif node.name:
            self.variables[node.name] = type_ref(node)

    def members(self, tag: str, node: c_ast.Node) -> None:
        """Note the members of a structure; those of unnamed ones inside are its own."""
        known = self.structs.setdefault(tag, {})
        for member in node.decls or ():
            if not isinstance(member, c_ast.Decl):
                continue
            inner = _aggregate(member)
            if inner is None or inner.decls is None:
                if member.name:
                    known[member.name] = type_ref(member)
            elif member.name is None:
                self.members(tag, inner)
            else:
                own = _tag(inner) or f"{tag}.{member.name}"
                self.members(own, inner)
                known[member.name] = TypeRef(own, type_ref(member).stars)


def _aggregate(node: c_ast.Node) -> c_ast.Node | None:
    """The struct or union that a declaration is of, through pointers and arrays."""
    inner = _innermost(node)
    return inner if isinstance(inner, (c_ast.Struct, c_ast.Union)) else None


def _innermost(node: c_ast.Node) -> c_ast.Node:
    """The type that a declaration is made of, without pointers and arrays."""
    while isinstance(node, _DECLARATORS):
        node = node.type
    return node


def _macro_names(parsed: ParsedFile) -> frozenset[str]:
    """The macros without parameters that a file defines."""
    return frozenset(_MACRO.findall(parsed.source.text))


def _tag(node: c_ast.Node) -> str | None:
    if node.name is None:
        return None
    return f"{'struct' if isinstance(node, c_ast.Struct) else 'union'} {node.name}"


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
