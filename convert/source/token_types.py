"""The types of tokens, named as pycparser's grammar names them, by their text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from convert.source.words import KEYWORDS

PUNCTUATORS = {
    "(": "LPAREN", ")": "RPAREN", "[": "LBRACKET", "]": "RBRACKET", "{": "LBRACE", "}": "RBRACE",
    ";": "SEMI", ",": "COMMA", "~": "NOT", "?": "CONDOP", ":": "COLON", ".": "PERIOD",
    "->": "ARROW", "++": "PLUSPLUS", "--": "MINUSMINUS", "...": "ELLIPSIS", "!": "LNOT",
    "+": "PLUS", "-": "MINUS", "*": "TIMES", "/": "DIVIDE", "%": "MOD", "|": "OR", "&": "AND",
    "^": "XOR", "<<": "LSHIFT", ">>": "RSHIFT", "||": "LOR", "&&": "LAND", "<": "LT", ">": "GT",
    "<=": "LE", ">=": "GE", "==": "EQ", "!=": "NE", "=": "EQUALS", "*=": "TIMESEQUAL",
    "/=": "DIVEQUAL", "%=": "MODEQUAL", "+=": "PLUSEQUAL", "-=": "MINUSEQUAL",
    "<<=": "LSHIFTEQUAL", ">>=": "RSHIFTEQUAL", "&=": "ANDEQUAL", "|=": "OREQUAL",
    "^=": "XOREQUAL",
}  # fmt: skip

_FLOAT = re.compile(r"[0-9]*\.[0-9]|[0-9]+\.|[0-9]+[eE]")
DROPPED = "DROPPED"
DROPPED_CALL = "DROPPED_CALL"


class WordTypes(dict[str, str]):
    """Token types, named as pycparser's grammar names them, by text; fills itself on demand."""

    def __init__(
        self,
        typedefs: Iterable[str],
        specifiers: Iterable[str],
        annotations: Iterable[str],
        annotations_with_arguments: Iterable[str],
    ) -> None:
        super().__init__(PUNCTUATORS)
        self.update(dict.fromkeys(typedefs, "TYPEID"))
        self.update(KEYWORDS)
        self.update(dict.fromkeys(specifiers, "INLINE"))
        self.update(dict.fromkeys(annotations, DROPPED))
        self.update(dict.fromkeys(annotations_with_arguments, DROPPED_CALL))

    def __missing__(self, text: str) -> str:
        first = text[0]
        if text[-1] == '"' and len(text) > 1:
            kind = "STRING_LITERAL"
        elif text[-1] == "'" and len(text) > 1:
            kind = "CHAR_CONST"
        elif first.isascii() and (first.isalpha() or first in "_$"):
            kind = "ID"
        elif first.isdigit() or first == ".":
            decimal = not text.startswith(("0x", "0X")) and _FLOAT.match(text)
            kind = "FLOAT_CONST" if decimal else "INT_CONST_DEC"
        else:
            kind = "OTHER"
        self[text] = kind
        return kind
