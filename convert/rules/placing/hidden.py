"""Macros that return from, or jump inside of, the function that uses them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from convert.source.text import SourceFile
from convert.source.tokens import Kind

_NAME = re.compile(r"#(?:[ \t]|\\\r?\n)*define(?:[ \t]|\\\r?\n)+(\w+)")
_JUMP = re.compile(r"\b(?:return|goto)\b")
_NOT_CODE = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"", re.S)


def jumping_macros(sources: Iterable[SourceFile]) -> frozenset[str]:
    """The macros of some files whose bodies hold ``return`` or ``goto``.

    Macros whose bodies use one of these are among them.
    """
    bodies: dict[str, str] = {}
    for source in sources:
        for index in source.tokens.of_kind(Kind.DIRECTIVE):
            text = source.tokens.text(index)
            found = _NAME.match(text)
            if found:
                code = _NOT_CODE.sub(" ", text[found.end() :])
                bodies[found.group(1)] = bodies.get(found.group(1), "") + code
    jumping = {name for name, code in bodies.items() if _JUMP.search(code)}
    while True:
        users = {
            name
            for name, code in bodies.items()
            if name not in jumping and not jumping.isdisjoint(re.findall(r"\w+", code))
        }
        if not users:
            return frozenset(jumping)
        jumping |= users


def cookie_names(texts: Iterable[str], save: str) -> tuple[str, ...]:
    """What the variables are called that hold the result of a save, the commonest first.

    Names that say nothing of a scope (``flags``) are left out.
    """
    counts: dict[str, int] = {}
    for text in texts:
        for name in re.findall(rf"(?<![\w>.])(\w+)\s*=\s*{re.escape(save)}\s*\(", text):
            if re.search(r"nofs|noio|alloc", name):
                counts[name] = counts.get(name, 0) + 1
    return tuple(sorted(counts, key=lambda name: (-counts[name], name)))
