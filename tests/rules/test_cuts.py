"""Lines leave a file without leaving holes behind."""

from __future__ import annotations

import pytest

from convert.rules.cuts import comment_above, cut_lines, remove_word
from convert.rules.removal import is_heading
from convert.source.edits import Span, apply_edits
from convert.source.text import read_source


def span_of(text: str, part: str) -> Span:
    at = text.index(part)
    return Span(at, at + len(part))


@pytest.mark.parametrize(
    ("before", "parts", "after"),
    [
        pytest.param("a;\nb;\nc;\n", ["b;"], "a;\nc;\n", id="a line"),
        pytest.param("a;\n\nb;\n\nc;\n", ["b;"], "a;\n\nc;\n", id="one blank line stays"),
        pytest.param("b;\n\nc;\n", ["b;"], "c;\n", id="at the start"),
        pytest.param("a;\n\nb;\n", ["b;"], "a;\n\n", id="at the end"),
        pytest.param("a;\nb;\n\nc;\n", ["b;"], "a;\n\nc;\n", id="blank line only behind"),
        pytest.param(
            "a;\n\nb;\n\nc;\n\nd;\n", ["b;", "c;"], "a;\n\nd;\n", id="neighbours go together"
        ),
        pytest.param("a;\r\n\r\nb;\r\n\r\nc;\r\n", ["b;"], "a;\r\n\r\nc;\r\n", id="CRLF"),
        pytest.param("a;\nb;", ["b;"], "a;\n", id="no final newline"),
    ],
)
def test_cut_lines(before: str, parts: list[str], after: str) -> None:
    spans = [span_of(before, part) for part in parts]
    assert apply_edits(before, cut_lines(before, spans)) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("y += a.o \\\n\tb.o \\\n\tx.o\n", "y += a.o \\\n\tb.o\n", id="last"),
        pytest.param("y += a.o \\\n\tx.o \\\n\tb.o\n", "y += a.o \\\n\tb.o\n", id="middle"),
        pytest.param("y += x.o \\\n\ta.o\n", "y += a.o\n", id="first, others in the next line"),
        pytest.param("y += x.o a.o\n", "y += a.o\n", id="first of a line"),
        pytest.param("y += a.o x.o b.o\n", "y += a.o b.o\n", id="inside a line"),
        pytest.param("y += a.o x.o\n", "y += a.o\n", id="end of a line"),
        pytest.param("y += a.o \\\n\tx.o b.o\n", "y += a.o \\\n\tb.o\n", id="starts a line"),
        pytest.param("y += a.o \\\n\tx.o", "y += a.o", id="no final newline"),
        pytest.param("y += a.o \\\r\n\tx.o\r\n", "y += a.o\r\n", id="CRLF"),
    ],
)
def test_remove_word(before: str, after: str) -> None:
    edit = remove_word(before, span_of(before, "x.o"))
    assert apply_edits(before, [edit]) == after


@pytest.mark.parametrize(
    ("comment", "heading"),
    [
        pytest.param("/*\n * Zone interfaces\n */", True, id="heading"),
        pytest.param("/* Frees it. */", False, id="sentence"),
        pytest.param("/* Gives back the page behind an address */", False, id="description"),
        pytest.param("/**\n * name - what\n */", False, id="kernel-doc"),
    ],
)
def test_is_heading(comment: str, heading: bool) -> None:
    assert is_heading(comment) is heading


def test_comment_above() -> None:
    text = "int a; /* of a */\nint b;\n\n/* far */\n\nint c;\n/* of d */\nint d;\n"
    source = read_source("a.h", text.encode())
    assert comment_above(source, text.index("int b")) is None
    assert comment_above(source, text.index("int c")) is None
    assert comment_above(source, text.index("int a")) is None
    assert comment_above(source, text.index("int d")) == span_of(text, "/* of d */")
