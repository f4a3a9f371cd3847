"""What is asked of answers about hazards: a report that lacks something does not pass."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.realkernel.checks import Check
from scripts.realkernel.hazards import (
    answers_check,
    dangers_check,
    excused_check,
    refusals_check,
    series_check,
    worker_check,
)
from scripts.realkernel.subject import Hazards
from tests.support import run

Document = dict[str, Any]
SOURCE = "void w(void)\n{\n\tp = take();\n}\nINIT_WORK(w);\nint r(void)\n{\n\twait_event(w);\n}\n"
KNOWN = Hazards(workers=("w",), excused=("f",))


def side(call: str, line: int, function: str, root: int, detail: str) -> Document:
    place = {"file": "fs/a.c", "line": root, "kind": "k", "detail": detail}
    chain = [{"function": function, "file": "fs/a.c", "line": line}]
    return {"name": "w", "call": call, "root": place, "chain": chain}


def site(name: str, answer: str | None, excused: str | None = None) -> Document:
    missing = [] if answer else [{"file": "fs/a.c", "line": 3, "text": "whether"}]
    hazards = [{"excused": excused}] if answer in ("b", "c") else []
    place = {"file": "fs/a.c", "line": 3, "function": name}
    return {"id": name, "class": answer, "missing": missing, "hazards": hazards, **place}


@pytest.fixture
def report() -> Document:
    hazard = {
        "hold": side("INIT_WORK", 3, "w", 5, "INIT_WORK"),
        "wait": side("wait_event", 8, "r", 6, "shrinker"),
    }
    anchor = {"kind": "worker", "function": "w"}
    sites = [site("f", "b", "fact"), site("g", "c"), site("h", "c"), site("i", None)]
    return {
        "summary": {"sites": 4, "by_class": {"a": 0, "b": 1, "c": 2, "e": 0}, "refused": 1},
        "sites": sites,
        "scopes": [{"anchor": anchor, "hazards": [hazard], "sites": ["g"]}],
        "unplaced": [{"site": "h", "reason": "fs/a.c:7: no scope fits"}],
        "facts": [{"id": "fact", "source": "somebody", "statement": "they never  meet"}],
    }


MAILS = (
    "Subject: [PATCH 1/2] x: place w() under\n NOFS allocation context\n",
    "Subject: [PATCH 2/2] x: use __GFP_NOLOCKDEP instead of GFP_NOFS\n\nthey never\nmeet\n",
)


def checks(report: Document, tree: Path, mails: tuple[str, ...] = MAILS) -> list[Check]:
    (tree / "fs").mkdir()
    (tree / "fs/a.c").write_text(SOURCE)
    return [
        answers_check(report),
        refusals_check(report),
        dangers_check(report),
        worker_check(report, tree, "w"),
        excused_check(report, KNOWN.excused),
        series_check(report, mails, KNOWN),
    ]


def test_a_report_that_says_everything_holds(report: Document, tmp_path: Path) -> None:
    assert [c.statement for c in checks(report, tmp_path) if not c.holds] == []


def without_site(report: Document) -> None:
    report["sites"].pop()


def counted_wrong(report: Document) -> None:
    report["summary"]["sites"] = 5


def named_twice(report: Document) -> None:
    report["sites"][2]["id"] = "g"


def no_fact(report: Document) -> None:
    report["sites"][3]["missing"] = []


def no_place(report: Document) -> None:
    report["sites"][3]["missing"][0]["line"] = 0


def no_reason(report: Document) -> None:
    report["unplaced"][0]["reason"] = "no scope fits"


def no_witness(report: Document) -> None:
    report["sites"][1]["hazards"] = []


def other_anchor(report: Document) -> None:
    report["scopes"][0]["anchor"]["kind"] = "phase"


def other_line(report: Document) -> None:
    report["scopes"][0]["hazards"][0]["wait"]["chain"][0]["line"] = 9


def other_worker(report: Document) -> None:
    report["scopes"][0]["hazards"][0]["hold"]["name"] = "v"


def no_source(report: Document) -> None:
    report["facts"] = []


def other_function(report: Document) -> None:
    report["sites"][0]["function"] = "ff"


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        pytest.param(without_site, {0}, id="a-site-is-missing"),
        pytest.param(counted_wrong, {0}, id="the-sum-is-wrong"),
        pytest.param(named_twice, {0}, id="one-site-twice"),
        pytest.param(no_fact, {1}, id="refused-without-a-fact"),
        pytest.param(no_place, {1}, id="a-fact-without-a-place"),
        pytest.param(no_reason, {2}, id="no-scope-and-no-place"),
        pytest.param(no_witness, {2}, id="a-hazard-without-witnesses"),
        pytest.param(other_anchor, {3}, id="no-scope-in-the-worker"),
        pytest.param(other_line, {3}, id="a-witness-that-the-source-does-not-show"),
        pytest.param(other_worker, {3}, id="the-other-side-is-of-something-else"),
        pytest.param(no_source, {4}, id="excused-by-nobody"),
        pytest.param(other_function, {4}, id="a-known-one-is-missing"),
    ],
)
def test_what_is_missing_is_noticed(
    report: Document, tmp_path: Path, change: Callable[[Document], None], failing: set[int]
) -> None:
    changed = copy.deepcopy(report)
    change(changed)
    found = checks(changed, tmp_path)
    assert {number for number, check in enumerate(found) if not check.holds} == failing


@pytest.mark.parametrize(
    "mails",
    [
        pytest.param(MAILS[1:], id="no-scope"),
        pytest.param((MAILS[0], MAILS[1].replace("meet", "see each other")), id="no-quotation"),
    ],
)
def test_a_series_that_lacks_something_is_noticed(
    report: Document, tmp_path: Path, mails: tuple[str, ...]
) -> None:
    found = checks(report, tmp_path, mails)
    assert [check.holds for check in found] == [True] * 5 + [False]


QUOTA = "fs/quota"
# Upstream placed scopes where these functions take the semaphore (6c5026c1ef5b, in 6.9).
TAKERS = {
    "v2_read_file_info",
    "v2_read_dquot",
    "v2_write_dquot",
    "v2_release_dquot",
    "v2_get_next_id",
}


@pytest.mark.real
def test_quota_gets_its_scopes_where_upstream_put_them(
    kernel_tree: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("inventory", kernel_tree, QUOTA, "--hazards", "--format", "json", "-o", "hazards.json")
    assert run(capsys, *words).code in (0, 1)
    report = json.loads(Path("hazards.json").read_text())
    for check in (answers_check(report), refusals_check(report), dangers_check(report)):
        assert check.holds, check
    assert {scope["anchor"]["function"] for scope in report["scopes"]} == TAKERS
    for scope in report["scopes"]:
        lines = (kernel_tree / scope["anchor"]["file"]).read_text().split("\n")
        assert scope["anchor"]["opens"]
        for line in (*scope["anchor"]["opens"], *scope["anchor"]["closes"]):
            assert re.search(r"\b(?:up|down)_(?:read|write)\(&.*dqio_sem\)", lines[line - 1]), line


@pytest.mark.real
def test_the_series_of_quota_opens_scopes_right_behind_the_lock(
    kernel_tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("series", kernel_tree, QUOTA, "--recipe", "scoped", "-o", tmp_path / "series")
    assert run(capsys, *words, "--no-maintainers").code in (0, 1)
    placed = [p.read_text() for p in sorted((tmp_path / "series").glob("*-place-*.patch"))]
    assert placed
    for mail in placed:
        lines = mail.split("\n@@ ", 1)[1].split("\n")
        code = [line for line in lines if "/*" not in line and line.strip() != "}"]
        opened = [number for number, line in enumerate(code) if "= memalloc_nofs_save()" in line]
        assert opened
        for number in opened:
            assert re.match(r" \t+down_(?:read|write)\(&.*dqio_sem\);", code[number - 1]), mail
