"""Lexing loses nothing and knows code from what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.source.text import BrokenSource, read_source
from convert.source.tokens import Kind, Tokens, lex, lex_body

_PIECES = st.sampled_from(
    ["/*", "*/", "//", '"', "'", "\\", "\n", "\r\n", "#", "##", "#if 0", "#define x", " ", "\t",
     "\f", "a", "L", "u8", "0x1e+", ".5", "...", ".", "->", "<<=", "(", "}", ";", "\xff", "\0"]
)  # fmt: skip


def joined(tokens: Tokens) -> str:
    return "".join(tokens.text(index) for index in range(len(tokens)))


@given(st.lists(_PIECES, max_size=30).map("".join))
def test_tokens_joined_are_the_text(text: str) -> None:
    assert joined(lex(text)) == text
    assert joined(lex_body(text)) == text


@given(st.binary(max_size=200))
def test_any_bytes_survive(data: bytes) -> None:
    assert joined(lex(data.decode("latin-1"))).encode("latin-1") == data


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("/* a\n b */", Kind.COMMENT, id="block comment"),
        pytest.param("// a \\\n b", Kind.COMMENT, id="line comment goes on after a backslash"),
        pytest.param("#define a \\\n\tb", Kind.DIRECTIVE, id="directive goes on"),
        pytest.param("#define a \\\r\n\tb", Kind.DIRECTIVE, id="directive goes on, CRLF"),
        pytest.param("#define a /* x\n y */ b", Kind.DIRECTIVE, id="comment in a directive"),
        pytest.param("#error don't", Kind.DIRECTIVE, id="lone quote in a directive"),
        pytest.param('#include "a/*b"', Kind.DIRECTIVE, id="comment sign in a file name"),
        pytest.param('"a\\"b"', Kind.STRING, id="escaped quote"),
        pytest.param('"a\\\nb"', Kind.STRING, id="string goes on"),
        pytest.param('"/*"', Kind.STRING, id="comment sign in a string"),
        pytest.param('L"a"', Kind.STRING, id="wide string"),
        pytest.param("L'\\''", Kind.CHARACTER, id="wide character"),
        pytest.param(".5e-3f", Kind.NUMBER, id="float"),
        pytest.param("0xffUL", Kind.NUMBER, id="hex"),
        pytest.param(" \\\n\t\f\r\n", Kind.SPACE, id="white space with line splices"),
        pytest.param("...", Kind.PUNCTUATOR, id="ellipsis"),
        pytest.param("\xe9", Kind.OTHER, id="byte over 127"),
    ],
)
def test_one_token(text: str, kind: Kind) -> None:
    tokens = lex(text)
    assert [tokens.kind(index) for index in range(len(tokens))] == [kind]


def test_hash_inside_a_line_is_no_directive() -> None:
    tokens = lex("a # b\n /* c */ #if X\n")
    assert [span.of(tokens.source) for span in tokens.directives()] == ["#if X"]
    assert [tokens.text(index) for index in tokens.identifiers()] == ["a", "b"]


def test_identifiers_are_those_of_code() -> None:
    tokens = lex('#define A B\nint c = "d"; /* e */ // f\n')
    assert [tokens.text(index) for index in tokens.identifiers()] == ["int", "c"]
    assert [span.of(tokens.source) for span in tokens.strings()] == ['"d"']
    assert [span.of(tokens.source) for span in tokens.comments()] == ["/* e */", "// f"]


def test_index_at_finds_the_token_of_each_byte() -> None:
    tokens = lex("ab +c")
    assert [tokens.text(tokens.index_at(offset)) for offset in range(5)] == [
        "ab", "ab", " ", "+", "c",
    ]  # fmt: skip
    with pytest.raises(IndexError):
        tokens.index_at(5)


def test_lines_and_columns() -> None:
    source = read_source("a.c", b"a\n\tb\r\nc")
    assert [(source.line(at), source.column(at)) for at in (0, 3, 6)] == [(1, 1), (2, 2), (3, 1)]


@pytest.mark.parametrize(
    ("data", "line", "construct"),
    [
        pytest.param(b"a\n/* b\nc", 2, "comment without an end", id="comment"),
        pytest.param(b"a\n#define x /* b\nc", 2, "comment without an end", id="in a directive"),
        pytest.param(b"a /*/", 1, "comment without an end", id="slash star slash"),
        pytest.param(b'a\n"b\n"', 2, "string literal without an end", id="string"),
        pytest.param(b"don't", 1, "character literal without an end", id="character"),
        pytest.param(b"a\0b", 1, "binary file (NUL byte)", id="binary"),
        pytest.param(b"#if 0\n#else\n'\n#endif", 3, "character literal without an end", id="else"),
    ],
)
def test_broken_files_are_refused_with_their_line(data: bytes, line: int, construct: str) -> None:
    with pytest.raises(BrokenSource) as caught:
        read_source("fs/a.c", data)
    assert (caught.value.path, caught.value.line) == ("fs/a.c", line)
    assert caught.value.construct == construct
    assert str(caught.value) == f"fs/a.c:{line}: {construct}"


def test_quotes_under_if_zero_are_not_read() -> None:
    source = read_source("a.c", b"#if 0\ndon't\n#endif\nint a;\n")
    assert source.text.endswith("int a;\n")
