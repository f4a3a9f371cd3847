"""The whole kernel as files, at any commit of the series, in a directory of our own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.series.base import Base, GitBase
from convert.tree.directory import DirectoryTree
from convert.tree.kernel import KernelTree
from convert.verify.scratch import ScratchTree

# What an earlier build inside the user's directory left: kbuild refuses to build beside it.
_BUILT_DIRECTORIES = ("include/config", "include/generated")
_BUILT_NAMES = (".config",)
_BUILT_SUFFIXES = (".o", ".a", ".ko", ".cmd")


@dataclass
class Sources:
    """Fills ``place/tree`` from a tree and then from the commits of a scratch repository.

    repository: holds the commits; for a plain directory only the files that the series touches, so
    that the rest is copied from there once. The tree itself is only read.
    """

    tree: KernelTree
    base: Base
    repository: Path
    touched: tuple[str, ...]
    place: Path
    _filled: bool = False

    @property
    def top(self) -> Path:
        """The kernel's top directory."""
        return self.place / "tree" / self.base.prefix

    def check_out(self, commit: str) -> None:
        """Make the files those of a commit. Raises InputError if that cannot be done."""
        scratch = ScratchTree(self.repository, self.place / "tree", self.place / "index")
        if not self._filled:
            scratch.open()
            if not isinstance(self.base, GitBase):
                assert isinstance(self.tree, DirectoryTree)
                copy_tree(self.tree.root, self.top, self.touched)
            self._filled = True
        scratch.checkout(commit)


def copy_tree(source: Path, target: Path, without: Iterable[str]) -> None:
    """Make ``target`` hold what ``source`` holds, but for ``without`` and what builds leave there.

    Files that are the same by size and time are left alone. Raises InputError if a file cannot be
    read or written.
    """
    left_out = frozenset(without)
    try:
        wanted = dict(_files(source, left_out))
        present = dict(_files(target, left_out)) if target.is_dir() else {}
        for name in present.keys() - wanted.keys():
            (target / name).unlink()
        for name, state in wanted.items():
            if present.get(name) != state:
                _copy(source / name, target / name)
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be copied: {error.strerror}") from error


def built_pathspecs() -> tuple[str, ...]:
    """What `copy_tree` leaves out, but for git's own, as git is told it."""
    directories = (f"**/{name}/**" for name in _BUILT_DIRECTORIES)
    endings = (f"**/*{ending}" for ending in _BUILT_SUFFIXES)
    return tuple(f":(exclude,glob){one}" for one in (*_BUILT_NAMES, *directories, *endings))


_State = tuple[int, int, int]


def _files(top: Path, without: frozenset[str]) -> Iterator[tuple[str, _State]]:
    """The files below a directory with their states, links as themselves."""
    places = [""]
    while places:
        place = places.pop()
        with os.scandir(top / place) as entries:
            for entry in entries:
                name = f"{place}/{entry.name}" if place else entry.name
                if entry.is_dir(follow_symlinks=False):
                    places += [] if _left_out(name, entry.name) else [name]
                elif name not in without and not _built(name, entry.name):
                    state = entry.stat(follow_symlinks=False)
                    yield name, (state.st_mode, state.st_size, state.st_mtime_ns)


def _left_out(path: str, name: str) -> bool:
    return name == ".git" or path.endswith(_BUILT_DIRECTORIES)


def _built(path: str, name: str) -> bool:
    return path in _BUILT_NAMES or name.endswith(_BUILT_SUFFIXES)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        target.unlink()
    shutil.copy2(source, target, follow_symlinks=False)
