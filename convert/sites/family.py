"""The wrapper family of a tree: where its header and bodies are, and what they provide."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from pycparser import c_ast

from convert.errors import InputError
from convert.profiles.wrappers import WrapperProfile
from convert.sites.occurrences import Where, occurrences
from convert.sites.sources import Sources
from convert.source.edits import Span
from convert.source.parse import Item, ParsedFile
from convert.tree.kernel import KernelTree


@dataclass(frozen=True)
class Piece:
    """One item of the family's own files: a wrapper, a flag, a type, or something beside them.

    ``role``: "wrapper" (body or macro), "prototype", "flag", "type", "helper" (anything else that
    other code could use).
    """

    path: str
    name: str
    role: str
    item: Item

    @property
    def span(self) -> Span:
        """The bytes of the item."""
        return self.item.span


@dataclass(frozen=True)
class Family:
    """A family of wrappers as it stands in a tree.

    ``files`` are the files that hold its pieces, ``header`` the one that declares the flags.
    ``flag_type`` is the type of the allocators' flags parameter.
    """

    profile: WrapperProfile
    header: str
    files: tuple[str, ...]
    flag_type: str
    pieces: tuple[Piece, ...]

    @property
    def home(self) -> str:
        """The directory of the header: everything below it may use the wrappers."""
        return str(PurePosixPath(self.header).parent)

    @property
    def helpers(self) -> frozenset[str]:
        """The names of functions and macros of the header that are no wrappers."""
        return frozenset(piece.name for piece in self.pieces if piece.role == "helper")

    @property
    def names(self) -> frozenset[str]:
        """Every name that goes away or moves."""
        own = {piece.name for piece in self.pieces}
        return frozenset(own | self.profile.wrappers | self.profile.flags | {self.flag_type})

    def piece_at(self, path: str, offset: int) -> Piece | None:
        """The piece that holds an offset of a file."""
        for piece in self.pieces:
            if piece.path == path and offset in piece.span:
                return piece
        return None


def _defines(data: bytes, names: Iterable[str]) -> bool:
    words = b"|".join(name.encode() for name in sorted(names))
    return re.search(rb"^[ \t]*#[ \t]*define[ \t]+(?:" + words + rb")\b", data, re.M) is not None


def _mentions(data: bytes, names: Iterable[str]) -> bool:
    words = b"|".join(name.encode() for name in sorted(names))
    return re.search(rb"\b(?:" + words + rb")\b", data) is not None


def locate_header(tree: KernelTree, paths: Iterable[str], profile: WrapperProfile) -> str | None:
    """The header that defines the family's flags and names its wrappers, or None.

    Looks below the paths, then at the headers of each parent directory. Raises InputError if more
    than one file fits: which one the callers mean could not be told.
    """
    for candidates in _search_order(tree, paths):
        found = [
            path
            for path in candidates
            if path.endswith(".h")
            and _defines(data := tree.read(path), profile.flags)
            and _mentions(data, profile.wrappers)
        ]
        if len(found) > 1:
            raise InputError(
                f"{' and '.join(found)} both define the flags of the {profile.name} wrappers; "
                "name the path of one of them only"
            )
        if found:
            return found[0]
    return None


def _search_order(tree: KernelTree, paths: Iterable[str]) -> Iterable[tuple[str, ...]]:
    given = tuple(paths)
    yield tuple(sorted({path for under in given for path in tree.files(under)}))
    for under in given:
        for parent in PurePosixPath(under).parents:
            if str(parent) in (".", "/"):
                break
            below = tree.files(str(parent))
            yield tuple(path for path in below if PurePosixPath(path).parent == parent)


def find_family(sources: Sources, header: str, profile: WrapperProfile) -> Family:
    """Read the header and the files that hold the wrappers' bodies.

    Raises InputError if the header cannot be read or no allocator with a flags parameter is found.
    """
    names = profile.wrappers | profile.flags
    parsed = sources.parsed(header, names | _all_names(sources, header))
    if parsed is None:
        raise InputError(str(sources.broken[header]))
    bodies = [path for path in sources.holding(profile.wrappers) if path != header]
    pieces = list(_header_pieces(header, parsed, profile))
    flag_type = _flag_type(parsed, profile)
    if flag_type is None:
        allocators = ", ".join(fact.name for fact in profile.allocator)
        raise InputError(
            f"{header}: none of {allocators} is declared with a flags parameter of a named type"
        )
    pieces = [_with_type(piece, flag_type) for piece in pieces]
    for path in bodies:
        if not _may_define(sources.data(path), profile.wrappers):
            continue
        body = sources.parsed(path, names)
        if body is not None:
            pieces += _body_pieces(path, body, profile)
    files = tuple(dict.fromkeys([header, *(piece.path for piece in pieces)]))
    return Family(profile, header, files, flag_type, tuple(pieces))


def _may_define(data: bytes, wrappers: Iterable[str]) -> bool:
    """Whether a wrapper's name stands at a line's start or behind a type there (cheap filter)."""
    words = b"|".join(name.encode() for name in sorted(wrappers))
    return re.search(rb"^[A-Za-z_#][^;=]*\b(?:" + words + rb")\b\s*\(", data, re.M) is not None


def _all_names(sources: Sources, header: str) -> frozenset[str]:
    source = sources.source(header)
    if source is None:
        return frozenset()
    tokens = source.tokens
    return frozenset(tokens.text(index) for index in tokens.identifiers())


def _header_pieces(path: str, parsed: ParsedFile, profile: WrapperProfile) -> Iterable[Piece]:
    for item in parsed.macros:
        if item.name in profile.flags:
            yield Piece(path, item.name, "flag", item)
        elif item.name in profile.wrappers:
            yield Piece(path, item.name, "wrapper", item)
        elif not _is_guard(parsed, item):
            yield Piece(path, item.name, "helper", item)
    for item in parsed.functions:
        role = "wrapper" if item.name in profile.wrappers else "helper"
        yield Piece(path, item.name, role, item)
    for item in parsed.declarations:
        for name, is_function in declared_names(item):
            if name in profile.wrappers:
                yield Piece(path, name, "prototype", item)
            else:
                yield Piece(path, name, "helper" if is_function else "type", item)


def _is_guard(parsed: ParsedFile, item: Item) -> bool:
    """Whether a macro is the header's include guard: ``#ifndef X`` stands just before it."""
    before = parsed.source.text[: item.span.start].rstrip()
    return re.search(rf"#[ \t]*ifndef[ \t]+{re.escape(item.name)}$", before) is not None


