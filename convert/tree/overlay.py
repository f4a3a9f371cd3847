"""A tree with some files changed in memory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from convert.errors import InputError
from convert.tree.kernel import KernelTree


class OverlayTree:
    """A `KernelTree` that is another one but for some files; None stands for a deleted file."""

    def __init__(self, base: KernelTree, changed: Mapping[str, bytes | None]) -> None:
        self._base = base
        self._changed = dict(changed)

    @property
    def name(self) -> str:
        """The base's name: what the user knows the tree by."""
        return self._base.name

    @property
    def revision(self) -> str | None:
        """None: no commit holds these files."""
        return None

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises InputError if there is no such regular file."""
        if path not in self._changed:
            return self._base.read(path)
        data = self._changed[path]
        if data is None:
            raise InputError(f"{path}: deleted by the series")
        return data

    def exists(self, path: str) -> bool:
        """Whether a regular file or a directory of that path is in the tree."""
        if path in self._changed:
            return self._changed[path] is not None
        return any(p.startswith(f"{path}/") for p in self._added) or self._base.exists(path)

    def files(self, under: str = "") -> tuple[str, ...]:
        """All regular files below a directory (or the file itself), sorted.

        Raises InputError for a path that leaves the tree or is not in it.
        """
        inside = {p for p in self._added if not under or p == under or p.startswith(f"{under}/")}
        known = self._base.files(under) if self._base.exists(under) or not inside else ()
        return tuple(sorted({p for p in known if p not in self._changed} | inside))

    @cached_property
    def _added(self) -> frozenset[str]:
        """The changed files that exist."""
        return frozenset(path for path, data in self._changed.items() if data is not None)
