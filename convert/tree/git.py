"""Opening git repositories for reading, and the errors of git in one line each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from convert.errors import InputError

if TYPE_CHECKING:
    from git import Repo
    from git.exc import GitCommandError

NO_GIT = "git was not found: install it (reports of a plain directory do without)"


class NotARepository(InputError):
    """The directory belongs to no git repository."""


class NoSuchCommit(InputError):
    """The name stands for no commit, or the repository has none yet."""


def open_repository(directory: Path) -> Repo:
    """Open the repository that a directory belongs to (its top, a subdirectory, or a bare one).

    Raises NotARepository if the directory belongs to none, InputError if git is missing.
    """
    try:
        # Imported here: GitPython looks for the git binary on import and fails without it.
        from git import Repo
        from git.exc import InvalidGitRepositoryError, NoSuchPathError
    except ImportError as error:
        raise InputError(NO_GIT) from error
    try:
        repo = Repo(directory, search_parent_directories=True)
    except (InvalidGitRepositoryError, NoSuchPathError) as error:
        raise NotARepository(f"{directory}: not in a git repository") from error
    # Replaced objects would show another tree than the one that others get by the same id.
    repo.git.update_environment(GIT_NO_REPLACE_OBJECTS="1", GIT_OPTIONAL_LOCKS="0")
    # A hook or an outer git command sets it for its own repository; older GitPython hands it on.
    if "GIT_DIR" in os.environ:
        repo.git.update_environment(GIT_DIR=str(repo.git_dir))
    return repo


def resolve_commit(repo: Repo, rev: str, spec: str) -> str:
    """The full id of the commit that ``rev`` names.

    Raises NoSuchCommit if it names none, InputError if git refuses to look.
    """
    from git.exc import GitCommandError, GitCommandNotFound

    if not rev or rev.startswith("-"):
        raise InputError(f"{spec}: no revision after the @")
    try:
        # In two steps: ^{commit} behind :/text would be searched for as text.
        found = repo.git.rev_parse("--verify", "--quiet", rev)
        return str(repo.git.rev_parse("--verify", "--quiet", f"{found}^{{commit}}"))
    except GitCommandNotFound as error:
        raise InputError(NO_GIT) from error
    except GitCommandError as error:
        if git_line(error):
            raise InputError(f"{spec}: {git_line(error)}") from error
        raise NoSuchCommit(f"{spec}: no commit of that name in {repo.git_dir}") from error


def repository_prefix(repo: Repo, directory: Path) -> str:
    """Where a directory lies in its repository: ``""`` for the top, else ``sub/dir/``."""
    if repo.working_tree_dir is None:
        return ""
    top = Path(repo.working_tree_dir).resolve()
    relative = directory.resolve().relative_to(top).as_posix()
    return "" if relative == "." else f"{relative}/"


def git_line(error: GitCommandError) -> str:
    """What git itself said was wrong, in one line; empty if it said nothing."""
    text = str(error.stderr).strip()
    # GitPython hands the text on as: stderr: '…'
    return reason_line(text.removeprefix("stderr:").strip().strip("'"))


def reason_line(text: str) -> str:
    """The line of git's standard error that names the reason, without ``fatal:``."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    chosen = (fatal or lines or [""])[0]
    return chosen.removeprefix("fatal:").removeprefix("error:").strip()
