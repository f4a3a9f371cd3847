"""What one file says: types, functions, where pointers go.

The facts of a file depend on its own bytes alone, so that a file that a series does not touch is
read once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine, routines_of
from convert.flow.control import Role
from convert.flow.provenance.names import Names
from convert.flow.provenance.origins import ANY, flows_of, initialised
from convert.flow.provenance.places import (
    Field,
    Flows,
    Global,
    Move,
    Opaque,
    Origin,
    Ref,
    inside,
)
from convert.flow.terms import (
    UNKNOWN_TYPE,
    TypeRef,
    arguments,
    call_name,
    innermost,
    strip,
    tag_of,
    type_ref,
)
from convert.source.parse import Item, ParsedFile, ParseRefusal

_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)(?!\w|\()", re.MULTILINE)
_EXPORT = re.compile(r"^EXPORT_\w*SYMBOL\w*\((\w+)", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")
_CLEANUP = re.compile(r"\b__(?:free|cleanup)(?:__)?\s*\(")
Members = Mapping[str, TypeRef]


@dataclass(frozen=True)
class FunctionFacts:
    """One function or function-like macro in one ``#if`` variant.

    cleans: the line of a variable that is freed at the end of its block. cursors: for macros that
    stand only as heads of loops, the structures that arguments which are local variables point to.
    """

    key: FunctionKey
    path: str
    line: int
    returns: TypeRef
    parameters: tuple[TypeRef, ...]
    callees: frozenset[str]
    allocates: bool  # itself calls a primitive allocator
    flows: Flows
    is_macro: bool
    static: bool
    cleans: int | None = None
    cursors: Mapping[tuple[str, int], str] = field(default_factory=dict)


@dataclass(frozen=True)
class FileFacts:
    """What one file says.

    results: declared types of functions; variables: of globals; constants: the names of its macros
    without parameters and of its enumerators; prototypes: functions that it declares; exported:
    those that other code may call; unions: for each structure the members that share their memory;
    unread: the words of what could not be parsed, each with its line; moves: what initialisers at
    file level store; arrays: for each structure the members that are arrays.
    """

    path: str
    functions: tuple[FunctionFacts, ...]
    structs: Mapping[str, Members]
    typedefs: Mapping[str, TypeRef]
    results: Mapping[str, TypeRef]
    variables: Mapping[str, TypeRef]
    constants: frozenset[str]
    refusals: tuple[ParseRefusal, ...]
    prototypes: frozenset[str] = frozenset()
    exported: frozenset[str] = frozenset()
    unions: Mapping[str, tuple[frozenset[str], ...]] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()
    arrays: Mapping[str, frozenset[str]] = field(default_factory=dict)


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
        prototypes=frozenset(types.prototypes),
        exported=frozenset(_EXPORT.findall(parsed.source.text)),
        unions={tag: tuple(groups) for tag, groups in types.unions.items()},
        unread=_unread(parsed),
        moves=_initialisers(parsed),
        arrays={tag: frozenset(names) for tag, names in types.arrays.items()},
    )


def unread_facts(path: str, text: str) -> FileFacts:
    """What is known of a file that cannot be read: every word may mean anything there."""
    words = dict.fromkeys(_WORD.findall(text), 1)
    return FileFacts(path, (), {}, {}, {}, {}, frozenset(), (), unread=words)


def _unread(parsed: ParsedFile) -> dict[str, int]:
    """The words of the items that could not be parsed, each with the line of the item."""
    found: dict[str, int] = {}
    for refusal in parsed.refusals:
        for word in _WORD.findall(refusal.span.of(parsed.source.text)):
            found.setdefault(word, refusal.line)
    return found


def _initialisers(parsed: ParsedFile) -> tuple[Move, ...]:
    """What file-level variables are initialised with: functions and other variables."""
    path = parsed.source.path
    home = path if path.endswith(".c") else ""
    found: dict[Move, None] = {}
    for item in parsed.declarations:
        for variant in item.variants:
            root = variant.root
            for node in root.decls if isinstance(root, c_ast.DeclList) else [root]:
                if not isinstance(node, c_ast.Decl) or node.init is None or not node.name:
                    continue
                pairs: Iterable[tuple[tuple[str, ...], c_ast.Node]] = [((), node.init)]
                if isinstance(node.init, c_ast.InitList):
                    pairs = initialised(node.init)
                for chain, expression in pairs:
                    origin = _constant(home, expression)
                    if origin is None:
                        continue
                    kind = type_ref(node)
                    own = Global(home, node.name)
                    if not chain:
                        found[Move(own, origin, item.line)] = None
                        continue
                    found[Move(Field(kind, chain), origin, item.line)] = None
                    if chain == (ANY,):
                        found[Move(inside(own), origin, item.line)] = None
    return tuple(found)


def _constant(home: str, node: c_ast.Node) -> Origin | None:
    """The function or variable that a constant expression names; None for numbers."""
    node = strip(node)
    match node:
        case c_ast.ID(name=name) if name != "NULL":
            return Global(home, name)
        case c_ast.UnaryOp(op="&", expr=c_ast.ID(name=name)):
            return Ref(Global(home, name))
        case c_ast.Constant() | c_ast.ID():
            return None
    return Opaque("an initialiser", at=None)


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
        static=routine.declared is not None and "static" in (routine.declared.storage or ()),
        cleans=_cleans(routine),
        cursors=_cursors(routine),
    )


def _cursors(routine: Routine) -> dict[tuple[str, int], str]:
    """The structures that variables point to which are arguments of macro loops."""
    heads: dict[str, list[dict[int, str]]] = {}
    for point in routine.flow.points:
        name = call_name(point.code) if point.role is Role.LOOP else None
        if name is not None:
            heads.setdefault(name, []).append(_structures(routine, arguments(point.code)))
    calls = Counter(call.callee for call in routine.variant.calls)
    return {
        (name, index): base
        for name, known in heads.items()
        if calls[name] == len(known)
        for index, base in known[0].items()
        if all(other.get(index) == base for other in known)
    }


def _structures(routine: Routine, given: list[c_ast.Node]) -> dict[int, str]:
    """What the arguments point to that are local variables."""
    found = {}
    for index, argument in enumerate(given):
        node = strip(argument)
        if isinstance(node, c_ast.ID) and routine.is_local(node.name):
            kind = routine.types[node.name]
            if kind.stars == 1:
                found[index] = kind.base
    return found


def _cleans(routine: Routine) -> int | None:
    """Where a local variable has a cleanup function: attributes are not parsed."""
    match = _CLEANUP.search(routine.source.text, routine.item.span.start, routine.item.span.end)
    return None if match is None else routine.source.line(match.start())


@dataclass
class _Types:
    """Collects declared types."""

    structs: dict[str, dict[str, TypeRef]] = field(default_factory=dict)
    typedefs: dict[str, TypeRef] = field(default_factory=dict)
    results: dict[str, TypeRef] = field(default_factory=dict)
    variables: dict[str, TypeRef] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    prototypes: set[str] = field(default_factory=set)
    unions: dict[str, list[frozenset[str]]] = field(default_factory=dict)
    arrays: dict[str, set[str]] = field(default_factory=dict)

    def declaration(self, item: Item) -> None:
        for variant in item.variants:
            root = variant.root
            for node in root.decls if isinstance(root, c_ast.DeclList) else [root]:
                self.declared(node)

    def declared(self, node: c_ast.Node) -> None:
        if not isinstance(node, (c_ast.Decl, c_ast.Typedef)):
            return
        inner = innermost(node)
        if isinstance(inner, c_ast.Enum) and inner.values is not None:
            self.constants.update(one.name for one in inner.values.enumerators)
        inner = _aggregate(node)
        if inner is not None and inner.decls is not None:
            named = isinstance(node, c_ast.Typedef) or tag_of(inner) is not None
            own = f"struct {node.name}" if named else f"struct of {node.name}"
            tag = tag_of(inner) or (own if node.name else None)
            if tag is not None:
                self.members(tag, inner)
                kinds = self.typedefs if isinstance(node, c_ast.Typedef) else self.variables
                if node.name and not isinstance(node.type, c_ast.FuncDecl):
                    kinds[node.name] = TypeRef(tag, type_ref(node).stars)
                    return
        if isinstance(node, c_ast.Typedef):
            self.typedefs[node.name] = type_ref(node)
        elif isinstance(node.type, c_ast.FuncDecl):
            self.results[node.name] = type_ref(node.type.type)
            self.prototypes.add(node.name)
        elif node.name:
            self.variables[node.name] = type_ref(node)

    def members(self, tag: str, node: c_ast.Node) -> None:
        """Note the members of a structure; those of unnamed ones inside are its own."""
        known = self.structs.setdefault(tag, {})
        if isinstance(node, c_ast.Union) and tag.startswith("union "):
            names = frozenset(m.name for m in node.decls if getattr(m, "name", None))
            self.unions.setdefault(tag, []).append(names)
        for member in node.decls or ():
            if not isinstance(member, c_ast.Decl):
                continue
            inner = _aggregate(member)
            if member.name and isinstance(member.type, c_ast.ArrayDecl):
                self.arrays.setdefault(tag, set()).add(member.name)
            if inner is None or inner.decls is None:
                if member.name:
                    known[member.name] = type_ref(member)
            elif member.name is None:
                before = set(self.structs[tag])
                self.members(tag, inner)
                if isinstance(inner, c_ast.Union):
                    shared = frozenset(set(self.structs[tag]) - before)
                    self.unions.setdefault(tag, []).append(shared)
            else:
                own = tag_of(inner) or f"{tag}.{member.name}"
                self.members(own, inner)
                known[member.name] = TypeRef(own, type_ref(member).stars)


def _aggregate(node: c_ast.Node) -> c_ast.Node | None:
    """The struct or union that a declaration is of, through pointers and arrays."""
    inner = innermost(node)
    return inner if isinstance(inner, (c_ast.Struct, c_ast.Union)) else None


def _macro_names(parsed: ParsedFile) -> frozenset[str]:
    """The macros without parameters that a file defines."""
    return frozenset(_MACRO.findall(parsed.source.text))
