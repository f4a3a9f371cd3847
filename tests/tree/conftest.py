"""Every test of this room runs with git pinned."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tree.repos import pin_git


@pytest.fixture(autouse=True)
def pinned_git(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Git without the machine's configuration; returns the home directory that it sees."""
    home = tmp_path_factory.mktemp("home")
    pin_git(monkeypatch, home)
    return home
