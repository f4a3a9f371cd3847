"""A review for people and for machines."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from typing import Any

from rich.console import Console

from convert.report.console import heading, say
from convert.report.display import count, encodable, source_text
from convert.verify.review.model import CommitReview, Counts, Finding, Review, Severity, counted

SCHEMA = "kmem-convert/review/1"
_STYLES = {
    Severity.ERROR: "bold red",
    Severity.WARNING: "yellow",
    Severity.UNKNOWN: "magenta",
    Severity.NOTE: "",
}


def review_text(review: Review, console: Console, verbose: bool = False) -> None:
    """Print a review, the gravest findings of each commit first.

    Notes are counted by rule and message unless ``verbose``.
    """
    revision = f" at {review.revision}" if review.revision else ""
    say(console, f"{review.series} against {review.tree}{revision}", "bold")
    for commit in review.commits:
        _commit(commit, len(review.commits), console, verbose)
    for note in review.notes:
        say(console, f"left aside: {note}")
    say(console)
    say(console, conclusion(review), "bold")


def conclusion(review: Review) -> str:
    """The review in one line."""
    return f"{count(len(review.commits), 'commit')} reviewed: {_counts(review.counts)}"


def _counts(counts: Counts) -> str:
    parts = [
        count(counts.errors, "error"),
        count(counts.warnings, "warning"),
        count(counts.notes, "note"),
    ]
    if counts.unknown:
        parts.append(f"{count(counts.unknown, 'thing')} not reviewed")
    return ", ".join(parts)


def _commit(commit: CommitReview, total: int, console: Console, verbose: bool) -> None:
    heading(console, f"{commit.number}/{total} {commit.subject or commit.name}")
    looked_at = (
        f"{count(commit.files, 'C file')}, {count(commit.functions, 'function')} with memory in "
        f"them, {count(commit.sites, 'site')}, {commit.matched} compared with before"
    )
    say(console, f"{looked_at}: {_counts(counted(commit.findings))}", indent=2)
    for finding in commit.findings:
        if verbose or finding.severity is not Severity.NOTE:
            _finding(finding, console)
    if not verbose:
        _notes(commit, console)


def _finding(finding: Finding, console: Console) -> None:
    where = f" in {finding.function}()" if finding.function else ""
    head = f"{finding.severity.value}: {finding.place}{where}: {finding.message}"
    say(console, f"{head} [{finding.rule.value}]", _STYLES[finding.severity], indent=2)
    for name, text in (("before", finding.before), ("after", finding.after)):
        if text:
            say(console, f"{name + ':':7} {text}", indent=6)


def _notes(commit: CommitReview, console: Console) -> None:
    grouped = Counter(
        (finding.rule.value, finding.message)
        for finding in commit.findings
        if finding.severity is Severity.NOTE
    )
    for (rule, message), number in grouped.items():
        times = f" ({number} times)" if number > 1 else ""
        say(console, f"note: {message}{times} [{rule}]", indent=2)


def review_json(review: Review, tool_version: str) -> str:
    """The review as JSON text by the schema ``kmem-convert/review/1``; ASCII, final newline."""
    counts = review.counts
    document = {
        "schema": SCHEMA,
        "tool": {"name": "kmem-convert", "version": tool_version},
        "series": encodable(review.series),
        "tree": {"path": encodable(review.tree), "rev": review.revision},
        "summary": {
            "errors": counts.errors,
            "warnings": counts.warnings,
            "unknown": counts.unknown,
            "notes": counts.notes,
        },
        "notes": [source_text(note) for note in review.notes],
        "commits": [_commit_document(commit) for commit in review.commits],
    }
    return json.dumps(document, indent=2) + "\n"


def _commit_document(commit: CommitReview) -> dict[str, object]:
    return {
        "number": commit.number,
        "name": encodable(commit.name),
        "subject": source_text(commit.subject),
        "files": commit.files,
        "functions": commit.functions,
        "sites": commit.sites,
        "matched": commit.matched,
        "findings": [_finding_document(finding) for finding in commit.findings],
    }


def _finding_document(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule.value,
        "severity": finding.severity.value,
        "file": encodable(finding.file),
        "line": finding.line,
        "line_before": finding.line_before,
        "function": None if finding.function is None else source_text(finding.function),
        "message": source_text(finding.message),
        "before": source_text(finding.before),
        "after": source_text(finding.after),
    }


def review_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every review obeys."""
    text = files(__package__).joinpath("review-1.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
