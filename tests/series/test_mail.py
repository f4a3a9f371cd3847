from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import InternalCheckError
from convert.series.mail import decoded_body, transportable, with_cover, with_fixed_ids
from convert.series.model import CoverLetter

HEAD = b"From 0123 Mon Sep 17 00:00:00 2001\nFrom: A <a@b.c>\nSubject: [PATCH] a"
ENCODED = HEAD + (
    b"\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8"
    b"\nContent-Transfer-Encoding: quoted-printable\n\n"
)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"+a\n", id="plain"),
        pytest.param("+ä\n".encode(), id="UTF-8"),
        pytest.param(b"+a \t \n\x0c\n", id="blanks and a form feed"),
        pytest.param(b"+" + b"a" * 997 + b"\n", id="longest line"),
    ],
)
def test_what_git_am_keeps_is_left_alone(body: bytes) -> None:
    assert transportable(HEAD + b"\n\n" + body) == HEAD + b"\n\n" + body


@pytest.mark.parametrize(
    ("body", "encoded"),
    [
        pytest.param(b"+a\r\n", b"+a=0D\n", id="CR LF"),
        pytest.param(b"+a\rb\n", b"+a=0Db\n", id="CR inside"),
        pytest.param(b"+\xe9\n", b"+=E9\n", id="latin-1"),
        pytest.param(b"+\0\n", b"+=00\n", id="NUL"),
        pytest.param(b"+\r\n-- \n2.39\n", b"+=0D\n--=20\n2.39\n", id="blank at the end"),
        pytest.param(b"\r\nFrom a\n", b"=0D\n=46rom a\n", id="start of another mail"),
        pytest.param(b"+a=b\r\n", b"+a=3Db=0D\n", id="equals sign"),
    ],
)
def test_what_git_am_would_change_is_encoded(body: bytes, encoded: bytes) -> None:
    assert transportable(HEAD + b"\n\n" + body) == ENCODED + encoded


def test_long_lines_are_folded() -> None:
    mail = transportable(HEAD + b"\n\n+" + b"a" * 998 + b"\n")
    assert max(map(len, mail.split(b"\n"))) <= 80
    assert decoded_body(mail) == b"+" + b"a" * 998 + b"\n"


def test_a_declared_encoding_is_replaced() -> None:
    head = HEAD + b"\nMIME-Version: 1.0\nContent-Transfer-Encoding: 8bit"
    mail = transportable(head + b"\n\n\r\n")
    assert mail.count(b"Content-Transfer-Encoding") == 1
    assert decoded_body(mail) == b"\r\n"


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"From x", b"-- ", b"a\r", b"=\r"])))
def test_any_body_comes_through(lines: list[bytes]) -> None:
    body = b"\n".join(lines) + b"\n"
    mail = transportable(HEAD + b"\n\n" + body)
    assert decoded_body(mail) == body
    head, _, sent = mail.partition(b"\n\n")
    if b"quoted-printable" in head:
        assert sent.isascii() and b"\r" not in sent and b"\0" not in sent


def test_message_ids_do_not_follow_the_clock() -> None:
    mail = (
        b"From 1 Mon Sep\nMessage-Id: <aa.1795.git.a@b.c>\nIn-Reply-To: <cover.1795.git.a@b.c>\n"
        b"References: <cover.1795.git.a@b.c>\nSubject: x\n\nMessage-Id: <aa.1795.git.a@b.c>\n"
    )
    assert with_fixed_ids(mail, "17") == (
        b"From 1 Mon Sep\nMessage-Id: <aa.17.git.a@b.c>\nIn-Reply-To: <cover.17.git.a@b.c>\n"
        b"References: <cover.17.git.a@b.c>\nSubject: x\n\nMessage-Id: <aa.1795.git.a@b.c>\n"
    )


COVER = b"From: A\nSubject: [PATCH 0/2] *** SUBJECT HERE ***\n\n*** BLURB HERE ***\n\nA (2):\n"


def test_cover_letter() -> None:
    assert with_cover(COVER, CoverLetter("xfs: a", "Text.\n\nMore.\n")) == (
        b"From: A\nSubject: [PATCH 0/2] xfs: a\n\nText.\n\nMore.\n\nA (2):\n"
    )


def test_cover_letter_beyond_ascii() -> None:
    mail = with_cover(COVER, CoverLetter("xfs: a", "\u00fc\n"))
    assert b"charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n\xc3\xbc\n\nA (2)" in mail


def test_cover_letter_without_placeholders() -> None:
    with pytest.raises(InternalCheckError, match="placeholders"):
        with_cover(b"From: A\n\ntext\n", CoverLetter("xfs: a", "b\n"))


def test_parts_are_refused() -> None:
    mail = b'Content-Type: multipart/mixed; boundary="x"\n\n--x\n\na\n--x--\n'
    with pytest.raises(InternalCheckError, match="more than one part"):
        decoded_body(mail)
