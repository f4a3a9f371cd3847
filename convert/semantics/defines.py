"""What a header defines: ``#define``s and enumerators, each with its place and its conditions.

The headers are not preprocessed. Where a definition depends on the configuration, the reader takes
the configuration in which every option is on: a flag that exists at all exists there. Definitions
of the other configurations are kept, marked as not ``live``.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from convert.semantics.cint import INT, CInt, CType, exact, unknown
from convert.semantics.constexpr import NotConstant, Words, evaluate
from convert.source.text import SourceFile
from convert.source.tokens import Kind, Tokens, lex_body


@dataclass(frozen=True)
class Definition:
    """One definition of ``name``.

    parameters: None for an object-like macro and for an enumerator; a variadic macro's last one is
    ``...`` or ``name...``. body: token texts; an
    enumerator without a value has the body ``previous + 1``. live: it holds where every CONFIG_
    option is on; assumed: the options on which that rests. condition: the ``#if``s around it that
    name an option, as text.
    """

    name: str
    parameters: tuple[str, ...] | None
    body: tuple[str, ...]
    path: str
    line: int
    live: bool
    assumed: frozenset[str]
    condition: str = ""


@dataclass(frozen=True)
class _Branch:
    """One open ``#if``: the truth of the current branch (None: undecided), and of earlier ones."""

    truth: bool | None
    earlier: bool | None
    options: frozenset[str]
    text: str = ""


class _EveryOption:
    """The names of an ``#if`` condition where every CONFIG_ option is built in."""

    def value(self, name: str) -> CInt:
        if name.startswith("CONFIG_") or name == "__KERNEL__":
            return exact(1)
        return unknown(INT)

    def call(self, name: str, arguments: Sequence[Words]) -> CInt:
        known = {"defined", "IS_ENABLED", "IS_BUILTIN", "IS_REACHABLE"}
        if name in known and len(arguments) == 1 and len(arguments[0]) == 1:
            return exact(_is_defined(arguments[0][0]))
        return unknown(INT)

    def ctype(self, name: str) -> CType | None:
        return None


def _is_defined(name: str) -> bool:
    return name.startswith("CONFIG_") or name == "__KERNEL__"


def words_of(tokens: Tokens) -> tuple[str, ...]:
    """The texts of all tokens but white space and comments."""
    skipped = (Kind.SPACE, Kind.COMMENT)
    return tuple(tokens.text(i) for i in range(len(tokens)) if tokens.kinds[i] not in skipped)


def definitions(source: SourceFile) -> tuple[Definition, ...]:
    """All ``#define``s and enumerators of a file, in order; text under ``#if 0`` is left out."""
    return tuple(_Scan(source).run())


