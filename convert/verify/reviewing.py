"""The review of the whole series, laid at the door of its commits."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from convert.errors import InputError
from convert.tree.kernel import KernelTree
from convert.tree.store import code_digest
from convert.verify.checks_model import (
    Checked,
    CheckFinding,
    CheckResult,
    Failed,
    NotRun,
    Passed,
    Prepared,
)
from convert.verify.remembered import Remembered
from convert.verify.review.model import CommitReview, Finding, Rule, Severity
from convert.verify.review.proofs import ProofsOfTrees
from convert.verify.review.series import review_series

REVIEW = "review"


def check_review(
    prepared: Prepared, series: Path, digest: str, tree: KernelTree, cache: Path | None
) -> Checked:
    """Review the series in a directory; ``digest`` stands for its patches.

    Errors, warnings and what could not be reviewed count against a commit; notes are handed on.
    """
    remembered = Remembered(prepared.cache)
    key = {
        "check": REVIEW,
        "base": prepared.fingerprint,
        "patches": digest,
        "code": code_digest(("",)),
    }
    start = time.monotonic()
    reviews = _load(remembered.load(key))
    cached = reviews is not None
    if reviews is None:
        prepared.progress("reviewing the series")
        try:
            found = review_series(
                str(series),
                tree,
                cache_dir=cache,
                progress=prepared.progress,
                proof=ProofsOfTrees(cache, prepared.progress),
            ).commits
        except InputError as error:
            reason = str(error)
            return Checked(tuple(NotRun(REVIEW, c.number, reason) for c in prepared.commits))
        remembered.store(key, [_document(commit) for commit in found])
        reviews = found
    seconds = 0.0 if cached else (time.monotonic() - start) / max(1, len(reviews))
    by_number = {commit.number: commit for commit in reviews}
    return Checked(
        tuple(
            _result(by_number[commit.number], seconds, cached)
            if commit.number in by_number
            else NotRun(REVIEW, commit.number, "the review has no such commit")
            for commit in prepared.commits
        )
    )


def _result(commit: CommitReview, seconds: float, cached: bool) -> CheckResult:
    grave = tuple(_finding(f) for f in commit.findings if f.severity is not Severity.NOTE)
    notes = tuple(str(_finding(f)) for f in commit.findings if f.severity is Severity.NOTE)
    detail = f"{commit.functions} functions, {commit.sites} sites"
    if grave:
        return Failed(REVIEW, commit.number, grave, seconds, detail, cached, notes)
    return Passed(REVIEW, commit.number, seconds, detail, cached, notes)


def _finding(found: Finding) -> CheckFinding:
    where = f" in {found.function}()" if found.function else ""
    line = found.line if found.line is not None else found.line_before
    text = f"{found.severity.value}: {found.message}{where} [{found.rule.value}]"
    return CheckFinding(found.file, line, text)


def _document(commit: CommitReview) -> list[object]:
    rows = [
        (f.rule.value, f.severity.value, f.file, f.line, f.line_before, f.function, f.message)
        for f in commit.findings
    ]
    counts = (commit.files, commit.functions, commit.sites, commit.matched)
    return [commit.number, commit.name, commit.subject, *counts, rows]


def _commit(  # the order of _document
    number: int,
    name: str,
    subject: str,
    files: int,
    functions: int,
    sites: int,
    matched: int,
    rows: list[list[Any]],
) -> CommitReview:
    findings = tuple(Finding(Rule(row[0]), Severity(row[1]), *row[2:]) for row in rows)
    return CommitReview(number, name, subject, files, functions, sites, matched, findings)


def _load(document: Any) -> tuple[CommitReview, ...] | None:
    """The reverse of `_document`; None for what is no such thing."""
    try:
        return tuple(_commit(*row) for row in document)
    except (TypeError, ValueError, IndexError):
        return None
