"""The names that the typedefs of a text define, found without parsing it."""

from __future__ import annotations

from itertools import islice

from convert.source.tokens import Kind, lex
from convert.source.words import ANNOTATIONS, ANNOTATIONS_WITH_ARGUMENTS, KEYWORDS

_PAIRS = {"(": ")", "{": "}", "[": "]"}


def typedef_names(text: str) -> tuple[str, ...]:
    """All names that the text's typedefs define, in any ``#if`` branch."""
    tokens = lex(text)
    starts, lowest = tokens.starts, int(Kind.IDENTIFIER)
    words = [
        text[start:end]
        for kind, start, end in zip(tokens.kinds, starts, islice(starts, 1, None), strict=False)
        if kind >= lowest
    ]
    names: list[str] = []
    at = 0
    while True:
        try:
            first = words.index("typedef", at) + 1
        except ValueError:
            break
        at = _one_typedef(words, first, names)
    return tuple(name for name in names if name.isidentifier() and name not in KEYWORDS)


def past_bracket(words: list[str], at: int) -> int:
    """The index after the bracket that closes the one at ``at`` (or the end)."""
    opening = words[at]
    closing = _PAIRS[opening]
    depth = 0
    while at < len(words):
        depth += (words[at] == opening) - (words[at] == closing)
        at += 1
        if depth == 0:
            break
    return at


def _one_typedef(words: list[str], at: int, names: list[str]) -> int:
    """Collect the names of the typedef whose first word is at ``at``; return its end."""
    first = at
    name = ""
    fixed = False  # what follows a declarator's name, its arrays and parameters, is no name
    while at < len(words) and words[at] != ";":
        word = words[at]
        if word == "," and not fixed and not name:
            break
        if word == ",":
            names.append(name)
            name, fixed = "", False
        elif word in ANNOTATIONS_WITH_ARGUMENTS and words[at + 1 : at + 2] == ["("]:
            at = past_bracket(words, at + 1)
            continue
        elif word == "(":
            if at == first + 1 and words[at + 1 : at + 2] != ["*"]:  # DECLARE_X(name, …)
                names.append(words[at + 1])
                return at
            if not fixed:
                name = _name_in_parentheses(words, at) or name
                fixed = True
            at = past_bracket(words, at)
            continue
        elif word in ("[", "{"):
            fixed = fixed or word == "["
            at = past_bracket(words, at)
            continue
        elif not fixed and word.isidentifier() and word not in _NO_NAMES:
            name = word
        at += 1
    names.append(name)
    return at


_NO_NAMES = ANNOTATIONS | {"const", "volatile"}


def _name_in_parentheses(words: list[str], at: int) -> str:
    """The name in ``(*name)``, ``(*name[3])`` or ``(name)(``; empty for a parameter list."""
    inner = words[at + 1 : at + 8]
    stars = 0
    while inner and (inner[0] in ("*", "(") or inner[0] in _NO_NAMES):
        stars += inner[0] == "*"
        inner = inner[1:]
    if len(inner) > 1 and inner[0].isidentifier() and (stars or inner[1:3] == [")", "("]):
        return inner[0]
    return ""
