"""What file-level macro invocations stand for, as C that can be parsed.

``FEATURE_FUNCS(quota, QUOTA);`` may define functions, and ``ATTR_RW(name);`` a table that names
some by pasting. Such invocations are expanded as the preprocessor would, as far as names are pasted
or initialisers made; the result stands on the line of the invocation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from convert.flow.graph.headers import Headers
from convert.flow.graph.program import Program
from convert.source.parse import Item, ParsedFile
from convert.source.tokens import Kind, lex_body

_HEAD = re.compile(r"\s*#\s*define\s+\w+\(([^)]*)\)")
_CONTINUED = re.compile(r"\\\r?\n")
_DEEPEST = 20
_LONGEST = 200_000  # characters of one expansion
_MADE = re.compile(r"=[^;]*\b\w+\s*\(")
# Trace events are a language of their own; what they call is found as text.
_TRACE = re.compile(r"\bTP_|\bTRACE_EVENT|\bDE(?:FINE|CLARE)_(?:EVENT|TRACE)")

Words = list[str]


class _TooLong(Exception):
    """An expansion that grows without end."""


@dataclass(frozen=True)
class Definition:
    """A function-like macro: its parameters and the tokens of its body, spaces left out."""

    parameters: tuple[str, ...]
    variadic: str | None
    body: tuple[str, ...]

    @property
    def pastes(self) -> bool:
        """Whether it makes names: ``##``, but not the one that only drops a comma."""
        return any(
            word == "##" and self.body[at - 1] != "," for at, word in enumerate(self.body) if at
        )

    @property
    def worth(self) -> bool:
        """Whether an invocation must be expanded to be understood."""
        return self.pastes or self.body[:1] == ("{",)

    @property
    def traces(self) -> bool:
        """Whether it makes trace events."""
        return any(_TRACE.match(word) for word in self.body)


def definition(text: str) -> Definition | None:
    """Read ``#define name(…) body``; None for a macro without parameters."""
    head = _HEAD.match(_CONTINUED.sub("  ", text))
    if head is None:
        return None
    names = [name.strip() for name in head[1].split(",")] if head[1].strip() else []
    variadic = None
    if names and names[-1].endswith("..."):
        variadic = names.pop().removesuffix("...").strip() or "__VA_ARGS__"
    body = _CONTINUED.sub("  ", text)[head.end() :]
    return Definition(tuple(names), variadic, tuple(words_of(body)))


def words_of(text: str) -> Words:
    """The tokens of a text without white space and comments."""
    tokens = lex_body(text)
    return [
        tokens.text(index) for index in range(len(tokens)) if tokens.kinds[index] > Kind.COMMENT
    ]


