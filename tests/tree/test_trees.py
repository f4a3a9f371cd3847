"""What a directory and a revision promise alike, and where they differ."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.tree.directory import DirectoryTree
from convert.tree.git import NotARepository
from convert.tree.kernel import KernelTree
from convert.tree.revision import GitTree
from tests.tree.repos import Repository, new_repository

FILES = {
    "Makefile": b"obj-y += fs/\n",
    "fs/a.c": b"int a;\r\n\xe9 no newline",
    "fs/a.h": b"",
    "fs/sub/b.c": b"\0binary\n",
    "fs-other/c.c": b"int c;\n",
    "with blank/\u00fc.c": b"int u;\n",
}

Maker = Callable[[Path], KernelTree]


def make_repository(path: Path) -> Repository:
    """The files above, symlinks in and out of the tree, and a git directory."""
    repository = new_repository(path)
    repository.write(FILES)
    (path / "link.c").symlink_to("fs/a.c")
    (path / "out.c").symlink_to("/etc/passwd")
    (path / "fs/outdir").symlink_to("/etc")
    (path / "fs/indir").symlink_to("sub")
    repository.commit({})
    return repository


def as_directory(path: Path) -> KernelTree:
    return DirectoryTree(make_repository(path).path, "tree")


def as_revision(path: Path) -> KernelTree:
    return GitTree(make_repository(path).path, "HEAD", "tree")


@pytest.fixture(params=[as_directory, as_revision], ids=["directory", "revision"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> KernelTree:
    make: Maker = request.param
    return make(tmp_path / "repo")


def test_lists_and_reads_every_file(tree: KernelTree) -> None:
    assert tree.files() == tuple(sorted(FILES))
    assert {path: tree.read(path) for path in tree.files()} == FILES
    assert tree.name == "tree"


@pytest.mark.parametrize(
    ("under", "files"),
    [
        pytest.param("fs", ("fs/a.c", "fs/a.h", "fs/sub/b.c"), id="directory, not its namesake"),
        pytest.param("./fs/", ("fs/a.c", "fs/a.h", "fs/sub/b.c"), id="other spelling"),
        pytest.param("fs/a.c", ("fs/a.c",), id="file"),
        pytest.param(".", tuple(sorted(FILES)), id="top"),
    ],
)
def test_files_below(tree: KernelTree, under: str, files: tuple[str, ...]) -> None:
    assert tree.files(under) == files


@pytest.mark.parametrize(
    ("path", "present"),
    [
        pytest.param("fs/a.c", True, id="file"),
        pytest.param("fs", True, id="directory"),
        pytest.param("", True, id="top"),
        pytest.param("f", False, id="start of a name"),
        pytest.param("fs/a.c/x", False, id="below a file"),
        pytest.param("link.c", False, id="symlink in"),
        pytest.param("out.c", False, id="symlink out"),
        pytest.param("fs/outdir/passwd", False, id="behind a symlink out"),
        pytest.param("fs/indir/b.c", False, id="behind a symlink in"),
        pytest.param("../repo/fs/a.c", False, id="out of the tree and back"),
        pytest.param(".git/config", False, id="git's own"),
    ],
)
def test_exists(tree: KernelTree, path: str, present: bool) -> None:
    if path == ".git/config" and isinstance(tree, DirectoryTree):
        pytest.skip("a directory has it; it is only never listed")
    assert tree.exists(path) is present


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("missing.c", id="missing"),
        pytest.param("fs", id="a directory"),
        pytest.param("", id="the top"),
        pytest.param("out.c", id="symlink out"),
        pytest.param("link.c", id="symlink in"),
        pytest.param("fs/outdir/passwd", id="behind a symlink"),
        pytest.param("../repo/fs/a.c", id="out of the tree"),
        pytest.param("/etc/passwd", id="absolute"),
    ],
)
def test_read_refuses(tree: KernelTree, path: str) -> None:
    with pytest.raises(InputError):
        tree.read(path)


@pytest.mark.parametrize(
    "under",
    [
        pytest.param("missing", id="missing"),
        pytest.param("..", id="parent"),
        pytest.param("fs/outdir", id="symlink"),
        pytest.param("/etc", id="absolute"),
    ],
)
def test_files_refuses(tree: KernelTree, under: str) -> None:
    with pytest.raises(InputError):
        tree.files(under)


def test_a_directory_shows_what_lies_there_a_revision_what_was_committed(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repo")
    first = repository.git("rev-parse", "HEAD")
    repository.commit({"fs/a.c": b"second\n", "new.c": b"n\n"})
    repository.write({"fs/a.c": b"dirty\n", "untracked.c": b"u\n"})
    directory = DirectoryTree(repository.path)
    old, new = GitTree(repository.path, first), GitTree(repository.path, "main")
    assert [t.read("fs/a.c") for t in (directory, old, new)] == [
        b"dirty\n",
        FILES["fs/a.c"],
        b"second\n",
    ]
    assert [t.exists("new.c") for t in (directory, old, new)] == [True, False, True]
    assert [t.exists("untracked.c") for t in (directory, old, new)] == [True, False, False]
    assert directory.revision is None
    assert (old.revision, old.name) == (first, f"{repository.path}@{first}")


@pytest.mark.parametrize(
    "rev",
    [
        pytest.param("old", id="branch"),
        pytest.param("v1", id="annotated tag"),
        pytest.param("HEAD~1^{}", id="ancestor"),
        pytest.param("HEAD@{1}", id="reflog"),
        pytest.param(":/first", id="by message"),
        pytest.param("v1-0-g{short}", id="as git describe names it"),
    ],
)
def test_revisions_by_any_name(tmp_path: Path, rev: str) -> None:
    repository = new_repository(tmp_path / "repo", {"a.c": b"1"})
    first = repository.git("rev-parse", "HEAD")
    repository.git("branch", "old")
    repository.git("tag", "-a", "-m", "tag", "v1")
    repository.commit({"a.c": b"2"})
    tree = GitTree(repository.path, rev.replace("{short}", first[:9]))
    assert (tree.revision, tree.read("a.c")) == (first, b"1")


def test_bare_repository(tmp_path: Path) -> None:
    source = make_repository(tmp_path / "repo")
    bare = tmp_path / "bare.git"
    source.git("clone", "--quiet", "--bare", ".", str(bare))
    assert GitTree(bare, "main").read("Makefile") == FILES["Makefile"]


def test_a_subdirectory_is_a_tree_of_its_own(tmp_path: Path) -> None:
    tree = GitTree(make_repository(tmp_path / "repo").path / "fs", "HEAD")
    assert tree.files() == ("a.c", "a.h", "sub/b.c")
    assert tree.read("sub/b.c") == FILES["fs/sub/b.c"]
    assert tree.prefix == "fs/"


def test_modes_and_submodules(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "repo", {"run.sh": b"#!\n", "a.c": b""})
    (repository.path / "run.sh").chmod(0o755)
    head = repository.commit({})
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{head},module")
    repository.git("commit", "--quiet", "--message", "submodule")
    tree = GitTree(repository.path, "HEAD")
    assert tree.files() == ("a.c", "run.sh")
    assert (tree.entry("run.sh").mode, tree.entry("a.c").mode) == ("100755", "100644")
    assert not tree.exists("module")


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "repo")
    name = os.fsdecode(b"fs/\xff.c")
    tree = DirectoryTree(repository.path)
    repository.commit({name: b"x"})
    assert tree.files() == GitTree(repository.path, "HEAD").files() == (name,)
    assert GitTree(repository.path, "HEAD").read(name) == b"x"


def test_pickled_trees_read_on(tmp_path: Path) -> None:
    tree = as_revision(tmp_path / "repo")
    tree.read("Makefile")
    copy = pickle.loads(pickle.dumps(tree))
    assert copy.read("fs/a.c") == FILES["fs/a.c"]


def test_closed_trees_read_on(tmp_path: Path) -> None:
    tree = GitTree(make_repository(tmp_path / "repo").path, "HEAD")
    tree.close()
    assert tree.read("fs/a.c") == FILES["fs/a.c"]


def test_a_git_directory_from_outside_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook or `git rebase --exec` sets GIT_DIR for a repository of its own."""
    other = new_repository(tmp_path / "other", {"b.c": b"other"})
    repository = new_repository(tmp_path / "repo", {"a.c": b"mine"})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    assert GitTree(repository.path, "HEAD").read("a.c") == b"mine"


