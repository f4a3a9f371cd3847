"""The definitions that a type's name refers to, parsed."""

from __future__ import annotations

from pycparser import c_ast

from convert.semantics.sizing.definitions import Cut, DefinitionIndex
from convert.semantics.sizing.layout import NoLayout
from convert.semantics.sizing.places import Fragments, Node, TypeRef, Where
from convert.semantics.sizing.records import Record, RecordReader
from convert.source.nodes import nodes_of


class TypeDefinitions:
    """Finds and parses the definitions of typedefs, structs, unions and enums."""

    def __init__(self, index: DefinitionIndex, fragments: Fragments, records: RecordReader) -> None:
        self.index = index
        self.fragments = fragments
        self.records = records

    def typedef_nodes(self, cut: Cut, name: str) -> list[tuple[Node, Where]]:
        """The typedef of a name in each variant of a cut. Raises NoLayout."""
        where = self.fragments.cut(cut, name)
        found: list[tuple[Node, Where]] = []
        for variant in where.variants:
            for node in _declared(variant.root):
                if isinstance(node, c_ast.Typedef) and node.name == name:
                    found.append((node, where.of(variant)))
        if not found:
            raise NoLayout(f"{cut.path}:{cut.line}: the typedef {name} could not be read")
        return found

    def typedef_refs(self, name: str, where: Where) -> tuple[TypeRef, ...]:
        """What a typedef's name stands for, as one of several types; empty if it is not known."""
        try:
            return tuple(
                TypeRef(node.type, place)
                for cut in self.index.typedefs(name, where.path)
                for node, place in self.typedef_nodes(cut, name)
            )
        except NoLayout:
            return ()

    def tagged(self, node: Node, where: Where) -> tuple[Cut, ...]:
        """The definitions of a tag, also one that a macro renames (``#define rcu_head …``)."""
        kind, tag = kind_of(node), node.name
        cuts = self.index.tagged(kind, tag, where.path)
        for macro in self.index.macros(tag, where.path):
            if macro.parameters is None and macro.body.isidentifier() and macro.body != tag:
                cuts += self.index.tagged(kind, macro.body, where.path)
        if not cuts:
            raise NoLayout(f"{kind} {tag} is not defined in the headers read")
        return tuple(dict.fromkeys(cuts))

    def records_in(self, cut: Cut, node: Node) -> tuple[Record, ...]:
        """The records of a tag in a cut: one, unless ``#if`` makes several. Raises NoLayout."""
        where = self.fragments.cut(cut, f"{kind_of(node)} {node.name}")
        found: dict[int, Record] = {}
        for variant in where.variants:
            for inner in aggregates(variant.root):
                start = variant.span_of(inner).start
                if start == cut.offset and isinstance(inner, type(node)):
                    found.setdefault(start, self.records.record(inner, where.of(variant)))
        if not found:
            raise NoLayout(f"{cut.path}:{cut.line}: {kind_of(node)} {node.name} could not be read")
        return tuple(found.values())

    def enums_in(self, cut: Cut, name: str) -> list[tuple[Node, Where]]:
        """The enum of a tag in each variant of a cut. Raises NoLayout."""
        where = self.fragments.cut(cut, f"enum {name}")
        found = [
            (inner, where.of(variant))
            for variant in where.variants
            for inner in enums(variant.root)
            if inner.name == name
        ]
        if not found:
            raise NoLayout(f"{cut.path}:{cut.line}: enum {name} could not be read")
        return found


def kind_of(node: Node) -> str:
    """``struct``, ``union`` or ``enum``."""
    if isinstance(node, c_ast.Enum):
        return "enum"
    return "union" if isinstance(node, c_ast.Union) else "struct"


def _declared(root: Node) -> list[Node]:
    return list(root.decls) if isinstance(root, c_ast.DeclList) else [root]


def aggregates(root: Node) -> list[Node]:
    """The structs and unions with members at or below a node."""
    kinds = (c_ast.Struct, c_ast.Union)
    return [node for node in nodes_of(root) if isinstance(node, kinds) and node.decls is not None]


def enums(root: Node) -> list[Node]:
    """The enums with enumerators at or below a node."""
    kind = c_ast.Enum
    return [node for node in nodes_of(root) if isinstance(node, kind) and node.values is not None]
