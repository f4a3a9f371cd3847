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
_PLACE = re.compile(r"([\w./+-]+\.[ch]):(\d+)(?::?\s+([A-Za-z_]\w*)(?:\(\))?(?![\w./]))?")
_BULLET = re.compile(r"\s*[-*]\s")
_PLACE_FIRST = re.compile(r"\s*\S+\.[ch]:\d")


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
    declares = False  # a heading said so, which ends in a colon; its list follows
    for block in _blocks(text.splitlines()):
        whole = " ".join(block)
        says = bool(_PHRASE.search(whole))
        in_list = bool(_BULLET.match(block[0]) or _PLACE_FIRST.match(block[0]))
        if says or (declares and in_list):
            for file, line, word in _PLACE.findall(whole):
                yield Declared(file, int(line), word)
        if not in_list:
            declares = says and whole.rstrip().endswith((":", ","))


def _blocks(lines: Iterable[str]) -> Iterable[list[str]]:
    """Paragraphs and the items of lists, by their lines."""
    block: list[str] = []
    for line in lines:
        in_item = bool(block) and bool(_BULLET.match(block[0]))
        starts = _BULLET.match(line) or (_PLACE_FIRST.match(line) and not in_item)
        if block and (starts or not line.strip()):
            yield block
            block = []
        if line.strip():
            block.append(line)
    if block:
        yield block