def declared_names(item: Item) -> tuple[tuple[str, bool], ...]:
    """The names that a file-level declaration declares, each with whether it is a function."""
    seen: dict[str, bool] = {}
    for variant in item.variants:
        for declarator in variant.declarators:
            if not declarator.is_parameter and declarator.name:
                seen[declarator.name] = isinstance(declarator.node.type, c_ast.FuncDecl)
    if not seen and item.name:
        seen[item.name] = False
    return tuple(seen.items())


def _body_pieces(path: str, parsed: ParsedFile, profile: WrapperProfile) -> Iterable[Piece]:
    for item in parsed.functions:
        if item.name in profile.wrappers:
            yield Piece(path, item.name, "wrapper", item)
    for item in parsed.declarations:
        for name, is_function in declared_names(item):
            if is_function and name in profile.wrappers:
                yield Piece(path, name, "prototype", item)


def _with_type(piece: Piece, flag_type: str) -> Piece:
    if piece.role == "type" and piece.name != flag_type:
        return Piece(piece.path, piece.name, "helper", piece.item)
    return piece


def parameters(item: Item, name: str) -> tuple[c_ast.Node, ...]:
    """The parameter nodes of a function that an item declares or defines, in its first variant."""
    for variant in item.variants:
        root = variant.root
        if isinstance(root, c_ast.FuncDef) and root.decl.name == name:
            return _parameters_of(root.decl.type)
        for declarator in variant.declarators:
            if declarator.name == name and isinstance(declarator.node.type, c_ast.FuncDecl):
                return _parameters_of(declarator.node.type)
    return ()


def _parameters_of(function: c_ast.Node) -> tuple[c_ast.Node, ...]:
    return tuple(function.args.params) if function.args is not None else ()


def type_name(node: c_ast.Node) -> str | None:
    """The name of a plain type (``gfp_t``); None for pointers, structs and the like."""
    inner = node.type if isinstance(node, (c_ast.Decl, c_ast.Typename)) else node
    if isinstance(inner, c_ast.TypeDecl) and isinstance(inner.type, c_ast.IdentifierType):
        return " ".join(inner.type.names)
    return None


def _flag_type(parsed: ParsedFile, profile: WrapperProfile) -> str | None:
    slots = {fact.name: fact.flags_slot for fact in profile.allocator}
    for item in (*parsed.declarations, *parsed.functions):
        for name, slot in slots.items():
            given = parameters(item, name)
            if slot < len(given):
                return type_name(given[slot])
    return None


def uses_outside(sources: Sources, family: Family, name: str) -> tuple[tuple[str, Span], ...]:
    """Where a name of the family is used in code outside the family's own pieces."""
    found: list[tuple[str, Span]] = []
    for path in sources.holding({name}):
        source = sources.source(path)
        if source is None:
            continue
        for use in occurrences(source, frozenset({name})):
            in_code = use.where in (Where.CODE, Where.DEFINE, Where.CONDITION)
            if in_code and family.piece_at(path, use.span.start) is None:
                found.append((path, use.span))
    return tuple(found)
