"""The survey of names that sound like locks: what it counts as a call, and as known."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.source.text import read_source
from scripts.lock_names import WORDS, Names, main, read, sounds


def names_of(text: str) -> Names:
    names = Names(set(), {})
    read(read_source("a.c", text.encode()), names)
    return names


def unknown(text: str, known: frozenset[str] = frozenset()) -> list[str]:
    return list(names_of(text).unknown(known, WORDS))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("void f(void) { odd_lock(x); }", ["odd_lock"], id="call"),
        pytest.param("#define M(x) odd_lock(x)\n", ["odd_lock"], id="call-in-a-macro"),
        pytest.param("void f(void) { if (odd_trylock(x)) g(); }", ["odd_trylock"], id="condition"),
        pytest.param("void odd_lock(int x) { }\nvoid f(void) { odd_lock(1); }", [], id="defined"),
        pytest.param("#define odd_lock(x) 0\nint f(void) { odd_lock(1); }", [], id="macro"),
        pytest.param("void f(void) { p->odd_lock(x); q.odd_lock(x); }", [], id="member"),
        pytest.param("void f(void) { /* odd_lock(x) */ g(); }", [], id="comment"),
        pytest.param("void f(void) { add_block(x); round_up(y); }", [], id="other-words"),
        pytest.param("void f(void) { mine_lock(x); }", [], id="known"),
        pytest.param(
            "#define FNS(n) void t_##n##_lock(void) { }\nvoid f(void) { t_a_lock(); }",
            [],
            id="put-together-by-a-macro",
        ),
        pytest.param(
            "#define FNS(n) void t_##n##_lock(void) { }\nvoid f(void) { u_a_lock(); }",
            ["u_a_lock"],
            id="not-put-together",
        ),
    ],
)
def test_names_that_are_called(text: str, found: list[str]) -> None:
    assert unknown(text, frozenset({"mine_lock"})) == found


def test_the_most_called_name_comes_first() -> None:
    names = names_of("void f(void)\n{\n\tb_lock();\n\ta_lock();\n\ta_lock();\n}\n")
    calls = names.unknown(frozenset(), WORDS)
    assert [(name, count, str(place.line)) for name, (count, place) in calls.items()] == [
        ("a_lock", 2, "4"),
        ("b_lock", 1, "3"),
    ]


@pytest.mark.parametrize(
    ("name", "heard"),
    [
        pytest.param("down_write", True, id="part"),
        pytest.param("odd_unlock", True, id="inside"),
        pytest.param("is_shutdown", False, id="short-word-inside"),
        pytest.param("get_block", False, id="block"),
        pytest.param("iget5_locked", True, id="locked"),
    ],
)
def test_what_sounds_like_a_lock(name: str, heard: bool) -> None:
    assert sounds(name, frozenset(WORDS)) == heard


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        pytest.param("mutex_lock(x); spin_lock(y);", 0, "0 unknown names", id="all-known"),
        pytest.param("mutex_lock(x); odd_lock(y);", 1, "odd_lock  fs/a.c:1", id="one-unknown"),
    ],
)
def test_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: str, code: int, words: str
) -> None:
    (tmp_path / "fs").mkdir()
    (tmp_path / "fs" / "a.c").write_text(f"void f(void) {{ {body} }}\n", encoding="utf-8")
    assert main([str(tmp_path), "fs"]) == code
    assert words in capsys.readouterr().out


def test_a_path_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "fs"]) == 2
    assert "fs" in capsys.readouterr().err
