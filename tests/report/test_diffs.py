"""Diffs made from edits are real patches: git applies them and gets the plan's own snapshots."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from unidiff.patch import PatchSet

from convert.errors import InternalCheckError
from convert.plan import FileChange, Plan, Step
from convert.report.diffs import hunks, site_diff, split_lines, step_diffs
from convert.source.edits import Edit, Span
from tests.report.plans import FILE, GONE, TEXT, full_plan, one_site_plan, random_plans


def write(folder: Path, files: dict[str, str | None]) -> None:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            target.unlink(missing_ok=True)
        else:
            target.write_bytes(text.encode("latin-1"))


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_bytes().decode("latin-1")
        for path in folder.rglob("*")
        if path.is_file()
    }


def git_apply(folder: Path, patch: str) -> None:
    command = ["git", "apply", "--unidiff-zero", "--whitespace=nowarn", "-"]
    subprocess.run(command, cwd=folder, input=patch.encode("latin-1"), check=True)


def check_steps_apply(plan: Plan, folder: Path) -> None:
    write(folder, dict(plan.originals))
    for step in plan.steps:
        for diff in step_diffs(plan, step):
            git_apply(folder, diff.text)
        expected = {**plan.originals, **plan.snapshot(step.number)}
        assert contents(folder) == {
            path: text for path, text in expected.items() if text is not None
        }


def test_every_step_of_a_plan_applies(tmp_path: Path) -> None:
    check_steps_apply(full_plan(), tmp_path)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(plan=random_plans())
def test_steps_of_random_plans_apply(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> None:
    check_steps_apply(plan, tmp_path_factory.mktemp("tree"))


@st.composite
def edited_texts(draw: st.DrawFn) -> tuple[str, list[Edit], str]:
    text = draw(st.text("ab\n\x0c\x85é", max_size=80))
    marks = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    spans = [Span(a, b) for a, b in zip(marks[::2], marks[1::2], strict=False)]
    edits = [Edit(span, draw(st.text("ab\n", max_size=4))) for span in spans]
    new, done = "", 0
    for edit in edits:
        new += text[done : edit.span.start] + edit.text
        done = edit.span.end
    return text, edits, new + text[done:]


def patched(old: str, patch: str) -> str:
    """Apply hunks by their own line numbers alone, checking each line that they name."""
    lines, result, at, last = split_lines(old), list[str](), 0, ""
    for line in split_lines(patch):
        if line.startswith("@@"):
            start, _, length = line.split()[1][1:].partition(",")
            begin = int(start) - (length != "0")
            result += lines[at:begin]
            at = begin
        elif line.startswith("\\") and last == "-":
            assert not lines[at - 1].endswith("\n")
        elif line.startswith("\\"):
            result[-1] = result[-1].removesuffix("\n")
        if line[0] in " -":
            assert lines[at].removesuffix("\n") == line[1:].removesuffix("\n")
            at += 1
        if line[0] in " +":
            result.append(line[1:])
        last = line[0]
    result += lines[at:]
    assert all(line.endswith("\n") for line in result[:-1])
    return "".join(result)


@example(case=("a\nb\n", [Edit(Span(1, 2), "")], "ab\n"), context=0)
@example(case=("a", [Edit(Span(1, 1), "b")], "ab"), context=0)
@settings(max_examples=300)
@given(case=edited_texts(), context=st.integers(0, 3))
def test_hunks_lead_from_old_to_new(case: tuple[str, list[Edit], str], context: int) -> None:
    old, edits, new = case
    assert patched(old, "".join(hunks(old, edits, context))) == new


def test_unidiff_reads_the_step_and_counts_the_same_lines() -> None:
    plan = full_plan()
    for step in plan.steps:
        for diff in step_diffs(plan, step):
            (file,) = PatchSet(diff.text)
            assert (file.path, file.added, file.removed) == (
                diff.path,
                diff.insertions,
                diff.deletions,
            )
            assert file.is_removed_file == diff.deleted


def test_a_site_diff_shows_the_lines_and_the_function() -> None:
    plan = full_plan()
    (planned,) = [one for one in plan.sites if one.site.callee == "wrap_zalloc"]
    assert site_diff(plan, planned, context=1) == (
        "@@ -6,4 +6,4 @@ toy_get(int n)\n"
        " {\n"
        "-\tstruct toy *t = wrap_zalloc(sizeof(*t),\n"
        "-\t\t\t\t    W_NOFS);\n"
        "+\tstruct toy *t = kzalloc(sizeof(*t),\n"
        "+\t\t\t    GFP_NOFS | __GFP_NOFAIL);\n"
        " \n"
    )


@pytest.mark.parametrize("callee", ["wrap_alloc", "toy_get"])
def test_no_diff_for_what_does_not_change(callee: str) -> None:
    plan = full_plan()
    (planned,) = [one for one in plan.sites if one.site.callee == callee and one.site.file == FILE]
    assert site_diff(plan, planned) == ""


def test_no_diff_for_a_site_in_a_file_that_goes_away() -> None:
    plan = full_plan()
    (planned,) = [one for one in plan.sites if one.site.file == GONE]
    assert site_diff(plan, planned) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "a();", "@@ -1 +1 @@\n-a();\n\\ No newline at end of file\n+new();\n"
            "\\ No newline at end of file\n", id="no final newline",
        ),
        pytest.param("a();\r\nb\r\n", "@@ -1,2 +1,2 @@\n-a();\r\n+new();\r\n b\r\n", id="CRLF"),
        pytest.param(
            "a();\x0c\x85\n", "@@ -1 +1 @@\n-a();\x0c\x85\n+new();\x0c\x85\n", id="form feed"
        ),
        pytest.param("-- \na();\n", "@@ -1,2 +1,2 @@\n -- \n-a();\n+new();\n", id="like a header"),
        pytest.param(
            "f(\nout:\n\ta();\n", "@@ -1,3 +1,3 @@\n f(\n out:\n-\ta();\n+\tnew();\n", id="label"
        ),
    ],
)  # fmt: skip
def test_odd_lines(text: str, expected: str) -> None:
    plan = one_site_plan(text, "a()")
    assert site_diff(plan, plan.sites[0]) == expected


def test_a_removed_line_that_looks_like_a_file_header_stays() -> None:
    text = "-- \nb\n"
    assert list(hunks(text, [Edit(Span(0, 4), "")])) == ["@@ -1,2 +1 @@\n", "--- \n", " b\n"]


def test_a_label_is_no_heading() -> None:
    text = "int f(void)\n{\n\tx();\nout:\n\ty();\n\tz();\n\ta();\n}\n"
    plan = one_site_plan(text, "a()")
    assert site_diff(plan, plan.sites[0], 1).startswith("@@ -6,3 +6,3 @@ int f(void)\n")


def test_far_changes_make_hunks_of_their_own_with_shifted_numbers() -> None:
    text = "".join(f"{number}\n" for number in range(1, 31))
    edits = [Edit(Span(2, 4), ""), Edit(Span(text.index("25"), text.index("26")), "x\ny\n")]
    heads = [line for line in hunks(text, edits, 1) if line.startswith("@@")]
    assert heads == ["@@ -1,3 +1,2 @@\n", "@@ -24,3 +23,4 @@\n"]


def test_a_plan_whose_snapshot_differs_from_its_diff_is_a_defect() -> None:
    class Lying(Plan):
        def snapshot(self, number: int) -> dict[str, str | None]:
            return {FILE: TEXT + "more"} if number else {}

    plan = full_plan()
    lying = Lying(**{name: getattr(plan, name) for name in plan.__dataclass_fields__})
    with pytest.raises(InternalCheckError, match=r"toy_inode\.c: diff and snapshot"):
        step_diffs(lying, plan.steps[0])


def test_a_file_without_net_change_is_left_out() -> None:
    plan = full_plan()
    step = Step(1, "none", "nothing", (FileChange(FILE, (Edit(Span(0, 2), "/*"),)),))
    assert step_diffs(replace(plan, steps=(step,)), step) == ()
