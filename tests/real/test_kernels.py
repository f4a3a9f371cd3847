"""Any kernel tree becomes a scratch repository, and is only read."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.errors import InputError
from scripts.realkernel.conversion import am
from scripts.realkernel.kernels import Kernel, debian_kernel, directory_kernel
from tests.verify.toy import files_below, git, toy_kernel

FILES = {
    "MAINTAINERS": "m\n",
    "Kbuild": "k\n",
    "fs/a.c": "a\r\n",
    ".gitignore": "*.o\n",
    "b.o": "kept\n",
}


def silent(text: str) -> None:
    """Say nothing."""


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / "plain" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plain" / name).write_bytes(text.encode())
    return tmp_path / "plain"


def test_a_plain_directory_is_committed_whole_and_left_alone(plain: Path, tmp_path: Path) -> None:
    before = files_below(plain)
    kernel = directory_kernel(plain, tmp_path / "cache", silent)
    assert files_below(plain) == before
    assert git(kernel.repository, "ls-tree", "-r", "--name-only", "base").split() == sorted(FILES)
    assert (kernel.repository / "fs/a.c").read_bytes() == b"a\r\n"


def test_the_same_files_give_the_same_base_and_changed_ones_another(
    plain: Path, tmp_path: Path
) -> None:
    first = directory_kernel(plain, tmp_path / "cache", silent)
    assert directory_kernel(plain, tmp_path / "cache", silent) == first
    (plain / "fs/a.c").write_text("changed\n")
    changed = directory_kernel(plain, tmp_path / "cache", silent)
    assert changed.base != first.base
    assert (changed.repository / "fs/a.c").read_text() == "changed\n"


def test_of_a_repository_head_is_taken(plain: Path, tmp_path: Path) -> None:
    toy = toy_kernel(tmp_path / "repo", FILES)
    (toy.path / "fs/a.c").write_text("not committed\n")
    before = files_below(toy.path)
    kernel = directory_kernel(toy.path, tmp_path / "cache", silent)
    assert files_below(toy.path) == before
    assert kernel.base == git(toy.path, "rev-parse", "HEAD").strip()
    assert git(kernel.repository, "status", "--porcelain") == ""


def test_leftovers_of_a_killed_run_are_cleared(plain: Path, tmp_path: Path) -> None:
    kernel = directory_kernel(plain, tmp_path / "cache", silent)
    git(kernel.repository, "checkout", "--quiet", "-b", "other")
    (kernel.repository / "fs/a.c").write_text("half")
    (kernel.repository / "stray").touch()
    assert directory_kernel(plain, tmp_path / "cache", silent) == kernel
    assert git(kernel.repository, "rev-parse", "--abbrev-ref", "HEAD") == "base\n"
    assert sorted(f for f in files_below(kernel.repository) if not f.startswith(".git/")) == sorted(
        FILES
    )


def test_without_apt_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="name a kernel tree: KERNEL=dir"):
        debian_kernel("linux-source-6.1", tmp_path / "cache", silent)


def test_mails_are_applied_in_a_fresh_clone_and_failures_are_said(
    plain: Path, tmp_path: Path
) -> None:
    toy = toy_kernel(tmp_path / "repo", FILES)
    toy.commit("change", {"fs/b.c": "b\n"})
    git(toy.path, "format-patch", "--quiet", "-1", "-o", str(tmp_path))
    mails = list(tmp_path.glob("0001-*.patch"))
    kernel = Kernel("toy", toy.path, toy.base, tmp_path)
    assert am(kernel, tmp_path / "clone", "fs", mails) == ()
    assert (tmp_path / "clone/fs/b.c").read_text() == "b\n"
    twice = am(kernel, tmp_path / "two", "fs", mails * 2)
    assert any("already exists in index" in line for line in twice)
