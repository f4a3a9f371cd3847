from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.series.text import (
    WIDEST,
    WIDTH,
    functions,
    listed,
    mask_table,
    one_line,
    reflow,
    table,
)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        pytest.param("one\ntwo\n", "one two\n", id="paragraph"),
        pytest.param("\n\none\n\n\n\ntwo\n\n", "one\n\ntwo\n", id="blank lines"),
        pytest.param("- a\n- b\n  c\n", "- a\n- b c\n", id="list"),
        pytest.param("head:\n\n  a   b\n  c\n", "head:\n\n  a   b\n  c\n", id="table kept"),
        pytest.param("a  \n  b\n", "a b\n", id="trailing blanks"),
        pytest.param("  a  \n", "  a\n", id="trailing blanks of a table"),
        pytest.param("- " + "x " * 40, f"- {'x ' * 34}x\n  x x x x x\n", id="hanging by two"),
        pytest.param("a" * 90, "a" * 90 + "\n", id="a long word stays whole"),
        pytest.param("x " * 34 + "no-break", "x " * 33 + "x\nno-break\n", id="hyphens do not part"),
    ],
)
def test_reflow(text: str, filled: str) -> None:
    assert reflow(text) == filled


_WORDS = st.text(alphabet="abc_()-,.|&", min_size=1, max_size=20).filter(
    lambda word: not word.startswith("-")
)


@given(st.lists(st.lists(_WORDS, min_size=1, max_size=40), min_size=1, max_size=5))
def test_reflow_keeps_every_word_and_fits(paragraphs: list[list[str]]) -> None:
    filled = reflow("\n\n".join("\n".join(words) for words in paragraphs))
    assert [block.split() for block in filled.split("\n\n")] == paragraphs
    assert max(map(len, filled.split("\n"))) <= WIDTH
    assert reflow(filled) == filled


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param([], "", id="none"),
        pytest.param(["a"], "a", id="one"),
        pytest.param(["a", "b"], "a and b", id="two"),
        pytest.param(["a", "b", "c"], "a, b and c", id="three"),
    ],
)
def test_listed(words: list[str], sentence: str) -> None:
    assert listed(words) == sentence


def test_functions_and_one_line() -> None:
    assert functions(("kmalloc", "kzalloc")) == "kmalloc() and kzalloc()"
    assert one_line(" a\n\t b ") == "a b"


def test_mask_table_sorts_and_breaks_wide_rows() -> None:
    wide = "KM_NOFS | KM_MAYFAIL | KM_NOLOCKDEP | KM_ZERO"
    after = "GFP_NOFS | __GFP_RETRY_MAYFAIL | __GFP_NOLOCKDEP"
    rows = [("KM_NOFS", "GFP_NOFS", 9), ("0", "GFP_KERNEL", 30), (wide, after, 1)]
    assert mask_table(rows).split("\n") == [
        "  30  0       -> GFP_KERNEL",
        "   9  KM_NOFS -> GFP_NOFS",
        f"   1  {wide}",
        f"      -> {after}",
    ]
    assert mask_table(()) == ""


_NAMES = st.text(alphabet="AB_| ", min_size=1, max_size=60).map(str.strip).filter(bool)


@given(st.lists(st.tuples(_NAMES, _NAMES, st.integers(1, 9999)), max_size=8))
def test_mask_tables_fit_and_hold_every_row(rows: list[tuple[str, str, int]]) -> None:
    text = mask_table(rows)
    assert all(len(line) <= WIDEST for line in text.split("\n"))
    assert all(before in text and after in text for before, after, _ in rows)


def test_table_aligns() -> None:
    assert table([("sites", "found"), ("alloc", 7), ("x", 1000)]).split("\n") == [
        "  sites  found",
        "  alloc      7",
        "  x       1000",
    ]
