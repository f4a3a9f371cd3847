"""`make real` says what holds and what does not, and its exit code says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts import real
from scripts.realkernel.account import read_report
from scripts.realkernel.checks import Check
from scripts.realkernel.compiling import commit_check
from scripts.realkernel.conversion import counts_check

COMMIT = {"number": 1, "mail": "0001-a.patch", "subject": "s"}


def passed(check: str, detail: str = "") -> dict[str, Any]:
    return {"check": check, "commit": 1, "result": "passed", "detail": detail}


def failed(check: str, file: str = "") -> dict[str, Any]:
    finding = {"file": file, "line": 3, "text": "odd", "where": ""}
    return {"check": check, "commit": 1, "result": "failed", "findings": [finding]}


def not_run(check: str, asked: bool = True) -> dict[str, Any]:
    return {"check": check, "commit": 1, "result": "not-run", "reason": "why", "asked": asked}


@pytest.mark.parametrize(
    ("results", "holds", "fact"),
    [
        pytest.param([passed("build", "3 objects")], True, "3 objects", id="built"),
        pytest.param([passed("build"), not_run("boot", False)], True, "s: build", id="not-asked"),
        pytest.param([passed("build"), failed("W=1", "a.c")], False, "W=1: a.c:3: odd", id="warns"),
        pytest.param([failed("build")], False, "build: odd", id="failed"),
        pytest.param([not_run("sparse")], False, "sparse was not run: why", id="tool-missing"),
        pytest.param([], False, "s: ", id="nothing-was-run"),
    ],
)
def test_a_commit_holds_only_if_all_that_was_asked_for_passed(
    results: list[dict[str, Any]], holds: bool, fact: str
) -> None:
    check = commit_check(COMMIT, results)
    assert check.holds is holds
    assert fact in check.facts


@pytest.mark.parametrize(
    ("found", "converted", "kept", "refused", "holds"),
    [
        pytest.param(2, 1, 1, 0, True, id="adds-up"),
        pytest.param(3, 1, 1, 0, False, id="one-lost"),
        pytest.param(2, 2, 0, 0, False, id="list-says-otherwise"),
    ],
)
def test_counts_are_counted_again(
    found: int, converted: int, kept: int, refused: int, holds: bool
) -> None:
    by_decision = {"converted": converted, "kept": kept, "refused": refused}
    row = {"file": "a.c", "line": 1, "kind": "alloc", "callee": "f", "text": "f()"}
    others = dict.fromkeys(("functions_parsed", "functions_found", "files_read", "not_read"), 1)
    document = {
        "summary": {"found": found, "by_decision": by_decision, **others},
        "sites": [{**row, "decision": "converted"}, {**row, "decision": "kept"}],
    }
    report = read_report(json.dumps(document))
    assert counts_check(report).holds is holds


def test_failures_are_returned_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    bad = Check("it holds", False, ("because",))
    assert real.show([Check("fine", True), bad]) == [bad]
    assert capsys.readouterr().out.splitlines() == [
        "  ok    fine",
        "FAILED  it holds",
        "            because",
    ]


def test_a_directory_that_is_no_kernel_is_one_line_and_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert real.main(["--kernel", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"real: {tmp_path}: not the top of a kernel tree\n"
    assert not (tmp_path / "cache").exists()
