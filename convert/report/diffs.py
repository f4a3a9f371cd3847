"""Unified diffs of a site and of a step, made from the edits themselves.

The edits say which lines change, so only those lines are compared: a diff costs what was edited,
not the length of the file. Lines end at ``\\n`` alone; a form feed or a lone CR is text.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from convert.errors import InternalCheckError
from convert.plan import FileChange, Plan, PlannedSite, Step
from convert.rules.model import Converted
from convert.source.edits import Edit, Span, apply_edits

_RANGE = re.compile(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")
_HEADING = re.compile(r"[A-Za-z_$](?!\w*:)")  # as git's default, but labels are no heading
_NO_NEWLINE = "\n\\ No newline at end of file\n"


@dataclass(frozen=True)
class FileDiff:
    """What one step does to one file. ``text`` has git's headers; counts are in lines."""

    path: str
    text: str
    insertions: int
    deletions: int
    deleted: bool


def site_diff(plan: Plan, planned: PlannedSite, context: int = 3) -> str:
    """The hunks of one site's own edits against its stage's text; empty if it does not change.

    Line numbers after ``+`` are those of a file in which nothing else changed.
    """
    if not isinstance(planned.decision, Converted) or not planned.decision.edits:
        return ""
    text = plan.stage_text(planned.site.file, planned.stage)
    return "" if text is None else "".join(hunks(text, planned.decision.edits, context))


def step_diffs(plan: Plan, step: Step, context: int = 3) -> tuple[FileDiff, ...]:
    """What a step changes, file by file, relative to the step before it.

    Raises InternalCheckError if the diff would not lead to the plan's own snapshot.
    """
    before, after = plan.snapshot(step.number - 1), plan.snapshot(step.number)
    diffs: list[FileDiff] = []
    for change in sorted(step.changes, key=lambda change: change.path):
        old = before.get(change.path, plan.originals[change.path])
        if old is None:
            continue
        edits = _whole(old) if change.delete else _moved(plan, step, change)
        if not change.delete and apply_edits(old, edits) != after[change.path]:
            raise InternalCheckError(f"{change.path}: diff and snapshot of step {step.id} differ")
        diffs.append(_file_diff(change.path, old, edits, change.delete, context))
    return tuple(diff for diff in diffs if diff.text)


def _whole(old: str) -> tuple[Edit, ...]:
    return (Edit(Span(0, len(old)), ""),)


def _moved(plan: Plan, step: Step, change: FileChange) -> tuple[Edit, ...]:
    """The edits of one change, with offsets into the text that the earlier steps left."""
    earlier = {
        edit
        for one in plan.steps[: step.number - 1]
        if one.stage == step.stage
        for other in one.changes
        if other.path == change.path
        for edit in other.edits
    }
    ordered = sorted(earlier)
    shifts = [0]
    for edit in ordered:
        shifts.append(shifts[-1] + len(edit.text) - (edit.span.end - edit.span.start))
    moved = []
    for edit in set(change.edits) - earlier:
        shift = shifts[bisect_right(ordered, edit)]
        moved.append(Edit(Span(edit.span.start + shift, edit.span.end + shift), edit.text))
    return tuple(sorted(moved))


def _file_diff(path: str, old: str, edits: Sequence[Edit], deleted: bool, context: int) -> FileDiff:
    body = "".join(hunks(old, edits, context))
    lines = body.split("\n")
    return FileDiff(
        path=path,
        text=_headers(path, deleted, bool(body), old == "") + body if body or deleted else "",
        insertions=sum(line.startswith("+") for line in lines),
        deletions=sum(line.startswith("-") for line in lines),
        deleted=deleted,
    )


def _headers(path: str, deleted: bool, changed: bool, new: bool) -> str:
    lines = [f"diff --git a/{path} b/{path}\n"]
    if deleted:
        lines.append("deleted file mode 100644\n")
    elif new:
        lines.append("new file mode 100644\n")
    if changed:
        lines += [
            "--- /dev/null\n" if new and not deleted else f"--- a/{path}\n",
            "+++ /dev/null\n" if deleted else f"+++ b/{path}\n",
        ]
    return "".join(lines)


def split_lines(text: str) -> list[str]:
    """Lines with their ``\\n``; ``str.splitlines`` would also cut at form feeds and 0x85."""
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def hunks(old: str, edits: Iterable[Edit], context: int = 3) -> Iterator[str]:
    """The hunks of a unified diff (no file headers) that the edits make of ``old``."""
    ordered = sorted(set(edits))
    lines = split_lines(old)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    shift = 0  # lines that the hunks so far have added
    for first, last, members in _windows(ordered, starts, context):
        low, high = max(0, first - context), min(len(lines), last + context)
        base = starts[low]
        local = [
            Edit(Span(edit.span.start - base, edit.span.end - base), edit.text) for edit in members
        ]
        new = split_lines(apply_edits(old[base : starts[high]], local))
        changes = difflib.unified_diff(lines[low:high], new, n=context)
        for line in islice(changes, 2, None):  # the first two are file headers
            yield _placed(line, low, shift, lines)
        shift += len(new) - (high - low)


def _placed(line: str, low: int, shift: int, lines: Sequence[str]) -> str:
    """A line of a window's diff as a line of the file's diff."""
    found = _RANGE.match(line)
    if not found:
        return line if line.endswith("\n") else line + _NO_NEWLINE
    old, new = int(found[1]) + low, int(found[3]) + low + shift
    heading = _heading(lines, old - 1)
    ranges = f"@@ -{old}{found[2] or ''} +{new}{found[4] or ''} @@"
    return f"{ranges} {heading}".rstrip() + "\n"


def _heading(lines: Sequence[str], before: int) -> str:
    """The nearest earlier line that starts a function or the like, as git prints after ``@@``."""
    for index in range(min(before, len(lines)) - 1, -1, -1):
        if _HEADING.match(lines[index]):
            return lines[index].strip()[:72]
    return ""


def _windows(
    edits: Sequence[Edit], starts: Sequence[int], context: int
) -> Iterator[tuple[int, int, list[Edit]]]:
    """Line ranges ``[first, last)`` that hold all edits, merged where their contexts meet.

    The line that holds an edit's end belongs to the range: removing a line break joins it.
    """
    window: tuple[int, int, list[Edit]] | None = None
    for edit in edits:
        first = max(0, min(bisect_right(starts, edit.span.start), len(starts) - 1) - 1)
        last = bisect_right(starts, edit.span.end)
        if window and first <= window[1] + 2 * context:
            window = (window[0], max(window[1], last), [*window[2], edit])
            continue
        if window:
            yield window
        window = (first, last, [edit])
    if window:
        yield window
