"""Booting as a check of a series: which profiles, which kernels, one result a commit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convert.verify.boot.booter import BootOptions, boot_series, together, whole_kernels
from convert.verify.boot.checks import NoKernel, results
from convert.verify.checks_model import (
    Checked,
    CheckFinding,
    CheckResult,
    Failed,
    NotRun,
    Passed,
    Prepared,
    SeriesCommit,
    ToolVersion,
)
from tests.verify.boot.test_compare import PROFILE
from tests.verify.boot.test_patching import git, head

OTHER = PROFILE.model_copy(update={"filesystem": "other"})
FINDING = CheckFinding("", None, "WARNING: x", "one")


def prepared(tmp_path: Path, files: tuple[str, ...], whole: bool) -> Prepared:
    """A series of one commit; the whole kernel is in the repository, or only in a directory."""
    repository, tree = tmp_path / "scratch", tmp_path / "tree"
    kernel = {"lib/Makefile": "\n", "fs/toy/a.c": "int a;\n"}
    for place in (repository, tree):
        for name, text in kernel.items():
            if place == tree or whole or name.startswith("fs/"):
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).write_text(text)
    git(repository, "init", "--quiet")
    git(repository, "add", ".")
    who = ("-c", "user.name=T", "-c", "user.email=t@t")
    git(repository, *who, "commit", "--quiet", "-m", "base")
    base = head(repository)
    (repository / "fs/toy/a.c").write_text("int b;\n")
    git(repository, *who, "commit", "--quiet", "--all", "-m", "change")
    last = head(repository)
    commit = SeriesCommit(1, "0001.patch", "change", last, "", files)

    def check_out(wanted: str) -> None:
        (tree / "fs/toy/a.c").write_text(git(repository, "show", f"{wanted}:fs/toy/a.c"))

    return Prepared(
        name="tree",
        fingerprint="",
        repository=repository,
        base=base,
        commits=(commit,),
        touched=files,
        work=tmp_path / "work",
        cache=tmp_path / "cache",
        jobs=1,
        tree=tree,
        check_out=check_out,
        progress=lambda _: None,
    )


def test_a_filesystem_without_a_profile_is_not_booted(tmp_path: Path) -> None:
    series = prepared(tmp_path, ("fs/toy/a.c", "fs/toy/b.c"), whole=True)
    (result,) = boot_series(series, BootOptions()).results
    assert result == NotRun("boot", 1, "no boot profile for fs/toy")


def test_a_series_without_commits_has_no_results(tmp_path: Path) -> None:
    series = replace(prepared(tmp_path, ("fs/toy/a.c",), whole=True), commits=())
    assert boot_series(series, BootOptions()).results == ()


def test_a_repository_with_the_whole_kernel_is_used_as_it_is(tmp_path: Path) -> None:
    series = prepared(tmp_path, ("fs/toy/a.c",), whole=True)
    assert whole_kernels(series) == (series.repository, series.base, series.commits[0].commit)


def test_a_kernel_in_a_plain_directory_is_taken_from_its_files(tmp_path: Path) -> None:
    series = prepared(tmp_path, ("fs/toy/a.c",), whole=False)
    place, base, last = whole_kernels(series)
    assert place != series.repository
    for tree, text in ((base, "int a;\n"), (last, "int b;\n")):
        assert git(place, "ls-tree", "-r", "--name-only", tree).split() == [
            "fs/toy/a.c",
            "lib/Makefile",
        ]
        assert git(place, "show", f"{tree}:fs/toy/a.c") == text


@pytest.mark.parametrize(
    ("one", "two", "wanted"),
    [
        pytest.param(
            Passed("boot", 1, 2.0, "a", True, ("n",)),
            Passed("boot", 1, 3.0, "b", False),
            Passed("boot", 1, 5.0, "toy: a; other: b", False, ("n",)),
            id="both pass",
        ),
        pytest.param(
            Passed("boot", 1, 2.0, "a"),
            Failed("boot", 1, (FINDING,), 3.0, "b"),
            Failed("boot", 1, (FINDING,), 5.0, "toy: a; other: b"),
            id="one fails",
        ),
        pytest.param(
            Passed("boot", 1, 2.0, "a"),
            NotRun("boot", 1, "mkfs.other is missing", "otherprogs"),
            NotRun("boot", 1, "mkfs.other is missing", "otherprogs"),
            id="one is not run",
        ),
        pytest.param(
            NotRun("boot", 1, "mkfs.toy is missing"),
            Failed("boot", 1, (FINDING,), 3.0, "b"),
            Failed(
                "boot", 1, (FINDING,), 3.0, "other: b", False, ("not run: mkfs.toy is missing",)
            ),
            id="one is not run, one fails",
        ),
    ],
)
def test_two_filesystems_have_one_result(
    one: CheckResult, two: CheckResult, wanted: CheckResult
) -> None:
    tool = ToolVersion("gcc", "12")
    found = together((PROFILE, OTHER), (Checked((one,), (tool,)), Checked((two,), (tool,))), 1)
    assert found == Checked((wanted,), (tool,))


def test_one_filesystem_has_its_own_result() -> None:
    checked = Checked((Passed("boot", 1, 2.0),))
    assert together((PROFILE,), (checked,), 1) is checked


@pytest.mark.parametrize("of_base", [True, False], ids=["base", "commit"])
def test_a_kernel_that_does_not_build_is_a_failure(of_base: bool) -> None:
    first, *rest = results(NoKernel(of_base, ("a.c:1: error: x",), 4.0), 3)
    assert isinstance(first, Failed)
    assert (first.commit, [str(finding) for finding in first.findings]) == (
        0 if of_base else 3,
        ["a.c:1: error: x [UML]"],
    )
    assert [type(result) for result in rest] == ([NotRun] if of_base else [])
