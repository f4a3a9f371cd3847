"""The main job on the mini kernel: report, series and branch agree, and the tree is untouched."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest

from convert.report.json_report import report_schema
from convert.series.check import git_am_tree
from convert.tree.open import open_tree
from tests.support import commit_all, git, run, snapshot

PATH = "fs/minfs"


def test_report_changes_nothing(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = snapshot(repo)
    ran = run(capsys, "report", repo, PATH)
    assert ran.code == 0, ran.out
    assert "REFUSED" not in ran.out
    assert ran.err == ""
    assert snapshot(repo) == before
    assert git(repo, "status", "--porcelain") == ""


def test_every_name_is_accounted_for(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON's sites against a count of words made without any of the tool's code."""
    ran = run(capsys, "report", plain, PATH, "--format", "json")
    data = json.loads(ran.out)
    jsonschema.validate(data, report_schema())
    found = subprocess.run(
        ["grep", "-rhoE", r"\bkmem_(alloc|zalloc|free)\(", str(plain / PATH), "--include=*.[ch]"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    calls = [s for s in data["sites"] if s["kind"] in ("alloc", "free")]
    others = [
        s
        for s in data["sites"]
        if s["kind"] in ("definition", "declaration", "comment", "trace-event")
    ]
    named = [s for s in others if s["callee"] in ("kmem_alloc", "kmem_zalloc", "kmem_free")]
    assert len(calls) <= len(found) <= len(calls) + 3 * len(named)
    summary = data["summary"]
    assert summary["found"] == sum(summary["by_decision"].values()) == len(data["sites"])
    assert summary["by_decision"]["refused"] == 0


def test_series_equals_branch(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "series"
    assert run(capsys, "series", repo, PATH, "-o", out).code == 0
    assert run(capsys, "apply", repo, PATH, "--branch", "converted").code == 0
    assert git_am_tree(out, open_tree(f"{repo}@main")) == git(repo, "rev-parse", "converted^{tree}")
    git(repo, "switch", "-q", "-c", "am")
    git(repo, "-c", "core.autocrlf=false", "am", "-q", *map(str, sorted(out.glob("000[1-9]*"))))
    assert git(repo, "diff", "--stat", "am", "converted") == ""
    assert "Signed-off-by" not in git(repo, "log", "--format=%B", "main..converted")


def test_branch_leaves_work_tree_index_and_head(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repo / "MAINTAINERS").write_text("changed and staged\n")
    git(repo, "add", "MAINTAINERS")
    (repo / "notes.txt").write_text("mine\n")
    before = snapshot(repo), git(repo, "status", "--porcelain"), git(repo, "rev-parse", "HEAD")
    assert run(capsys, "apply", repo, PATH, "--branch", "converted").code == 0
    after = snapshot(repo), git(repo, "status", "--porcelain"), git(repo, "rev-parse", "HEAD")
    assert after == before
    assert git(repo, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_second_run_changes_nothing(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "apply", repo, PATH, "--branch", "converted").code == 0
    spec = f"{repo}@converted"
    for words in (
        ("series", spec, PATH, "-o", tmp_path / "again"),
        ("apply", spec, PATH, "--branch", "again"),
    ):
        ran = run(capsys, *words)
        assert (ran.code, ran.out) == (0, "nothing to do\n")
    assert not (tmp_path / "again").exists()
    assert "again" not in git(repo, "branch")


def test_every_commit_compiles(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "apply", repo, PATH, "--branch", "converted").code == 0
    commits = git(repo, "rev-list", "--reverse", "main..converted").split()
    assert len(commits) == 6
    for commit in commits:
        git(repo, "checkout", "-q", commit)
        shutil.rmtree(repo / "build", ignore_errors=True)
        done = subprocess.run(
            ["make", "-s", "-C", str(repo), "check"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{commit}: {done.stderr}"


def test_nothing_of_the_family_is_left(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "apply", repo, PATH, "--branch", "converted").code == 0
    git(repo, "checkout", "-q", "converted")
    files = {str(p.relative_to(repo)) for p in repo.rglob("*") if p.is_file()}
    assert "fs/minfs/kmem.c" not in files
    assert "fs/minfs/kmem.h" not in files
    assert "kmem.o" not in (repo / "fs/minfs/Makefile").read_text()
    ran = run(capsys, "inventory", repo, PATH, "--format", "json")
    assert json.loads(ran.out)["wrappers"] == []


def test_crlf_and_odd_bytes_come_through(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One file with CRLF, one with bytes that are no UTF-8 and no final newline."""
    crlf = plain / PATH / "minfs_super.c"
    crlf.write_bytes(crlf.read_bytes().replace(b"\n", b"\r\n"))
    odd = plain / PATH / "minfs_ioctl.c"
    odd.write_bytes(b"/* caf\xe9 */\n" + odd.read_bytes().rstrip(b"\n"))
    commit_all(plain)
    out = tmp_path / "series"
    assert run(capsys, "series", plain, PATH, "-o", out).code == 0
    assert run(capsys, "apply", plain, PATH, "--branch", "converted").code == 0
    git(plain, "checkout", "-q", "converted")
    assert b"\n" not in crlf.read_bytes().replace(b"\r\n", b"")
    assert odd.read_bytes().startswith(b"/* caf\xe9 */\n")
    assert not odd.read_bytes().endswith(b"\n")
    assert git_am_tree(out, open_tree(f"{plain}@main")) == git(
        plain, "rev-parse", "converted^{tree}"
    )


def test_a_plain_directory_gives_a_series(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(plain)
    ran = run(capsys, "series", plain, PATH, "-o", tmp_path / "series")
    assert ran.code == 0
    assert len(list((tmp_path / "series").iterdir())) == 7
    assert snapshot(plain) == before


def test_nowarn_is_kept_on_demand(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "report", plain, PATH, "--keep-nowarn", "--format", "json")
    data = json.loads(ran.out)
    allocations = [s for s in data["sites"] if s["kind"] == "alloc" and s["gfp_after"]]
    assert allocations
    assert all("__GFP_NOWARN" in site["gfp_after"] for site in allocations)
    assert "nowarn" not in {difference["id"] for difference in data["differences"]}
