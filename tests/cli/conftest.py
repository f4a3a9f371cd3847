"""The command line's tests: pinned git, a copy of the mini kernel, caches of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import commit_all, copy_minikernel
from tests.tree.repos import pin_git


@pytest.fixture(autouse=True)
def _pinned(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    home = tmp_path_factory.mktemp("home")
    pin_git(monkeypatch, home)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    monkeypatch.chdir(home)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """The mini kernel without git."""
    return copy_minikernel(tmp_path / "linux")


@pytest.fixture
def repo(plain: Path) -> Path:
    """The mini kernel in a repository, one commit."""
    commit_all(plain)
    return plain
