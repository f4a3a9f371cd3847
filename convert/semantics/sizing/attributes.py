"""Attributes that change sizes (``__packed``, ``__aligned``), which the parser's tree lacks.

They are read from the text again: each belongs to the struct whose brace it follows or precedes, or
to the member inside whose declaration it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from convert.semantics.sizing.definitions import DefinitionIndex, MacroText
from convert.semantics.sizing.layout import Attributes, NoLayout
from convert.semantics.sizing.macro_text import expansion, split_arguments
from convert.source.text import SourceFile
from convert.source.tokens import Kind

# The most that `__attribute__((aligned))` without a number means on x86-64 (gcc, "aligned").
LARGEST = 16
_WORDS = re.compile(r"\w+|\(|\)|[^\w\s()]+")
_UNREADABLE = frozenset({"mode", "__mode__", "vector_size", "__vector_size__", "ms_struct"})
_MAX_DEPTH = 12


@dataclass(frozen=True)
class Note:
    """One attribute in a text. ``start`` and ``end``: the boundaries of the declaration around it.

    ``opens``: the offset of the ``{`` of the struct whose head it stands in; ``closes``: of the
    ``}`` that it follows, nothing but attributes between.
    """

    offset: int
    attributes: Attributes
    start: int
    end: int
    opens: int | None
    closes: int | None


def merged(parts: Iterable[Attributes]) -> Attributes:
    """All of several attributes."""
    found = list(parts)
    return Attributes(
        any(part.packed_low for part in found),
        any(part.packed_high for part in found),
        max((part.aligned_low for part in found), default=1),
        max((part.aligned_high for part in found), default=1),
        any(part.random for part in found),
    )


def _one_of(parts: Iterable[Attributes]) -> Attributes:
    """One of several, depending on the configuration."""
    found = list(parts)
    return Attributes(
        any(part.packed_low for part in found),
        all(part.packed_high for part in found),
        min((part.aligned_low for part in found), default=1),
        max((part.aligned_high for part in found), default=1),
        any(part.random for part in found),
    )


class AttributeReader:
    """Reads attributes. ``words(path)`` are the names that the parser drops as annotations;
    ``evaluate(text, path)`` gives the bounds of an alignment's expression or raises NoLayout."""

    def __init__(
        self,
        index: DefinitionIndex,
        words: Callable[[str], frozenset[str]],
        evaluate: Callable[[str, str], tuple[int, int]],
    ) -> None:
        self._index = index
        self._words = words
        self._evaluate = evaluate
        self._notes: dict[int, tuple[SourceFile, tuple[Note, ...]]] = {}

    def notes(self, source: SourceFile) -> tuple[Note, ...]:
        """All attributes of a text that change sizes. Raises NoLayout."""
        if id(source) not in self._notes:
            self._notes[id(source)] = source, tuple(self._read(source))
        return self._notes[id(source)][1]

    def _read(self, source: SourceFile) -> Iterable[Note]:
        tokens = source.tokens
        words = self._words(source.path)
        for index in tokens.identifiers():
            word = tokens.text(index)
            if word not in words:
                continue
            end, arguments = _arguments(source, index)
            found = self.meaning(word, arguments, source.path, 0)
            if found != Attributes():
                yield _placed(source, index, end, found)

    def meaning(self, word: str, arguments: str | None, path: str, depth: int) -> Attributes:
        """What an attribute word does, macros looked up in the tree. Raises NoLayout."""
        if word in ("__attribute__", "__attribute"):
            return self._attribute(arguments or "", path)
        if word.startswith("randomized_struct_fields"):
            return Attributes(random=True)
        if depth > _MAX_DEPTH:
            raise NoLayout(f"{word}: macros nested too deeply")
        found = [
            self._expanded(macro, arguments, path, depth)
            for macro in self._index.macros(word, path)
        ]
        if found:
            return _one_of(found)
        return self._builtin(word, arguments, path)

    def _builtin(self, word: str, arguments: str | None, path: str) -> Attributes:
        """The kernel's words in a tree whose headers do not define them."""
        if word == "__packed":
            return Attributes(True, True)
        if word == "__aligned" and arguments is not None:
            return self._aligned(arguments, path)
        if word in ("__alignof__", "__alignof", "_Alignof"):
            return Attributes()
        if re.search(r"align", word):
            raise NoLayout(f"{path}: what {word} means is not defined in the headers read")
        return Attributes()

    def _expanded(
        self, macro: MacroText, arguments: str | None, path: str, depth: int
    ) -> Attributes:
        """What a macro's body does; without arguments only an object-like macro says something."""
        if macro.parameters is not None and arguments is None:
            return Attributes()
        body = expansion(macro, split_arguments(arguments) if arguments is not None else [])
        words = list(_WORDS.finditer(body))
        found: list[Attributes] = []
        at = 0
        while at < len(words):
            word = words[at][0]
            end, inner = _parenthesised(body, words, at + 1)
            if word.isidentifier():
                found.append(self.meaning(word, inner, path, depth + 1))
            at = max(end, at + 1)
        return merged(found)

    def _attribute(self, text: str, path: str) -> Attributes:
        found: list[Attributes] = []
        words = list(_WORDS.finditer(text))
        at = 0
        while at < len(words):
            word = words[at][0]
            end, inner = _parenthesised(text, words, at + 1)
            if word in ("packed", "__packed__"):
                found.append(Attributes(True, True))
            elif word in ("aligned", "__aligned__"):
                found.append(self._aligned(inner, path))
            elif word in ("randomize_layout", "__randomize_layout__"):
                found.append(Attributes(random=True))
            elif word in _UNREADABLE:
                raise NoLayout(f"{path}: the attribute {word} is not understood")
            at = end if inner is not None and word.isidentifier() else at + 1
        return merged(found)

    def _aligned(self, text: str | None, path: str) -> Attributes:
        if text is None or not text.strip():
            return Attributes(aligned_low=1, aligned_high=LARGEST)
        low, high = self._evaluate(text, path)
        if low < 1 or high & (high - 1) or low & (low - 1):
            raise NoLayout(f"{path}: the alignment `{text.strip()}` is not known")
        return Attributes(aligned_low=low, aligned_high=high)


