"""Structs, unions and enums, with the macros that stand among their members."""

from __future__ import annotations

from typing import Any

from pycparser import c_ast

from convert.source.declarations import DeclarationParser
from convert.source.grammar import DeclaratorRecord, Extent, Node


class AggregateParser(DeclarationParser):
    """Productions for struct, union and enum specifiers."""

    def _parse_struct_or_union_specifier(self) -> Node:
        first = self._pos
        node_class = c_ast.Struct if self._types[first] == "STRUCT" else c_ast.Union
        self._pos = first + 1
        name = None
        if self._types[self._pos] in ("ID", "TYPEID"):
            name = self._values[self._pos]
            self._pos += 1
        members: list[Node] | None = None
        if self._types[self._pos] == "LBRACE":
            self._pos += 1
            members = []
            while self._types[self._pos] != "RBRACE":
                members += self._member_declaration()
            self._pos += 1
        elif name is None:
            self._refuse("expected a struct's name or members")
        return node_class(name, members, coord=(first, self._pos))

    def _member_declaration(self) -> list[Node]:
        first = self._pos
        kind = self._types[first]
        if kind == "SEMI":
            self._pos = first + 1
            return []
        if kind == "_STATIC_ASSERT":
            node = self._parse_static_assert()
            node.coord = (first, self._pos)
            return [node]
        if kind == "ID" and self._types[first + 1] == "LPAREN" and not self._unknown_type():
            return [self._member_macro(first)]
        spec = self._specifiers(storage=False)
        specifiers = (first, self._pos)
        nodes: list[Node] = []
        start = first
        if self._types[self._pos] == "SEMI":
            nodes.append(self._anonymous_member(spec, specifiers))
        else:
            while True:
                nodes.append(self._member_declarator(spec, specifiers, start))
                if self._types[self._pos] != "COMMA":
                    break
                self._pos += 1
                start = self._pos
        self._take("SEMI")
        return nodes

    def _member_macro(self, first: int) -> Node:
        """`DECLARE_BITMAP(name, size);`: a macro that declares members."""
        strict, self._strict = self._strict, False
        self._pos = first + 1
        node = self._call(c_ast.ID(self._values[first], (first, first + 1)), first)
        self._strict = strict
        if self._types[self._pos] == "SEMI":
            self._pos += 1
        elif strict:
            self._refuse("expected ';'")
        return node

    def _anonymous_member(self, spec: dict[str, list[Any]], extent: Extent) -> Node:
        if len(spec["type"]) != 1:
            self._refuse("a member without a name")
        return c_ast.Decl(
            None, spec["qual"], spec["alignment"], spec["storage"], spec["function"],
            spec["type"][0], None, None, extent,
        )  # fmt: skip

    def _member_declarator(
        self, spec: dict[str, list[Any]], specifiers: Extent, first: int
    ) -> Node:
        start = self._pos
        name: int | None = None
        if self._types[start] == "COLON":
            declarator: Node = c_ast.TypeDecl(None, None, None, None, coord=(start, start))
        else:
            declarator, name = self._declarator()
        extent = (start, self._pos)
        bits = None
        if self._types[self._pos] == "COLON":
            self._pos += 1
            bits = self._parse_conditional_expression()
        if not spec["type"]:
            self._refuse("a member without a type", first)
        node = self._made(spec, declarator, bits=bits)
        node.coord = (first, self._pos)
        if name is not None:
            self.records.declarators.append(
                DeclaratorRecord(node, name, specifiers, extent, None, False)
            )
        return node

    def _parse_enum_specifier(self) -> Node:
        first = self._pos
        self._pos = first + 1
        name = None
        if self._types[self._pos] in ("ID", "TYPEID"):
            name = self._values[self._pos]
            self._pos += 1
        values = None
        if self._types[self._pos] == "LBRACE":
            start = self._pos
            self._pos += 1
            members: list[Node] = []
            while self._types[self._pos] != "RBRACE":
                members.append(self._enumerator())
                if self._types[self._pos] == "COMMA":
                    self._pos += 1
                elif self._types[self._pos] != "RBRACE" and not (
                    not self._strict and isinstance(members[-1], c_ast.FuncCall)
                ):
                    self._refuse("expected ',' or '}' among enumerators")
            self._pos += 1
            values = c_ast.EnumeratorList(members, (start, self._pos))
        elif name is None:
            self._refuse("expected an enum's name or members")
        return c_ast.Enum(name, values, None, (first, self._pos))

    def _enumerator(self) -> Node:
        first = self._pos
        if self._types[first] not in ("ID", "TYPEID"):
            self._refuse("expected an enumerator's name")
        self._pos = first + 1
        name = self._values[first]
        if self._types[self._pos] == "LPAREN" and not self._strict:
            return self._call(c_ast.ID(name, (first, first + 1)), first)
        self._add_identifier(name, None)
        value = None
        if self._types[self._pos] == "EQUALS":
            self._pos += 1
            value = self._parse_conditional_expression()
        return c_ast.Enumerator(name, value, (first, self._pos))
