"""What was verified, for people and for machines: a table of commits and checks, then the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

from rich.console import Console

from convert.report.console import Column, heading, say, table
from convert.report.display import count, encodable, source_text
from convert.verify.boot.checks import CHECK as BOOT
from convert.verify.checks_model import (
    BASE,
    CheckResult,
    Failed,
    NotRun,
    Passed,
    VerifyResult,
)
from convert.verify.same import FRESH, REGENERATED

SCHEMA = "kmem-convert/verify/1"
_WHOLE = (BOOT, FRESH, REGENERATED)
OK, BAD, NOTHING = "ok", "FAIL", "-"


@dataclass(frozen=True)
class Row:
    """One line of the table: the patch and what each check says of it."""

    number: int
    subject: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Reason:
    """Why checks were not run: their names, and the patches ("" for the series)."""

    checks: tuple[str, ...]
    patches: str
    reason: str


def columns(result: VerifyResult) -> tuple[str, ...]:
    """The checks that are made of each commit."""
    return tuple(check for check in result.checks if check not in _WHOLE)


def rows(result: VerifyResult) -> tuple[Row, ...]:
    """The table: a line for each commit."""
    return tuple(
        Row(
            title.number,
            title.subject,
            tuple(cell(result.result(check, title.number)) for check in columns(result)),
        )
        for title in result.commits
    )


def cell(result: CheckResult | None) -> str:
    """What a table says of one result."""
    match result:
        case Passed():
            return OK
        case Failed():
            return BAD
        case NotRun() | None:
            return NOTHING


def whole(result: VerifyResult) -> Iterator[tuple[str, CheckResult]]:
    """The results that concern the series, or some commit only, with what to call them."""
    for one in result.results:
        if one.check in _WHOLE:
            yield one.check + _of(one.commit), one


def _of(commit: int | None) -> str:
    if commit is None:
        return ""
    return " of the base" if commit == BASE else f" of patch {commit}"


def reasons(result: VerifyResult) -> tuple[Reason, ...]:
    """Why checks of commits were not run, those of the same reason together."""
    grouped: dict[str, list[NotRun]] = {}
    for one in result.not_run:
        grouped.setdefault(one.reason, []).append(one)
    return tuple(
        Reason(
            tuple(dict.fromkeys(one.check for one in same)),
            ranges([one.commit for one in same if one.commit], len(result.commits)),
            reason,
        )
        for reason, same in grouped.items()
    )


def ranges(numbers: Sequence[int], total: int) -> str:
    """``1-3, 5``; "" for none and for all of ``total``."""
    wanted = sorted(set(numbers))
    if len(wanted) in (0, total):
        return ""
    runs: list[list[int]] = []
    for number in wanted:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if run[1:] else str(run[0]) for run in runs)


def conclusion(result: VerifyResult) -> str:
    """Everything in one line."""
    failed = {one.commit for one in result.failures if one.commit}
    parts = [f"{count(len(result.commits), 'commit')} verified"]
    parts.append(
        f"{count(len(result.failures), 'check')} failed" if result.failures else "no fault"
    )
    if failed:
        parts.append(f"patches at fault: {ranges(sorted(failed), 0)}")
    if asked := [one for one in result.not_run if one.asked]:
        parts.append(f"{count(len(asked), 'check')} could not be run")
    if any(not one.asked for one in result.not_run):
        parts.append("some were not asked for")
    return "; ".join(parts)


def verify_text(result: VerifyResult, console: Console, verbose: bool = False) -> None:
    """Print what was verified; ``verbose``: also every note."""
    revision = f" at {result.revision}" if result.revision else ""
    say(console, f"{result.series} against {result.tree}{revision}", "bold")
    for note in result.notes:
        say(console, f"note: {note}")
    say(console)
    names = [Column("patch", "right"), *(Column(check) for check in columns(result))]
    lines: list[tuple[str | int, ...]] = [
        (row.number, *row.cells, row.subject) for row in rows(result)
    ]
    table(console, [*names, Column("subject")], lines)
    say(console)
    for name, one in whole(result):
        detail = one.reason if isinstance(one, NotRun) else one.detail
        say(console, f"{name}: {cell(one)}{f' ({detail})' if detail else ''}", indent=2)
    for name, words in result.configurations:
        say(console, f"configuration {name}: {words}", indent=2)
    say(console, "tools: " + ", ".join(f"{t.name} {t.version}" for t in result.tools), indent=2)
    _failures(result, console)
    _reasons(result, console)
    _notes(result, console, verbose)
    say(console)
    say(console, f"{conclusion(result)} ({result.seconds:.0f} s)", "bold")


def _failures(result: VerifyResult, console: Console) -> None:
    for one in result.failures:
        heading(console, f"FAILED: {one.check}{_of(one.commit)}", "bold red")
        for finding in one.findings:
            say(console, str(finding), indent=2)


def _reasons(result: VerifyResult, console: Console) -> None:
    given = reasons(result)
    if given:
        heading(console, "Not run")
    for one in given:
        patches = f" (patches {one.patches})" if one.patches else ""
        say(console, f"{', '.join(one.checks)}{patches}: {one.reason}", indent=2)


def _notes(result: VerifyResult, console: Console, verbose: bool) -> None:
    noted = [one for one in result.results if not isinstance(one, NotRun) and one.notes]
    if noted:
        heading(console, "Notes")
    same: dict[tuple[str, str], list[int]] = {}
    for one in noted:
        if not verbose and len(one.notes) > 3:
            more = f"{count(len(one.notes), 'note')} (--verbose shows them)"
            say(console, f"{one.check}{_of(one.commit)}: {more}", indent=2)
            continue
        for note in one.notes:
            same.setdefault((one.check, note), []).append(one.commit or 0)
    for (check, note), numbers in same.items():
        patches = ranges(numbers, len(result.commits))
        say(console, f"{check}{f' (patches {patches})' if patches else ''}: {note}", indent=2)


def verify_json(result: VerifyResult, tool_version: str) -> str:
    """All of it as JSON by the schema ``kmem-convert/verify/1``; ASCII, final newline."""
    document = {
        "schema": SCHEMA,
        "tool": {"name": "kmem-convert", "version": tool_version},
        "series": encodable(result.series),
        "tree": {
            "path": encodable(result.tree),
            "rev": result.revision,
            "after": result.tree_id,
        },
        "summary": {
            "commits": len(result.commits),
            "passed": sum(isinstance(one, Passed) for one in result.results),
            "failed": len(result.failures),
            "not_run": len(result.not_run),
            "holds": result.exit_code == 0,
        },
        "seconds": round(result.seconds, 3),
        "checks": list(result.checks),
        "tools": [asdict(tool) for tool in result.tools],
        "configurations": [
            {"name": name, "options": words} for name, words in result.configurations
        ],
        "notes": [encodable(note) for note in result.notes],
        "commits": [
            {
                "number": title.number,
                "mail": encodable(title.mail),
                "subject": source_text(title.subject),
            }
            for title in result.commits
        ],
        "results": [_document(one) for one in result.results],
    }
    return json.dumps(document, indent=2) + "\n"


def _document(one: CheckResult) -> dict[str, object]:
    head: dict[str, object] = {"check": one.check, "commit": one.commit}
    match one:
        case NotRun():
            rest = {"reason": source_text(one.reason), "package": one.package, "asked": one.asked}
            return {**head, "result": "not-run", **rest}
        case Passed() | Failed():
            found = one.findings if isinstance(one, Failed) else ()
            findings = [
                {
                    "file": encodable(finding.file),
                    "line": finding.line,
                    "text": source_text(finding.text),
                    "where": finding.where,
                }
                for finding in found
            ]
            return {
                **head,
                "result": "failed" if isinstance(one, Failed) else "passed",
                "seconds": round(one.seconds, 3),
                "cached": one.cached,
                "detail": source_text(one.detail),
                "notes": [source_text(note) for note in one.notes],
                "findings": findings,
            }


def verify_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every such document obeys."""
    text = files(__package__).joinpath("verify-1.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
