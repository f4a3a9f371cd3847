"""A review as text and as JSON: nothing is lost, nothing is sent to the terminal unshown."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from convert.report.console import report_console
from convert.verify.review.model import (
    CommitReview,
    Finding,
    Review,
    Rule,
    Severity,
    ordered,
)
from convert.verify.review.report import conclusion, review_json, review_schema, review_text
from tests.verify.review.patches import review_change
from tests.verify.review.toys import body


def finding(severity: Severity, message: str = "it is odd", line: int | None = 7) -> Finding:
    return Finding(
        rule=Rule.WRONG_FREE,
        severity=severity,
        file="fs/a.c",
        line=line,
        line_before=5,
        function="f",
        message=message,
        before="as it was",
        after="as it is",
    )


def review(*findings: Finding, notes: tuple[str, ...] = ()) -> Review:
    commit = CommitReview(1, "0001-a.patch", "a: do it", 2, 3, 4, 4, ordered(findings))
    return Review("series", "tree", "0" * 40, (commit,), notes)


def text_of(given: Review, verbose: bool = False) -> str:
    file = io.StringIO()
    review_text(given, report_console(file), verbose)
    return file.getvalue()


ERROR, WARNING = finding(Severity.ERROR), finding(Severity.WARNING, "it may be odd")
UNKNOWN, NOTE = finding(Severity.UNKNOWN, "not read"), finding(Severity.NOTE, "by the way")


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        pytest.param((), 0, id="nothing"),
        pytest.param((NOTE,), 0, id="notes"),
        pytest.param((WARNING, NOTE), 1, id="warning"),
        pytest.param((ERROR,), 1, id="error"),
        pytest.param((UNKNOWN,), 1, id="something-was-not-read"),
    ],
)
def test_exit_code(findings: tuple[Finding, ...], code: int) -> None:
    assert review(*findings).exit_code == code


def test_findings_come_by_gravity_and_once() -> None:
    given = ordered([NOTE, WARNING, ERROR, UNKNOWN, ERROR])
    assert given == (ERROR, WARNING, UNKNOWN, NOTE)


def test_text_says_place_rule_and_both_contracts() -> None:
    text = text_of(review(ERROR))
    assert "error: fs/a.c:7 in f(): it is odd [wrong-free]" in text
    assert "before: as it was" in text
    assert "after:  as it is" in text
    assert text.rstrip().endswith("1 commit reviewed: 1 error, 0 warnings, 0 notes")


def test_a_place_that_is_gone_has_its_old_line() -> None:
    assert "fs/a.c:5" in text_of(review(finding(Severity.ERROR, line=None)))


def test_notes_are_counted_unless_asked_for() -> None:
    many = [replace(NOTE, line=line) for line in range(1, 4)]
    brief, verbose = text_of(review(*many)), text_of(review(*many), verbose=True)
    assert "note: by the way (3 times) [wrong-free]" in brief
    assert verbose.count("by the way") == 3


def test_what_was_left_aside_is_named() -> None:
    assert "left aside: a mail" in text_of(review(notes=("a mail",)))
    assert conclusion(review(UNKNOWN)).endswith("1 thing not reviewed")


def test_control_characters_are_shown_not_sent() -> None:
    text = text_of(review(finding(Severity.ERROR, "bad \x1b[31m name")))
    assert "\x1b" not in text
    assert "^[" in text


def test_json_obeys_its_schema_and_holds_everything() -> None:
    given = review(ERROR, WARNING, UNKNOWN, NOTE, notes=("a mail",))
    document = json.loads(review_json(given, "1.0"))
    jsonschema.validate(document, review_schema())
    assert document["summary"] == {"errors": 1, "warnings": 1, "unknown": 1, "notes": 1}
    assert [f["message"] for f in document["commits"][0]["findings"]] == [
        "it is odd", "it may be odd", "not read", "by the way",
    ]  # fmt: skip
    assert document["notes"] == ["a mail"]


def test_every_rule_and_severity_is_in_the_schema() -> None:
    defined = review_schema()["$defs"]["finding"]["properties"]
    assert set(defined["rule"]["enum"]) == {rule.value for rule in Rule}
    assert set(defined["severity"]["enum"]) == {severity.value for severity in Severity}


def test_a_real_review_obeys_the_schema(tmp_path: Path) -> None:
    made = review_change(
        tmp_path,
        body("\tchar *p = kvmalloc(8, GFP_NOFS);\n\n\tkvfree(p);\n\treturn 0;"),
        body("\tchar *p = kvmalloc(8, GFP_KERNEL);\n\n\tkfree(p);\n\treturn 0;"),
    )
    jsonschema.validate(json.loads(review_json(made, "1.0")), review_schema())
    assert review_json(made, "1.0") == review_json(made, "1.0")
    assert made.commits[0].sites == 2
    assert made.commits[0].matched == 2


def test_json_is_ascii() -> None:
    assert review_json(review(finding(Severity.ERROR, "caf\xe9")), "1.0").isascii()
