"""The wrapper's own trace event: its instance, the macro that made it, and its class."""

from __future__ import annotations

import re
from dataclasses import dataclass

from convert.rules.cuts import cut_lines
from convert.sites.family import Family
from convert.sites.occurrences import Occurrence, Where, occurrences
from convert.sites.sources import Sources
from convert.source.edits import Edit, Span
from convert.source.parse import Item

# The tracepoint interface of include/linux/tracepoint.h and include/trace/define_trace.h.
_INSTANCES = ("TRACE_EVENT", "DEFINE_EVENT", "DEFINE_EVENT_PRINT", "TRACE_EVENT_CONDITION")
_CLASS = "DECLARE_EVENT_CLASS"


@dataclass(frozen=True)
class TraceEvent:
    """An event named as a wrapper. ``user`` is a place outside the wrappers that fires it."""

    path: str
    name: str
    item: Item
    offset: int
    edits: tuple[Edit, ...]
    user: tuple[str, Span] | None
    removed: tuple[str, ...]  # what goes with it: the macro, the class


def find_trace_events(sources: Sources, family: Family) -> tuple[TraceEvent, ...]:
    """The trace events that the wrappers' bodies fire and that carry a wrapper's name."""
    found = []
    for name in sorted(family.profile.wrappers):
        fired = f"trace_{name}"
        if not _fired_by_wrappers(sources, family, fired):
            continue
        user = _fired_elsewhere(sources, family, fired)
        for path in sources.holding({name}):
            event = _event_in(sources, family, path, name, user)
            if event is not None:
                found.append(event)
    return tuple(found)


def _fired_by_wrappers(sources: Sources, family: Family, fired: str) -> bool:
    for piece in family.pieces:
        source = sources.source(piece.path)
        if source is not None and re.search(rf"\b{fired}\b", piece.span.of(source.text)):
            return True
    return False


def _fired_elsewhere(sources: Sources, family: Family, fired: str) -> tuple[str, Span] | None:
    names = frozenset({fired, f"{fired}_enabled"})
    for path in sources.holding(names):
        source = sources.source(path)
        for found in occurrences(source, names) if source is not None else ():
            in_code = found.where in (Where.CODE, Where.DEFINE)
            if in_code and family.piece_at(path, found.span.start) is None:
                return path, found.span
    return None


def _event_in(
    sources: Sources, family: Family, path: str, name: str, user: tuple[str, Span] | None
) -> TraceEvent | None:
    parsed = sources.parsed(path, frozenset({name}))
    if parsed is None:
        return None
    for found in occurrences(parsed.source, frozenset({name})):
        item = parsed.item_at(found.span.start)
        if found.where is not Where.CODE or not isinstance(item, Item) or item.kind != "macro-call":
            continue
        maker = _maker(sources, path, parsed.source.text, item)
        if maker is None or not _is_event_name(parsed.source.text, item, found):
            continue
        spans, removed = [item.span], []
        for what, span in _with_it(sources, path, item, maker):
            spans.append(span)
            removed.append(what)
        edits = tuple(cut_lines(parsed.source.text, spans))
        return TraceEvent(path, name, item, found.span.start, edits, user, tuple(removed))
    return None


def _maker(sources: Sources, path: str, text: str, item: Item) -> str | None:
    """The text that makes the event: the item itself, or the #define of its macro in the file."""
    if item.name in _INSTANCES:
        return item.span.of(text)
    definition = _definition(sources, path, item.name)
    if definition is None:
        return None
    body = definition.of(text)
    return body if any(re.search(rf"\b{word}\b", body) for word in _INSTANCES) else None


def _definition(sources: Sources, path: str, macro: str) -> Span | None:
    """The #define of a macro in a file."""
    parsed = sources.parsed(path, frozenset({macro}))
    for item in parsed.macros if parsed is not None else ():
        if item.name == macro:
            return item.span
    return None


def _is_event_name(text: str, item: Item, found: Occurrence) -> bool:
    """Whether the name is the event's: the first argument, or the second behind a class."""
    before = text[item.span.start : found.span.start]
    return re.fullmatch(r"\w+\s*\(\s*(?:\w+\s*,\s*)?", before) is not None


def _with_it(sources: Sources, path: str, item: Item, maker: str) -> list[tuple[str, Span]]:
    """The macro and the class that nothing else needs once the event is gone."""
    source = sources.source(path)
    assert source is not None
    gone: list[tuple[str, Span]] = []
    if item.name not in _INSTANCES:
        definition = _definition(sources, path, item.name)
        if definition is None or _used(sources, item.name, path, [item.span, definition]):
            return gone
        gone.append((item.name, definition))
    named = re.search(r"\bDEFINE_EVENT(?:_PRINT)?\s*\(\s*(\w+)", maker)
    if named is None:
        return gone
    parsed = sources.parsed(path, frozenset({named.group(1)}))
    assert parsed is not None
    for candidate in parsed.declarations:
        start = candidate.span.of(source.text)
        if re.match(rf"{_CLASS}\s*\(\s*{named.group(1)}\b", start):
            known = [item.span, candidate.span, *(span for _, span in gone)]
            if not _used(sources, named.group(1), path, known):
                gone.append((named.group(1), candidate.span))
    return gone


def _used(sources: Sources, name: str, path: str, known: list[Span]) -> bool:
    """Whether a name stands in code anywhere but in the given spans of one file."""
    for other in sources.holding({name}):
        source = sources.source(other)
        for found in occurrences(source, frozenset({name})) if source is not None else ():
            inside = other == path and any(found.span in span for span in known)
            if found.where in (Where.CODE, Where.DEFINE, Where.CONDITION) and not inside:
                return True
    return False
