"""The compiler's words are given to the object that they are about, and compared without lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.verify.messages import SPARSE, Known, Message, read_output

TREE = Path("/somewhere/tree")
MAKE = """\
make[1]: Entering directory '/somewhere/output'
  CALL    ../tree/scripts/checksyscalls.sh
  CC      fs/toy/a.o
/somewhere/tree/fs/toy/a.c: In function ‘f’:
/somewhere/tree/fs/toy/a.c:7:13: warning: unused variable ‘x’ [-Wunused-variable]
    7 |         int x;
  CC [M]  fs/toy/b.o
/somewhere/tree/fs/toy/b.c:1:10: fatal error: gone.h: No such file or directory
make[3]: *** [../tree/scripts/Makefile.build:250: fs/toy/b.o] Error 1
  AR      fs/toy/built-in.a
"""


def test_messages_belong_to_the_object_compiled_before_them() -> None:
    output = read_output(MAKE, TREE)
    assert output.objects == ("fs/toy/a.o", "fs/toy/b.o")
    assert [str(m) for m in output.by_object["fs/toy/a.o"]] == [
        "fs/toy/a.c:7: warning: unused variable ‘x’ [-Wunused-variable]"
    ]
    assert output.errors == ("fs/toy/b.c:1: error: gone.h: No such file or directory",)


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        pytest.param("", (), id="silence"),
        pytest.param("make: *** No rule to make target 'x'.  Stop.\n", 1, id="make-itself"),
        pytest.param("fs/a.c:1: warning: w\n", (), id="a-warning-is-no-error"),
        pytest.param("ld: a.o: undefined reference to `f'\n", 1, id="linker"),
    ],
)
def test_what_stands_for_an_error_when_the_compiler_is_silent(text: str, errors: object) -> None:
    found = read_output(text, TREE).errors
    assert found == (() if errors == () else (text.strip(),))


def known(**said: tuple[str, ...]) -> Known:
    return Known({f"{name}.o": tuple(warning(w) for w in words) for name, words in said.items()})


def warning(text: str, line: int = 1, path: str = "fs/a.h") -> Message:
    return Message(path, line, False, text)


def output_of(text: str) -> str:
    return f"  CC      a.o\n{text}"


@pytest.mark.parametrize(
    ("before", "output", "added"),
    [
        pytest.param(known(a=("w",)), output_of("fs/a.h:9: warning: w\n"), 0, id="moved"),
        pytest.param(known(a=("w",)), output_of("fs/a.h:9: warning: v\n"), 1, id="other-words"),
        pytest.param(known(b=("w",)), output_of("fs/a.h:9: warning: w\n"), 1, id="other-object"),
        pytest.param(known(a=("w",)), output_of("fs/a.h:1: warning: w\n" * 2), 1, id="twice-one"),
        pytest.param(
            known(),
            output_of("fs/a.h:1: warning: w\n  CC      b.o\nfs/a.h:1: warning: w\n"),
            1,
            id="a-header-seen-from-two-objects-counts-once",
        ),
        pytest.param(known(), output_of("fs/a.h:1: error: w\n"), 0, id="errors-are-not-warnings"),
    ],
)
def test_added_warnings(before: Known, output: str, added: int) -> None:
    assert len(before.added(read_output(output, TREE))) == added


UNLOCK = "context imbalance in 'f' - unexpected unlock"
SPARSE_BEFORE = Known(
    {"a.o": (Message("fs/a.c", 7, False, UNLOCK, SPARSE), Message("fs/a.c", 9, False, "w", SPARSE))}
)


@pytest.mark.parametrize(
    ("said", "added"),
    [
        pytest.param(f"fs/a.c:7: sparse: warning: {UNLOCK}", 0, id="the-same"),
        pytest.param(f"inc/b.h:15:9: sparse: warning: {UNLOCK}", 0, id="at-another-place"),
        pytest.param(
            "fs/a.c:7: sparse: warning: context imbalance in 'f' - wrong count at exit",
            1,
            id="another-kind",
        ),
        pytest.param(
            "fs/a.c:7: sparse: warning: context imbalance in 'f' - "
            "different lock contexts for basic block",
            1,
            id="another-kind-at-the-same-place",
        ),
        pytest.param(
            "fs/a.c:7: sparse: warning: context imbalance in 'ff' - unexpected unlock",
            1,
            id="another-function",
        ),
        pytest.param(
            f"fs/a.c:7: sparse: warning: {UNLOCK}\ninc/b.h:15: sparse: warning: {UNLOCK}",
            1,
            id="once-more",
        ),
        pytest.param(f"fs/a.c:7: warning: {UNLOCK}", 1, id="not-of-sparse"),
        pytest.param("inc/b.h:15: sparse: warning: w", 1, id="not-of-a-function"),
        pytest.param(
            f"fs/b.c:1: sparse: warning: {UNLOCK}",
            1,
            id="another-object",
        ),
    ],
)
def test_an_imbalance_is_the_functions_wherever_it_stands(said: str, added: int) -> None:
    name = "b" if said.startswith("fs/b.c") else "a"
    output = read_output(f"  CC      {name}.o\n{said}\n", TREE)
    assert len(SPARSE_BEFORE.added(output)) == added


def test_a_failed_object_keeps_its_old_warnings() -> None:
    before = known(a=("old",))
    failed = read_output(output_of("fs/a.c:1: error: e\n"), TREE)
    assert before.updated(failed) == before
    assert before.updated(read_output(output_of(""), TREE)).count() == 0


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a.o": [[1]]}', '{"a.o": 3}'], ids=lambda text: repr(text)
)
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, text: str) -> None:
    file = tmp_path / "warnings.json"
    file.write_text(text)
    assert Known.load(file) == Known({})


def test_memory_survives(tmp_path: Path) -> None:
    before = known(a=("‘x’",), b=())
    before.save(tmp_path / "w.json")
    assert Known.load(tmp_path / "w.json") == before
    assert Known.load(tmp_path / "none.json") == Known({})
