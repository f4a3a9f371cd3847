"""Top-level items: functions, declarations, and macro calls that stand where declarations do.

Outside function bodies the dialect is lenient (an unknown name may be a type, an unreadable macro
argument is kept as it is); inside it is strict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pycparser import c_ast

from convert.source.aggregates import AggregateParser
from convert.source.grammar import DeclaratorRecord, Extent, Node, StatementRecord


@dataclass(frozen=True)
class External:
    """A top-level item of one variant. ``name`` is the token of its name, None if it has none."""

    kind: str
    name: int | None
    extent: Extent
    node: Node
    records: tuple[tuple[int, int, int], tuple[int, int, int]]  # sizes before and after


class ExternalParser(AggregateParser):
    """Productions for what stands at file level."""

    def externals(self) -> list[External]:
        """All items of the run; raises Refused at the first that the dialect does not know."""
        found: list[External] = []
        while self._types[self._pos] is not None:
            if self._types[self._pos] == "SEMI":
                self._pos += 1
                continue
            before = self.records.sizes()
            first = self._pos
            kind, name, node = self._external(first)
            extent = (first, self._pos)
            found.append(External(kind, name, extent, node, (before, self.records.sizes())))
        return found

    def _external(self, first: int) -> tuple[str, int | None, Node]:
        kind = self._types[first]
        if kind == "_STATIC_ASSERT":
            node = self._parse_static_assert()
            node.coord = (first, self._pos)
            return "declaration", None, node
        if kind == "ASM":
            return "declaration", None, self._asm()
        name = self._macro_name(first)
        if name is not None:
            return self._macro_item(first, name)
        spec = self._specifiers(storage=True)
        specifiers = (first, self._pos)
        if self._types[self._pos] == "SEMI":
            return self._type_item(spec, specifiers)
        return self._declarator_item(first, spec, specifiers)

    # Macro calls.

    def _macro_name(self, first: int) -> int | None:
        """The token of the macro's name if the item is a macro call, storage classes skipped."""
        at = first
        while self._types[at] in ("STATIC", "EXTERN", "INLINE", "CONST"):
            at += 1
        if self._types[at] != "ID" or self._types[at + 1] != "LPAREN":
            return None
        close = self._closing(at + 1)
        if self._types[close + 1] in (None, "SEMI", "EQUALS", "LBRACE"):
            return at
        return None

    def _closing(self, index: int) -> int:
        """The token that closes the parenthesis at ``index``."""
        depth = 0
        for at in range(index, len(self._types)):
            kind = self._types[at]
            if kind is None:
                break
            depth += (kind == "LPAREN") - (kind == "RPAREN")
            if depth == 0:
                return at
        self._refuse("a parenthesis without an end", index)

    def _macro_item(self, first: int, name: int) -> tuple[str, int | None, Node]:
        self._pos = name + 1
        call = self._call(c_ast.ID(self._values[name], (name, name + 1)), name)
        following = self._types[self._pos]
        if following == "LBRACE":
            body = self._body()
            return "function", name, c_ast.FuncDef(call, None, body, (first, self._pos))
        if following == "EQUALS":
            self._pos += 1
            value = self._parse_initializer()
            call = c_ast.Assignment("=", call, value, (first, self._pos))
        if self._types[self._pos] is not None:
            self._take("SEMI")
        return "macro-call", name, call

    # Declarations and functions.

    def _type_item(
        self, spec: dict[str, list[Any]], specifiers: Extent
    ) -> tuple[str, int | None, Node]:
        node = self._only_a_type(spec, specifiers)
        self._take("SEMI")
        at = node.type.coord[0] + 1
        return "declaration", at if self._types[at] in ("ID", "TYPEID") else None, node

    def _declarator_item(
        self, first: int, spec: dict[str, list[Any]], specifiers: Extent
    ) -> tuple[str, int | None, Node]:
        start = self._pos
        sizes = self.records.sizes()
        declarator, name = self._declarator()
        if self._types[self._pos] == "LBRACE":
            return self._function(first, spec, specifiers, (start, self._pos), declarator, name)
        if self._starts_declaration() and isinstance(declarator, c_ast.FuncDecl):
            self._refuse("a parameter list as before ANSI C (K&R)", start)
        self._pos = start
        self.records.cut(sizes)
        nodes = self._declaration_body(first, spec)
        self._take("SEMI")
        node = nodes[0] if len(nodes) == 1 else c_ast.DeclList(nodes, (first, self._pos - 1))
        return "declaration", name, node

    def _function(
        self,
        first: int,
        spec: dict[str, list[Any]],
        specifiers: Extent,
        extent: Extent,
        declarator: Node,
        name: int | None,
    ) -> tuple[str, int | None, Node]:
        if not isinstance(declarator, c_ast.FuncDecl) or "typedef" in spec["storage"]:
            self._refuse("a block after what is no function")
        assert name is not None
        if not spec["type"]:
            self._refuse("a function without a return type", name)
        node = self._made(spec, declarator)
        node.coord = (first, self._pos)
        self.records.declarators.append(
            DeclaratorRecord(node, name, specifiers, extent, None, False)
        )
        body = self._body()
        return "function", name, c_ast.FuncDef(node, None, body, (first, self._pos))

    def _body(self) -> Node:
        first = self._pos
        self._strict = True
        body = self._parse_compound_statement()
        self._strict = False
        self.records.statements.append(StatementRecord("Compound", (first, self._pos), body))
        return body
