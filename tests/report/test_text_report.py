"""The report for people: what is there, in which order, and that nothing of it is cut."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console
from unidiff.patch import PatchSet

from convert.plan import FileRefusal, Plan
from convert.report.console import Column, report_console, table
from convert.report.text_report import render_text
from convert.rules.model import Kept, Refused
from convert.sites.model import SiteKind
from tests.report.plans import FILE, empty_plan, full_plan, one_site_plan


def text_of(plan: Plan, verbose: bool = False, step_diffs: bool = False) -> str:
    buffer = io.StringIO()
    render_text(plan, report_console(buffer), verbose, step_diffs)
    return buffer.getvalue()


def terminal_text(plan: Plan, width: int) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=True, width=width, color_system="standard")
    render_text(plan, console)
    return buffer.getvalue()


def positions(text: str, *parts: str) -> list[int]:
    return [text.index(part) for part in parts]


def test_the_parts_come_in_the_order_of_their_weight() -> None:
    text = text_of(full_plan())
    found = positions(
        text,
        "linux at 0123456789abcdef0123456789abcdef01234567: fs/toy",
        "REFUSED: 1 site, 1 file or function not read",
        "\nSites\n",
        "\nCommits\n",
        "\nDeclared differences",
        "\nAxioms",
        "\nNotes",
        "\nLeft for the author: 1 text ",
        f"\n{FILE}: 1 refused, 2 kept, 3 converted\n",
        "\n7 sites found = 4 converted + 2 kept + 1 refused; 1 file or function not read.",
    )
    assert found == sorted(found)


def test_what_is_refused_stands_there_with_its_reason() -> None:
    text = text_of(full_plan())
    assert (
        f"  {FILE}:11:13: alloc wrap_alloc in toy_get()\n"
        f"      {FILE}:11: [bold]the size n is not known to be small[/bold]\n"
        "      As long as this stays, the wrappers cannot be removed.\n"
        "  fs/toy/odd.c:7: toy_odd: not read\n"
        "      macro statement without `;`\n"
    ) in text


def test_the_tables() -> None:
    text = text_of(full_plan())
    assert re.search(r"^  kind +found  converted  kept  refused$", text, re.M)
    assert re.search(r"^  free +2 +1 +1 +0$", text, re.M)
    assert re.search(r"^  all +7 +4 +2 +1$", text, re.M)
    assert re.search(r"^  1 +toy: use kzalloc +1 +1 +2 +2$", text, re.M)
    assert "  fs/toy/wrap.c is deleted by commit 2.\n" in text


def test_a_converted_site_has_its_evidence_and_its_diff() -> None:
    assert (
        f"  {FILE}:7:18: alloc wrap_zalloc in toy_get(): converted by commit 1\n"
        "      the same contract\n"
        "      before: GFP_NOFS | __GFP_NOFAIL\n"
        "      after:  GFP_NOFS | __GFP_NOFAIL\n"
        "      declared differences: loop\n"
        "      note: look at the size\n"
        "      @@ -6,4 +6,4 @@ toy_get(int n)\n"
        "       {\n"
        "      -\tstruct toy *t = wrap_zalloc(sizeof(*t),\n"
    ) in text_of(full_plan())


def test_verbose_adds_rule_id_and_contract() -> None:
    brief, full = text_of(full_plan()), text_of(full_plan(), verbose=True)
    for line in ("rule wrapper-call; id ", "contract: zeroed: yes\n"):
        assert line not in brief
        assert line in full
    assert full.count("contract: ") == 4  # a site without promises has no such line


def test_the_diffs_of_the_steps_are_patches() -> None:
    assert "diff --git" not in text_of(full_plan())
    text = text_of(full_plan(), step_diffs=True)
    patch = text[text.index("diff --git") :].partition("\n7 sites found")[0]
    files = [line for line in patch.split("\n") if not line.startswith(("Commit ", "------"))]
    changes = PatchSet("\n".join(files))
    assert [(one.path, one.added, one.removed) for one in changes] == [
        (FILE, 2, 2),
        (FILE, 1, 2),
        ("fs/toy/wrap.c", 0, 4),
    ]


def test_a_comment_for_the_author_loses_its_indentation() -> None:
    text = "\t/*\n\t * Calls f().\r\n\t */\n\tx;\n"
    plan = one_site_plan(text, text[1:-4].rstrip(), Kept("comment", "not ours"))
    site = replace(plan.sites[0], site=replace(plan.sites[0].site, kind=SiteKind.COMMENT))
    shown = text_of(replace(plan, sites=(site,)))
    assert "\n      /*\n       * Calls f().\n       */\n" in shown


def test_an_empty_plan_has_nothing_to_do() -> None:
    text = text_of(empty_plan())
    assert text.endswith("\nNothing to do: no site was found.\n")
    assert "REFUSED" not in text and "kind" not in text


def test_no_site_but_a_file_that_was_not_read_is_not_nothing() -> None:
    plan = replace(empty_plan(), refusals=(FileRefusal("a.c", 3, "a.c", "no end"),))
    text = text_of(plan)
    assert "REFUSED: 1 file or function not read" in text
    assert "Nothing to do" not in text


def test_sites_but_no_step() -> None:
    text = text_of(one_site_plan("f();", "f()", Kept("rule", "it may stay")))
    assert "No commit: no site is converted." in text
    assert text.endswith("1 site found = 0 converted + 1 kept + 0 refused.\n")


LONG = "fs/" + "a_long_directory_name/" * 12 + "file.c"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_path_and_no_reason_is_cut_on_a_terminal(width: int) -> None:
    reason = "because " + "of a very long reason " * 20 + "at last"
    plan = one_site_plan("f();", "f()", Refused("rule", reason))
    site = replace(plan.sites[0], site=replace(plan.sites[0].site, file=LONG))
    text = terminal_text(replace(plan, sites=(site,)), width)
    assert reason in text and f"{LONG}:1:1" in text and "…" not in text


def test_a_pipe_gets_neither_colour_nor_boxes_nor_cut_cells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    plan = full_plan()
    subject = "a subject " * 30 + "that ends"
    steps = (replace(plan.steps[0], subject=subject), *plan.steps[1:])
    text = text_of(replace(plan, steps=steps))
    assert "\x1b" not in text and not re.search("[─│┌]", text)
    assert subject in text
    assert not re.search(r"\S[ \t]+$", text, re.M)


def test_a_terminal_gets_colour_and_boxes() -> None:
    text = terminal_text(full_plan(), 100)
    assert "\x1b[1;31mREFUSED" in text and "┌" in text
    assert "\x1b[31m" in text and "\x1b[32m" in text


def test_hostile_text_cannot_drive_the_terminal() -> None:
    text = 'f("\x1b]0;owned\x07 [link=http://x]y[/link] :smile:");\r\n'
    output = text_of(one_site_plan(text, "f("))
    assert "\x1b" not in output and "\x07" not in output
    assert "^[]0;owned^G [link=http://x]y[/link] :smile:" in output
    assert "^M\n" in output


def test_tabs_stay_tabs() -> None:
    assert "-\t\ta();\n" in text_of(one_site_plan("\t\ta();\n", "a()"))


def test_white_space_at_the_end_of_a_changed_line_is_shown() -> None:
    assert "-a(); \t\n" in text_of(one_site_plan("a(); \t\n", "a()"))


def test_what_the_encoding_lacks_is_escaped() -> None:
    raw = io.BytesIO()
    wrapper = io.TextIOWrapper(raw, encoding="ascii")
    plan = one_site_plan("f();", "f()", Kept("rule", "é → ü"))
    render_text(plan, report_console(wrapper))
    wrapper.flush()
    assert b"\\xe9 \\u2192 \\xfc" in raw.getvalue()


def test_a_table_in_a_pipe_lines_up() -> None:
    buffer = io.StringIO()
    columns = [Column("name"), Column("number", "right")]
    table(report_console(buffer), columns, [("é", 1), ("long name", 1000)])
    assert buffer.getvalue() == "  name       number\n  é               1\n  long name    1000\n"
