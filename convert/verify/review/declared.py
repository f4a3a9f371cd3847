"""What a series says itself: never-fail allocations whose size is known only at run time.

A commit message or cover letter declares such a site by a paragraph or list that says "known only
at run time" and names places, as in

    Never-fail allocations whose size is known only at run time:

    - fs/xfs/xfs_foo.c:123 xfs_foo_read
    - fs/xfs/xfs_bar.c:45, fs/xfs/xfs_bar.c:67

Lines may be those before the series, before the commit or after it; a function's name beside the
place is enough where the line does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_PHRASE = re.compile(r"known\s+only\s+at\s+run[\s-]*time", re.IGNORECASE)
_PLACE = re.compile(r"([\w./+-]+\.[ch]):(\d+)(?:[:,]?\s+([A-Za-z_]\w*)(?:\(\))?)?")
_ITEM = re.compile(r"\s*(?:[-*]\s|\S+\.[ch]:\d)|\s+\S")


@dataclass(frozen=True)
class Declared:
    """One declared place; ``function`` may be empty."""

    file: str
    line: int
    function: str


def declared_places(messages: Iterable[str]) -> frozenset[Declared]:
    """The places that some texts declare."""
    return frozenset(place for text in messages for place in _places(text))


def _places(text: str) -> Iterable[Declared]:
    for block in _blocks(text.splitlines()):
        if _PHRASE.search(" ".join(block.split())):
            for file, line, word in _PLACE.findall(block):
                yield Declared(file, int(line), word)


def _blocks(lines: list[str]) -> Iterable[str]:
    """Paragraphs and list items; a paragraph that ends in a colon has the list below it."""
    block: list[str] = []
    for line in [*lines, ""]:
        heads = bool(block) and block[-1].rstrip().endswith(":")
        in_list = bool(block) and any(one.rstrip().endswith(":") for one in block)
        blank = not line.strip()
        if blank and (heads or in_list):
            continue
        starts_item = bool(re.match(r"\s*[-*]\s", line))
        ends = blank or (starts_item and not in_list) or (in_list and not _ITEM.match(line))
        if ends and block:
            yield "\n".join(block)
            block = []
        if not blank:
            block.append(line)
    if block:
        yield "\n".join(block)
