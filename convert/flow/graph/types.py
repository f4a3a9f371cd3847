"""Declared types of the paths and, on demand, of the kernel's headers.

A function's type is a `TypeRef` whose base is the function's spelling, ``int (struct file *,
int)``; a pointer to it has one star. `Types.signature` gives its parts back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.terms import UNKNOWN_TYPE, TypeRef, innermost, tag_of, type_ref
from convert.source.parse import Item

Members = Mapping[str, TypeRef]
_BASIC = frozenset(
    ["void", "char", "short", "int", "long", "float", "double", "signed", "unsigned", "_Bool"]
)


@dataclass(frozen=True)
class Signature:
    """The type of a function; ``variadic``: more arguments may follow."""

    returns: TypeRef
    parameters: tuple[TypeRef, ...]
    variadic: bool = False

    def __str__(self) -> str:
        parts = [str(kind) for kind in self.parameters] + (["..."] if self.variadic else [])
        return f"{self.returns} ({', '.join(parts) or 'void'})"


@dataclass
class Types:
    """Everything declared at file level, by name.

    ``own``: tags of structures that the files of the paths define. ``mixed``: tags with unnamed
    structures inside, whose members have no safe order. ``elsewhere`` looks up a structure,
    ``more_typedefs`` a typedef in the tree's headers and adds what it finds.
    """

    structs: dict[str, dict[str, TypeRef]] = field(default_factory=dict)
    typedefs: dict[str, TypeRef] = field(default_factory=dict)
    results: dict[tuple[str, str], TypeRef] = field(default_factory=dict)
    variables: dict[tuple[str, str], TypeRef] = field(default_factory=dict)
    signatures: dict[str, Signature] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    mixed: set[str] = field(default_factory=set)
    enumerators: set[str] = field(default_factory=set)
    inner_names: set[str] = field(default_factory=set)  # members of structures inside functions
    elsewhere: Callable[[str], Iterable[Item]] | None = None
    more_typedefs: Callable[[str], Iterable[Item]] | None = None
    _asked: set[str] = field(default_factory=set)

    # -- reading declarations ------------------------------------------------------------------

    def declaration(self, item: Item, home: str, own: bool) -> None:
        """Note what a file-level declaration declares; ``home`` is the file it stands in."""
        for variant in item.variants:
            for node in declared_nodes(variant.root):
                self._declared(node, home, own)

    def structure(self, node: c_ast.Node, unnamed: str) -> None:
        """Note a structure that is defined inside a function."""
        tag = tag_of(node) or unnamed
        self._members(tag, node, True)
        self.inner_names.update(self.structs[tag])

    def _declared(self, node: c_ast.Node, home: str, own: bool) -> None:
        inner = innermost(node)
        if isinstance(inner, c_ast.Enum) and inner.values is not None:
            values = inner.values.enumerators
            self.enumerators.update(v.name for v in values if isinstance(v, c_ast.Enumerator))
        if isinstance(inner, (c_ast.Struct, c_ast.Union)) and inner.decls is not None:
            tag = tag_of(inner) or f"struct {home}:{node.name or ''}"
            self._members(tag, inner, own)
        if isinstance(node, c_ast.Typedef):
            self.typedefs[node.name] = self.reference(node, f"struct {home}:{node.name}")
        elif isinstance(node, c_ast.Decl) and node.name:
            at = home if "static" in (node.storage or ()) and home.endswith(".c") else ""
            kind = self.reference(node, f"struct {home}:{node.name}")
            if isinstance(node.type, c_ast.FuncDecl):
                self.results[at, node.name] = kind
            elif not ("extern" in (node.storage or ()) and (at, node.name) in self.variables):
                self.variables[at, node.name] = kind

    def _members(self, tag: str, node: c_ast.Node, own: bool, top: str | None = None) -> None:
        if own:
            self.own.add(tag)
        known = self.structs.setdefault(tag, {})
        for member in node.decls or ():
            if not isinstance(member, c_ast.Decl):
                self.mixed.add(tag)  # a macro that declares members
                continue
            inner = innermost(member)
            nested = isinstance(inner, (c_ast.Struct, c_ast.Union)) and inner.decls is not None
            if not member.name:
                if nested:
                    self.mixed.add(tag)
                    self._members(tag, inner, own)
                continue
            if nested:
                self._members(tag_of(inner) or f"{tag}.{member.name}", inner, own)
            found = self.reference(member, f"{tag}.{member.name}")
            if known.setdefault(member.name, found) != found:
                known[member.name] = UNKNOWN_TYPE  # two variants

    def reference(self, node: c_ast.Node | None, unnamed: str = "?") -> TypeRef:
        """The type that a declaration or type name stands for; ``unnamed``: tag without a name."""
        return type_ref(node, unnamed, self._function)

    def _function(self, node: c_ast.FuncDecl) -> str:
        params = node.args.params if node.args is not None else ()
        variadic = any(isinstance(p, c_ast.EllipsisParam) for p in params)
        kinds = tuple(self.reference(p) for p in params if not isinstance(p, c_ast.EllipsisParam))
        if kinds == (TypeRef("void"),):
            kinds = ()
        signature = Signature(self.reference(node.type), kinds, variadic)
        text = str(signature)
        self.signatures.setdefault(text, signature)
        return text

    # -- asking --------------------------------------------------------------------------------

    def plain(self, kind: TypeRef) -> TypeRef:
        """A type without typedefs."""
        seen: set[str] = set()
        while kind.base not in seen:
            seen.add(kind.base)
            inner = self._typedef(kind.base)
            if inner is None:
                break
            kind = TypeRef(inner.base, kind.stars + inner.stars)
        return kind

    def _typedef(self, name: str) -> TypeRef | None:
        if name in self.typedefs:
            return self.typedefs[name]
        if self.more_typedefs is None or not name.isidentifier() or name in _BASIC:
            return None
        if f"typedef {name}" not in self._asked:
            self._asked.add(f"typedef {name}")
            for item in self.more_typedefs(name):
                self.declaration(item, "", False)
        return self.typedefs.get(name)

    def members(self, tag: str) -> Members | None:
        """The members of a structure; None if no definition of it is found."""
        if tag not in self.structs and self.elsewhere is not None and tag not in self._asked:
            self._asked.add(tag)
            for item in self.elsewhere(tag):
                self.declaration(item, "", False)
        return self.structs.get(tag)

    def member(self, kind: TypeRef, name: str) -> TypeRef:
        """The type of a member of a structure of that type, or of a pointer to one."""
        members = self.members(self.plain(kind).base)
        return UNKNOWN_TYPE if members is None else members.get(name, UNKNOWN_TYPE)

    def signature(self, kind: TypeRef) -> Signature | None:
        """The signature of a function type or of a pointer to one."""
        plain = self.plain(kind)
        return self.signatures.get(plain.base)

    def may_hold_function(self, kind: TypeRef) -> bool:
        """Whether a value of the type may be a function's address without a cast to an integer."""
        plain = self.plain(kind)
        if plain.base in self.signatures or plain.base == "?":
            return True
        return plain.base in ("void", "const void") and plain.stars > 0

    def is_struct(self, kind: TypeRef) -> bool:
        """Whether the type is a structure or union, or an array or pointer of them."""
        return self.plain(kind).base.startswith(("struct ", "union "))


def declared_nodes(root: c_ast.Node) -> Iterator[c_ast.Node]:
    """The declarations and typedefs of an item."""
    for node in root.decls if isinstance(root, c_ast.DeclList) else [root]:
        if isinstance(node, (c_ast.Decl, c_ast.Typedef)):
            yield node
