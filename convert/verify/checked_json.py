"""Results of a check as JSON's types, so that they can be kept between runs."""

from __future__ import annotations

from typing import Any

from convert.verify.checks_model import (
    Checked,
    CheckFinding,
    CheckResult,
    Failed,
    NotRun,
    Passed,
    ToolVersion,
)


def checked_document(checked: Checked) -> dict[str, object]:
    """What a check that ran gave. Raises ValueError for a result that says "not run"."""
    return {
        "results": [_row(result) for result in checked.results],
        "tools": [[tool.name, tool.version] for tool in checked.tools],
    }


def _row(result: CheckResult) -> list[object]:
    if isinstance(result, NotRun):
        raise ValueError("what was not run is not kept")
    findings = None
    if isinstance(result, Failed):
        findings = [[one.file, one.line, one.text, one.where] for one in result.findings]
    shared = [result.check, result.commit, result.seconds, result.detail, list(result.notes)]
    return [*shared, findings]


def load_checked(document: Any) -> Checked | None:
    """The reverse, marked as results of an earlier run; None for what is no such thing."""
    try:
        results = tuple(_result(*row) for row in document["results"])
        return Checked(results, tuple(ToolVersion(*row) for row in document["tools"]))
    except (TypeError, KeyError, ValueError):
        return None


def _result(
    check: str,
    commit: int | None,
    seconds: float,
    detail: str,
    notes: list[str],
    findings: list[list[Any]] | None,
) -> CheckResult:
    if findings is None:
        return Passed(check, commit, seconds, detail, True, tuple(notes))
    found = tuple(CheckFinding(*row) for row in findings)
    return Failed(check, commit, found, seconds, detail, True, tuple(notes))
