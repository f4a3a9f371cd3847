"""Lossless lexing of un-preprocessed C: every byte belongs to exactly one token.

Tokens are kept as a struct of arrays (kinds and start offsets); a token's text is cut out of the
file when asked for. White space, comments and whole directives are tokens too, so the texts of all
tokens joined are the file.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from enum import IntEnum
from itertools import accumulate

from convert.source.edits import Span


class Kind(IntEnum):
    """What a token is. ``DIRECTIVE`` is a whole logical line that starts with ``#``."""

    SPACE = 0  # white space, line ends, and backslash-newline
    COMMENT = 1
    DIRECTIVE = 2
    IDENTIFIER = 3  # keywords are identifiers here
    NUMBER = 4  # a preprocessing number
    STRING = 5
    CHARACTER = 6
    PUNCTUATOR = 7
    OTHER = 8  # a byte that C has no use for: a lone quote, `@`, bytes over 127


_COMMENT = r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/|//(?:\\\r?\n|[^\n])*"
_STRING = r'"(?:[^"\\\n]|\\(?:\r\n|[\s\S]))*"'
_CHARACTER = r"'(?:[^'\\\n]|\\(?:\r\n|[\s\S]))+'"
_LITERAL = rf"(?:u8|[LuU])?(?:{_STRING}|{_CHARACTER})"
_SPACE = r"(?:[ \t\n\r\f\v]|\\\r?\n)+"
_NUMBER = r"\.?[0-9](?:[eEpP][+-]|[0-9A-Za-z_.])*"
_IDENTIFIER = r"[A-Za-z_$][A-Za-z0-9_$]*"
_PUNCTUATOR = (
    r"[()\[\]{};,~?:]|->|\+\+|--|<<=|>>=|<<|>>|&&|\|\||[-+*/%&|^!=<>]=|\.\.\.|[-+*/%&|^!=<>.]"
)
# An unfinished comment takes the rest of the file, so that it shows as one token.
_UNFINISHED = r"/\*[\s\S]*"
# Directives hold comments and strings, either of which may hold what would else end them; a quote
# without its partner (`#error don't`) is a plain character there.
_DIRECTIVE = (
    rf"#(?:[^\n\\/\"']+|\\\r?\n|\\|{_COMMENT}|{_UNFINISHED}|/|{_STRING}|{_CHARACTER}|[\"'])*"
)

_TEXT = re.compile(
    rf"{_SPACE}|{_LITERAL}|{_IDENTIFIER}|{_COMMENT}|{_UNFINISHED}|{_NUMBER}"
    rf"|{_PUNCTUATOR}|{_DIRECTIVE}|[\s\S]"
)
# Inside a #define's body `#` and `##` are operators.
_BODY = re.compile(
    rf"{_SPACE}|{_LITERAL}|{_IDENTIFIER}|{_COMMENT}|{_UNFINISHED}|{_NUMBER}"
    rf"|{_PUNCTUATOR}|\#\#?|[\s\S]"
)

_FIRST_OF_KIND = {
    Kind.SPACE: " \t\n\r\f\v\\",
    Kind.IDENTIFIER: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$",
    Kind.NUMBER: "0123456789",
    Kind.PUNCTUATOR: "()[]{};,~?:-+*/%&|^!=<>.",
    Kind.STRING: '"',
    Kind.CHARACTER: "'",
    Kind.DIRECTIVE: "#",
}
# The kind of a token by its first byte; `_classify` settles the rest.
_BY_FIRST = bytes(
    next((kind for kind, first in _FIRST_OF_KIND.items() if chr(byte) in first), Kind.OTHER)
    for byte in range(256)
)
_UNCLEAR = re.compile(r"[/.\\\"'LUu]")


def _classify(text: str) -> Kind:
    """The kind of a token whose first byte does not tell."""
    if text.startswith(("/*", "//")):
        return Kind.COMMENT
    if text in ('"', "'", "\\"):
        return Kind.OTHER
    if text[0] in "LUu" and text[-1] in "\"'":
        return Kind.STRING if text[-1] == '"' else Kind.CHARACTER
    if text[0] == "." and text[1:2].isdigit():
        return Kind.NUMBER
    return Kind(_BY_FIRST[ord(text[0])])


