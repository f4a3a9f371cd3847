"""Where the counters go: around the mask argument of each call.

The mask is evaluated when the call runs, and its value and type stay as they are, so the hook fits
wherever the call does: in initialisers, conditions, and arguments of other calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from convert.assertions.model import NotCounted, Target
from convert.sites.sources import Sources
from convert.source.edits import Edit, Span
from convert.source.parse import (
    Call,
    Disagreement,
    Item,
    ParsedFile,
    ParseRefusal,
    Slot,
    agreed_call,
)

HEADER = "linux/kmem_convert_assert.h"
_WORD = re.compile(r"[A-Za-z_]\w*")

MaskSlot = Callable[[str], int | None]
"""The position of the mask among the arguments of a function; None if that is not known."""


@dataclass(frozen=True)
class Hooks:
    """The edits by path. A target's number is its place in ``counted``."""

    edits: dict[str, tuple[Edit, ...]]
    counted: tuple[Target, ...]
    left_out: tuple[NotCounted, ...]


class _Unfit(Exception):
    """Why a place can have no counter."""


@dataclass(frozen=True)
class _Place:
    target: Target
    item: Item
    slot: Span


def place_hooks(sources: Sources, targets: Iterable[Target], slot_of: MaskSlot) -> Hooks:
    """Number the targets that can be counted and make the edits for them."""
    found: list[_Place] = []
    left_out: list[NotCounted] = []
    taken: set[tuple[str, Span]] = set()
    ordered = sorted(targets, key=lambda t: (t.path, t.offset))
    names = {t.path: frozenset({t.callee}) for t in ordered}
    for target in ordered:
        names[target.path] |= {target.callee}
    for target in ordered:
        try:
            place = _find(sources.parsed(target.path, names[target.path]), target, slot_of)
            if (target.path, place.slot) in taken:
                raise _Unfit("the same argument has a counter already")
        except _Unfit as why:
            left_out.append(NotCounted(target, f"{target.path}:{target.line}: {why}"))
            continue
        taken.add((target.path, place.slot))
        found.append(place)
    edits: dict[str, tuple[Edit, ...]] = {}
    for path in sorted({place.target.path for place in found}):
        own = [(n, place) for n, place in enumerate(found) if place.target.path == path]
        parsed = sources.parsed(path, names[path])
        assert parsed is not None  # places were found in it
        includes = _includes(parsed, [place.item for _, place in own])
        hooks = [edit for n, place in own for edit in _around(n, place.slot)]
        edits[path] = tuple(sorted([*includes, *hooks]))
    return Hooks(edits, tuple(place.target for place in found), tuple(left_out))


def _find(parsed: ParsedFile | None, target: Target, slot_of: MaskSlot) -> _Place:
    if parsed is None:
        raise _Unfit("the file cannot be split into tokens")
    item = parsed.item_at(target.offset)
    if isinstance(item, ParseRefusal):
        raise _Unfit(f"{item.name} could not be parsed: {item.construct}")
    if item is None or item.kind not in ("function", "macro"):
        raise _Unfit("not inside of a function: a counter cannot run there")
    call = _call(item, target)
    slot = _slot(parsed, item, call, target, slot_of)
    text = slot.span.of(parsed.source.text)
    if slot.node is None or not text.strip():
        raise _Unfit(f"the mask of {target.callee} is no expression")
    if "#" in text or "\n#" in call.span.of(parsed.source.text):
        raise _Unfit("a preprocessor line stands inside of the call")
    return _Place(target, item, slot.span)


def _call(item: Item, target: Target) -> Call:
    """The innermost call of the callee around the offset, on which all variants agree."""
    around = {
        call.callee_span.start: call
        for variant in item.variants
        for call in variant.calls
        if call.callee == target.callee and target.offset in call.span
    }
    if not around:
        raise _Unfit(f"no call of {target.callee} stands there")
    agreed = agreed_call(item, max(around))
    if isinstance(agreed, Disagreement):
        raise _Unfit(agreed.reason)
    if agreed is None:
        raise _Unfit(f"no call of {target.callee} stands there")
    return agreed


def _slot(parsed: ParsedFile, item: Item, call: Call, target: Target, slot_of: MaskSlot) -> Slot:
    """The mask argument, by the callee if that is known, else the only one that names the mask."""
    position = slot_of(target.callee)
    if position is not None and position < len(call.slots):
        return call.slots[position]
    inner = [
        other.span
        for variant in item.variants
        for other in variant.calls
        if other.span in call.span and other.span != call.span
    ]
    text = parsed.source.text
    naming = [
        slot
        for slot in call.slots
        if any(
            found.group() in target.names and not any(found.start() in span for span in inner)
            for found in _WORD.finditer(text, slot.span.start, slot.span.end)
        )
    ]
    if len(naming) != 1:
        raise _Unfit(f"which argument of {target.callee} is the mask is not known")
    return naming[0]


def _around(number: int, slot: Span) -> tuple[Edit, Edit]:
    before = Edit(Span(slot.start, slot.start), f"kmem_convert_mask({number}, ")
    return before, Edit(Span(slot.end, slot.end), ")")


def _includes(parsed: ParsedFile, items: Sequence[Item]) -> list[Edit]:
    """The header's #include, behind the file's own ones if those are not conditional.

    A header has a guard, so all of it is conditional: there the line goes before each function.
    """
    text = parsed.source.text
    line = f"#include <{HEADER}>\n"
    first = min(item.span.start for item in items)
    depth, best = 0, None
    for directive in parsed.directives:
        if directive.span.start > first:
            break
        if directive.name in ("if", "ifdef", "ifndef"):
            depth += 1
        elif directive.name == "endif":
            depth -= 1
        elif directive.name == "include" and not depth:
            best = directive.span.end
    if best is not None:
        at = text.find("\n", best - 1) + 1
        return [Edit(Span(at, at), line)]
    starts = sorted({text.rfind("\n", 0, item.span.start) + 1 for item in items})
    return [Edit(Span(at, at), line) for at in starts]
