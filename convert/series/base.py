"""What a series is based on: a commit of the user's repository, or a directory's bare files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError, InternalCheckError
from convert.plan import Plan
from convert.tree.directory import DirectoryTree
from convert.tree.git import NoSuchCommit, NotARepository
from convert.tree.kernel import KernelTree
from convert.tree.revision import GitTree, NothingThere

NEW_FILE_MODE = "100644"
_QUOTED = re.compile(r'[\x00-\x1f\x7f"\\]')


@dataclass(frozen=True)
class GitBase:
    """A commit of the user's repository; paths below ``tree.prefix`` are the tree's."""

    tree: GitTree

    @property
    def commit(self) -> str:
        """The full id of the commit."""
        return self.tree.revision

    @property
    def prefix(self) -> str:
        """Where the tree lies in the repository: ``""`` or ``dir/``."""
        return self.tree.prefix

    @property
    def objects(self) -> Path:
        """The repository's object store."""
        return Path(self.tree.repo.common_dir).resolve() / "objects"

    def mode(self, path: str) -> str:
        """A file's mode as git writes it; that of a new file for one that is not there."""
        return self.tree.entry(path).mode if self.tree.exists(path) else NEW_FILE_MODE


@dataclass(frozen=True)
class PlainBase:
    """Files of a directory without git: mode and content by path."""

    files: Mapping[str, tuple[str, bytes]]
    prefix: str = ""

    def mode(self, path: str) -> str:
        """A file's mode as git writes it; that of a new file for one that is not there."""
        return self.files[path][0] if path in self.files else NEW_FILE_MODE


Base = GitBase | PlainBase


def branch_base(plan: Plan, tree: KernelTree) -> GitBase:
    """The commit to build a branch on: the tree's revision, or HEAD of a work tree.

    Raises InputError if there is no repository, if it has no commit, or if a file that the plan
    rests on differs from HEAD; InternalCheckError if the plan was made from other content.
    """
    if isinstance(tree, DirectoryTree):
        head = _head_of(tree)
        if head is None:
            raise InputError(
                f"{tree.name}: git has no commit of this tree yet, so there is nothing to branch"
                " from; commit it first"
            )
        _check_same(plan, tree, head)
        return GitBase(head)
    return GitBase(_checked(plan, tree))


def series_base(plan: Plan, tree: KernelTree) -> Base:
    """What mail files are made against: as `branch_base`, or a plain directory's own files.

    A directory counts as plain if it is in no repository or in none that has committed it.
    Raises InputError and InternalCheckError as `branch_base` does.
    """
    if not isinstance(tree, DirectoryTree):
        return GitBase(_checked(plan, tree))
    base = directory_base(tree, plan.originals)
    if isinstance(base, GitBase):
        _check_same(plan, tree, base.tree)
    else:
        _check_originals(plan, tree)
    return base


def directory_base(tree: DirectoryTree, paths: Iterable[str]) -> Base:
    """HEAD's version of a directory, or if there is none, these files as they lie there."""
    try:
        head = _head_of(tree)
    except NotARepository:
        head = None
    return _plain_base(tree, paths) if head is None else GitBase(head)


def _plain_base(tree: DirectoryTree, paths: Iterable[str]) -> PlainBase:
    files = {}
    for path in sorted(paths):
        if tree.exists(path):
            executable = (tree.root / path).stat().st_mode & 0o100
            files[path] = ("100755" if executable else "100644", tree.read(path))
    return PlainBase(files)


def _checked(plan: Plan, tree: KernelTree) -> GitTree:
    if not isinstance(tree, GitTree):
        raise InternalCheckError(f"{tree.name}: neither a directory nor a git revision")
    if plan.revision != tree.revision:
        raise InternalCheckError(f"the plan is of {plan.revision}, the tree is {tree.revision}")
    _check_originals(plan, tree)
    return tree


def _head_of(tree: DirectoryTree) -> GitTree | None:
    """HEAD's version of a directory; None if HEAD has no commit or not this directory.

    Raises NotARepository, and InputError if git is missing or refuses the repository.
    """
    try:
        return GitTree(tree.root, "HEAD", f"{tree.name}@HEAD")
    except (NoSuchCommit, NothingThere):
        return None


def _check_originals(plan: Plan, tree: KernelTree) -> None:
    """Raises InternalCheckError unless the plan's originals are the tree's files.

    Raises InputError for a name that git would write in another form into patches.
    """
    for path, text in plan.originals.items():
        if _QUOTED.search(path):
            raise InputError(f"{path!r}: git quotes this name in patches; rename the file")
        found = tree.read(path) if tree.exists(path) else b""
        if found != text.encode("latin-1"):
            raise InternalCheckError(f"{path}: not the content that the plan was made from")


def _check_same(plan: Plan, tree: DirectoryTree, head: GitTree) -> None:
    """Raises InputError naming the files that the plan rests on and that differ from HEAD."""
    _check_originals(plan, tree)
    differ = [path for path in _rests_on(plan, tree, head) if not _is_committed(path, tree, head)]
    if not differ:
        return
    edited = [path for path in differ if path in plan.originals]
    first, more = (edited or differ)[0], len(differ) - 1
    others = f" ({more} more like it)" if more else ""
    raise InputError(
        f"{first}: differs from HEAD{others}, and the series rests on it: commit it, or convert"
        f" what is committed by naming the tree {tree.name}@HEAD"
    )


def _rests_on(plan: Plan, tree: DirectoryTree, head: GitTree) -> list[str]:
    """The files that the plan edits, reports on, or read below its paths in HEAD."""
    paths = {*plan.originals, *(planned.site.file for planned in plan.sites)}
    for under in plan.paths:
        if head.exists(under):
            paths.update(head.files(under))
    return sorted(path for path in paths if tree.exists(path) or head.exists(path))


def _is_committed(path: str, tree: DirectoryTree, head: GitTree) -> bool:
    """Whether a file of the directory is byte for byte the one in HEAD."""
    if not (tree.exists(path) and head.exists(path)):
        return False
    return blob_id(tree.read(path), head.entry(path).blob) == head.entry(path).blob


def blob_id(data: bytes, like: str) -> str:
    """The id that git gives to a blob, by the hash whose ids have the length of ``like``."""
    name = "sha1" if len(like) == 40 else "sha256"
    return hashlib.new(name, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
