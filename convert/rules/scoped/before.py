"""Which call of the tree as it was given a call of the converted text comes from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from convert.source.edits import Edit, origin
from convert.source.parse import Item, ParsedFile


def calls_before(before: ParsedFile, after: ParsedFile) -> Mapping[int, int]:
    """Offsets of callees afterwards to those before, where that is certain.

    The conversions so far replace calls one by one (their own validation shows it), so the calls of
    a function are paired in order; functions whose variants or calls differ in number are left out.
    """
    old: dict[str, list[Item]] = defaultdict(list)
    for item in before.functions:
        old[item.name].append(item)
    seen: dict[str, int] = defaultdict(int)
    found: dict[int, int] = {}
    for item in after.functions:
        twins = old.get(item.name, [])
        same = [other for other in after.functions if other.name == item.name]
        if len(twins) != len(same):
            continue
        twin = twins[seen[item.name]]
        seen[item.name] += 1
        if len(twin.variants) != len(item.variants):
            continue
        for was, now in zip(twin.variants, item.variants, strict=True):
            if was.conditions == now.conditions and len(was.calls) == len(now.calls):
                for first, second in zip(was.calls, now.calls, strict=True):
                    found[second.callee_span.start] = first.callee_span.start
    return found


def original_offset(stages: Iterable[Iterable[Edit]], offset: int) -> int:
    """Where an offset after all stages' edits comes from; ``stages`` are given in their order."""
    for edits in reversed([list(stage) for stage in stages]):
        offset = origin(edits, offset)
    return offset
