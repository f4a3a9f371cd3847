"""Bad input: one clear line, a documented exit code, and nothing lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support import commit_all, git, run, snapshot

PATH = "fs/minfs"


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.startswith("kmem-convert: ")


def test_broken_c_in_one_file(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = repo / PATH / "minfs_ioctl.c"
    broken.write_text(broken.read_text() + "\nint f(void)\n{\n\tp = kmem_alloc(3, 0;\n}\n")
    ran = run(capsys, "report", repo, PATH, "--format", "json")
    assert ran.code == 1
    data = json.loads(ran.out)
    refused = [s for s in data["sites"] if s["decision"] == "refused" and s["kind"] == "alloc"]
    assert {s["file"] for s in refused} == {f"{PATH}/minfs_ioctl.c"}
    assert all("broken C in f" in s["reason"] for s in refused)
    kept_whole = [s for s in data["sites"] if s["file"] == f"{PATH}/minfs_ioctl.c"]
    assert not [s for s in kept_whole if s["decision"] == "converted"]
    assert data["refusals"][0]["file"] == f"{PATH}/minfs_ioctl.c"
    assert data["summary"]["by_decision"]["converted"] > 50
    assert all(step["id"] != "remove" for step in data["steps"])


def test_an_unreadable_file_keeps_the_wrappers(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = repo / PATH / "minfs_ioctl.c"
    broken.write_text(broken.read_text() + "\n/* without an end\n")
    ran = run(capsys, "report", repo, PATH)
    assert ran.code == 1
    assert "minfs_ioctl.c" in ran.out
    assert "comment without an end" in ran.out


@pytest.mark.parametrize(
    ("words", "part"),
    [
        pytest.param(["report", "{tree}", "../etc"], "../etc", id="path outside the tree"),
        pytest.param(["report", "{tree}", "fs/nofs"], "fs/nofs", id="no such path"),
        pytest.param(
            ["report", "{tree}/MAINTAINERS", PATH], "not a directory", id="tree is a file"
        ),
        pytest.param(["report", "/nowhere", PATH], "/nowhere", id="no such tree"),
        pytest.param(["report", "{tree}@nothing", PATH], "nothing", id="no such revision"),
        pytest.param(
            ["report", "{tree}", PATH, "--profile", "none"], "no profile", id="no such profile"
        ),
        pytest.param(
            ["apply", "{tree}", PATH, "--branch", "main"], "main", id="checked-out branch"
        ),
        pytest.param(["apply", "{tree}", PATH, "--branch", "old"], "old", id="existing branch"),
        pytest.param(
            ["apply", "{tree}", PATH, "--branch", "a..b"], "a..b", id="impossible branch name"
        ),
        pytest.param(
            ["series", "{tree}", PATH, "-o", "{tree}/MAINTAINERS"],
            "MAINTAINERS",
            id="output is a file",
        ),
        pytest.param(["series", "{tree}", PATH, "-o", "{tree}/fs"], "fs", id="output is not empty"),
        pytest.param(
            ["report", "{tree}", PATH, "-o", "{tree}/none/x"], "none", id="report into nowhere"
        ),
    ],
)
def test_one_line_each(
    words: list[str], part: str, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(repo, "branch", "old")
    before = snapshot(repo), git(repo, "for-each-ref")
    ran = run(capsys, *(word.replace("{tree}", str(repo)) for word in words))
    assert ran.code == 2
    assert one_line(ran.err), ran.err
    assert part in ran.err
    assert ran.out == ""
    assert (snapshot(repo), git(repo, "for-each-ref")) == before


def test_missing_header(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repo / PATH / "kmem.h").unlink()
    ran = run(capsys, "report", repo, PATH)
    assert ran.code == 2
    assert one_line(ran.err)
    assert "is kmem.h missing?" in ran.err


def test_a_path_without_wrappers(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "series", repo, "mm", "-o", repo / "out")
    assert (ran.code, ran.out) == (0, "nothing to do\n")


def test_dirty_file_that_would_be_converted(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = repo / PATH / "minfs_super.c"
    changed.write_text("/* mine */\n" + changed.read_text())
    ran = run(capsys, "apply", repo, PATH, "--branch", "converted")
    assert ran.code == 2
    assert one_line(ran.err)
    assert "minfs_super.c" in ran.err
    assert "converted" not in git(repo, "branch")


def test_empty_repository(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(plain, "init", "-q")
    ran = run(capsys, "apply", plain, PATH, "--branch", "converted")
    assert ran.code == 2
    assert one_line(ran.err)


def test_plain_directory_cannot_be_applied_to(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "apply", plain, PATH, "--branch", "converted")
    assert ran.code == 2
    assert one_line(ran.err)


def test_detached_head(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(repo, "checkout", "-q", "--detach")
    ran = run(capsys, "apply", repo, PATH, "--branch", "converted")
    assert ran.code == 0
    assert git(repo, "rev-parse", "converted~6") == git(repo, "rev-parse", "main")


def test_symlinks_are_not_followed(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path / "outside.c"
    outside.write_text("void *f(void)\n{\n\treturn kmem_alloc(1, 0);\n}\n")
    (plain / PATH / "link.c").symlink_to(outside)
    commit_all(plain)
    ran = run(capsys, "report", plain, PATH, "--format", "json")
    assert ran.code == 0
    assert "link.c" not in ran.out
    assert run(capsys, "apply", plain, PATH, "--branch", "converted").code == 0
    assert "kmem_alloc" in outside.read_text()


def test_interrupted(
    repo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("convert.series.branch._hand_over", stop)
    before = snapshot(repo), git(repo, "for-each-ref")
    ran = run(capsys, "apply", repo, PATH, "--branch", "converted")
    assert ran.code == 130
    assert one_line(ran.err.lstrip("\n"))  # click ends the line of the terminal's ^C first
    assert (snapshot(repo), git(repo, "for-each-ref")) == before


def test_no_space_left(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28), str(tmp_path / "series"))

    monkeypatch.setattr("convert.series.write.publish", full)
    ran = run(capsys, "series", repo, PATH, "-o", tmp_path / "series")
    assert ran.code == 2
    assert one_line(ran.err)
    assert "No space left" in ran.err
    assert not (tmp_path / "series").exists()


def test_no_git(
    repo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = run(capsys, "apply", repo, PATH, "--branch", "converted")
    assert ran.code == 2
    assert one_line(ran.err)
    assert "git" in ran.err


def test_no_identity(
    repo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER")) or name == "EMAIL":
            monkeypatch.delenv(name)
    git(repo, "config", "user.useConfigOnly", "true")
    ran = run(capsys, "apply", repo, PATH, "--branch", "converted")
    assert ran.code == 2
    assert one_line(ran.err)
    assert "user.email" in ran.err


@pytest.mark.parametrize(
    ("text", "part"),
    [
        pytest.param("recipe = 3\n", "recipe", id="wrong type"),
        pytest.param("colour = 'red'\n", "colour", id="unknown key"),
        pytest.param("recipe = \n", "TOML", id="no TOML"),
    ],
)
def test_bad_configuration(
    text: str,
    part: str,
    repo: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / ".kmem-convert.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    ran = run(capsys, "report", repo, PATH)
    assert ran.code == 2
    assert one_line(ran.err)
    assert part in ran.err


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "report")
    assert ran.code == 2
    assert "Missing argument" in ran.err
