"""Which header declares a function in a tree, and whether a file gets to see it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

from convert.semantics.capabilities import declared_names
from convert.semantics.stubs import load_stubs
from convert.sites.includes import includes_of
from convert.tree.kernel import KernelTree

# Where the functions are declared that CapabilityFacts does not ask for.
_MORE = ("include/linux/string.h",)


def declaring_headers(tree: KernelTree, names: Iterable[str]) -> Mapping[str, str | None]:
    """For each name the header of the tree that declares or defines it, or None."""
    wanted = frozenset(names)
    found = declared_names(tree, wanted, (*load_stubs().capability.headers, *_MORE))
    return {name: found[name].path if name in found else None for name in sorted(wanted)}


class Reach:
    """Follows the include lines of files, those under ``#if`` too."""

    def __init__(self, tree: KernelTree, paths: Iterable[str]) -> None:
        self._tree = tree
        self._directories = tuple(sorted({posixpath.dirname(path) for path in paths}))
        self._next: dict[str, tuple[str, ...]] = {}

    def sees(self, path: str, header: str) -> bool:
        """Whether a file includes a header, itself or through others."""
        seen, waiting = {path}, [path]
        while waiting:
            for other in self._included(waiting.pop()):
                if other == header:
                    return True
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return False

    def _included(self, path: str) -> tuple[str, ...]:
        if path not in self._next:
            text = self._tree.read(path).decode("latin-1")
            places = [
                place
                for include in includes_of(re.sub(r"/\*.*?\*/", "", text, flags=re.S))
                if (place := self._place(path, include.path, include.angled)) is not None
            ]
            self._next[path] = tuple(dict.fromkeys(places))
        return self._next[path]

    def _place(self, path: str, name: str, angled: bool) -> str | None:
        """The file that an include line means, if it is one of the tree."""
        bases = ("include",) if angled else (posixpath.dirname(path), *self._directories)
        for base in bases:
            place = posixpath.normpath(posixpath.join(base, name))
            if not place.startswith("..") and self._tree.exists(place):
                return place
        return None
