"""A plain directory of sources, read as it lies on the disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from convert.errors import InputError
from convert.tree.paths import tree_path


class DirectoryTree:
    """A `KernelTree` over a directory, with or without git; the files are read as they are now.

    Below the top no symlink is followed, neither as a file nor as a directory on the way to one.
    """

    def __init__(self, path: Path, name: str | None = None) -> None:
        """Raises InputError if ``path`` is no directory; ``name`` is what messages call it."""
        self._name = name if name is not None else str(path)
        if not path.is_dir():
            raise InputError(f"{self._name}: no such directory")
        self._root = path.resolve()
        self._directories: set[str] = set()  # known to be some, not links to some

    @property
    def name(self) -> str:
        """The tree as the user named it, for messages."""
        return self._name

    @property
    def revision(self) -> str | None:
        """Always None: a directory has no revision."""
        return None

    @property
    def root(self) -> Path:
        """The directory, absolute and with its own symlinks resolved."""
        return self._root

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises InputError if there is no such regular file."""
        clean = tree_path(path)
        if not stat.S_ISREG(self._mode(clean)):
            raise InputError(f"{clean or '.'}: not a regular file in {self._name}")
        try:
            return (self._root / clean).read_bytes()
        except OSError as error:
            raise InputError(f"{clean}: cannot be read: {error.strerror}") from error

    def exists(self, path: str) -> bool:
        """Whether a regular file or a directory of that path is in the tree."""
        try:
            mode = self._mode(tree_path(path))
        except InputError:
            return False
        return stat.S_ISREG(mode) or stat.S_ISDIR(mode)

    def files(self, under: str = "") -> tuple[str, ...]:
        """All regular files below a directory (or the file itself), sorted; no symlinks.

        Git's own ``.git`` is left out. Raises InputError for a path that leaves the tree, is not in
        it, or holds a directory that cannot be read.
        """
        clean = tree_path(under)
        if stat.S_ISREG(self._mode(clean)):
            return (clean,)
        found: list[str] = []
        waiting = [clean]
        while waiting:
            self._list(waiting.pop(), found, waiting)
        return tuple(sorted(found))

    def _list(self, directory: str, files: list[str], directories: list[str]) -> None:
        """Add what lies in one directory to the two lists."""
        prefix = f"{directory}/" if directory else ""
        try:
            with os.scandir(self._root / directory) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        files.append(prefix + entry.name)
                    elif entry.is_dir(follow_symlinks=False) and entry.name != ".git":
                        directories.append(prefix + entry.name)
        except OSError as error:
            where = directory or self._name
            raise InputError(f"{where}: cannot be listed: {error.strerror}") from error

    def _mode(self, clean: str) -> int:
        """The mode of a path, no symlink followed. Raises InputError where there is nothing."""
        if not clean:
            return stat.S_IFDIR
        above = clean.rpartition("/")[0]
        known = not above or above in self._directories  # each is looked at once: there are few
        if not known and stat.S_ISDIR(self._mode_of(above, clean)):
            self._directories.add(above)
        return self._mode_of(clean, clean)

    def _mode_of(self, part: str, whole: str) -> int:
        """The mode of a path on the way to ``whole``."""
        above = part.rpartition("/")[0]
        if above and above not in self._directories:
            self._mode_of(above, whole)
        try:
            mode = os.lstat(f"{self._root}/{part}").st_mode
        except OSError as error:
            raise InputError(f"{whole}: no such file or directory in {self._name}") from error
        if stat.S_ISLNK(mode):
            raise InputError(f"{whole}: {part} is a symbolic link, which is not followed")
        return mode
