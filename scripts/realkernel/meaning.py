"""What the wrappers mean, whether every edit keeps it, and whether a review finds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scripts.realkernel.account import Report
from scripts.realkernel.checks import Check
from scripts.realkernel.conversion import Tool
from scripts.realkernel.kernels import Kernel
from scripts.realkernel.subject import Subject


def meaning(
    tool: Tool, kernel: Kernel, subject: Subject, report: Report, output: Path
) -> Iterator[Check]:
    """The derived contracts, the validation of the edits, and a review of the series."""
    tree = str(kernel.repository)
    table = tool("contracts", tree, subject.path)
    (output / "contracts.txt").write_text(table.output, encoding="utf-8")
    rows = [line for line in table.output.splitlines() if line and not line[0].isspace()]
    shown = [line for line in table.output.splitlines() if line.strip().startswith("executed:")]
    yield Check(
        "every wrapper runs for every combination of flags, with evidence lines",
        table.code == 0 and len(rows) == len(shown) > 0,
        (f"{len(rows)} contracts: contracts.txt",),
    )
    done = report.summary["validation"] or {}
    calls = sum(
        site.decision == "converted" and site.kind in ("alloc", "free") for site in report.sites
    )
    yield Check(
        "edits validated: all",
        done.get("edits") == calls and done.get("errors") == 0,
        (
            f"calls converted: {calls}; validated: {done.get('edits')}; same contract: "
            f"{done.get('equal')}; declared differences: {done.get('declared')}; from a variable: "
            f"{done.get('by_table')}; errors: {done.get('errors')}",
        ),
    )
    review = tool("review", str(output / "series"), "--tree", tree)
    (output / "review.txt").write_text(review.output, encoding="utf-8")
    last = review.output.strip().splitlines()[-1:]
    yield Check("a review of the series finds no error and no warning", review.code == 0, (*last,))
