"""A git revision, read without a checkout."""

from __future__ import annotations

import os
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from convert.errors import InputError
from convert.tree.git import git_line, open_repository, repository_prefix, resolve_commit
from convert.tree.paths import tree_path

if TYPE_CHECKING:
    from git import Repo

REGULAR_MODES = frozenset({"100644", "100755", "100664"})  # 100664: old repositories


class NothingThere(InputError):
    """The revision has no file in the directory that was named."""


@dataclass(frozen=True)
class TreeEntry:
    """A regular file of a revision: its mode as git writes it, and its blob's id."""

    mode: str
    blob: str


class GitTree:
    """A `KernelTree` over one revision of a repository; work tree and index do not matter.

    The listing is read once (``git ls-tree``); files come from one long-lived ``git cat-file``
    process, so that an object belongs to one thread. It may be pickled: a copy starts its own.
    """

    def __init__(self, repo_dir: Path, rev: str, name: str | None = None) -> None:
        """Raises NotARepository, NoSuchCommit, NothingThere, and InputError if git is missing."""
        self._directory = repo_dir.resolve()
        self._name = name if name is not None else f"{repo_dir}@{rev}"
        self._revision = resolve_commit(self.repo, rev, self._name)
        self.prefix = repository_prefix(self.repo, self._directory)
        if not self._entries:
            raise NothingThere(f"{self._name}: no file in that revision")

    @property
    def name(self) -> str:
        """The tree as the user named it, for messages."""
        return self._name

    @property
    def revision(self) -> str:
        """The full commit id."""
        return self._revision

    @cached_property
    def repo(self) -> Repo:
        """The repository, opened by GitPython."""
        return open_repository(self._directory)

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises InputError if there is no such regular file."""
        blob = self.entry(path).blob
        try:
            data: bytes = self.repo.git.get_object_data(blob)[3]
        except ValueError as error:
            raise InputError(f"{path}: blob {blob} is missing in {self._name}") from error
        return data

    def entry(self, path: str) -> TreeEntry:
        """Mode and blob of a file. Raises InputError if there is no such regular file."""
        clean = tree_path(path)
        entry = self._entries.get(clean)
        if entry is None:
            raise InputError(f"{clean or '.'}: not a regular file in {self._name}")
        return entry

    def exists(self, path: str) -> bool:
        """Whether a regular file or a directory of that path is in the tree."""
        try:
            clean = tree_path(path)
        except InputError:
            return False
        return not clean or clean in self._entries or bool(self._below(clean))

    def files(self, under: str = "") -> tuple[str, ...]:
        """All regular files below a directory (or the file itself), sorted; no symlinks.

        Raises InputError for a path that leaves the tree or is not in it.
        """
        clean = tree_path(under)
        if not clean:
            return tuple(self._paths)
        if clean in self._entries:
            return (clean,)
        below = self._below(clean)
        if not below:
            raise InputError(f"{clean}: no such file or directory in {self._name}")
        return tuple(below)

    def close(self) -> None:
        """End the git process; the object stays usable and would start another."""
        if "repo" in self.__dict__:
            self.repo.close()

    def __getstate__(self) -> dict[str, object]:
        """Everything but the running process."""
        return {key: value for key, value in self.__dict__.items() if key != "repo"}

    @cached_property
    def _entries(self) -> dict[str, TreeEntry]:
        """The regular files by path, relative to the directory that the user named."""
        from git.exc import GitCommandError

        options = ["-r", "-z", "--full-tree", self._revision]
        if self.prefix:
            options += ["--", self.prefix]
        try:
            listing: bytes = self.repo.git.ls_tree(*options, stdout_as_string=False)
        except GitCommandError as error:
            raise InputError(f"{self._name}: {git_line(error)}") from error
        entries = {}
        for line in listing.split(b"\0"):
            head, _, path = line.partition(b"\t")
            mode, _, rest = head.decode("ascii").partition(" ")
            if mode in REGULAR_MODES:
                entries[os.fsdecode(path)[len(self.prefix) :]] = TreeEntry(mode, rest.split()[1])
        return entries

    @cached_property
    def _paths(self) -> list[str]:
        return sorted(self._entries)

    def _below(self, directory: str) -> list[str]:
        """The files below a directory; "0" is the character that follows "/"."""
        start = bisect_left(self._paths, f"{directory}/")
        return self._paths[start : bisect_left(self._paths, f"{directory}0")]
