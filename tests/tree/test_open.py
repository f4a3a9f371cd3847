from __future__ import annotations

from pathlib import Path

import pytest

from convert.errors import InputError
from convert.tree.directory import DirectoryTree
from convert.tree.open import open_tree
from convert.tree.revision import GitTree
from tests.tree.repos import new_repository


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository `linux`, one with an @ in its name, a plain directory, and a file."""
    new_repository(tmp_path / "linux", {"a.c": b"1"}).git("tag", "v1")
    new_repository(tmp_path / "my@linux", {"b.c": b"2"}).git("tag", "v2")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain@v1").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "spec", ["linux", "./linux", "my@linux", "plain", pytest.param("plain@v1", id="exact name")]
)
def test_directories(spec: str) -> None:
    tree = open_tree(spec)
    assert isinstance(tree, DirectoryTree)
    assert (tree.name, tree.revision) == (spec, None)


@pytest.mark.parametrize(
    ("spec", "file"),
    [
        pytest.param("linux@v1", "a.c", id="tag"),
        pytest.param("linux@HEAD@{0}", "a.c", id="an @ in the revision"),
        pytest.param("linux@@", "a.c", id="git's short name of HEAD"),
        pytest.param("my@linux@v2", "b.c", id="an @ in the directory"),
    ],
)
def test_revisions(spec: str, file: str) -> None:
    tree = open_tree(spec)
    assert isinstance(tree, GitTree)
    assert (tree.name, tree.files()) == (spec, (file,))


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        pytest.param("missing", "missing: no such directory", id="missing"),
        pytest.param("missing@v1", "missing: no such directory", id="missing before @"),
        pytest.param("@v1", "@v1: no such directory", id="nothing before @"),
        pytest.param("file", "file: not a directory", id="a file"),
        pytest.param("linux@", "no revision after the @", id="nothing after @"),
        pytest.param("linux@v9", "linux@v9: no commit of that name", id="unknown revision"),
        pytest.param("", "no such directory", id="empty"),
    ],
)
def test_refused(spec: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        open_tree(spec)


def test_a_revision_of_a_plain_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not in a git repository"):
        open_tree(f"{tmp_path}/plain@HEAD")
