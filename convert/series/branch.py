"""Commits on a new local branch, made beside the user's work tree, index and HEAD."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from convert.errors import InputError
from convert.plan import Plan
from convert.series.base import GitBase, branch_base
from convert.series.identity import read_identity
from convert.series.messages import render_series
from convert.series.model import Generator
from convert.series.scratch import Built, Scratch, build, scratch_repository
from convert.tree.git import git_line
from convert.tree.kernel import KernelTree

if TYPE_CHECKING:
    from git import Repo


@dataclass(frozen=True)
class BranchMade:
    """A branch that now exists. ``replaced`` is the commit that it pointed to before, if any."""

    branch: str
    base: str
    commits: tuple[str, ...]
    tree_id: str
    replaced: str | None = None
    notes: tuple[str, ...] = ()


def apply(
    plan: Plan, tree: KernelTree, branch: str, *, generator: Generator, force: bool = False
) -> BranchMade:
    """Commit a plan's steps on a local branch.

    The base is the tree's revision, or HEAD for a work tree whose files the plan rests on are all
    committed; other changes in it do not matter. Nothing is written to the repository before all
    commits are made and checked; the branch comes last, in one atomic step. An existing branch is
    moved only with ``force``, and one that is checked out never.

    Raises InputError (bad name, existing branch, uncommitted files, no identity, no repository) and
    InternalCheckError; then the repository's refs, index and work tree are as they were.
    """
    base = branch_base(plan, tree)
    repo = base.tree.repo
    old = _old_commit(repo, branch, force)
    identity = read_identity(Path(repo.working_tree_dir or repo.git_dir))
    series = render_series(plan, generator)
    with scratch_repository(base, identity) as scratch:
        built = build(scratch, base, series, identity)
        _hand_over(scratch, base, built)
    message = f"{generator.tool} {generator.version}: recipe {plan.recipe}"
    _set_branch(repo, branch, built.commits[-1], old, message, identity.environment())
    return BranchMade(branch, built.base, built.commits, built.tree, old)


def _old_commit(repo: Repo, branch: str, force: bool) -> str | None:
    """Where the branch points now. Raises InputError if it may not be made or moved."""
    from git.exc import GitCommandError

    ref = f"refs/heads/{branch}"
    try:
        repo.git.check_ref_format(ref)
    except GitCommandError as error:
        raise InputError(f"{branch!r} is no name for a branch") from error
    if branch.startswith("-") or branch == "HEAD":
        raise InputError(f"{branch!r} is no name for a branch")
    if ref in _checked_out(repo):
        raise InputError(f"branch {branch} is checked out, so it is not touched: name another")
    old: str | None = None
    with suppress(GitCommandError):
        old = str(repo.git.rev_parse("--verify", "--quiet", ref))
    if old and not force:
        raise InputError(f"branch {branch} exists: name another, or say --force to replace it")
    return old


def _checked_out(repo: Repo) -> set[str]:
    """The branches of all work trees, also one that HEAD names but that has no commit yet."""
    from git.exc import GitCommandError

    listing = str(repo.git.worktree("list", "--porcelain"))
    found = {
        line.removeprefix("branch ") for line in listing.splitlines() if line.startswith("branch ")
    }
    with suppress(GitCommandError):  # a detached HEAD names no branch
        found.add(str(repo.git.symbolic_ref("--quiet", "HEAD")))
    return found


def _hand_over(scratch: Scratch, base: GitBase, built: Built) -> None:
    """Copy the new objects into the user's repository, by git and under its own settings."""
    from git.exc import GitCommandError

    pack = scratch.directory.parent / "series.pack"
    wanted = f"{built.commits[-1]}\n^{built.base}\n".encode("ascii")
    pack.write_bytes(scratch.git("pack-objects", "--revs", "--stdout", "--quiet", data=wanted))
    try:
        with pack.open("rb") as stream:
            base.tree.repo.git.unpack_objects("-q", istream=stream)
    except GitCommandError as error:
        raise InputError(f"cannot write to {base.objects}: {git_line(error)}") from error


def _set_branch(
    repo: Repo, branch: str, new: str, old: str | None, message: str, environment: dict[str, str]
) -> None:
    """Create or move the branch if it still is where it was. Raises InputError otherwise."""
    from git.exc import GitCommandError

    expected = old or "0" * len(new)
    try:
        repo.git.update_ref("-m", message, f"refs/heads/{branch}", new, expected, env=environment)
    except GitCommandError as error:
        raise InputError(f"cannot create branch {branch}: {git_line(error)}") from error
