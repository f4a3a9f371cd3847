"""Every test of this room runs with git pinned and its own directory for temporary files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tree.repos import pin_git


@pytest.fixture(autouse=True)
def temporary(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Pin git; the directory for temporary files has to be empty again after each test."""
    home = tmp_path_factory.mktemp("home")
    pin_git(monkeypatch, home)
    directory = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    yield directory
    assert list(directory.iterdir()) == [], "temporary files were left behind"
