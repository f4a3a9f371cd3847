"""Functions and macros of a file, found from tokens alone.

Good enough to say where something stands, on any C: braces are counted along one branch of each
``#if``. What is changed is never decided from this; that takes the parser.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from convert.source.edits import Span
from convert.source.text import SourceFile
from convert.source.tokens import Kind, Tokens, lex_body

_DEFINE = re.compile(
    r"#(?:[ \t]|\\\r?\n|/\*(?:[^*]|\*(?!/))*\*/)*define(?:[ \t]|\\\r?\n)+(\w+)(\([^)]*\))?"
)
_IF = re.compile(r"#[ \t]*(?:if|ifdef|ifndef)\b")
_ELSE = re.compile(r"#[ \t]*(?:else|elif|elifdef|elifndef)\b")
_ENDIF = re.compile(r"#[ \t]*endif\b")
_BLANK = (Kind.SPACE, Kind.COMMENT)
STATEMENT_KEYWORDS = frozenset(["if", "while", "for", "switch", "return", "do", "else", "case"])
_AGGREGATES = frozenset(["struct", "union", "enum"])


@dataclass(frozen=True)
class FunctionExtent:
    """A function's name and its bytes from the opening brace to the closing one."""

    name: str
    span: Span


FunctionFinder = Callable[[SourceFile], tuple[FunctionExtent, ...]]


@dataclass(frozen=True)
class Code:
    """A run of code tokens (no space, no comments): a file's, or the body of one macro.

    ``words[i]`` starts at byte ``offsets[i]`` of the file. ``macro`` is None for the file itself.
    """

    source: SourceFile
    words: tuple[str, ...]
    offsets: tuple[int, ...]
    macro: str | None

    def text(self, first: int, last: int) -> str:
        """The source of the words ``first`` to ``last`` (inclusive), white space made single."""
        end = self.offsets[last] + len(self.words[last])
        return re.sub(r"(?:\s|\\\r?\n)+", " ", self.source.text[self.offsets[first] : end])


def code_of(source: SourceFile) -> Iterator[Code]:
    """The code of a file: first outside of directives, then each ``#define`` body."""
    yield _significant(source, source.tokens, 0, None)
    for index in source.tokens.of_kind(Kind.DIRECTIVE):
        found = _DEFINE.match(source.tokens.text(index))
        if found:
            base = source.tokens.starts[index] + found.end()
            body = source.tokens.text(index)[found.end() :]
            yield _significant(source, lex_body(body), base, found[1])


def _significant(source: SourceFile, tokens: Tokens, base: int, macro: str | None) -> Code:
    skipped = (*_BLANK, Kind.DIRECTIVE)
    chosen = [index for index, kind in enumerate(tokens.kinds) if kind not in skipped]
    return Code(
        source=source,
        words=tuple(tokens.text(index) for index in chosen),
        offsets=tuple(base + tokens.starts[index] for index in chosen),
        macro=macro,
    )


class Owners:
    """Says which function holds an offset."""

    def __init__(self, functions: tuple[FunctionExtent, ...]) -> None:
        self._functions = sorted(functions, key=lambda one: one.span)
        self._starts = [one.span.start for one in self._functions]

    def at(self, offset: int) -> str | None:
        """The name of the function whose body holds an offset, or None."""
        index = bisect_right(self._starts, offset) - 1
        if index >= 0 and offset in self._functions[index].span:
            return self._functions[index].name
        return None


@dataclass(frozen=True)
class _State:
    """Brackets open at a place, and the function or item that is open there."""

    braces: int = 0
    parens: int = 0
    header: tuple[int, ...] = ()  # tokens of the pending item, outside braces
    assigned: bool = False
    name: str | None = None
    start: int = 0


def functions_of(source: SourceFile) -> tuple[FunctionExtent, ...]:
    """The functions of a file in kernel style, in order."""
    return tuple(_Outline(source).run())


