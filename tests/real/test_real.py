"""`make real` says what holds and what does not, and its exit code says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from convert.verify.build import BuildFailed, BuildResult, Built
from convert.verify.checkpatch import Styled, StyleFailed, StyleFinding, StyleResult
from convert.verify.process import ToolMissing
from scripts import real
from scripts.realkernel.account import read_report
from scripts.realkernel.checks import Check
from scripts.realkernel.compiling import build_check, style_check
from scripts.realkernel.conversion import counts_check
from scripts.realkernel.subject import read_subject

SUBJECT = read_subject(real.SUBJECT)
FINDING = StyleFinding("WARNING", "ODD", "fs/a.c", 3, "odd")
EXPLAINED = StyleFinding("WARNING", next(iter(SUBJECT.accepted)), "fs/a.c", 3, "odd")


@pytest.mark.parametrize(
    ("result", "holds", "fact"),
    [
        pytest.param(Built("c", "s", 3, (), 1.0), True, "3 objects in 1 s: s", id="built"),
        pytest.param(Built("c", "s", 3, ("w",), 1.0), False, "new warning: w", id="new-warning"),
        pytest.param(BuildFailed("c", "s", ("e",), 1.0), False, "e", id="failed"),
        pytest.param(
            ToolMissing("flex", "flex"), False, "flex is missing (Debian package: flex)", id="tool"
        ),
    ],
)
def test_a_build_holds_only_if_it_compiled_without_a_new_warning(
    result: BuildResult, holds: bool, fact: str
) -> None:
    check = build_check(result, 1)
    assert check.holds is holds
    assert fact in check.facts


@pytest.mark.parametrize(
    ("result", "holds"),
    [
        pytest.param(Styled("c", "s", (), (FINDING,), (FINDING,)), True, id="only-old-and-checks"),
        pytest.param(Styled("c", "s", (FINDING,), (), ()), False, id="new"),
        pytest.param(Styled("c", "s", (EXPLAINED,), (), ()), True, id="new-but-explained"),
        pytest.param(StyleFailed("c", "s", "too old"), False, id="did-not-run"),
        pytest.param(ToolMissing("perl", "perl"), False, id="tool"),
    ],
)
def test_style_holds_only_without_new_findings(result: StyleResult, holds: bool) -> None:
    assert style_check(result, 1, SUBJECT).holds is holds


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
