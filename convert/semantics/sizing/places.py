"""Where a piece of syntax stands, and small pieces of text parsed for their own sake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pycparser import c_ast

from convert.semantics.sizing.amounts import Amount
from convert.semantics.sizing.definitions import Cut
from convert.semantics.sizing.layout import NoLayout
from convert.source.parse import Item, parse_file
from convert.source.tables import file_dialect
from convert.source.text import BrokenSource, SourceFile, read_source
from convert.source.variants import Call, Variant
from convert.source.vocabulary import Dialect

Node = Any  # pycparser ships no types


@dataclass(frozen=True, eq=False)
class Frame:
    """A function whose names an expression uses, seen in one of its ``#if`` variants.

    ``variants``: all of them. ``bound``: the arguments' amounts where the function is looked into
    from a call; a parameter that is not in it can be anything of its type.
    """

    path: str
    source: SourceFile
    variant: Variant
    variants: tuple[Variant, ...]
    bound: Mapping[str, Amount] = field(default_factory=dict)

    @property
    def owner(self) -> int:
        """The same number for all variants of one function."""
        return id(self.variants[0])

    def of(self, variant: Variant) -> Frame:
        """The same function in another variant."""
        return replace(self, variant=variant)

    def place(self, variant: Variant) -> Where:
        """The text of the function in a variant."""
        others = tuple(other for other in self.variants if other is not variant)
        return Where(self.path, self.source, (variant, *others), self.of(variant))


@dataclass(frozen=True, eq=False)
class Where:
    """The text that a node belongs to. ``path``: the file whose names it sees.

    ``variants``: all variants of the item, the node's own first.
    """

    path: str
    source: SourceFile
    variants: tuple[Variant, ...]
    frame: Frame | None = None

    @property
    def variant(self) -> Variant:
        """The variant of the node."""
        return self.variants[0]

    def text(self, node: Node) -> str:
        """The text of a node on one line; empty for a node without a place."""
        try:
            span = self.variant.span_of(node)
        except KeyError:
            return ""
        return " ".join(span.of(self.source.text).split())

    def line(self, node: Node) -> int:
        """The line that a node starts on (0 for a node without a place)."""
        try:
            return self.source.line(self.variant.span_of(node).start)
        except KeyError:
            return 0

    def call(self, node: Node) -> Call | None:
        """The call of a FuncCall node, with the exact spans of its arguments."""
        return next((call for call in self.variant.calls if call.node is node), None)

    def of(self, variant: Variant) -> Where:
        """The same place in another variant of the item."""
        others = tuple(other for other in self.variants if other is not variant)
        return Where(self.path, self.source, (variant, *others), self.frame)


@dataclass(frozen=True, eq=False)
class TypeRef:
    """A type as written: a node of a declaration or type name, and where it stands."""

    node: Node
    where: Where


class Fragments:
    """Parses cuts of files and made-up text; each distinct text once."""

    def __init__(self, dialect: Dialect, text_of: Callable[[str], str]) -> None:
        self._dialect = dialect
        self._text_of = text_of
        self._dialects: dict[str, Dialect] = {}
        self._items: dict[tuple[str, int, str], tuple[SourceFile, tuple[Item, ...]]] = {}

    def dialect_of(self, path: str) -> Dialect:
        """The tables of the tree's headers, and for a ``.c`` file its own."""
        if path.endswith(".h"):
            return self._dialect
        if path not in self._dialects:
            self._dialects[path] = file_dialect(self._text_of(path), self._dialect)
        return self._dialects[path]

    def items(self, path: str, line: int, text: str) -> tuple[SourceFile, tuple[Item, ...]]:
        """The items of a text as if it stood at a line of a file. Raises NoLayout."""
        key = (path, line, text)
        if key not in self._items:
            padded = "\n" * (line - 1) + text
            try:
                source = read_source(path, padded.encode("latin-1"))
            except BrokenSource as error:
                raise NoLayout(str(error)) from error
            parsed = parse_file(source, self.dialect_of(path))
            if any(directive.name == "include" for directive in parsed.directives):
                raise NoLayout(f"{path}:{line}: an #include stands inside the definition")
            if parsed.refusals:
                refusal = parsed.refusals[0]
                raise NoLayout(f"{path}:{refusal.line}: {refusal.construct}")
            items = (*parsed.functions, *parsed.declarations)
            self._items[key] = source, items
        return self._items[key]

    def annotations(self, path: str) -> frozenset[str]:
        """The words that the parser drops in a file."""
        dialect = self.dialect_of(path)
        return dialect.annotations | dialect.annotations_with_arguments

    def cut(self, cut: Cut, name: str) -> Where:
        """A definition that was cut out of a file, parsed. Raises NoLayout."""
        source, items = self.items(cut.path, cut.line, cut.text)
        if not items:
            raise NoLayout(f"{cut.path}:{cut.line}: {name} could not be read")
        return Where(cut.path, source, items[0].variants)

    def expression(self, text: str, where: Where, line: int) -> tuple[Node, Where]:
        """An expression that stands for one at a place, e.g. an expanded macro. Raises NoLayout."""
        source, items = self.items(where.path, max(line, 1), f"unsigned long kc_value = ({text});")
        root = items[0].variants[0].root if items else None
        if not isinstance(root, c_ast.Decl) or root.init is None:
            raise NoLayout(f"{where.path}:{line}: `{text[:60]}` could not be read")
        return root.init, Where(where.path, source, items[0].variants, where.frame)

    def members(self, text: str, where: Where, line: int) -> Where:
        """Members that stand for a macro among a struct's members. Raises NoLayout."""
        source, items = self.items(where.path, max(line, 1), f"struct kc_members {{ {text} ; }};")
        if not items:
            raise NoLayout(f"{where.path}:{line}: `{text[:60]}` could not be read")
        return Where(where.path, source, items[0].variants, where.frame)
