"""Edits are byte ranges: they never overlap, and what they do not name survives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.source.edits import Edit, OverlapError, Span, apply_edits, column_of, line_of, origin


@st.composite
def texts_with_edits(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    text = draw(st.binary(max_size=60)).decode("latin-1")
    marks = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    spans = [Span(a, b) for a, b in zip(marks[::2], marks[1::2], strict=False)]
    return text, [Edit(span, draw(st.text("ab\n", max_size=4))) for span in spans]


@given(texts_with_edits())
def test_bytes_outside_edits_survive_in_any_order(case: tuple[str, list[Edit]]) -> None:
    text, edits = case
    expected, done = "", 0
    for edit in edits:
        expected += text[done : edit.span.start] + edit.text
        done = edit.span.end
    expected += text[done:]
    assert apply_edits(text, edits) == expected
    assert apply_edits(text, reversed(edits)) == expected


def test_equal_edits_count_once() -> None:
    edit = Edit(Span(0, 1), "x")
    assert apply_edits("abc", [edit, edit]) == "xbc"


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param([Edit(Span(0, 2), "x"), Edit(Span(1, 3), "y")], id="crossing"),
        pytest.param([Edit(Span(0, 3), "x"), Edit(Span(1, 2), "y")], id="nested"),
        pytest.param([Edit(Span(1, 1), "x"), Edit(Span(1, 1), "y")], id="two insertions"),
        pytest.param([Edit(Span(0, 2), "x"), Edit(Span(1, 1), "y")], id="insertion inside"),
        pytest.param([Edit(Span(2, 9), "x")], id="past the end"),
    ],
)
def test_conflicts_raise(edits: list[Edit]) -> None:
    with pytest.raises(OverlapError):
        apply_edits("abc", edits)


def test_lines_and_columns_are_one_based() -> None:
    text = "a\n\tb\n"
    assert (line_of(text, 3), column_of(text, 3)) == (2, 2)
    assert (line_of(text, 0), column_of(text, 0)) == (1, 1)


@given(texts_with_edits())
def test_origins_of_bytes_that_no_edit_wrote_hold_the_same_byte(
    case: tuple[str, list[Edit]],
) -> None:
    text, edits = case
    marked = [Edit(edit.span, "\0" * len(edit.text)) for edit in edits]
    source = text.replace("\0", "z")
    after = apply_edits(source, marked)
    kept = [offset for offset in range(len(after)) if after[offset] != "\0"]
    assert [source[origin(marked, offset)] for offset in kept] == [after[i] for i in kept]
    places = [origin(marked, offset) for offset in range(len(after) + 1)]
    assert places == sorted(places)


def test_what_an_edit_wrote_comes_from_the_start_of_what_it_replaced() -> None:
    edits = [Edit(Span(1, 3), "XYZW"), Edit(Span(5, 5), "+")]
    assert apply_edits("abcdef", edits) == "aXYZWde+f"
    assert [origin(edits, at) for at in range(10)] == [0, 1, 1, 1, 1, 3, 4, 5, 5, 6]
