"""checkpatch on every commit, as a check of the series."""

from __future__ import annotations

import time
import tomllib
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from convert.tree.store import code_digest
from convert.verify.checkpatch import (
    Styled,
    StyleFailed,
    StyleFinding,
    StyleResult,
    check_commit,
)
from convert.verify.checks_model import (
    Checked,
    CheckFinding,
    CheckResult,
    Failed,
    NotRun,
    Passed,
    Prepared,
    SeriesCommit,
)
from convert.verify.process import ToolMissing, first_missing
from convert.verify.remembered import Remembered
from convert.verify.scratch import git
from convert.verify.tools import tool, version_of

STYLE = "checkpatch"


def check_style(prepared: Prepared) -> Checked:
    """Run checkpatch on each commit; only errors and warnings that are new count."""
    if missing := first_missing((("perl", "perl"),)):
        return Checked(
            tuple(
                NotRun(STYLE, commit.number, str(missing), missing.package)
                for commit in prepared.commits
            )
        )
    key = {
        "check": STYLE,
        "base": prepared.fingerprint,
        "perl": version_of("perl"),
        "code": code_digest(("verify/checkpatch.py", "verify/maintained.py", "verify/styling.py")),
    }
    results = []
    before = ""  # the base's tree is in the key
    for commit in prepared.commits:
        message = git(prepared.repository, "show", "--no-patch", "--format=%B", commit.commit)
        rest = {"parent": before, "tree": commit.tree, "message": message}
        results.append(_one(prepared, commit, {**key, **rest}))
        before = commit.tree
    return Checked(tuple(results), (tool("perl"),))


def _one(prepared: Prepared, commit: SeriesCommit, key: Mapping[str, object]) -> CheckResult:
    remembered = Remembered(prepared.cache)
    if styled := _load(remembered.load(key), commit):
        return judge(styled, commit.number, 0.0, True)
    prepared.progress(f"checkpatch on commit {commit.number}/{len(prepared.commits)}")
    start = time.monotonic()
    prepared.check_out(commit.commit)
    place = (prepared.tree, prepared.repository, commit.commit)
    result = check_commit(*place, prefix=prepared.prefix)
    if isinstance(result, Styled):
        remembered.store(key, _document(result))
    return judge(result, commit.number, time.monotonic() - start, False)


def judge(result: StyleResult, number: int, seconds: float, cached: bool) -> CheckResult:
    """What the findings say of a commit. Those of an accepted type are counted, with the reason."""
    match result:
        case ToolMissing():
            return NotRun(STYLE, number, str(result), result.package)
        case StyleFailed():
            return NotRun(STYLE, number, result.reason)
        case Styled():
            reasons = accepted_types()
            bad = tuple(_finding(f) for f in result.new if not _stays(f, reasons))
            detail = f"new of level CHECK {len(result.checks)}, as before {len(result.inherited)}"
            notes = tuple(_notes(result, reasons))
            if bad:
                return Failed(STYLE, number, bad, seconds, detail, cached, notes)
            return Passed(STYLE, number, seconds, detail, cached, notes)


def _finding(found: StyleFinding) -> CheckFinding:
    line = found.line if found.file else None
    place = found.file or "commit message"
    return CheckFinding(place, line, f"{found.level}: {found.message} [{found.type}]")


def _stays(finding: StyleFinding, reasons: Mapping[str, str]) -> bool:
    return finding.type in reasons and finding.level != "ERROR"


def _notes(result: Styled, reasons: Mapping[str, str]) -> list[str]:
    stay = Counter(f.type for f in (*result.new, *result.checks) if _stays(f, reasons))
    notes = [f"{number} {kind} stay: {reasons[kind]}" for kind, number in sorted(stay.items())]
    others = [str(_finding(f)) for f in result.checks if not _stays(f, reasons)]
    return notes + others


@cache
def accepted_types() -> Mapping[str, str]:
    """Types of findings that are right to stay in a conversion, each with its reason."""
    text = files("convert").joinpath("profiles/checkpatch.toml").read_text(encoding="utf-8")
    table: Mapping[str, str] = tomllib.loads(text)["accepted"]
    return table


def _document(styled: Styled) -> dict[str, object]:
    return {
        name: [(f.level, f.type, f.file, f.line, f.message) for f in findings]
        for name, findings in (
            ("new", styled.new),
            ("checks", styled.checks),
            ("inherited", styled.inherited),
        )
    }


def _load(document: Any, commit: SeriesCommit) -> Styled | None:
    try:
        lists = (
            tuple(StyleFinding(*row) for row in document[name])
            for name in ("new", "checks", "inherited")
        )
        return Styled(commit.commit, commit.subject, *lists)
    except (TypeError, KeyError):
        return None


__all__ = ["STYLE", "accepted_types", "check_style", "judge"]