class _Outline:
    def __init__(self, source: SourceFile) -> None:
        self._tokens = source.tokens
        self._text = source.text
        self._state = _State()
        self._saved: list[_State] = []

    def run(self) -> Iterator[FunctionExtent]:
        tokens = self._tokens
        for index, kind in enumerate(tokens.kinds):
            if kind == Kind.DIRECTIVE:
                yield from self._directive(index)
            elif kind == Kind.PUNCTUATOR:
                yield from self._punctuator(index)
            elif kind == Kind.IDENTIFIER and not self._state.braces:
                self._new_item_after_macro(index)
                self._extend(index)

    def _extend(self, index: int) -> None:
        self._state = replace(self._state, header=(*self._state.header, index))

    def _directive(self, index: int) -> Iterator[FunctionExtent]:
        text = self._tokens.text(index)
        if _IF.match(text):
            self._saved.append(self._state)
        elif _ELSE.match(text) and self._saved:
            # Another branch starts where this one started; a function that is open ends here.
            if self._state.name and self._state.name != self._saved[-1].name:
                yield self._extent(self._tokens.starts[index])
            self._state = self._saved[-1]
        elif _ENDIF.match(text) and self._saved:
            self._saved.pop()

    def _extent(self, end: int) -> FunctionExtent:
        assert self._state.name is not None
        return FunctionExtent(self._state.name, Span(self._state.start, end))

    def _punctuator(self, index: int) -> Iterator[FunctionExtent]:
        state, char = self._state, self._tokens.text(index)
        if char == "{":
            self._open_brace(index)
        elif char == "}":
            yield from self._close_brace(index)
        elif state.braces:
            return
        elif char == "(":
            self._extend(index)
            self._state = replace(self._state, parens=state.parens + 1)
        elif char == ")":
            self._extend(index)
            self._state = replace(self._state, parens=max(0, state.parens - 1))
        elif char == ";" and not state.parens:
            self._state = _State()
        elif char == "=" and not state.parens:
            self._state = replace(state, assigned=True)

    def _open_brace(self, index: int) -> None:
        state = self._state
        if not state.braces and not state.parens and not state.assigned:
            name = self._function_name()
            state = replace(state, name=name, start=self._tokens.starts[index])
        self._state = replace(state, braces=state.braces + 1)

    def _close_brace(self, index: int) -> Iterator[FunctionExtent]:
        state = self._state
        ends_item = self._in_first_column(index) and self._item_may_start_after(index)
        if state.braces > 1 and not ends_item:
            self._state = replace(state, braces=state.braces - 1)
        elif state.name:
            yield self._extent(self._tokens.starts[index] + 1)
            self._state = _State()
        else:
            self._state = replace(state, braces=0)

    def _item_may_start_after(self, index: int) -> bool:
        """Whether what follows is in the first column too, as after a top-level item.

        In kernel style such a brace ends the item, whatever was counted.
        """
        following = index + 1
        while following < len(self._tokens) and self._tokens.kinds[following] in _BLANK:
            following += 1
        return following >= len(self._tokens) or (
            self._tokens.kinds[following] != Kind.DIRECTIVE and self._in_first_column(following)
        )

    def _in_first_column(self, index: int) -> bool:
        start = self._tokens.starts[index]
        return start == 0 or self._text[start - 1] == "\n"

    def _new_item_after_macro(self, index: int) -> None:
        """``MODULE_X(…)`` without ``;`` ends where a name in the first column follows."""
        header = self._state.header
        if not header or self._state.parens or self._tokens.text(header[-1]) != ")":
            return
        if self._in_first_column(index) and not self._tokens.text(index).startswith("__"):
            self._state = _State()

    def _function_name(self) -> str | None:
        """The declared name, if the pending item is a function's header."""
        words = [self._tokens.text(index) for index in self._state.header]
        names, depth = [], 0
        for at, word in enumerate(words):
            if word == "(":
                if not depth and at and re.match(r"[A-Za-z_]", words[at - 1]):
                    if words[at - 1] in STATEMENT_KEYWORDS:
                        return None
                    names.append(words[at - 1])
                depth += 1
            elif word == ")":
                depth -= 1
        if not names or (words[-1] != ")" and not words[-1].startswith("__")):
            return None
        if words[-1] != ")" and words[0] in _AGGREGATES:
            return None
        # Annotations with arguments, such as __printf(1, 2) and __must_hold(x), are no names.
        return next((name for name in names if not name.startswith("__")), names[0])
