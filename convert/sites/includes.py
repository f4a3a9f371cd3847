"""`#include` lines: who includes a header, and what a header brings along."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from convert.source.edits import Span
from convert.tree.kernel import KernelTree

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"][^\n]*', re.M)
_CONDITION = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|endif)\b", re.M)


@dataclass(frozen=True)
class Include:
    """One line: the path as written, whether with angle brackets, and the bytes of the line."""

    path: str
    angled: bool
    line: Span

    @property
    def spelled(self) -> str:
        """The path with its brackets or quotes."""
        return f"<{self.path}>" if self.angled else f'"{self.path}"'


def includes_of(text: str) -> tuple[Include, ...]:
    """All include lines of a file."""
    return tuple(
        Include(found.group(2), found.group(1) == "<", Span(found.start(), found.end()))
        for found in _INCLUDE.finditer(text)
    )


def unconditional(text: str) -> tuple[Include, ...]:
    """The include lines of a header that no `#if` guards (its own include guard left out)."""
    depth = {0: 0}
    level = 0
    for found in _CONDITION.finditer(text):
        level += -1 if found.group(1) == "endif" else 1
        depth[found.start()] = level
    guard = 1 if re.match(r"\s*#[ \t]*ifndef\b", _without_comments(text)) else 0
    result = []
    for include in includes_of(text):
        at = max(start for start in depth if start <= include.line.start)
        if depth[at] <= guard:
            result.append(include)
    return tuple(result)


def _without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)


def includers(
    tree: KernelTree, files: Iterable[str], header: str, include_dirs: Iterable[str]
) -> Iterator[tuple[str, Include]]:
    """Every include line, among some files, that means ``header``.

    A quoted path is looked up beside the file, then below ``include_dirs`` (what the Makefiles'
    ``-I`` would name).
    """
    name = PurePosixPath(header).name.encode()
    dirs = tuple(include_dirs)
    for path in files:
        data = tree.read(path)
        if name not in data:
            continue
        for include in includes_of(data.decode("latin-1")):
            bases = (posixpath.dirname(path), *dirs)
            hits = {posixpath.normpath(posixpath.join(base, include.path)) for base in bases}
            if header in hits:
                yield path, include


def brought_along(tree: KernelTree, include: Include) -> frozenset[str]:
    """The headers that an included kernel header itself includes always, as spelled there."""
    path = f"include/{include.path}"
    if not include.angled or not tree.exists(path):
        return frozenset()
    text = tree.read(path).decode("latin-1")
    return frozenset(inner.path for inner in unconditional(text) if inner.angled)
