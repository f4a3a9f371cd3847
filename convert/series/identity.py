"""Who the commits are by, and when: as git itself would answer, but never guessed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.tree.git import NO_GIT, git_line


@dataclass(frozen=True)
class Signature:
    """One person and time: ``Name <mail>`` and git's raw date, seconds and zone."""

    person: str
    date: str

    def environment(self, role: str) -> dict[str, str]:
        """The variables that give git this signature; ``role`` is AUTHOR or COMMITTER."""
        name, _, mail = self.person.rpartition(" <")
        return {
            f"GIT_{role}_NAME": name,
            f"GIT_{role}_EMAIL": mail.rstrip(">"),
            f"GIT_{role}_DATE": f"@{self.date}",  # without @, early seconds are no date
        }


@dataclass(frozen=True)
class Identity:
    """Author and committer of the whole series."""

    author: Signature
    committer: Signature

    def environment(self) -> dict[str, str]:
        """The variables that give git this identity."""
        return self.author.environment("AUTHOR") | self.committer.environment("COMMITTER")


def read_identity(directory: Path) -> Identity:
    """Ask git, in a directory, for its configuration: ``user.*``, ``GIT_AUTHOR_*`` and so on.

    The date is now, unless GIT_AUTHOR_DATE or SOURCE_DATE_EPOCH give it; the committer's is the
    same unless GIT_COMMITTER_DATE gives another. Raises InputError if git knows no name or address.
    """
    author = _ask(directory, "AUTHOR")
    committer = _ask(directory, "COMMITTER")
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    date = author.date
    if epoch and "GIT_AUTHOR_DATE" not in os.environ:
        if not epoch.isdecimal():
            raise InputError(f"SOURCE_DATE_EPOCH is {epoch!r}: give seconds since 1970")
        date = f"{epoch} +0000"
    committed = committer.date if "GIT_COMMITTER_DATE" in os.environ else date
    return Identity(Signature(author.person, date), Signature(committer.person, committed))


def _ask(directory: Path, role: str) -> Signature:
    try:
        from git import Git
        from git.exc import GitCommandError, GitCommandNotFound
    except ImportError as error:
        raise InputError(NO_GIT) from error
    command = ["git", "-c", "user.useConfigOnly=true", "var", f"GIT_{role}_IDENT"]
    try:
        answer = str(Git(directory).execute(command))
    except GitCommandNotFound as error:
        raise InputError(NO_GIT) from error
    except GitCommandError as error:
        raise InputError(
            f"git does not say who the {role.lower()} is ({git_line(error)}): run"
            " git config --global user.name 'Your Name' and"
            " git config --global user.email you@example.org"
        ) from error
    person, seconds, zone = answer.rsplit(" ", 2)
    return Signature(person, f"{seconds} {zone}")
