"""Edits in turn are one set of edits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from convert.rules.hazards.composing import composed
from convert.source.edits import Edit, Span, apply_edits, origin


@st.composite
def stages(draw: st.DrawFn) -> tuple[str, list[list[Edit]], str]:
    """A text, up to four sets of edits in turn, and what they make of it."""
    first = text = draw(st.text("abc\n", max_size=12))
    made: list[list[Edit]] = []
    for _ in range(draw(st.integers(0, 4))):
        cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
        edits = [
            Edit(Span(start, end), draw(st.text("XYZ", max_size=3)))
            for start, end in zip(cuts[::2], cuts[1::2], strict=False)
        ]
        edits += [Edit(Span(cut, cut), "+") for cut in cuts[len(cuts) // 2 * 2 :]]
        made.append(edits)
        text = apply_edits(text, edits)
    return first, made, text


@given(stages())
def test_one_set_does_what_the_stages_do(given: tuple[str, list[list[Edit]], str]) -> None:
    first, made, last = given
    assert apply_edits(first, composed(len(first), made)) == last


def test_lines_that_were_added_around_a_line_leave_it_where_it_was() -> None:
    text = "a\nb\nc\n"
    made = [[Edit(Span(2, 2), "x\n"), Edit(Span(4, 4), "y\n")], [Edit(Span(2, 2), "z\n")]]
    edits = composed(len(text), made)
    after = apply_edits(text, edits)
    assert after == "a\nz\nx\nb\ny\nc\n"
    assert origin(edits, after.index("b")) == text.index("b")
