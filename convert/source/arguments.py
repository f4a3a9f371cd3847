"""Calls and macro invocations, with one slot per argument."""

from __future__ import annotations

from pycparser import c_ast

from convert.source.grammar import (
    DECLARATION_STARTS,
    EXPRESSION_STARTS,
    CallRecord,
    Node,
    Refused,
    TokenParser,
)
from convert.source.nodes import CodeArgument, Opaque, StringConcat

# Operators that cannot start an expression: alone between commas they are a macro's argument.
_PURE_OPERATORS = frozenset(
    {"EQ", "NE", "LT", "GT", "LE", "GE", "LOR", "OR", "XOR", "DIVIDE", "MOD", "LSHIFT", "RSHIFT"}
)
_STATEMENT_WORDS = frozenset(
    {"IF", "DO", "FOR", "WHILE", "SWITCH", "RETURN", "GOTO", "BREAK", "CONTINUE", "ASM"}
)
_OPENING = frozenset({"LPAREN", "LBRACKET", "LBRACE"})
_CLOSING = frozenset({"RPAREN", "RBRACKET", "RBRACE"})
_ARGUMENT_ENDS = frozenset({"COMMA", "RPAREN"})


class ArgumentParser(TokenParser):
    """Productions for calls and what macros take as arguments."""

    def _call(self, callee: Node, first: int) -> Node:
        """A call or macro invocation; the callee's extent ends at the parenthesis."""
        if isinstance(callee, (c_ast.Constant, StringConcat)):
            self._refuse("call of a constant")
        opening = self._pos
        self._pos += 1
        # The arguments of trace macros are a language of their own.
        opaque = isinstance(callee, c_ast.ID) and callee.name.startswith("TP_")
        slots: list[tuple[int, int, Node]] = []
        nodes: list[Node] = []
        if self._types[self._pos] != "RPAREN":
            while True:
                start = self._pos
                node, shown = (self._opaque_argument(), False) if opaque else self._argument()
                nodes.append(node)
                slots.append((start, self._pos, node if shown else None))
                if self._types[self._pos] != "COMMA":
                    break
                self._pos += 1
        close = self._pos
        self._take("RPAREN")
        arguments = c_ast.ExprList(nodes, (opening + 1, close)) if nodes else None
        call = c_ast.FuncCall(callee, arguments, (first, self._pos))
        self.records.calls.append(
            CallRecord(call, (first, self._pos), (first, opening), opening, close, slots)
        )
        return call

    def _argument(self) -> tuple[Node, bool]:
        """One argument, and whether it is an expression (else a type, an operator, statements).

        Outside code what cannot be read is kept as an opaque argument.
        """
        if self._strict or self._exact:
            return self._known_argument()
        mark = self._mark()
        try:
            result = self._known_argument()
            if self._types[self._pos] in _ARGUMENT_ENDS:
                return result
        except Refused:
            pass
        self._reset(mark)
        return self._opaque_argument(), False

    def _opaque_argument(self) -> Node:
        """Skip to the end of an argument, whatever it is."""
        first = self._pos
        depth = 0
        while depth > 0 or self._types[self._pos] not in _ARGUMENT_ENDS:
            kind = self._types[self._pos]
            if kind is None:
                self._refuse("parentheses without an end", first)
            depth += (kind in _OPENING) - (kind in _CLOSING)
            if depth < 0:
                self._refuse("brackets that do not match")
            self._pos += 1
        return Opaque(" ".join(self._values[first : self._pos]), (first, self._pos))

    def _known_argument(self) -> tuple[Node, bool]:
        first = self._pos
        kind = self._types[first]
        if kind == "ID" and self._types[first + 1] in _ARGUMENT_ENDS:
            self._pos = first + 1
            return c_ast.ID(self._values[first], (first, first + 1)), True
        if kind in DECLARATION_STARTS:
            return self._type_argument(), False
        if kind in _STATEMENT_WORDS:
            return self._code_argument([], first), False
        if kind == "LBRACE":
            return self._braced_argument(first), False
        if kind in _PURE_OPERATORS and self._types[first + 1] in _ARGUMENT_ENDS:
            self._pos = first + 1
            return Opaque(self._values[first], (first, self._pos)), False
        if kind not in EXPRESSION_STARTS and not self._strict and kind in _ARGUMENT_ENDS:
            return Opaque("", (first, first)), False
        node = self._parse_assignment_expression()
        if self._types[self._pos] == "SEMI":
            return self._code_argument([node], first), False
        return node, True

    def _type_argument(self) -> Node:
        """A type name; a declaration with a name is no argument that the dialect knows."""
        node = self._parse_type_name()
        if self._types[self._pos] not in _ARGUMENT_ENDS:
            self._refuse("expected ',' or ')' after a type as an argument")
        return node

    def _braced_argument(self, first: int) -> Node:
        """`{ … }`: an initialiser list or a block."""
        mark = self._mark()
        if self._types[first + 1] in ("PERIOD", "LBRACKET", "LBRACE", "RBRACE"):
            return self._parse_initializer()
        try:
            return self._code_argument([], first)
        except Refused:
            self._reset(mark)
            return self._parse_initializer()

    def _code_argument(self, before: list[Node], first: int) -> Node:
        """Statements up to the argument's end; the last one may lack its semicolon."""
        outer, self._ends_with_parenthesis = self._ends_with_parenthesis, True
        node = self._code_parts(before, first)
        self._ends_with_parenthesis = outer
        return node

    def _code_parts(self, parts: list[Node], first: int) -> Node:
        while True:
            if self._types[self._pos] == "SEMI":
                self._pos += 1
            if self._types[self._pos] in _ARGUMENT_ENDS:
                return CodeArgument(parts, (first, self._pos))
            if self._types[self._pos] in EXPRESSION_STARTS:
                parts.append(self._parse_assignment_expression())
                if self._types[self._pos] not in ("SEMI", "COMMA", "RPAREN"):
                    self._refuse("expected ';', ',' or ')' after a statement as an argument")
            else:
                parts.append(self._bare_statement())

    def _bare_statement(self) -> Node:
        raise NotImplementedError