def _parenthesised(text: str, words: list[re.Match[str]], at: int) -> tuple[int, str | None]:
    """The index behind the parentheses that open at a word, and what stands in them."""
    if at >= len(words) or words[at][0] != "(":
        return at, None
    depth = 0
    for index in range(at, len(words)):
        depth += (words[index][0] == "(") - (words[index][0] == ")")
        if depth == 0:
            return index + 1, text[words[at].end() : words[index].start()]
    return at, None


def _arguments(source: SourceFile, index: int) -> tuple[int, str | None]:
    """The token behind an attribute word and its arguments, and the arguments' text."""
    tokens = source.tokens
    at = index + 1
    while at < len(tokens) and tokens.kinds[at] in (Kind.SPACE, Kind.COMMENT):
        at += 1
    if at >= len(tokens) or tokens.text(at) != "(":
        return index + 1, None
    depth = 0
    for end in range(at, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens.text(end), 0)
        if depth == 0:
            return end + 1, source.text[tokens.starts[at] + 1 : tokens.starts[end]]
    return index + 1, None


def _placed(source: SourceFile, index: int, end: int, found: Attributes) -> Note:
    tokens = source.tokens
    before = _boundary(source, index - 1, -1)
    after = _boundary(source, end, 1)
    opens = closes = None
    if after is not None and tokens.text(after) == "{":
        opens = tokens.starts[after]
        if {"struct", "union", "enum"} & set(_identifiers(source, index, after)):
            line = source.line(tokens.starts[index])
            raise NoLayout(f"{source.path}:{line}: an attribute before the struct's keyword")
    if before is not None and tokens.text(before) == "}":
        between = source.text[tokens.starts[before] + 1 : tokens.starts[index]]
        if not _outside_attributes(between):
            closes = tokens.starts[before]
    return Note(
        tokens.starts[index],
        found,
        tokens.starts[before] if before is not None else 0,
        tokens.starts[after] if after is not None else len(source.text),
        opens,
        closes,
    )


def _identifiers(source: SourceFile, first: int, following: int) -> list[str]:
    tokens = source.tokens
    return [tokens.text(i) for i in range(first, following) if tokens.kinds[i] == Kind.IDENTIFIER]


def _outside_attributes(text: str) -> bool:
    """Whether a text holds more than attributes (names that start with ``_``) and comments."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)
    text = re.sub(r"\b_\w*(?:\s*\(\(.*?\)\)|\s*\([^()]*\))?", " ", text, flags=re.DOTALL)
    return bool(text.strip())


def _boundary(source: SourceFile, at: int, step: int) -> int | None:
    """The token that ends the declaration in one direction, parentheses skipped."""
    tokens = source.tokens
    depth = 0
    while 0 <= at < len(tokens):
        text = tokens.text(at)
        if tokens.kinds[at] == Kind.PUNCTUATOR:
            depth += {"(": step, ")": -step, "[": step, "]": -step}.get(text, 0)
            if depth < 0:
                raise NoLayout(
                    f"{source.path}:{source.line(tokens.starts[at])}: an attribute in parentheses"
                )
            if depth == 0 and text in (";", ",", "{", "}"):
                return at
        at += step
    return None
