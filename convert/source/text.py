"""A source file as bytes, decoded so that an offset into the text is an offset into the file."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from convert.errors import InputError
from convert.source.tokens import Kind, Tokens, lex, lex_body


class BrokenSource(InputError):
    """A file that cannot be split into tokens; the rest of a run goes on without it."""

    def __init__(self, path: str, line: int, construct: str) -> None:
        super().__init__(f"{path}:{line}: {construct}")
        self.path = path
        self.line = line
        self.construct = construct


@dataclass(frozen=True)
class SourceFile:
    """One file: its path in the tree, its bytes as latin-1 text, and its tokens."""

    path: str
    text: str
    tokens: Tokens

    @cached_property
    def line_starts(self) -> list[int]:
        """The offset of the first byte of each line."""
        lengths = [len(line) + 1 for line in self.text.split("\n")]
        return list(accumulate(lengths[:-1], initial=0))

    def line(self, offset: int) -> int:
        """The 1-based number of the line that holds ``offset``."""
        return bisect_right(self.line_starts, offset)

    def column(self, offset: int) -> int:
        """The 1-based byte column of ``offset`` in its line (a tab counts as one)."""
        return offset - self.line_starts[self.line(offset) - 1] + 1


def read_source(path: str, data: bytes) -> SourceFile:
    """Lex a file. ``path`` is only for messages and results.

    Raises BrokenSource for a binary file, an unfinished comment, and an unfinished string or
    character literal outside ``#if 0``.
    """
    text = data.decode("latin-1")
    source = SourceFile(path, text, lex(text))
    nul = text.find("\0")
    if nul >= 0:
        raise BrokenSource(path, source.line(nul), "binary file (NUL byte)")
    _check_comments(source)
    _check_quotes(source)
    return source


def _check_comments(source: SourceFile) -> None:
    """Only the last token can hold an unfinished comment: it takes the rest of the file."""
    if not len(source.tokens):
        return
    last = len(source.tokens) - 1
    start = source.tokens.starts[last]
    inner = lex_body(source.text[start:])
    tail = inner.text(len(inner) - 1)
    if tail.startswith("/*") and (len(tail) < 4 or not tail.endswith("*/")):
        line = source.line(start + inner.starts[len(inner) - 1])
        raise BrokenSource(source.path, line, "comment without an end")


def _check_quotes(source: SourceFile) -> None:
    tokens = source.tokens
    for index in tokens.of_kind(Kind.OTHER):
        if tokens.text(index) in ('"', "'") and not _inside_if_zero(tokens, index):
            quote = "string" if tokens.text(index) == '"' else "character"
            raise BrokenSource(
                source.path, source.line(tokens.starts[index]), f"{quote} literal without an end"
            )


def _inside_if_zero(tokens: Tokens, index: int) -> bool:
    """Whether a token stands in the text of an ``#if 0``, which the compiler skips unread."""
    skipped: list[bool] = []
    for at in tokens.of_kind(Kind.DIRECTIVE):
        if at > index:
            break
        words = tokens.text(at)[1:].split()
        if words[:1] in (["if"], ["ifdef"], ["ifndef"]):
            skipped.append(words[:2] == ["if", "0"])
        elif words[:1] in (["else"], ["elif"]) and skipped:
            skipped[-1] = False
        elif words[:1] == ["endif"] and skipped:
            skipped.pop()
    return any(skipped)
