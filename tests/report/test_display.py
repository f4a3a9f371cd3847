"""What a file holds is shown readably, and can neither drive a terminal nor break an encoding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.report.display import count, encodable, source_text, visible


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        pytest.param("Müller".encode(), "Müller", id="UTF-8"),
        pytest.param("Müller".encode("latin-1"), "Müller", id="latin-1"),
        pytest.param(b"\xff\xfe", "ÿþ", id="neither"),
        pytest.param(b"plain", "plain", id="ASCII"),
    ],
)
def test_bytes_are_decoded_as_what_they_are(data: bytes, shown: str) -> None:
    assert source_text(data.decode("latin-1")) == shown


def test_text_of_our_own_is_left_alone() -> None:
    assert source_text("… é → “x”") == "… é → “x”"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("a\r\n", "a^M\n", id="CRLF"),
        pytest.param("\x1b[31mred", "^[[31mred", id="escape sequence"),
        pytest.param("\x07\x7f", "^G^?", id="bell and delete"),
        pytest.param("\x85\x9b", "\\x85\\x9b", id="C1"),
        pytest.param("\ta\n", "\ta\n", id="tab and newline stay"),
        pytest.param("a\u202eb", "a\\u202eb", id="text direction"),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_surrogate_of_a_path_is_escaped() -> None:
    assert encodable("fs/\udcff.c") == "fs/\\udcff.c"


@given(st.binary())
def test_any_bytes_can_be_printed_as_utf8(data: bytes) -> None:
    text = visible(data.decode("latin-1"))
    text.encode("utf-8")
    assert all(char in "\t\n" or char.isprintable() or char == "\xad" or ord(char) > 0xA0
               or char == "\xa0" for char in text)  # fmt: skip


@given(st.text())
def test_any_text_can_be_encoded(text: str) -> None:
    encodable(text).encode("utf-8")


@pytest.mark.parametrize(("number", "words"), [(0, "0 sites"), (1, "1 site"), (2, "2 sites")])
def test_count(number: int, words: str) -> None:
    assert count(number, "site") == words
