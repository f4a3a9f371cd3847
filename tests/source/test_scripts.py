"""The scripts that measure the reader, run on the mini kernel; each can fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from convert.source.edits import Span
from convert.source.parse import parse_file
from convert.source.text import read_source
from scripts import mutation, parse_rate, roundtrip
from tests.source.helpers import DIALECT, parse

TREE = str(Path(__file__).parents[2] / "corpus" / "minikernel")
TEXT = "int f(void)\n{\n\ta(b, (c));\n\treturn 1;\n}\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_the_mini_kernel_round_trips(capsys: pytest.CaptureFixture[str]) -> None:
    assert roundtrip.main([TREE, "fs", "mm"]) == 0
    assert "0 problems" in capsys.readouterr().out


def test_the_mini_kernel_parses(capsys: pytest.CaptureFixture[str]) -> None:
    assert parse_rate.main([TREE, "fs", "mm"]) == 0
    assert "100.00" in capsys.readouterr().out


def test_broken_functions_of_the_mini_kernel_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert mutation.main([TREE, "fs", "--functions", "40", "--seed", "3"]) == 0
    assert "deleted" in capsys.readouterr().out


@pytest.mark.parametrize("script", [roundtrip, parse_rate], ids=["roundtrip", "parse_rate"])
def test_scripts_explain_their_use(script: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert getattr(script, "main")([]) == 2  # noqa: B009
    assert "TREE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        pytest.param(1, 0, "before slot 0: 'b'", id="slot too late"),
        pytest.param(0, -1, "before slot 1: 'b,'", id="slot too short"),
        pytest.param(0, 1, "before slot 1: ''", id="slot too long"),
    ],
)
def test_wrong_slots_are_noticed(start: int, end: int, problem: str) -> None:
    (call,) = parse(TEXT).functions[0].variants[0].calls
    slot = call.slots[0]
    wrong = replace(slot, span=Span(slot.span.start + start, slot.span.end + end))
    assert roundtrip.call_problem(TEXT, call) == ""
    assert roundtrip.call_problem(TEXT, replace(call, slots=(wrong, call.slots[1]))) == problem


def test_wrong_statements_are_noticed() -> None:
    item = parse(TEXT).functions[0]
    outer, first, second = item.variants[0].statements
    assert roundtrip.statement_problem(TEXT, first, item) == ""
    short = replace(first, span=Span(first.span.start, first.span.end - 1))
    assert roundtrip.statement_problem(TEXT, short, item) == "ends in ')'"
    crossing = replace(first, span=Span(first.span.start, second.span.end - 2))
    assert roundtrip.nesting_problem([outer, first, second]) == ""
    assert "crosses" in roundtrip.nesting_problem([outer, crossing, second])


def test_checked_things_are_counted() -> None:
    counts: Counter[str] = Counter()
    parsed = parse_file(read_source("a.c", TEXT.encode()), DIALECT)
    assert roundtrip.check(parsed, counts) == []
    assert counts == Counter(variants=1, calls=1, statements=3)