class _Scan:
    def __init__(self, source: SourceFile) -> None:
        self.source = source
        self.open: list[_Branch] = []

    def run(self) -> Iterator[Definition]:
        tokens = self.source.tokens
        index = 0
        while index < len(tokens):
            kind = tokens.kinds[index]
            if kind == Kind.DIRECTIVE:
                yield from self.directive(index)
            elif kind == Kind.IDENTIFIER and tokens.text(index) == "enum":
                index = yield from self.enumeration(index)
                continue
            index += 1

    def directive(self, index: int) -> Iterator[Definition]:
        words = words_of(lex_body(self.source.tokens.text(index)))[1:]
        word = words[0] if words else ""
        if word in ("if", "ifdef", "ifndef"):
            self.open.append(_branch(word, words[1:]))
        elif word in ("elif", "else") and self.open:
            self.open[-1] = _next_branch(self.open[-1], word, words[1:])
        elif word == "endif" and self.open:
            self.open.pop()
        elif word == "define" and len(words) > 1 and self.live() is not None:
            yield self.define(index)

    def live(self) -> bool | None:
        """Whether text here is live; None for text under ``#if 0``."""
        if any(b.truth is False and not b.options and b.earlier is False for b in self.open):
            return None
        return all(branch.truth is not False for branch in self.open)

    def definition(self, name: str, body: Sequence[str], offset: int) -> Definition:
        assumed = frozenset(option for b in self.open if b.truth is True for option in b.options)
        return Definition(
            name=name,
            parameters=None,
            body=tuple(body),
            path=self.source.path,
            line=self.source.line(offset),
            live=bool(self.live()),
            assumed=assumed,
            condition=" && ".join(branch.text for branch in self.open if branch.options),
        )

    def define(self, index: int) -> Definition:
        start = self.source.tokens.starts[index]
        tokens = lex_body(self.source.tokens.text(index))
        code = [i for i in range(len(tokens)) if tokens.kinds[i] not in (Kind.SPACE, Kind.COMMENT)]
        name = tokens.text(code[2])
        texts = [tokens.text(i) for i in code[3:]]
        # Only a `(` that touches the name opens a parameter list (C11 6.10.3p10).
        touches = len(code) > 3 and tokens.starts[code[3]] == tokens.starts[code[2] + 1]
        made = self.definition(name, texts, start)
        if not (touches and texts[0] == "(" and ")" in texts):
            return made
        close = texts.index(")")
        # GNU `rest...` is one parameter, C's `...` another.
        parameters = "".join(texts[1:close]).split(",") if close > 1 else []
        return replace(made, parameters=tuple(parameters), body=tuple(texts[close + 1 :]))

    def enumeration(self, index: int) -> Generator[Definition, None, int]:
        """The enumerators of the ``enum`` at ``index``; returns the index behind them."""
        tokens = self.source.tokens
        index = _skip_to_brace(tokens, index)
        if tokens.text(index) != "{":
            return index
        previous: str | None = None
        words: list[tuple[str, int]] = []
        depth = 0
        for at in range(index + 1, len(tokens)):
            kind, text = tokens.kinds[at], tokens.text(at)
            if kind == Kind.DIRECTIVE:
                yield from self.directive(at)
            if kind in (Kind.DIRECTIVE, Kind.SPACE, Kind.COMMENT):
                continue
            depth += {"(": 1, ")": -1}.get(text, 0)
            if depth or text not in (",", "}"):
                words.append((text, tokens.starts[at]))
                continue
            if words and self.live():
                yield self.enumerator(words, previous)
                previous = words[0][0]
            words = []
            if text == "}":
                return at + 1
        return len(tokens)

    def enumerator(self, words: list[tuple[str, int]], previous: str | None) -> Definition:
        name, offset = words[0]
        implicit = ("0",) if previous is None else (previous, "+", "1")
        body = tuple(text for text, _ in words[2:]) if len(words) > 2 else implicit
        return self.definition(name, body, offset)


def _skip_to_brace(tokens: Tokens, index: int) -> int:
    """The index of the ``{`` of an enum with a body, or of the first token that excludes one."""
    for at in range(index + 1, len(tokens)):
        if tokens.kinds[at] in (Kind.PUNCTUATOR, Kind.DIRECTIVE):
            return at
    return len(tokens) - 1


def _branch(word: str, words: Sequence[str]) -> _Branch:
    options = frozenset(w for w in words if w.startswith("CONFIG_"))
    if word != "if":
        truth: bool | None = (_is_defined(words[0]) if words else False) == (word == "ifdef")
        name = f"defined({words[0]})" if words else "?"
        return _Branch(truth, False, options, name if word == "ifdef" else f"!{name}")
    return _Branch(_condition(words), False, options, "".join(words))


def _condition(words: Sequence[str]) -> bool | None:
    try:
        return evaluate(_without_bare_defined(words), _EveryOption()).truth
    except NotConstant:
        return None


def _without_bare_defined(words: Sequence[str]) -> list[str]:
    """``defined X`` written as ``defined(X)``."""
    out: list[str] = []
    for word in words:
        if out and out[-1] == "defined" and word != "(":
            out += ["(", word, ")"]
        else:
            out.append(word)
    return out


def _next_branch(branch: _Branch, word: str, words: Sequence[str]) -> _Branch:
    earlier = None if None in (branch.truth, branch.earlier) else branch.truth or branch.earlier
    if branch.truth or branch.earlier:
        earlier = True
    own = True if word == "else" else _condition(words)
    options = branch.options | frozenset(w for w in words if w.startswith("CONFIG_"))
    text = f"not({branch.text})" + "".join(f"&&{part}" for part in ["".join(words)] if part)
    if earlier is True:
        return _Branch(False, True, options, text)
    if earlier is None:
        return _Branch(None if own is not False else False, None, options, text)
    return _Branch(own, False, options, text)
