"""Integer constant expressions, evaluated from tokens (C11 6.6 and 6.10.1).

Serves the bodies of ``#define``\\s, the values of enumerators and the conditions of ``#if``. What
an identifier or a call stands for is the caller's business (`Names`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from convert.semantics.cint import (
    BOOL,
    INT,
    LONG,
    UINT,
    ULONG,
    CInt,
    CType,
    UndefinedArithmetic,
    binary,
    convert,
    exact,
    unary,
)

Words = Sequence[str]  # the texts of tokens, white space and comments left out


class NotConstant(ValueError):
    """The tokens are no integer constant expression; the message says what stands in the way."""


class Names(Protocol):
    """What the identifiers of an expression stand for."""

    def value(self, name: str) -> CInt:
        """The value of an identifier. Raises NotConstant if it has none."""

    def call(self, name: str, arguments: Sequence[Words]) -> CInt:
        """The value of ``name(arguments)``. Raises NotConstant if it has none."""

    def ctype(self, name: str) -> CType | None:
        """The integer type that a typedef name stands for, or None."""


BASIC_TYPES: dict[frozenset[str], CType] = {
    frozenset({"_Bool"}): BOOL,
    frozenset({"bool"}): BOOL,
    frozenset({"char"}): CType(8, True),
    frozenset({"signed", "char"}): CType(8, True),
    frozenset({"unsigned", "char"}): CType(8, False),
    frozenset({"short"}): CType(16, True),
    frozenset({"short", "int"}): CType(16, True),
    frozenset({"unsigned", "short"}): CType(16, False),
    frozenset({"unsigned", "short", "int"}): CType(16, False),
    frozenset({"int"}): INT,
    frozenset({"signed"}): INT,
    frozenset({"signed", "int"}): INT,
    frozenset({"unsigned"}): UINT,
    frozenset({"unsigned", "int"}): UINT,
    frozenset({"long"}): LONG,
    frozenset({"signed", "long"}): LONG,
    frozenset({"long", "int"}): LONG,
    frozenset({"unsigned", "long"}): ULONG,
    frozenset({"unsigned", "long", "int"}): ULONG,
}
# Type words that say nothing about the representation (sparse annotations, qualifiers).
NEUTRAL_TYPE_WORDS = frozenset({"const", "volatile", "__force", "__bitwise", "__user", "__kernel"})

_INTEGER = re.compile(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)([uUlL]*)\Z")
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*\Z")
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"|"}),
    frozenset({"^"}),
    frozenset({"&"}),
    frozenset({"==", "!="}),
    frozenset({"<", "<=", ">", ">="}),
    frozenset({"<<", ">>"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)


def integer(text: str) -> CInt:
    """The value of an integer literal, typed by C11 6.4.4.1. Raises NotConstant for other text."""
    match = _INTEGER.match(text)
    if match is None:
        raise NotConstant(f"{text!r} is no integer")
    digits, suffix = match.group(1), match.group(2).lower()
    octal = len(digits) > 1 and digits.isdigit() and digits[0] == "0"
    try:
        number = int(digits, 8 if octal else 0)
    except ValueError:
        raise NotConstant(f"{text!r} is no integer") from None
    decimal = digits.isdigit() and not octal
    for ctype in (INT, UINT, LONG, ULONG):
        if (ctype.signed and "u" in suffix) or (ctype.width == 32 and "l" in suffix):
            continue
        if not ctype.signed and decimal and "u" not in suffix:
            continue
        if number <= (ctype.bits >> 1 if ctype.signed else ctype.bits):
            return exact(number, ctype)
    raise NotConstant(f"{text} does not fit into 64 bits")


def basic_type(words: Words, names: Names) -> CType | None:
    """The integer type that type words stand for, or None if they name none that is known."""
    kept = [word for word in words if word not in NEUTRAL_TYPE_WORDS]
    if len(kept) == 1 and names.ctype(kept[0]) is not None:
        return names.ctype(kept[0])
    # `long long` counts as `long`: both have 64 bits.
    return BASIC_TYPES.get(frozenset(kept))


def evaluate(words: Words, names: Names) -> CInt:
    """The value of the expression that the tokens are. Raises NotConstant."""
    reader = _Reader(words, names)
    try:
        value = reader.conditional()
    except UndefinedArithmetic as error:
        raise NotConstant(str(error)) from error
    if reader.at < len(words):
        raise NotConstant(f"{words[reader.at]!r} is unexpected")
    return value


class _Reader:
    def __init__(self, words: Words, names: Names) -> None:
        self.words = words
        self.names = names
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.words[at] if at < len(self.words) else ""

    def take(self, expected: str | None = None) -> str:
        word = self.peek()
        if not word or (expected is not None and word != expected):
            found = repr(word) if word else "the end"
            raise NotConstant(f"{expected or 'an operand'!r} is missing before {found}")
        self.at += 1
        return word

    def conditional(self) -> CInt:
        condition = self.level(0)
        if self.peek() != "?":
            return condition
        self.take()
        chosen = self.conditional()
        self.take(":")
        other = self.conditional()
        truth = condition.truth
        if truth is None:
            raise NotConstant("the condition is unknown")
        return chosen if truth else other

    def level(self, level: int) -> CInt:
        if level == len(_LEVELS):
            return self.operand()
        left = self.level(level + 1)
        while self.peek() in _LEVELS[level]:
            op = self.take()
            right = self.level(level + 1)
            left = _logical(op, left, right) if level < 2 else binary(op, left, right)
        return left

    def operand(self) -> CInt:
        word = self.take()
        if word in ("~", "-", "+", "!"):
            return unary(word, self.operand())
        if word == "(":
            return self.parenthesised()
        if word[0].isdigit():
            return integer(word)
        if not _IDENTIFIER.match(word):
            raise NotConstant(f"{word!r} is no integer constant")
        if self.peek() == "(":
            return self.names.call(word, self.arguments())
        return self.names.value(word)

    def parenthesised(self) -> CInt:
        ctype = self.cast_type()
        if ctype is not None:
            return convert(self.operand(), ctype)
        value = self.conditional()
        self.take(")")
        return value

    def cast_type(self) -> CType | None:
        """The type of a cast whose ``(`` was just taken; nothing is taken if it is none."""
        end = self.at
        while end < len(self.words) and _IDENTIFIER.match(self.words[end]):
            end += 1
        if end == self.at or end >= len(self.words) or self.words[end] != ")":
            return None
        ctype = basic_type(self.words[self.at : end], self.names)
        if ctype is not None:
            self.at = end + 1
        return ctype

    def arguments(self) -> list[Words]:
        self.take("(")
        depth, found, current = 0, [], list[str]()
        while depth or self.peek() != ")":
            word = self.take()
            depth += {"(": 1, ")": -1}.get(word, 0)
            if word == "," and not depth:
                found.append(current)
                current = []
            else:
                current.append(word)
        self.take(")")
        return [*found, current] if found or current else []


def _logical(op: str, left: CInt, right: CInt) -> CInt:
    truths = (left.truth, right.truth)
    decisive = op == "||"
    if decisive in truths:
        return exact(decisive)
    if None in truths:
        raise NotConstant("the condition is unknown")
    return exact(not decisive)
