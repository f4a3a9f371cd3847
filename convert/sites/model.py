"""What a site is: one place in the text that the conversion has to account for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from convert.source.edits import Span


class SiteKind(Enum):
    """What stands at a site; the values are those of the JSON report."""

    ALLOC = "alloc"
    FREE = "free"
    HELPER = "helper"  # a call of a function that only shares the wrapper's header
    STORED_GFP = "stored-gfp"
    FLAG_VARIABLE = "flag-variable"  # variable, parameter, member or its uses
    FLAG_TYPE = "flag-type"  # a use of the wrapper's flag type in code
    MACRO = "macro"  # a #define that holds wrapper flags
    DECLARATION = "declaration"
    DEFINITION = "definition"
    INCLUDE = "include"
    BUILD = "build"  # a Makefile word
    TRACE_EVENT = "trace-event"
    SIMPLIFICATION = "simplification"  # a place that convert/rules/simplify looks at
    LARGE = "large"  # a large never-fail allocation, or a free of its memory
    MASK = "mask"  # a place of a mask name that a scope may make needless
    NOFAIL = "nofail"  # what a nofail scope opens, or makes redundant, or would make never fail
    COMMENT = "comment"  # comment, string or documentation that names what goes away


@dataclass(frozen=True)
class Site:
    """One site. ``span`` is the bytes of ``text`` in ``file``; lines and columns are 1-based.

    ``id`` is stable across runs and across edits elsewhere in the file: it is made of file,
    function, kind, callee and the ordinal among equals.
    """

    id: str
    kind: SiteKind
    file: str
    line: int
    column: int
    function: str | None
    callee: str
    text: str
    span: Span
