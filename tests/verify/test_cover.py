"""What was verified takes its place in a letter, and the rest of the letter stays."""

from __future__ import annotations

import json
from email import message_from_bytes
from pathlib import Path

import jsonschema
import pytest

from convert.errors import InputError
from convert.series.mail import decoded_body
from convert.verify.checks_model import (
    CheckFinding,
    CheckResult,
    CommitTitle,
    Failed,
    NotRun,
    Passed,
    ToolVersion,
    VerifyResult,
)
from convert.verify.cover import BEGIN, END, update_cover, verification_block, with_block
from convert.verify.report import conclusion, ranges, reasons, verify_json, verify_schema
from convert.verify.run import CHECKS

BLOCK = f"{BEGIN}\n\nnew\n\n{END}\n"


def result(*results: CheckResult, commits: int = 2) -> VerifyResult:
    titles = tuple(CommitTitle(n, f"000{n}-a.patch", f"s{n}") for n in range(1, commits + 1))
    tools = (ToolVersion("gcc", "(Debian 1.2) 1.2"), ToolVersion("sparse", "0.6.4"))
    return VerifyResult("dir", "tree", None, None, titles, CHECKS, results, tools)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            f"Dear\n\n{BEGIN}\n\nold\n\n{END}\n\nA (1):\n  s\n",
            f"Dear\n\n{BLOCK}\nA (1):\n  s\n",
            id="in-place-of-an-old-one",
        ),
        pytest.param(
            "Dear\n\nA B (12):\n  s\n\n--\n",
            f"Dear\n\n{BLOCK}\nA B (12):\n  s\n\n--\n",
            id="before-the-shortlog",
        ),
        pytest.param(
            "Dear\n\n-- \n2.39\n", f"Dear\n\n{BLOCK}\n-- \n2.39\n", id="before-the-signature"
        ),
        pytest.param("Dear\n", f"Dear\n\n{BLOCK}", id="at-the-end"),
        pytest.param(
            f"Dear\n\n{BEGIN}\n\nno end\n\nA (1):\n  s\n",
            f"Dear\n\n{BEGIN}\n\nno end\n\n{BLOCK}\nA (1):\n  s\n",
            id="a-beginning-without-an-end-is-text",
        ),
        pytest.param(
            "Text (2):\nof a person\n\nA (1):\n  s\n",
            f"Text (2):\nof a person\n\n{BLOCK}\nA (1):\n  s\n",
            id="what-looks-like-a-shortlog",
        ),
    ],
)
def test_the_block_goes_where_it_belongs(text: str, expected: str) -> None:
    assert with_block(text, BLOCK) == expected
    assert with_block(expected, BLOCK) == expected


def test_the_block_says_what_was_found_and_what_was_not_run() -> None:
    found = (CheckFinding("fs/a.c", 3, "error: no ‘;’", "full"),)
    block = verification_block(
        result(
            Passed("applies", 1, 0.1),
            Passed("applies", 2, 0.1),
            Failed("build", 2, found),
            NotRun("W=1", 2, "the commit does not compile"),
            NotRun("sparse", None, "sparse is missing (Debian package: sparse)", "sparse"),
        )
    )
    assert block.isascii()
    assert max(map(len, block.split("\n"))) <= 75
    words = " ".join(block.split())
    assert "build of patch 2: fs/a.c:3: error: no \\u2018;\\u2019 [full]" in words
    assert "W=1 of patches 2: not run, the commit does not compile" in words
    assert "(Debian package: sparse)" in words
    assert "With gcc (Debian 1.2) 1.2, sparse 0.6.4." in words
    rows = [line.split() for line in block.split("\n") if line.startswith(("  1 ", "  2 "))]
    assert rows == [["1", "ok", *"------"], ["2", "ok", "FAIL", *"-----"]]


