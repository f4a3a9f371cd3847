"""Where the sources come from: a git revision or a plain directory, seen the same way."""

from __future__ import annotations

from typing import Protocol


class KernelTree(Protocol):
    """Files by path, relative to the tree's top, with forward slashes. Never written to."""

    @property
    def name(self) -> str:
        """The tree as the user named it, for messages."""

    @property
    def revision(self) -> str | None:
        """The full commit id, or None for a plain directory."""

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises InputError if there is no such regular file."""

    def exists(self, path: str) -> bool:
        """Whether a regular file or a directory of that path is in the tree."""

    def files(self, under: str = "") -> tuple[str, ...]:
        """All regular files below a directory (or the file itself), sorted.

        Symlinks are not followed and not listed. Raises InputError for a path that leaves the tree
        or is not in it.
        """