class Tokens:
    """All tokens of a text, in order and without gaps.

    ``kinds[i]`` is the kind of token ``i`` and ``starts[i]`` its first offset; the token ends where
    the next one starts (``starts`` has one more entry than there are tokens).
    """

    __slots__ = ("kinds", "source", "starts")

    def __init__(self, source: str, kinds: bytes, starts: array[int]) -> None:
        self.source = source
        self.kinds = kinds
        self.starts = starts

    def __len__(self) -> int:
        return len(self.kinds)

    def kind(self, index: int) -> Kind:
        """The kind of a token."""
        return Kind(self.kinds[index])

    def text(self, index: int) -> str:
        """The text of a token."""
        return self.source[self.starts[index] : self.starts[index + 1]]

    def span(self, index: int) -> Span:
        """The bytes of a token."""
        return Span(self.starts[index], self.starts[index + 1])

    def index_at(self, offset: int) -> int:
        """The index of the token that holds the byte at ``offset``.

        Raises IndexError for an offset outside the text.
        """
        if not 0 <= offset < len(self.source):
            raise IndexError(f"offset {offset} outside a text of {len(self.source)} bytes")
        return bisect_right(self.starts, offset) - 1

    def of_kind(self, kind: Kind) -> Iterator[int]:
        """The indexes of all tokens of a kind, in order."""
        at = self.kinds.find(kind)
        while at >= 0:
            yield at
            at = self.kinds.find(kind, at + 1)

    def identifiers(self) -> Iterator[int]:
        """The indexes of all identifiers (and keywords) in code.

        What stands in comments, strings and directives is not among them.
        """
        return self.of_kind(Kind.IDENTIFIER)

    def comments(self) -> Iterator[Span]:
        """The spans of all comments in code (those inside directives are part of the directive)."""
        return map(self.span, self.of_kind(Kind.COMMENT))

    def strings(self) -> Iterator[Span]:
        """The spans of all string literals in code."""
        return map(self.span, self.of_kind(Kind.STRING))

    def directives(self) -> Iterator[Span]:
        """The spans of all directives, from ``#`` to before the line end."""
        return map(self.span, self.of_kind(Kind.DIRECTIVE))


def lex(text: str) -> Tokens:
    """Split a file into tokens; their texts joined are ``text``."""
    tokens = _tokens(text, _TEXT.findall(text))
    if all(_starts_line(tokens, index) for index in tokens.of_kind(Kind.DIRECTIVE)):
        return tokens
    return _split_stray_hashes(tokens)


def lex_body(text: str) -> Tokens:
    """Split the body of a #define into tokens; ``#`` and ``##`` are tokens of kind OTHER."""
    tokens = _tokens(text, _BODY.findall(text))
    kinds = tokens.kinds.replace(bytes([Kind.DIRECTIVE]), bytes([Kind.OTHER]))
    return Tokens(text, kinds, tokens.starts)


def _tokens(text: str, pieces: list[str]) -> Tokens:
    starts = array("I", accumulate(map(len, pieces), initial=0))
    assert starts[-1] == len(text)  # the last alternative of the pattern takes any byte
    firsts = "".join([piece[0] for piece in pieces])
    kinds = bytearray(firsts.encode("latin-1", "replace").translate(_BY_FIRST))
    for match in _UNCLEAR.finditer(firsts):
        kinds[match.start()] = _classify(pieces[match.start()])
    return Tokens(text, bytes(kinds), starts)


def _starts_line(tokens: Tokens, index: int) -> bool:
    """Whether only white space and comments stand before a token in its line."""
    while index > 0:
        index -= 1
        kind = tokens.kinds[index]
        text = tokens.text(index)
        if kind == Kind.SPACE and "\n" in text.replace("\\\n", "").replace("\\\r\n", ""):
            return True
        if kind not in (Kind.SPACE, Kind.COMMENT):
            return False
    return True


def _split_stray_hashes(tokens: Tokens) -> Tokens:
    """The same tokens, but a ``#`` inside a line is OTHER and what follows it is lexed as code."""
    kinds = bytearray()
    starts = array("I")
    for index in range(len(tokens)):
        start = tokens.starts[index]
        if tokens.kinds[index] == Kind.DIRECTIVE and not _starts_line(tokens, index):
            inner = lex_body(tokens.text(index))
            kinds += inner.kinds
            starts.extend(start + offset for offset in inner.starts[:-1])
        else:
            kinds.append(tokens.kinds[index])
            starts.append(start)
    starts.append(len(tokens.source))
    return Tokens(tokens.source, bytes(kinds), starts)
