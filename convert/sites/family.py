"""The wrapper family of a tree: where its header and bodies are, and what they provide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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

_STANDARD_TYPES = frozenset({"size_t", "int", "unsigned int", "unsigned", "long", "unsigned long"})


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
class AllocatorShape:
    """How an allocating wrapper is called: its number of arguments, and which one is the flags."""

    name: str
    arguments: int
    flags_slot: int


@dataclass(frozen=True)
class Family:
    """A family of wrappers as it stands in a tree.

    ``files`` are the files that hold its pieces, ``header`` the one that declares the flags.
    ``flag_type`` is the type of the allocators' flags parameter, ``flags`` the names of the flags.
    """

    profile: WrapperProfile
    header: str
    files: tuple[str, ...]
    flag_type: str
    flags: frozenset[str]
    allocators: Mapping[str, AllocatorShape]
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
        return frozenset(own | self.profile.wrappers | self.flags | {self.flag_type})

    def piece_at(self, path: str, offset: int) -> Piece | None:
        """The piece that holds an offset of a file."""
        for piece in self.pieces:
            if piece.path == path and offset in piece.span:
                return piece
        return None


def _defines_flags(data: bytes, prefix: str) -> bool:
    word = re.escape(prefix.encode())
    return re.search(rb"^[ \t]*#[ \t]*define[ \t]+" + word + rb"\w", data, re.M) is not None


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
            and _defines_flags(data := tree.read(path), profile.flag_prefix)
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
    parsed = sources.parsed(header, _all_names(sources, header))
    if parsed is None:
        raise InputError(str(sources.broken[header]))
    flags = frozenset(
        item.name
        for item in parsed.macros
        if item.name.startswith(profile.flag_prefix) and _is_single_bit(item)
    )
    shapes = _shapes(parsed, profile)
    if shapes is None or not flags:
        names = ", ".join(sorted(profile.allocating))
        raise InputError(
            f"{header}: none of {names} is declared with a flags parameter of a named type, "
            f"or no flag {profile.flag_prefix}… is defined"
        )
    flag_type, allocators = shapes
    pieces = list(_header_pieces(header, parsed, profile, flags))
    pieces = [_with_type(piece, flag_type) for piece in pieces]
    for path in sources.holding(profile.wrappers):
        if path == header or not _may_define(sources.data(path), profile.wrappers):
            continue
        body = sources.parsed(path, profile.wrappers | flags)
        if body is not None:
            pieces += _body_pieces(path, body, profile)
    files = tuple(dict.fromkeys([header, *(piece.path for piece in pieces)]))
    return Family(profile, header, files, flag_type, flags, allocators, tuple(pieces))


def _is_single_bit(item: Item) -> bool:
    """Whether a macro is a number with one bit set, casts left out."""
    for variant in item.variants:
        node = variant.root
        while isinstance(node, c_ast.Cast):
            node = node.expr
        match node:
            case c_ast.Constant(type=kind, value=value) if "int" in kind:
                number = int(value.rstrip("uUlL"), 0) if not re.match(r"0\d", value) else 0
                return number > 0 and number & (number - 1) == 0
            case c_ast.BinaryOp(op="<<", left=c_ast.Constant(value="1" | "1u" | "1U")):
                return True
    return False


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


def _header_pieces(
    path: str, parsed: ParsedFile, profile: WrapperProfile, flags: frozenset[str]
) -> Iterable[Piece]:
    for item in parsed.macros:
        if item.name in flags:
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


def _shapes(
    parsed: ParsedFile, profile: WrapperProfile
) -> tuple[str, Mapping[str, AllocatorShape]] | None:
    """The flag type and the allocators' shapes: the flags are the parameter of a type that is no
    standard one and that all allocators share.
    """
    given = {
        name: [type_name(node) for node in parameters(item, name)]
        for item in (*parsed.declarations, *parsed.functions)
        for name in profile.allocating
        if parameters(item, name)
    }
    shared = [
        kind
        for kind in dict.fromkeys(kind for kinds in given.values() for kind in kinds)
        if kind is not None
        and kind not in _STANDARD_TYPES
        and all(kinds.count(kind) == 1 for kinds in given.values())
    ]
    if len(shared) != 1 or not given:
        return None
    return shared[0], {
        name: AllocatorShape(name, len(kinds), kinds.index(shared[0]))
        for name, kinds in given.items()
    }


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
