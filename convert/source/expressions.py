"""Expressions: precedence climbing, with extents."""

from __future__ import annotations

from collections.abc import Sequence

from pycparser import c_ast
from pycparser.c_parser import _ASSIGNMENT_OPS, _BINARY_PRECEDENCE

from convert.source.arguments import ArgumentParser
from convert.source.grammar import DECLARATION_STARTS, Node
from convert.source.nodes import StringConcat

_PRECEDENCE: dict[str | None, int] = dict(_BINARY_PRECEDENCE)
_PREFIX = frozenset({"AND", "TIMES", "PLUS", "MINUS", "NOT", "LNOT"})
_NUMBERS = frozenset({"INT_CONST_DEC", "FLOAT_CONST"})
_STRING_MACROS = frozenset({"__stringify"})  # include/linux/stringify.h
# What makes more of a name than a use of it.
_AFTER_NAME = frozenset(
    {"LPAREN", "LBRACKET", "ARROW", "PERIOD", "PLUSPLUS", "MINUSMINUS", "STRING_LITERAL", "ID"}
)


class ExpressionParser(ArgumentParser):
    """Productions for expressions."""

    def _parse_expression(self) -> Node:
        first = self._pos
        node = self._parse_assignment_expression()
        if self._types[self._pos] != "COMMA":
            return node
        parts = [node]
        while self._types[self._pos] == "COMMA":
            self._pos += 1
            parts.append(self._parse_assignment_expression())
        return c_ast.ExprList(parts, (first, self._pos))

    def _parse_assignment_expression(self) -> Node:
        first = self._pos
        left = self._parse_conditional_expression()
        if self._types[self._pos] not in _ASSIGNMENT_OPS:
            return left
        if isinstance(left, (c_ast.BinaryOp, c_ast.TernaryOp, c_ast.Constant, StringConcat)):
            self._refuse("assignment to what is no place in memory")
        operator = self._values[self._pos]
        self._pos += 1
        if self._types[self._pos] == "LBRACE" and isinstance(left, c_ast.FuncCall):
            right = self._parse_initializer()  # DEFINE_X(name) = { … }
        else:
            right = self._parse_assignment_expression()
        return c_ast.Assignment(operator, left, right, (first, self._pos))

    def _parse_conditional_expression(self) -> Node:
        first = self._pos
        condition = self._binary(0)
        if self._types[self._pos] != "CONDOP":
            return condition
        self._pos += 1
        # GNU `a ?: b` has no middle operand.
        middle = None if self._types[self._pos] == "COLON" else self._parse_expression()
        self._take("COLON")
        last = self._parse_conditional_expression()
        return c_ast.TernaryOp(condition, middle, last, (first, self._pos))

    def _parse_binary_expression(self, min_prec: int = 0, lhs: Node = None) -> Node:
        return self._binary(min_prec)

    def _binary(self, lowest: int) -> Node:
        first = self._pos
        left = self._parse_cast_expression()
        types = self._types
        while True:
            level = _PRECEDENCE.get(types[self._pos])
            if level is None or level < lowest:
                return left
            operator = self._values[self._pos]
            self._pos += 1
            right = self._binary(level + 1)
            left = c_ast.BinaryOp(operator, left, right, (first, self._pos))

    def _parse_cast_expression(self) -> Node:
        first = self._pos
        kind = self._types[first]
        if kind == "ID":  # by far the most frequent: no other production can start with a name
            if self._types[first + 1] not in _AFTER_NAME:
                self._pos = first + 1
                return c_ast.ID(self._values[first], (first, first + 1))
            return self._suffixes(self._parse_primary_expression(), first)
        if kind != "LPAREN" or not self._type_follows(first + 1):
            return self._parse_unary_expression()
        self._pos = first + 1
        target = self._parse_type_name()
        self._take("RPAREN")
        if self._types[self._pos] == "LBRACE":
            literal = c_ast.CompoundLiteral(target, self._parse_initializer(), [])
            literal.coord = (first, self._pos)
            return self._suffixes(literal, first)
        operand = self._parse_cast_expression()
        return c_ast.Cast(target, operand, (first, self._pos))

    def _type_follows(self, index: int) -> bool:
        """Whether a type name starts at a token (after an opening parenthesis)."""
        kind = self._types[index]
        if kind in DECLARATION_STARTS:
            return True
        # Outside bodies an unknown name may be a type: `(name *)` can be nothing else.
        if self._strict or kind != "ID" or self._types[index + 1] != "TIMES":
            return False
        while self._types[index + 1] == "TIMES":
            index += 1
        return self._types[index + 1] == "RPAREN"

    def _parse_unary_expression(self) -> Node:
        first = self._pos
        kind = self._types[first]
        if kind in _PREFIX:
            self._pos = first + 1
            operand = self._parse_cast_expression()
            return c_ast.UnaryOp(self._values[first], operand, (first, self._pos))
        if kind in ("PLUSPLUS", "MINUSMINUS"):
            self._pos = first + 1
            operand = self._parse_unary_expression()
            return c_ast.UnaryOp(self._values[first], operand, (first, self._pos))
        if kind in ("SIZEOF", "_ALIGNOF"):
            return self._sizeof(first)
        if kind == "LAND":  # GNU: the address of a label
            self._pos = first + 1
            label = self._parse_identifier()
            return c_ast.UnaryOp("&&", label, (first, self._pos))
        return self._parse_postfix_expression()

    def _sizeof(self, first: int) -> Node:
        operator = self._values[first]
        self._pos = first + 1
        if self._types[self._pos] == "LPAREN" and self._type_follows(self._pos + 1):
            opening = self._pos
            self._pos += 1
            operand = self._parse_type_name()
            self._take("RPAREN")
            if self._types[self._pos] == "LBRACE":
                operand = c_ast.CompoundLiteral(operand, self._parse_initializer(), [])
                operand.coord = (opening, self._pos)
                operand = self._suffixes(operand, opening)
        else:
            operand = self._parse_unary_expression()
        return c_ast.UnaryOp(operator, operand, (first, self._pos))

    def _parse_postfix_expression(self) -> Node:
        first = self._pos
        return self._suffixes(self._parse_primary_expression(), first)

    def _suffixes(self, node: Node, first: int) -> Node:
        types = self._types
        while True:
            kind = types[self._pos]
            if kind == "ARROW" or kind == "PERIOD":
                node = self._member(node, first)
            elif kind == "LPAREN":
                node = self._call(node, first)
                if types[self._pos] == "STRING_LITERAL" and self._values[first] in _STRING_MACROS:
                    return self._string(self._pos, [node], first)
            elif kind == "LBRACKET":
                self._pos += 1
                index = self._parse_expression()
                self._take("RBRACKET")
                node = c_ast.ArrayRef(node, index, (first, self._pos))
            elif kind == "PLUSPLUS" or kind == "MINUSMINUS":
                node = c_ast.UnaryOp("p" + self._values[self._pos], node, None)
                self._pos += 1
                node.coord = (first, self._pos)
            else:
                return node

    def _member(self, node: Node, first: int) -> Node:
        operator = self._pos
        name = operator + 1
        if self._types[name] not in ("ID", "TYPEID"):
            self._refuse("expected a member's name", name)
        self._pos = name + 1
        field = c_ast.ID(self._values[name], (name, name + 1))
        return c_ast.StructRef(node, self._values[operator], field, (first, self._pos))

    def _parse_primary_expression(self) -> Node:
        first = self._pos
        kind = self._types[first]
        if kind == "ID" or kind == "TYPEID":
            # No type can stand here: a table of types holds names of the whole tree.
            self._pos = first + 1
            if self._types[self._pos] in ("STRING_LITERAL", "ID") and self._joins_string():
                return self._string(first)
            return c_ast.ID(self._values[first], (first, self._pos))
        if kind in _NUMBERS:
            self._pos = first + 1
            return c_ast.Constant(
                _number_type(self._values[first]), self._values[first], (first, self._pos)
            )
        if kind == "STRING_LITERAL":
            return self._string(first)
        if kind == "CHAR_CONST":
            self._pos = first + 1
            return c_ast.Constant("char", self._values[first], (first, self._pos))
        if kind == "LPAREN":
            self._pos = first + 1
            if self._types[self._pos] == "LBRACE":
                node = self._parse_compound_statement()
            else:
                node = self._parse_expression()
            self._take("RPAREN")
            return node
        if kind == "_GENERIC":
            node = self._parse_generic_selection()
            node.coord = (first, self._pos)
            return node
        self._refuse("expected an expression")

    def _joins_string(self) -> bool:
        """Whether only names stand between here and a string literal (or, in a macro, anything)."""
        at = self._pos
        while self._types[at] == "ID":
            at += 1
        return self._types[at] == "STRING_LITERAL" or not self._strict

    def _string(self, at: int, before: Sequence[Node] = (), start: int | None = None) -> Node:
        """Adjacent literals, and between them macros that stand for literals."""
        first = at if start is None else start
        self._pos = at
        parts = list(before)
        types = self._types
        while True:
            at = self._pos
            if types[at] == "STRING_LITERAL":
                while types[self._pos] == "STRING_LITERAL":
                    self._pos += 1
                text = " ".join(self._values[at : self._pos])
                parts.append(c_ast.Constant("string", text, (at, self._pos)))
            elif types[at] == "ID":
                self._pos = at + 1
                name: Node = c_ast.ID(self._values[at], (at, at + 1))
                if types[self._pos] == "LPAREN":
                    name = self._call(name, at)
                parts.append(name)
            else:
                break
        if len(parts) == 1:
            return parts[0]
        return StringConcat(parts, (first, self._pos))

    def _parse_unified_string_literal(self) -> Node:
        return self._string(self._pos)

    def _parse_identifier(self) -> Node:
        index = self._pos
        self._take("ID")
        return c_ast.ID(self._values[index], (index, index + 1))

    def _parse_identifier_or_typeid(self) -> Node:
        index = self._pos
        if self._types[index] not in ("ID", "TYPEID"):
            self._refuse("expected a name")
        self._pos = index + 1
        return c_ast.ID(self._values[index], (index, index + 1))


def _number_type(text: str) -> str:
    """The type that pycparser gives a constant: by its suffix."""
    if text[:2] not in ("0x", "0X") and any(char in ".eE" for char in text):
        return "float" if text[-1] in "fF" else "double"
    suffix = text[-3:].lower()
    return "unsigned " * min(1, suffix.count("u")) + "long " * suffix.count("l") + "int"
