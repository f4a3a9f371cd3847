"""Large allocations on the command line: the option, mails and branch, the running result."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonschema import validate

from convert.report.json_report import report_schema
from tests.support import git, run, snapshot

PATH = "fs/minfs"
OPTION = ("--large-sizes", "kvmalloc")
SUBJECT = "use kvmalloc() for large allocations that must not fail"
LARGE = [
    "fs/minfs/libminfs/minfs_attr.c:171",
    "fs/minfs/libminfs/minfs_attr.c:258",
    "fs/minfs/libminfs/minfs_dir2.c:187",
    "fs/minfs/minfs_attr_list.c:60",
    "fs/minfs/minfs_buf.c:104",
]
FREED = [
    "fs/minfs/libminfs/minfs_attr.c:130",
    "fs/minfs/libminfs/minfs_attr.c:263",
    "fs/minfs/libminfs/minfs_dir2.c:198",
    "fs/minfs/minfs_attr_list.c:83",
    "fs/minfs/minfs_buf.c:81",
]
STAY = {
    "fs/minfs/libminfs/minfs_inode_fork.c:20": "minfs_inode_fork.c:43: krealloc()",
    "fs/minfs/minfs_buf.c:38": "which masks it asks with is known only at run time",
    "fs/minfs/minfs_log.c:171": "minfs_linux.h:37: virt_to_page()",
    "fs/minfs/minfs_log_recover.c:51": "minfs_linux.h:37: virt_to_page()",
    "fs/minfs/minfs_trans.h:54": "stands in the body of a macro",
}
needs_gcc = pytest.mark.skipif(
    shutil.which("gcc") is None or shutil.which("make") is None, reason="needs gcc and make"
)


def test_report(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    without = json.loads(run(capsys, "report", plain, PATH, "--format", "json").out)
    ran = run(capsys, "report", plain, PATH, "--format", "json", *OPTION)
    assert ran.code == 1
    report = json.loads(ran.out)
    validate(report, report_schema())
    assert report["steps"][:-1] == without["steps"]
    assert (report["steps"][-1]["id"], report["steps"][-1]["subject"]) == (
        "large/kvmalloc",
        SUBJECT,
    )
    own = [site for site in report["sites"] if site["kind"] == "large"]
    done = {f"{s['file']}:{s['line']}": s for s in own if s["decision"] == "converted"}
    assert sorted(done) == sorted([*LARGE, *FREED])
    assert all(done[place]["differences"] == ["large-sizes"] for place in LARGE)
    assert all(done[place]["replacement"].startswith("kvfree(") for place in FREED)
    stay = {f"{s['file']}:{s['line']}": s["reason"] for s in own if s["decision"] == "refused"}
    assert stay.keys() == STAY.keys()
    assert all(STAY[place] in reason for place, reason in stay.items())
    assert [site for site in without["sites"] if site["kind"] == "large"] == []


def test_configuration_file(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert SUBJECT not in run(capsys, "report", plain, PATH).out
    Path(".kmem-convert.toml").write_text('large_sizes = "kvmalloc"\n')
    assert SUBJECT in run(capsys, "report", plain, PATH).out


@pytest.mark.parametrize(
    ("words", "config", "part"),
    [
        pytest.param(("--large-sizes", "vmalloc"), "", "vmalloc", id="option"),
        pytest.param((), 'large_sizes = "vmalloc"\n', "large_sizes", id="file"),
    ],
)
def test_unknown_choices(
    words: tuple[str, ...],
    config: str,
    part: str,
    plain: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path(".kmem-convert.toml").write_text(config)
    ran = run(capsys, "report", plain, PATH, *words)
    assert (ran.code, ran.out) == (2, "")
    assert part in ran.err


def test_mails_and_branch_agree_and_a_second_run_changes_nothing(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(repo)
    assert run(capsys, "series", repo, PATH, *OPTION, "-o", tmp_path / "series").code == 1
    assert run(capsys, "apply", repo, PATH, *OPTION, "--branch", "made").code == 1
    assert snapshot(repo) == before
    mails = sorted((tmp_path / "series").glob("000[1-9]-*.patch"))
    git(repo, "checkout", "-q", "-b", "mailed")
    git(repo, "am", "-q", *map(str, mails))
    assert git(repo, "rev-parse", "mailed^{tree}") == git(repo, "rev-parse", "made^{tree}")
    assert git(repo, "log", "-1", "--format=%s", "made") == f"minfs: {SUBJECT}"
    again = run(capsys, "report", repo, PATH, *OPTION)  # the work tree is the result now
    assert again.code == 1
    assert "No commit: no site is converted." in again.out
    assert "minfs_inode_fork.c:43: krealloc()" in again.out


def test_the_message_names_what_changes_and_what_stays(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "apply", repo, PATH, *OPTION, "--branch", "made").code == 1
    body = git(repo, "log", "-1", "--format=%b", "made")
    changes, stays = body.split("Large allocations that must not fail and stay")
    assert all(place in changes for place in LARGE)
    assert all(place in stays for place in STAY)
    assert "5 calls of kfree()" in " ".join(body.split())
    assert "the memory now comes from vmalloc()" in " ".join(body.split())
    assert max(map(len, body.split("\n"))) <= 75


def test_earlier_messages_say_that_it_is_done_later(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "apply", repo, PATH, *OPTION, "--branch", "made").code == 1
    bodies = " ".join(git(repo, "log", "--format=%b", "main..made~1").split())
    told = bodies.count("a later patch of this series makes kvmalloc() of it")
    assert told == 2  # of the zeroed ones, and of the others
    now = bodies.count("where the wrapper's loop did not")
    assert now == 2


def test_with_masks_by_scopes_and_simplifications(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (*OPTION, "--recipe", "proven", "--simplify", "all", "--branch", "made")
    assert run(capsys, "apply", repo, PATH, *words).code == 1
    subjects = git(repo, "log", "--format=%s", "--reverse", "main..made").split("\n")
    assert f"minfs: {SUBJECT}" in subjects
    assert "kvcalloc(nmaps, sizeof(struct minfs_buf_map)," in git(repo, "diff", "main", "made")


def test_a_tree_without_wrappers(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "apply", repo, PATH, "--branch", "done").code == 0
    git(repo, "checkout", "-q", "done")
    assert run(capsys, "apply", repo, PATH, *OPTION, "--branch", "large").code == 1
    assert git(repo, "log", "--format=%s", "done..large") == f"minfs: {SUBJECT}"


def test_review_finds_nothing(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "series", repo, PATH, *OPTION, "-o", tmp_path / "series").code == 1
    ran = run(capsys, "review", tmp_path / "series", "--tree", repo)
    assert ran.code == 0, ran.out
    assert "commits reviewed: 0 errors, 0 warnings" in ran.out


@needs_gcc
def test_the_result_runs(repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "apply", repo, PATH, *OPTION, "--branch", "made").code == 1
    git(repo, "checkout", "-q", "made")
    done = subprocess.run(
        ["make", "-C", str(repo), "check", f"O={tmp_path / 'out'}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines().count("ok") == 2
