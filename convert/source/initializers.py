"""Initialisers: braced lists with designators, and the macros that stand in them."""

from __future__ import annotations

from pycparser import c_ast

from convert.source.grammar import Node
from convert.source.nodes import Range
from convert.source.statements import StatementParser

_NAMES = ("ID", "TYPEID")


class InitializerParser(StatementParser):
    """Productions for initialisers."""

    def _parse_initializer(self) -> Node:
        first = self._pos
        if self._types[first] != "LBRACE":
            return self._parse_assignment_expression()
        self._pos = first + 1
        items: list[Node] = []
        while self._types[self._pos] != "RBRACE":
            items.append(self._initializer_item())
            if self._types[self._pos] == "COMMA":
                self._pos += 1
            elif self._types[self._pos] != "RBRACE" and not self._macro_ended(items[-1]):
                self._refuse("expected ',' or '}' in an initialiser")
        self._pos += 1
        return c_ast.InitList(items, (first, self._pos))

    def _macro_ended(self, item: Node) -> bool:
        """Outside bodies a macro in a list may bring its own comma: `FIELD(a) FIELD(b)`."""
        return not self._strict and isinstance(item, (c_ast.FuncCall, c_ast.ID))

    def _initializer_item(self) -> Node:
        first = self._pos
        kind = self._types[first]
        if kind in _NAMES and self._types[first + 1] == "COLON":  # GNU, obsolete: name: value
            self._pos = first + 2
            names: list[Node] = [c_ast.ID(self._values[first], (first, first + 1))]
            value = self._parse_initializer()
            return c_ast.NamedInitializer(names, value, (first, self._pos))
        if kind not in ("PERIOD", "LBRACKET"):
            return self._parse_initializer()
        names = []
        while self._types[self._pos] in ("PERIOD", "LBRACKET"):
            names.append(self._designator())
        if self._types[self._pos] == "EQUALS":
            self._pos += 1
        elif self._types[self._pos - 1] != "RBRACKET":  # GNU, obsolete: [index] value
            self._refuse("expected '=' after a designator")
        value = self._parse_initializer()
        return c_ast.NamedInitializer(names, value, (first, self._pos))

    def _designator(self) -> Node:
        first = self._pos
        self._pos = first + 1
        if self._types[first] == "PERIOD":
            return self._parse_identifier_or_typeid()
        value = self._parse_conditional_expression()
        if self._types[self._pos] == "ELLIPSIS":
            self._pos += 1
            last = self._parse_conditional_expression()
            value = Range(value, last, (first + 1, self._pos))
        self._take("RBRACKET")
        return c_ast.ArrayDesignator(value, (first, self._pos))
