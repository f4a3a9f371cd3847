"""Comments that explain a mask: they may be wrong once it changes, and only people can tell."""

from __future__ import annotations

import re

from convert.source.text import SourceFile
from convert.source.tokens import Kind

_ABOUT = re.compile(r"NOFS|NOLOCKDEP|lockdep|reclaim|recurs|deadlock", re.IGNORECASE)


def remark_above(source: SourceFile, offset: int) -> int | None:
    """Where the comment starts that stands above a statement and speaks of reclaim; else None.

    offset: anything in the statement, before its first brace or semicolon.
    """
    tokens = source.tokens
    index = tokens.index_at(offset)
    found = None
    while index > 0:
        index -= 1
        kind = tokens.kinds[index]
        if kind == Kind.DIRECTIVE or tokens.text(index) in (";", "{", "}", ":"):
            break
        if kind == Kind.COMMENT and _ABOUT.search(tokens.text(index)):
            found = tokens.starts[index]
    return found
