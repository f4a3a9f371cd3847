"""Simplifications on the command line: the option, the configuration file, mails and branch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import validate

from convert.report.json_report import report_schema
from tests.support import git, run, snapshot

PATH = "fs/minfs"
SUBJECTS = ["use kmemdup() for copies", "use overflow-checked allocation of arrays"]


def subjects(plain: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The subjects of the steps that come behind the recipe's."""
    ran = run(capsys, "report", plain, PATH, "--format", "json", *words)
    report = json.loads(ran.out)
    validate(report, report_schema())
    assert [step["number"] for step in report["steps"]] == list(range(1, len(report["steps"]) + 1))
    simple = [step["id"].startswith("simplify/") for step in report["steps"]]
    assert simple == sorted(simple)
    return [str(step["subject"]) for step in report["steps"] if step["id"].startswith("simplify/")]


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        pytest.param((), [], id="none"),
        pytest.param(("--simplify", "all"), SUBJECTS, id="all"),
        pytest.param(("--simplify", "array"), SUBJECTS[1:], id="one"),
        pytest.param(("--simplify", "array,memdup"), SUBJECTS, id="two, in the order of steps"),
        pytest.param(("--simplify", "array", "--simplify", "memdup"), SUBJECTS, id="twice"),
        pytest.param(("--simplify", "needless-if"), [], id="one that finds nothing"),
    ],
)
def test_option(
    words: tuple[str, ...], wanted: list[str], plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert subjects(plain, capsys, *words) == wanted


def test_configuration_file(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".kmem-convert.toml").write_text('simplify = ["memdup"]\n')
    assert subjects(plain, capsys) == SUBJECTS[:1]
    assert subjects(plain, capsys, "--simplify", "array") == SUBJECTS[1:]


@pytest.mark.parametrize(
    ("words", "config", "part"),
    [
        pytest.param(("--simplify", "arrays"), "", "no simplification 'arrays'", id="option"),
        pytest.param(("--simplify", "array,all2"), "", "'all2'", id="in a list"),
        pytest.param((), 'simplify = ["x"]\n', "no simplification 'x'", id="file"),
        pytest.param((), 'simplify = "all"\n', "simplify", id="no list"),
    ],
)
def test_unknown_names(
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
    assert ran.err.count("\n") == 1


def test_mails_branch_and_report_agree(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = snapshot(repo)
    words = (PATH, "--simplify", "all")
    assert run(capsys, "series", repo, *words, "-o", tmp_path / "series").code == 1
    assert run(capsys, "apply", repo, *words, "--branch", "made").code == 1
    assert snapshot(repo) == before
    mails = sorted((tmp_path / "series").glob("000[1-9]-*.patch"))
    git(repo, "checkout", "-q", "-b", "mailed")
    git(repo, "am", "-q", *map(str, mails))
    assert git(repo, "rev-parse", "mailed^{tree}") == git(repo, "rev-parse", "made^{tree}")
    log = git(repo, "log", "--format=%s", "--reverse", "main..made").split("\n")
    assert log[-2:] == [f"minfs: {subject}" for subject in SUBJECTS]
    assert "kcalloc(nmaps, sizeof(struct minfs_buf_map)," in git(repo, "diff", "made~1", "made")
    again = run(capsys, "report", repo, *words)  # the work tree is the result now
    assert "No commit: no site is converted." in again.out


def test_each_simplification_can_be_left_out_from_the_end(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "apply", repo, PATH, "--branch", "plain").code == 0
    assert run(capsys, "apply", repo, PATH, "--simplify", "all", "--branch", "more").code == 1
    assert git(repo, "rev-parse", "more~2^{tree}") == git(repo, "rev-parse", "plain^{tree}")


def test_a_tree_without_wrappers(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "apply", repo, PATH, "--branch", "done").code == 0
    git(repo, "checkout", "-q", "done")
    assert run(capsys, "apply", repo, PATH, "--branch", "none").out == "nothing to do\n"
    made = run(capsys, "apply", repo, PATH, "--simplify", "array", "--branch", "arrays")
    assert made.code == 0
    assert git(repo, "log", "--format=%s", "done..arrays") == f"minfs: {SUBJECTS[1]}"


def test_review_finds_nothing_in_simplifications(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--simplify", "all", "-o", tmp_path / "series")
    assert run(capsys, "series", repo, PATH, *words).code == 1
    ran = run(capsys, "review", tmp_path / "series", "--tree", repo)
    assert ran.code == 0, ran.out
    assert "commits reviewed: 0 errors, 0 warnings" in ran.out


def test_cover_letter_says_that_they_are_optional(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--simplify", "all", "-o", tmp_path / "series")
    run(capsys, "series", repo, PATH, *words)
    cover = " ".join((tmp_path / "series" / "0000-cover-letter.patch").read_text().split())
    assert "The last 2 patches simplify allocations and frees" in cover
    assert "The conversion is exact" in cover
    mails = sorted((tmp_path / "series").glob("000[1-9]-*.patch"))
    git(repo, "am", "-q", *map(str, mails[:-2]))
    words = ("--simplify", "all", "-o", tmp_path / "rest")
    run(capsys, "series", repo, PATH, *words)
    cover = " ".join((tmp_path / "rest" / "0000-cover-letter.patch").read_text().split())
    assert "minfs: simplify allocations and frees" in cover
    assert "The conversion is exact" not in cover
