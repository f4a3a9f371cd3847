"""Places between the tree as given, which was analysed, and the text that the stages left."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from convert.flow.graph.model import Place
from convert.flow.placement.model import Anchor, HandleEnd
from convert.rules.scoped.texts import Texts
from convert.source.edits import Edit
from convert.source.parse import Item, ParsedFile, parse_file
from convert.source.text import read_source

_T = TypeVar("_T")
_PLACE = re.compile(r"([\w./+-]+\.[ch]):(\d+)")


class Lost(Exception):
    """A place of the tree as given that cannot be told in the text now; the message says why."""


def anchor_now(anchor: Anchor, texts: Texts) -> Anchor:
    """An anchor of the tree as given, in the text now. Raises Lost."""
    place = _File(anchor.path, anchor.function, texts)
    start = place.start(anchor.start)
    ends = tuple(_end_now(end, texts) for end in anchor.ends)
    if ends:  # the calls stand in the texts of these
        opens = tuple(at for end in ends if end.opens for at in end.takes)
        closes = tuple(at for end in ends if not end.opens for at in end.releases)
    else:
        opens, closes = place.calls(anchor.opens), place.calls(anchor.closes)
    return replace(anchor, start=start, opens=opens, closes=closes, ends=ends)


def _end_now(end: HandleEnd, texts: Texts) -> HandleEnd:
    place = _File(end.path, end.function, texts)
    return replace(
        end,
        start=place.start(end.start),
        takes=place.calls(end.takes),
        releases=place.calls(end.releases),
    )


class _File:
    """A function of the tree as given, and the same in the text now."""

    def __init__(self, path: str, function: str, texts: Texts) -> None:
        self.path, self.function, self.texts = path, function, texts
        self.same = path not in texts.final or not texts.base.exists(path)
        if not self.same:
            self.now = self._parsed(texts.data(path))

    def _parsed(self, data: bytes) -> ParsedFile:
        names = frozenset({self.function})
        return parse_file(read_source(self.path, data), self.texts.dialect(), names)

    def start(self, offset: int) -> int:
        """Where the function's definition starts."""
        if self.same:
            return offset
        before = self._own(self._parsed(self.texts.base.read(self.path)))
        after = self._own(self.now)
        holding = [at for at, item in enumerate(before) if offset in item.span]
        if len(holding) != 1 or len(before) != len(after):
            raise Lost(f"{self.path}: {self.function}() was not found again")
        was, now = before[holding[0]], after[holding[0]]
        return now.span.start + offset - was.span.start

    def _own(self, parsed: ParsedFile) -> list[Item]:
        return [item for item in parsed.functions if item.name == self.function]

    def calls(self, offsets: Iterable[int]) -> tuple[int, ...]:
        """Where the callees of calls of the function stand."""
        given = tuple(offsets)
        if self.same or not given:
            return given
        known = self.texts.calls_before(self.path, self.now) or {}
        now = {before: after for after, before in known.items()}
        lost = [offset for offset in given if offset not in now]
        if lost:
            text = self.texts.base.read(self.path)
            line = text.count(b"\n", 0, lost[0]) + 1
            raise Lost(f"{self.path}:{line}: which call this became is not certain")
        return tuple(now[offset] for offset in given)


def relocation(texts: Texts) -> Callable[[_T], _T]:
    """What gives a value with all places of the text now as those of the tree as given.

    Places are `Place` members of dataclasses, and ``file:line`` inside of words. Where text was
    added, the place is that at which it was added.
    """
    line = texts.line_of_line

    def words(text: str) -> str:
        return _PLACE.sub(lambda found: f"{found[1]}:{line(found[1], int(found[2]))}", text)

    def moved(value: Any) -> Any:
        if isinstance(value, Place):
            return Place(value.path, line(value.path, value.line))
        if isinstance(value, str):
            return words(value)
        if isinstance(value, tuple):
            return tuple(moved(one) for one in value)
        if is_dataclass(value) and not isinstance(value, type):
            parts = {field.name: getattr(value, field.name) for field in fields(value)}
            changed = {name: moved(part) for name, part in parts.items()}
            if all(changed[name] is part or changed[name] == part for name, part in parts.items()):
                return value
            return replace(value, **changed)
        return value

    return moved


def forward(edits: Iterable[Edit], offset: int) -> int:
    """Where an offset is after edits that leave what stands there alone."""
    done = (edit for edit in set(edits) if edit.span.end <= offset)
    return offset + sum(len(edit.text) - (edit.span.end - edit.span.start) for edit in done)
