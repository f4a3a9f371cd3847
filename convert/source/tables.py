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
from convert.source.vocabulary import Dialect
from convert.source.words import KEYWORDS

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
_HEAD_ENDS = (")", "e", "o")  # … of `else` and `do`
_HEAD = re.compile(r"\b(?:for|do|while|if|switch|else|[a-z_]*each\w*)\b", re.ASCII)
_ALIAS = re.compile(r"(?:\s|\\\r?\n)*\w+\s*\(")
_TYPE = re.compile(r"[A-Za-z_]\w*(?:[ \t]+\w+|[ \t]*\*)*[ \t]*(?:/\*.*|//.*)?\Z")
_ATTRIBUTE = re.compile(r"(?:\s|\\\r?\n)*(?:__\w+|noinline|notrace|asmlinkage)\b")
# A name without a leading underscore must say what it is: dropping it hides it.
_PACKING = re.compile(r"PACK|ALIGN|ATTR")
_BASIC = frozenset(
    word
    for word, kind in KEYWORDS.items()
    if kind in ("CHAR", "CONST", "DOUBLE", "FLOAT", "INT", "LONG", "SHORT", "SIGNED", "UNSIGNED",
                "VOID", "VOLATILE", "_BOOL", "__INT128")
)  # fmt: skip


_SPECIFIERS = frozenset(
    word
    for word, kind in KEYWORDS.items()
    if kind in ("STATIC", "EXTERN", "INLINE", "CONST", "VOLATILE", "REGISTER")
)
_FIXED = Dialect()


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
            braces = body.count("{") - body.count("}")
            if braces:
                (openers if braces > 0 else closers).append(name)
            elif body.rstrip()[-1:] in _HEAD_ENDS and (_HEAD.search(body) or _ALIAS.match(body)):
                first = _head(body)
                if first == "do":
                    openers.append(name)
                elif first:
                    heads[name] = (first,)
        elif len(body) < 80 and _TYPE.match(body):
            types[name] = tuple(re.sub(r"/\*.*|//.*", "", body).replace("*", " * ").split())
        if (name[0] == "_" or _PACKING.search(name)) and _ATTRIBUTE.match(body) and len(body) < 200:
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
        elif word == "do" and at + 1 == len(words):
            return word
        elif word == "do" and words[at + 1 : at + 2] == ["{"]:
            at = past_bracket(words, at + 1)
            if words[at : at + 2] == ["while", "("]:
                at = past_bracket(words, at + 1)
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


def join(files: Iterable[FileWords], base: Dialect = _FIXED) -> Dialect:
    """Close the tables over each other and over the words of ``base``.

    Returns ``base`` itself if the files add nothing to it.
    """
    words = merge(files)
    loops = _closed(
        base.loop_macros,
        words.heads,
        lambda body, known: any(word in _HEAD_WORDS or known(word) for word in body),
    )
    fixed = base.annotations | {f"{name}(" for name in base.annotations_with_arguments}
    attributes = _closed(
        fixed,
        words.attributes,
        lambda body, known: bool(body) and all(known(word) or known(f"{word}(") for word in body),
    )
    specifiers = _closed(
        base.specifiers,
        words.types,
        lambda body, known: all(word in _SPECIFIERS or known(word) for word in body),
    )
    types = _closed(base.typedefs.union(words.typedefs), words.types, _spells_type)
    types |= set(words.typedefs) - base.typedefs
    whiles = {name for name, first in words.heads.items() if "while" in first}
    closers = whiles.union(words.closers) - base.block_closers
    openers = set(words.openers) - base.block_openers - loops - base.loop_macros
    types -= fixed | attributes | specifiers | base.specifiers
    if not (loops or attributes or specifiers or types or closers or openers):
        return base
    return Dialect(
        base.typedefs | types,
        base.loop_macros | loops,
        base.block_openers | openers,
        base.block_closers | closers,
        base.specifiers | specifiers,
        base.annotations.union(name for name in attributes if not name.endswith("(")),
        base.annotations_with_arguments.union(
            name[:-1] for name in attributes if name.endswith("(")
        ),
    )


def _closed(
    base: frozenset[str],
    table: Bodies,
    holds: Callable[[tuple[str, ...], Callable[[str], bool]], bool],
) -> set[str]:
    """The names of a table, not in ``base``, whose bodies hold given the names known so far."""
    found: set[str] = set()

    def known(name: str) -> bool:
        return name in base or name in found

    while True:
        more = {
            name
            for name, body in table.items()
            if not known(name) and name not in KEYWORDS and holds(body, known)
        }
        if not more:
            return found
        found |= more


def _spells_type(body: tuple[str, ...], known: Callable[[str], bool]) -> bool:
    if body[0] in ("struct", "union", "enum"):
        return len(body) > 1 and body[1].isidentifier() and set(body[2:]) <= {"*"}
    if set(body) <= {"const", "volatile", "*"}:
        return False
    return all(word == "*" or word in _BASIC or known(word) for word in body)


def file_dialect(text: str, base: Dialect) -> Dialect:
    """The words of ``base`` and those that a source file defines for itself."""
    if "typedef" not in text and "define" not in text:
        return base
    return join([words_of(text)], base)


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
    heads, types, attributes = (
        {name: tuple(body) for name, body in data[key].items()}
        for key in ("heads", "types", "attributes")
    )
    return FileWords(
        tuple(data["typedefs"]), heads, types, attributes, tuple(data["openers"]),
        tuple(data["closers"]),
    )  # fmt: skip
