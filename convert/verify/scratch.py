"""A scratch checkout that the repository knows nothing about.

`git worktree add` would leave an entry in the user's repository when a run is killed. Here the
files of a commit are written with an index of our own, so nothing has to be taken back. Git
rewrites only the files that differ between two commits, so make recompiles only those.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.verify.process import run

# The user's configuration must not leave out files, change their bytes or run hooks.
_AS_COMMITTED = tuple(
    word
    for setting in (
        "core.sparseCheckout=false",
        "core.autocrlf=false",
        "core.fsmonitor=false",
        "core.hooksPath=/dev/null",
    )
    for word in ("-c", setting)
)


@dataclass(frozen=True)
class ScratchTree:
    """The directory ``files`` filled from ``repository``, with its index in ``index``.

    The repository (work tree or bare) is only read. The two other paths belong to us and may be
    left over from a run that was killed.
    """

    repository: Path
    files: Path
    index: Path

    def open(self) -> None:
        """Make the directory; take away the lock that a killed run left."""
        self.files.mkdir(parents=True, exist_ok=True)
        self.index.with_name(self.index.name + ".lock").unlink(missing_ok=True)

    def checkout(self, commit: str) -> None:
        """Make the files those of the commit, half-written ones too.

        Raises InputError if git cannot.
        """
        self._git("read-tree", "--reset", "-u", commit)

    def _git(self, *words: str) -> str:
        place = {
            "GIT_DIR": str(git_directory(self.repository)),
            "GIT_WORK_TREE": str(self.files),
            "GIT_INDEX_FILE": str(self.index),
        }
        done = run(["git", *_AS_COMMITTED, *words], self.files, place)
        if done.code:
            raise InputError(f"git {words[0]} in {self.files}: {done.output.strip()}")
        return done.output


def git_directory(repository: Path) -> Path:
    """The repository's git directory. Raises InputError if there is none."""
    return Path(git(repository, "rev-parse", "--absolute-git-dir").strip())


def git(repository: Path, *words: str) -> str:
    """The output of a git command that only reads. Raises InputError if it fails."""
    done = run(["git", "-c", "core.quotePath=false", *words], repository, merge=False)
    if done.code:
        raise InputError(f"git {words[0]} in {repository}: {done.errors.strip()}")
    return done.output


def subject(repository: Path, commit: str) -> str:
    """The subject line of a commit."""
    return git(repository, "show", "--no-patch", "--format=%s", commit).strip()


def commits_between(repository: Path, base: str, tip: str) -> tuple[str, ...]:
    """The commit ids after ``base`` up to ``tip``, oldest first."""
    return tuple(git(repository, "rev-list", "--reverse", f"{base}..{tip}").split())