def test_a_long_list_of_findings_is_shortened() -> None:
    found = tuple(CheckFinding("fs/a.c", n, "odd") for n in range(100))
    block = verification_block(result(Failed("build", 1, found[:20]), Failed("build", 2, found)))
    assert block.count(": odd") == 30
    assert "90 further lines" in block


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"Subject: [PATCH 0/2] s", id="no-encoding"),
        pytest.param(
            b"Subject: s\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
            b"Content-Transfer-Encoding: quoted-printable",
            id="quoted-printable",
        ),
    ],
)
def test_the_letter_is_rewritten_whatever_its_encoding(head: bytes, tmp_path: Path) -> None:
    quoted = b"quoted-printable" in head
    text = "Grüße, 1=3D1\n" if quoted else "Greetings, 1=3D1\n"
    body = text.replace("ü", "=C3=BC").replace("ß", "=C3=9F").encode()
    cover = tmp_path / "0000-cover-letter.patch"
    cover.write_bytes(head + b"\n\n" + body)
    update_cover(tmp_path, result(Passed("applies", 1, 0.1)))
    mail = cover.read_bytes()
    seen = decoded_body(mail).decode()
    assert seen.startswith("Grüße, 1=1\n" if quoted else "Greetings, 1=3D1\n")
    assert BEGIN in seen
    assert message_from_bytes(mail)["Subject"] == ("s" if quoted else "[PATCH 0/2] s")
    assert sorted(path.name for path in tmp_path.iterdir()) == [cover.name]


@pytest.mark.parametrize(
    "content", [pytest.param(None, id="absent"), pytest.param(b"no head", id="no-mail")]
)
def test_what_is_no_letter_is_left_alone(content: bytes | None, tmp_path: Path) -> None:
    cover = tmp_path / "0000-cover-letter.patch"
    if content is not None:
        cover.write_bytes(content)
    with pytest.raises(InputError, match="0000-cover-letter"):
        update_cover(tmp_path, result())
    assert not cover.exists() or cover.read_bytes() == content


@pytest.mark.parametrize(
    ("results", "code", "said"),
    [
        pytest.param([Passed("build", 1, 0.0)], 0, "no fault", id="all-well"),
        pytest.param([NotRun("boot", None, "r", asked=False)], 0, "not asked", id="not-asked"),
        pytest.param([NotRun("build", 1, "r")], 1, "1 check could not be run", id="tool-missing"),
        pytest.param(
            [Failed("build", 2, (CheckFinding("", None, "t"),))],
            1,
            "1 check failed; patches at fault: 2",
            id="failed",
        ),
    ],
)
def test_the_exit_code_and_the_conclusion(results: list[CheckResult], code: int, said: str) -> None:
    verified = result(*results)
    assert verified.exit_code == code
    assert said in conclusion(verified)
    document = json.loads(verify_json(verified, "1"))
    jsonschema.validate(document, verify_schema())
    assert document["summary"]["holds"] is (code == 0)


@pytest.mark.parametrize(
    "results",
    [
        pytest.param([Failed("build", 1, ())], id="a-failure-without-a-finding"),
        pytest.param([NotRun("build", 1, "")], id="not-run-without-a-reason"),
        pytest.param([Passed("build", -1, 0.0)], id="no-such-commit"),
    ],
)
def test_the_schema_refuses_what_says_nothing(results: list[CheckResult]) -> None:
    document = json.loads(verify_json(result(*results), "1"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, verify_schema())


@pytest.mark.parametrize(
    ("numbers", "total", "text"),
    [
        pytest.param([], 3, "", id="none"),
        pytest.param([1, 2, 3], 3, "", id="all"),
        pytest.param([3, 1, 2, 5], 9, "1-3, 5", id="some"),
        pytest.param([2], 9, "2", id="one"),
    ],
)
def test_numbers_of_patches_are_shortened(numbers: list[int], total: int, text: str) -> None:
    assert ranges(numbers, total) == text


def test_reasons_of_the_same_words_are_said_once() -> None:
    same = [NotRun(check, n, "why") for n in (1, 2) for check in ("build", "sparse")]
    (reason,) = reasons(result(*same))
    assert (reason.checks, reason.patches) == (("build", "sparse"), "")
