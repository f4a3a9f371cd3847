"""A revision range as commits to review, read without a checkout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from convert.errors import InputError
from convert.tree.directory import DirectoryTree
from convert.tree.git import git_line, open_repository, repository_prefix, resolve_commit
from convert.tree.kernel import KernelTree
from convert.tree.revision import REGULAR_MODES, GitTree
from convert.verify.review.mails import Change, Commit

if TYPE_CHECKING:
    from git import Repo


def repository_of(tree: KernelTree) -> tuple[Repo, str]:
    """The repository that a tree belongs to, and the tree's place in it (``""`` or ``dir/``).

    Raises NotARepository if it belongs to none.
    """
    if isinstance(tree, GitTree):
        return tree.repo, tree.prefix
    if isinstance(tree, DirectoryTree):
        repo = open_repository(tree.root)
        return repo, repository_prefix(repo, tree.root)
    raise InputError(f"{tree.name}: neither a directory nor a git revision")


def is_range(spec: str) -> bool:
    """Whether a series is named as ``A..B`` (a file or directory of that name wins)."""
    return ".." in spec and not Path(spec).exists()


def read_range(spec: str, tree: KernelTree) -> tuple[KernelTree, tuple[Commit, ...]]:
    """The tree before the first commit of a range, and the commits, oldest first.

    Raises InputError for a range that is empty, names no commits, or holds a merge.
    """
    repo, prefix = repository_of(tree)
    first, _, last = spec.partition("..")
    if last.startswith(".") or not first or not last:
        raise InputError(f"{spec}: name a range as A..B")
    base, tip = (resolve_commit(repo, rev, f"{tree.name}@{rev}") for rev in (first, last))
    ids = _output(repo, "rev-list", "--reverse", "--topo-order", f"{base}..{tip}").split()
    if not ids:
        raise InputError(f"{spec}: no commit in that range")
    parents = [_output(repo, "rev-list", "--parents", "-1", one).split()[1:] for one in ids]
    for one, above in zip(ids, parents, strict=True):
        if len(above) != 1:
            kind = "a merge" if above else "a first commit"
            raise InputError(f"{spec}: {one[:12]} is {kind}; name a range without one")
    if [above[0] for above in parents[1:]] != ids[:-1]:
        raise InputError(f"{spec}: the range is no single line of commits")
    start = parents[0][0]
    place = _place(repo, prefix, tree)
    commits = tuple(
        _commit(repo, prefix, one, above[0]) for one, above in zip(ids, parents, strict=True)
    )
    return GitTree(place, start, f"{tree.name} at {start[:12]}"), commits


def _place(repo: Repo, prefix: str, tree: KernelTree) -> Path:
    if isinstance(tree, DirectoryTree):
        return tree.root
    top = repo.working_tree_dir or repo.git_dir
    return Path(top) / prefix if prefix else Path(top)


def _output(repo: Repo, *words: str) -> str:
    from git.exc import GitCommandError

    try:
        return str(repo.git.execute(["git", *words], strip_newline_in_stdout=False))
    except GitCommandError as error:
        raise InputError(f"git {words[0]}: {git_line(error)}") from error


def _commit(repo: Repo, prefix: str, commit: str, parent: str) -> Commit:
    text = _output(repo, "show", "--no-patch", "--format=%s%n%b", commit)
    subject, _, message = text.partition("\n")
    return Commit(commit[:12], subject, message, tuple(_changes(repo, prefix, commit, parent)))


def _changes(repo: Repo, prefix: str, commit: str, parent: str) -> Iterator[Change]:
    words = ["git", "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", parent, commit]
    raw: bytes = repo.git.execute(words, stdout_as_string=False)
    fields = os.fsdecode(raw).split("\0")[:-1]
    for head, path in zip(fields[::2], fields[1::2], strict=True):
        if not path.startswith(prefix):
            continue
        old_mode, new_mode, old_blob, new_blob, _ = head.lstrip(":").split()
        before = _blob(repo, old_blob) if old_mode in REGULAR_MODES else None
        after = _blob(repo, new_blob) if new_mode in REGULAR_MODES else None
        if before is not None or after is not None:
            own = path[len(prefix) :]
            yield Change(own, own, before, after)


def _blob(repo: Repo, blob: str) -> bytes:
    data: bytes = repo.git.get_object_data(blob)[3]
    return data
