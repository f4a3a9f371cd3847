"""Inlines and macros of the kernel's headers that lead back into the paths, or change a scope."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from convert.flow.graph.headers import Headers
from convert.source.parse import ParsedFile


@dataclass(frozen=True)
class _Candidate:
    name: str
    words: frozenset[str]


def leading_back(
    headers: Headers, files: Iterable[str], names: Collection[str], prefix: str, used: set[str]
) -> Iterator[ParsedFile]:
    """The definitions in some headers that matter, each as a file of its own.

    Such one names a function of the paths (``names``), or one that starts with ``prefix``, or
    another such definition; and the paths use it, by their words ``used`` or through another.
    """
    known = [_Candidate(name, words) for path in files for name, words in headers.definitions(path)]
    wanted = _leading(known, names, prefix)
    reached: set[str] = set()
    waiting = sorted(wanted & used)
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        reached.add(name)
        for one in known:
            if one.name == name:
                waiting += sorted(wanted & one.words)
    for name in sorted(reached):
        yield from headers.inline(name)
        yield from headers.macro(name)


def _leading(known: list[_Candidate], names: Collection[str], prefix: str) -> set[str]:
    """The candidates that name what matters, directly or through others."""
    wanted: set[str] = set()
    while True:
        more = {
            one.name
            for one in known
            if one.name not in wanted
            and (
                one.name.startswith(prefix)
                or any(word in names or word in wanted for word in one.words - {one.name})
                or any(word.startswith(prefix) for word in one.words)
            )
        }
        if not more:
            return wanted
        wanted |= more
