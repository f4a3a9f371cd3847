"""checkpatch's findings are split into what the commit adds and what the original lines had."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from convert.verify.checkpatch import (
    Styled,
    StyleFailed,
    StyleFinding,
    StyleResult,
    check_commit,
    compare,
    read_findings,
)
from convert.verify.process import ToolMissing
from tests.verify.toy import BASE, toy_kernel

FILE = "fs/toy/style.c"
CONTEXT = "".join(f"context {i}\n" for i in range(20))


def check(tmp_path: Path, before: str | None, after: str | None, message: str = "m") -> StyleResult:
    files: Mapping[str, str] = {**BASE, **({FILE: before} if before is not None else {})}
    toy = toy_kernel(tmp_path / "repo", files)
    commit = toy.commit(message, {FILE: after})
    return check_commit(toy.path, toy.path, commit)


@pytest.mark.parametrize(
    ("before", "after", "new", "checks", "inherited"),
    [
        pytest.param("a\n", "BAD\n", ["BAD"], [], [], id="new"),
        pytest.param("BAD a\n", "BAD b\n", [], [], ["BAD"], id="the-original-line-had-it"),
        pytest.param("BAD a\n", "BAD b\nBAD c\n", ["BAD"], [], ["BAD"], id="one-more"),
        pytest.param("ODD a\n", "BAD b\n", ["BAD"], [], [], id="another-type"),
        pytest.param("a\n", "NIT\n", [], ["NIT"], [], id="a-check-is-listed-apart"),
        pytest.param("BAD a\nx\n", "BAD a\ny\n", [], [], [], id="not-on-a-changed-line"),
        pytest.param(
            f"BAD a\n{CONTEXT}b\n", f"c\n{CONTEXT}BAD d\n", ["BAD"], [], [], id="another-hunk"
        ),
        pytest.param("BAD a\nx\nb\n", "c\nx\nBAD d\n", ["BAD"], [], [], id="another-group"),
        pytest.param("BAD a\n", None, [], [], [], id="file-deleted"),
        pytest.param(None, "BAD a\n", ["BAD", "FILE_PATH_CHANGES"], [], [], id="file-added"),
        pytest.param("BAD \xe9\n", "BAD \xe8\n", [], [], ["BAD"], id="not-ascii"),
    ],
)
def test_only_what_is_worse_is_new(
    tmp_path: Path,
    before: str | None,
    after: str | None,
    new: list[str],
    checks: list[str],
    inherited: list[str],
) -> None:
    result = check(tmp_path, before, after)
    assert isinstance(result, Styled)
    assert [f.type for f in result.new] == new
    assert [f.type for f in result.checks] == checks
    assert [f.type for f in result.inherited] == inherited


def test_a_new_file_that_maintainers_names_is_no_warning(tmp_path: Path) -> None:
    toy = toy_kernel(tmp_path / "repo", {**BASE, "MAINTAINERS": "TOY\nF:\tfs/toy/\n"})
    result = check_commit(toy.path, toy.path, toy.commit("m", {FILE: "a\n"}))
    assert isinstance(result, Styled)
    assert result.new == ()
    assert [(f.type, f.message) for f in result.checks] == [
        ("FILE_PATH_CHANGES", f"MAINTAINERS names {FILE} by F: fs/toy/")
    ]


def test_a_finding_beside_a_change_is_excused_only_within_its_hunk() -> None:
    reverse = """\
--- a/f
+++ b/f
@@ -1,2 +1,2 @@
 one
-after
+original
@@ -11,2 +11,2 @@
 eleven
-after
+original
"""
    original, beside = (StyleFinding("ERROR", "BAD", "f", line, "m") for line in (2, 11))
    assert compare("c", "s", [beside], [original], reverse).new == (beside,)
    assert compare("c", "s", [beside], [beside], reverse).inherited == (beside,)


def test_findings_in_the_message_are_always_new(tmp_path: Path) -> None:
    result = check(tmp_path, "a\n", "b\n", "subject\n\nodd message")
    assert isinstance(result, Styled)
    assert [str(f) for f in result.new] == ["commit message: WARNING: COMMIT_LOG: odd message"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(None, "the tree has no scripts/checkpatch.pl", id="no-script"),
        pytest.param("die 'too old';", "checkpatch ended with code 255: too old", id="dies"),
    ],
)
def test_a_checkpatch_that_does_not_run_is_said(
    tmp_path: Path, script: str | None, reason: str
) -> None:
    files = {name: text for name, text in BASE.items() if "checkpatch" not in name}
    if script:
        files["scripts/checkpatch.pl"] = script
    toy = toy_kernel(tmp_path / "repo", files)
    result = check_commit(toy.path, toy.path, toy.commit("m", {FILE: "a\n"}))
    assert isinstance(result, StyleFailed)
    assert result.reason.startswith(reason)


def test_without_perl_its_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check_commit(tmp_path, tmp_path, "HEAD") == ToolMissing("perl", "perl")


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        pytest.param(
            "fs/a.c:3: WARNING:LONG_LINE: line length of 101 exceeds 100 columns",
            StyleFinding(
                "WARNING", "LONG_LINE", "fs/a.c", 3, "line length of 101 exceeds 100 columns"
            ),
            id="in-a-file",
        ),
        pytest.param(
            ":0: ERROR:GIT_COMMIT_ID: m",
            StyleFinding("ERROR", "GIT_COMMIT_ID", "", 0, "m"),
            id="no-file",
        ),
        pytest.param("2.39.5", None, id="stray-words-of-git"),
        pytest.param("", None, id="empty"),
        pytest.param("total: 0 errors, 0 warnings", None, id="summary"),
    ],
)
def test_reading_a_line(line: str, finding: StyleFinding | None) -> None:
    assert read_findings(line) == ((finding,) if finding else ())