def test_replaced_objects_do_not_count(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "repo", {"a.c": b"true"})
    first = repository.git("rev-parse", "HEAD")
    second = repository.commit({"a.c": b"false"})
    repository.git("replace", first, second)
    assert GitTree(repository.path, first).read("a.c") == b"true"


@pytest.mark.parametrize(
    ("rev", "reason"),
    [
        pytest.param("nowhere", "no commit of that name", id="unknown"),
        pytest.param("HEAD:a.c", "expected commit type", id="a blob"),
        pytest.param("", "no revision after the @", id="empty"),
        pytest.param("--all", "no revision after the @", id="an option"),
    ],
)
def test_bad_revisions(tmp_path: Path, rev: str, reason: str) -> None:
    repository = new_repository(tmp_path / "repo", {"a.c": b"1"})
    with pytest.raises(InputError, match=reason):
        GitTree(repository.path, rev)


def test_repository_without_commits(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "repo")
    with pytest.raises(InputError, match="no commit of that name"):
        GitTree(repository.path, "HEAD")


def test_revision_without_files_there(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "repo", {"a.c": b"1"})
    (repository.path / "sub").mkdir()
    with pytest.raises(InputError, match="no file in that revision"):
        GitTree(repository.path / "sub", "HEAD")


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="not in a git repository"):
        GitTree(tmp_path, "HEAD")


def test_missing_blob(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "repo", {"a.c": b"1"})
    blob = repository.git("rev-parse", "HEAD:a.c")
    (repository.path / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(InputError, match=f"blob {blob} is missing"):
        GitTree(repository.path, "HEAD").read("a.c")


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = new_repository(tmp_path / "repo", {"a.c": b"1"})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="git was not found"):
        GitTree(repository.path, "HEAD")


def test_unreadable_directories_are_not_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = DirectoryTree(make_repository(tmp_path / "repo").path)
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match="fs/sub: cannot be listed: Permission denied"):
        tree.files("fs")


def test_fifos_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.c")
    tree = DirectoryTree(tmp_path)
    assert (tree.files(), tree.exists("fifo.c")) == ((), False)
    with pytest.raises(InputError, match="not a regular file"):
        tree.read("fifo.c")


def test_directory_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such directory"):
        DirectoryTree(tmp_path / "missing")
