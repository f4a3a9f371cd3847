"""Small git repositories for tests, with everything pinned that git takes from its surroundings."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

DATE = "1700000000 +0100"


def pin_git(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Fix identity and date, and keep the configuration of the machine away."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.delenv("EMAIL", raising=False)
    pinned = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada Author",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Carl Committer",
        "GIT_COMMITTER_EMAIL": "carl@example.org",
        "GIT_AUTHOR_DATE": DATE,
        "GIT_COMMITTER_DATE": DATE,
    }
    for name, value in pinned.items():
        monkeypatch.setenv(name, value)


@dataclass(frozen=True)
class Repository:
    """A repository with a work tree, driven by the git command."""

    path: Path

    def git(self, *arguments: str) -> str:
        """Run git; fails the test if git fails."""
        result = subprocess.run(
            ["git", *arguments], cwd=self.path, capture_output=True, check=False
        )
        assert result.returncode == 0, (arguments, result.stderr.decode("utf-8", "replace"))
        return result.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files into the work tree."""
        for path, data in files.items():
            (self.path / path).parent.mkdir(parents=True, exist_ok=True)
            (self.path / path).write_bytes(data)

    def commit(self, files: Mapping[str, bytes], message: str = "change") -> str:
        """Write files, commit everything, return the id."""
        self.write(files)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


def new_repository(path: Path, files: Mapping[str, bytes] | None = None) -> Repository:
    """Make a repository on branch main; with files, they are its first commit."""
    path.mkdir(parents=True)
    repository = Repository(path)
    repository.git("init", "--quiet", "--initial-branch=main")
    if files is not None:
        repository.commit(files, "first")
    return repository


def contents(directory: Path, skip: tuple[str, ...] = ()) -> dict[str, tuple[int, bytes]]:
    """Mode and bytes of every file below a directory; ``skip``: starts of paths to leave out."""
    found = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if name.startswith(skip) if skip else False:
            continue
        if path.is_symlink():
            found[name] = (0, os.fsencode(path.readlink()))
        elif path.is_file():
            found[name] = (path.stat().st_mode, path.read_bytes())
    return found