@dataclass
class Expander:
    """Expands invocations with the macros of the program and of the kernel's headers."""

    program: Program
    headers: Headers
    keep: Callable[[str], bool]  # macros that are understood as they are
    replaced: set[int] = field(default_factory=set)  # declarations that were written out

    def file(self, parsed: ParsedFile) -> tuple[str, tuple[Item, ...]]:
        """The expansions of a file's invocations as text, and the invocations left as they are.

        The text is empty if there is nothing to expand.
        """
        path = parsed.source.path
        lines: dict[int, list[str]] = {}
        left: list[Item] = []
        for item in parsed.declarations:
            text = item.span.of(parsed.source.text)
            if item.kind != "macro-call":
                made = self._declaration(path, text)
                if made is not None:
                    lines.setdefault(item.line, []).append(made)
                    self.replaced.add(id(item))
                continue
            made = self._expansion(path, text)
            if made is None:
                left.append(item)
            else:
                lines.setdefault(item.line, []).append(made)
        parts = []
        at = 1
        for line in sorted(lines):
            parts.append("\n" * (line - at) + " ".join(lines[line]))
            at = line
        return "".join(parts), tuple(left)

    def _declaration(self, path: str, text: str) -> str | None:
        """A table whose initialiser a macro makes, written out; None for all others."""
        if not _MADE.search(text) or "#" in text:  # no #if inside
            return None
        words = words_of(_CONTINUED.sub("  ", text))
        start = words.index("=") if "=" in words else len(words)
        try:
            made = self._rescan(path, words[start:], 0)
        except _TooLong:
            return None
        return None if made == words[start:] else _statement([*words[:start], *made])

    def _expansion(self, path: str, text: str) -> str | None:
        """The text that an invocation stands for; None if it is kept."""
        words = words_of(_CONTINUED.sub("  ", text))
        storage = [word for word in words[:2] if word in ("static", "extern", "const")]
        start = len(storage)
        name = words[start] if len(words) > start else ""
        known = self._definitions(path, name)
        if not known or self.keep(name) or any(one.traces for one in known):
            return None
        if not any(one.worth for one in known) and not self._own(path, name):
            return None
        try:
            results = [[*storage, *self._rescan(path, words[start:], 0, one)] for one in known]
        except _TooLong:
            return None
        return " ".join(_statement(result) for result in results)

    def _own(self, path: str, name: str) -> bool:
        return any(
            routine.is_macro
            for key in self.program.keys(path, name)
            for routine in self.program.routines[key]
        )

    def _definitions(self, path: str, name: str) -> tuple[Definition, ...]:
        found: list[Definition] = []
        for key in self.program.keys(path, name):
            for routine in self.program.routines[key]:
                if routine.is_macro:
                    one = definition(routine.item.span.of(routine.source.text))
                    found += [] if one is None else [one]
        if not found and name.isidentifier():
            for file in self.headers.macro(name):
                for item in file.macros:
                    one = definition(item.span.of(file.source.text))
                    found += [] if one is None else [one]
        return tuple(dict.fromkeys(found))

    # -- expanding -----------------------------------------------------------------------------

    def _rescan(
        self, path: str, words: Sequence[str], depth: int, first: Definition | None = None
    ) -> Words:
        """Replace invocations in some tokens; ``first`` is the definition of the first one."""
        if depth > _DEEPEST:
            raise _TooLong
        out: Words = []
        at = 0
        while at < len(words):
            word = words[at]
            if at + 1 < len(words) and words[at + 1] == "(" and word.isidentifier():
                known = first if at == 0 and first is not None else self._nested(path, word)
                if known is not None:
                    given, end = _arguments(words, at + 1)
                    inner = self._substitute(path, known, given, depth)
                    out += self._rescan(path, inner, depth + 1)
                    at = end
                    continue
            out.append(word)
            at += 1
            if len(out) > _LONGEST:
                raise _TooLong
        return out

    def _nested(self, path: str, name: str) -> Definition | None:
        """A macro inside an expansion that must be expanded as well."""
        if self.keep(name):
            return None
        for known in self._definitions(path, name):
            if known.worth and not known.traces:
                return known
        return None

    def _substitute(self, path: str, macro: Definition, given: list[Words], depth: int) -> Words:
        bound = dict(zip(macro.parameters, given, strict=False))
        if macro.variadic is not None:
            rest = given[len(macro.parameters) :]
            bound[macro.variadic] = [
                word for number, part in enumerate(rest) for word in [","] * (number > 0) + part
            ]
        out: Words = []
        body = macro.body
        at = 0
        while at < len(body):
            word = body[at]
            following = body[at + 1] if at + 1 < len(body) else ""
            if word == "##" and following:
                right = bound.get(following, [following])
                if out and out[-1] == ",":
                    out = out + right if right else out[:-1]
                elif out and right:
                    out = [*out[:-1], out[-1] + right[0], *right[1:]]
                else:
                    out += right
                at += 2
            elif word == "#" and following in bound:
                out.append('"' + " ".join(bound[following]).replace('"', "'") + '"')
                at += 2
            elif word in bound:
                pasted = following == "##"
                out += bound[word] if pasted else self._rescan(path, bound[word], depth + 1)
                at += 1
            else:
                out.append(word)
                at += 1
        return out


def _arguments(words: Sequence[str], opening: int) -> tuple[list[Words], int]:
    """The arguments between parentheses, and the place after the closing one."""
    given: list[Words] = [[]]
    depth = 0
    at = opening
    while at < len(words):
        word = words[at]
        depth += (word in ("(", "[", "{")) - (word in (")", "]", "}"))
        if depth == 0:
            return given, at + 1
        if word == "," and depth == 1:
            given.append([])
        elif at > opening:
            given[-1].append(word)
        at += 1
    return given, at


def _statement(words: Words) -> str:
    text = " ".join(words)
    return text if text.rstrip().endswith((";", "}")) else f"{text};"


def names_in(text: str) -> Iterator[str]:
    """The words of a text that may be names."""
    for match in re.finditer(r"\b[A-Za-z_]\w*\b", text):
        yield match[0]
