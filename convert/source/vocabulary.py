"""The words that one tree's C knows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property

from convert.source.token_types import WordTypes
from convert.source.words import ANNOTATIONS, ANNOTATIONS_WITH_ARGUMENTS


@dataclass(frozen=True)
class Dialect:
    """The words of one tree.

    ``typedefs``: names of types (typedefs, and object-like macros that spell a type).
    ``loop_macros``: macros that a statement must follow (``for_each_x(…) stmt``).
    ``block_openers`` and ``block_closers``: macros whose bodies open, or close, braces.
    ``specifiers``: object-like macros that spell storage classes, qualifiers or ``inline``.
    ``annotations`` are dropped, ``annotations_with_arguments`` together with their arguments.

    ``local`` holds, by directory, the words of the files there: what one filesystem's headers
    define is unknown to its neighbours, who may use the same name for something else. `at` picks.
    """

    typedefs: frozenset[str] = frozenset()
    loop_macros: frozenset[str] = frozenset()
    block_openers: frozenset[str] = frozenset()
    block_closers: frozenset[str] = frozenset()
    specifiers: frozenset[str] = frozenset()
    annotations: frozenset[str] = ANNOTATIONS
    annotations_with_arguments: frozenset[str] = ANNOTATIONS_WITH_ARGUMENTS
    local: Mapping[str, Dialect] = field(default_factory=dict)

    @cached_property
    def word_types(self) -> WordTypes:
        """The types of all tokens under this dialect; fills itself as tokens are met."""
        return WordTypes(
            self.typedefs, self.specifiers, self.annotations, self.annotations_with_arguments
        )

    @cached_property
    def digest(self) -> str:
        """Stands for the words, those in ``local`` left out."""
        found = hashlib.sha256()
        for part in fields(self):
            if part.name != "local":
                found.update(
                    f"{part.name}\0{' '.join(sorted(getattr(self, part.name)))}\0".encode()
                )
        return found.hexdigest()

    def at(self, path: str) -> Dialect:
        """The words that a file of the tree knows."""
        return self.local.get(directory_of(path)) or self.local.get(path.split("/")[0]) or self


def directory_of(path: str) -> str:
    """The directory that shares its headers: ``fs/xfs`` for all files below it."""
    return "/".join(path.split("/")[:-1][:2])
