"""The tables that a tree's own headers hold: names of types, macros that head a statement or say
nothing but an attribute.

A header is read by itself, once, by its text; what it gives is small and can be cached.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from convert.source.tokens import Kind, lex_body
from convert.source.typedefs import past_bracket, typedef_names
from convert.source.words import (
    ANNOTATIONS,
    ANNOTATIONS_WITH_ARGUMENTS,
    KEYWORDS,
    Dialect,
)

Bodies = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class FileWords:
    """What headers define.

    ``typedefs``: names. ``heads``: macros whose body lacks its last statement, each with the words
    that its body may start with: a macro heads a statement if that word is ``for``, ``while``,
    ``if``, ``switch`` or another such macro. ``types``: object-like macros whose bodies may be
    types. ``attributes``: macros whose bodies may be annotations, with their words; the name ends
    in ``(`` if the macro has parameters. ``openers`` and ``closers``: macros that open or close
    braces.
    """

    typedefs: tuple[str, ...] = ()
    heads: Bodies = field(default_factory=dict)
    types: Bodies = field(default_factory=dict)
    attributes: Bodies = field(default_factory=dict)
    openers: tuple[str, ...] = ()
    closers: tuple[str, ...] = ()


_DEFINE = re.compile(
    r"^[ \t]*#[ \t]*define[ \t]+(\w+)(\([^()]*\))?[ \t]*"
    r"((?:[^\\\n]|\\[^\n\r]|\\\r?\n|\\\r)*)",
    re.MULTILINE,
)
_HEAD_WORDS = frozenset({"for", "while", "if", "switch"})
_HEAD = re.compile(r"\b(?:for|while|if|switch|else|[a-z_]*each\w*)\b", re.ASCII)
_ALIAS = re.compile(r"(?:\s|\\\r?\n)*\w+\s*\(")
_TYPE = re.compile(r"[A-Za-z_]\w*(?:[ \t]+\w+|[ \t]*\*)*[ \t]*(?:/\*.*|//.*)?\Z")
_ATTRIBUTE = re.compile(r"(?:\s|\\\r?\n)*(?:__\w+|noinline|notrace|asmlinkage)\b")
_BASIC = frozenset(
    word
    for word, kind in KEYWORDS.items()
    if kind in ("CHAR", "CONST", "DOUBLE", "FLOAT", "INT", "LONG", "SHORT", "SIGNED", "UNSIGNED",
                "VOID", "VOLATILE", "_BOOL", "__INT128")
)  # fmt: skip


def words_of(text: str) -> FileWords:
    """Read the tables of one header or source file."""
    collected = FileWords(
        typedef_names(text) if "typedef" in text else (), heads={}, types={}, attributes={}
    )
    if "define" not in text:
        return collected
    heads: dict[str, tuple[str, ...]] = {}
    types: dict[str, tuple[str, ...]] = {}
    attributes: dict[str, tuple[str, ...]] = {}
    openers: list[str] = []
    closers: list[str] = []
    for name, parameters, body in _DEFINE.findall(text):
        if not body or name in KEYWORDS:
            continue
        if parameters:
            last = body.rstrip()[-1:]
            if last in ")e" and (_HEAD.search(body) or _ALIAS.match(body)):
                first = _head(body)
                if first:
                    heads[name] = (first,)
            elif last == "{":
                openers.append(name)
            elif body.lstrip(" \t\\\r\n")[:1] == "}":
                closers.append(name)
        elif len(body) < 80 and _TYPE.match(body):
            types[name] = tuple(re.sub(r"/\*.*|//.*", "", body).replace("*", " * ").split())
        if _ATTRIBUTE.match(body) and len(body) < 200:
            attributes[name + parameters[:1]] = _attribute_words(body)
    return FileWords(collected.typedefs, heads, types, attributes, tuple(openers), tuple(closers))


def _code_words(body: str) -> list[str]:
    tokens = lex_body(body)
    return [
        tokens.text(index) for index in range(len(tokens)) if tokens.kinds[index] > Kind.COMMENT
    ]


def _head(body: str) -> str:
    """The word that a body without its last statement starts with; empty for any other body.

    What is finished before (``(n) = 0; for_each(…)``) is skipped.
    """
    words = _code_words(body)
    first = at = 0
    while at < len(words):
        word = words[at]
        if word == "else":
            at += 1
            if at == len(words):
                return words[first]
        elif word in _HEAD_WORDS and words[at + 1 : at + 2] == ["("]:
            at = past_bracket(words, at + 1)
            if at == len(words):
                return words[first]
        elif word.isidentifier() and words[at + 1 : at + 2] == ["("]:
            end = past_bracket(words, at + 1)
            if end == len(words):  # heads one if the macro called does
                return words[first] if first == at else word
            at = end
        else:
            while at < len(words) and words[at] not in (";", "{"):
                at = past_bracket(words, at) if words[at] in ("(", "[") else at + 1
            if at < len(words):
                at = past_bracket(words, at) if words[at] == "{" else at + 1
            if words[at : at + 1] != ["else"]:
                first = at
    return ""


def _attribute_words(body: str) -> tuple[str, ...]:
    """The words of a body without the parentheses after them."""
    words = _code_words(body)
    found: list[str] = []
    at = 0
    while at < len(words):
        if words[at] == "(" and found:
            at = past_bracket(words, at)
        else:
            found.append(words[at])
            at += 1
    if "fallthrough" in body:  # a statement, not an annotation
        return ()
    return tuple(found)


def merge(files: Iterable[FileWords]) -> FileWords:
    """The words of many files; a macro that several files define keeps all its heads."""
    typedefs: set[str] = set()
    heads: dict[str, set[str]] = {}
    types: dict[str, tuple[str, ...]] = {}
    attributes: dict[str, tuple[str, ...]] = {}
    openers: set[str] = set()
    closers: set[str] = set()
    for file in files:
        typedefs.update(file.typedefs)
        for name, first in file.heads.items():
            heads.setdefault(name, set()).update(first)
        types.update(file.types)
        attributes.update(file.attributes)
        openers.update(file.openers)
        closers.update(file.closers)
    return FileWords(
        tuple(sorted(typedefs)),
        {name: tuple(sorted(first)) for name, first in heads.items()},
        types,
        attributes,
        tuple(sorted(openers)),
        tuple(sorted(closers)),
    )


def join(files: Iterable[FileWords]) -> Dialect:
    """Close the tables over each other and over the fixed words."""
    words = merge(files)
    loops = _closed(
        set(), words.heads, lambda body, known: bool(known.union(_HEAD_WORDS) & set(body))
    )
    plain = {name: body for name, body in words.attributes.items() if body}
    annotations = _closed(
        set(ANNOTATIONS) | {f"{name}(" for name in ANNOTATIONS_WITH_ARGUMENTS},
        plain,
        lambda body, known: all(word in known or f"{word}(" in known for word in body),
    )
    without = frozenset(name for name in annotations if not name.endswith("("))
    with_arguments = frozenset(name[:-1] for name in annotations if name.endswith("("))
    typedefs = set(words.typedefs)
    typedefs |= _closed(
        set(),
        words.types,
        lambda body, known: _spells_type(body, known | typedefs),
    )
    typedefs -= set(KEYWORDS) | without | with_arguments
    return Dialect(
        frozenset(typedefs),
        frozenset(loops),
        frozenset(words.openers) - loops,
        frozenset(words.closers),
        without - set(KEYWORDS),
        with_arguments - set(KEYWORDS),
    )


def _closed(
    known: set[str], table: Bodies, holds: Callable[[tuple[str, ...], set[str]], bool]
) -> set[str]:
    """``known`` and all names of the table whose bodies hold, until no more are found."""
    while True:
        found = {name for name, body in table.items() if name not in known and holds(body, known)}
        if not found:
            return known
        known = known | found


def _spells_type(body: tuple[str, ...], known: set[str]) -> bool:
    if body[0] in ("struct", "union", "enum"):
        return len(body) > 1 and body[1].isidentifier() and set(body[2:]) <= {"*"}
    if set(body) <= {"const", "volatile", "*"}:
        return False
    return all(word == "*" or word in _BASIC or word in known for word in body)


def file_dialect(text: str) -> Dialect:
    """The words that a source file defines for itself."""
    if "typedef" not in text and "define" not in text:
        return Dialect()
    return join([words_of(text)])


def to_json(words: FileWords) -> dict[str, Any]:
    """A form for the cache."""
    return {
        "typedefs": words.typedefs,
        "heads": dict(words.heads),
        "types": dict(words.types),
        "attributes": dict(words.attributes),
        "openers": words.openers,
        "closers": words.closers,
    }


def from_json(data: Mapping[str, Any]) -> FileWords:
    """Read `to_json`'s form; raises KeyError, TypeError or AttributeError for any other."""
    return FileWords(
        tuple(data["typedefs"]),
        *(
            {name: tuple(body) for name, body in data[key].items()}
            for key in ("heads", "types", "attributes")
        ),
        tuple(data["openers"]),
        tuple(data["closers"]),
    )
