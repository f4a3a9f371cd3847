"""The cases are well-formed: each has an expectation, and both of its texts are C."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.corpus.cases import CASES, MINIKERNEL, Case, Expectation, load_cases, read_case

ALL = load_cases()
CHANGED = tuple(case for case in ALL if case.after != case.before)


def named(cases: tuple[Case, ...]) -> list[object]:
    return [pytest.param(case, id=case.name) for case in cases]


def test_every_file_belongs_to_a_case() -> None:
    sources = {path.stem for path in CASES.glob("*.c")}
    others = {path.name for path in CASES.iterdir() if path.suffix != ".c"}
    assert others == {f"{stem}.expect.toml" for stem in sources}


def test_there_are_enough_cases() -> None:
    assert len(ALL) >= 100
    assert len([case for case in ALL if case.refused]) >= 25


@pytest.mark.parametrize("case", named(ALL))
def test_case_says_something(case: Case) -> None:
    assert case.why.endswith(".")
    assert case.recipe == "exact"
    assert case.before.startswith(b"// SPDX-License-Identifier: MIT")
    assert len(set(case.accepted)) == len(case.accepted) or case.after == case.before


@pytest.mark.parametrize("case", named(CHANGED))
def test_conversion_changes_no_line_count_by_accident(case: Case) -> None:
    """Includes and declarations may go and long lines be broken; no other line comes or goes."""
    lines = case.after.count(b"\n") - case.before.count(b"\n")
    assert -2 <= lines <= 2


@pytest.mark.parametrize("case", named(CHANGED))
def test_converted_text_names_no_wrapper(case: Case) -> None:
    """Where nothing is refused, what is left of the old names stands in comments and strings."""
    if case.refused:
        return
    left = [
        number
        for number, line in enumerate(case.after.splitlines(), start=1)
        if any(word in line for word in (b"KM_", b"kmem_alloc", b"kmem_zalloc", b"kmem_free"))
    ]
    title = [number for number in left if number == 2]
    assert set(left) <= {*case.comments, *title, *_only_in_comments(case)}


def _only_in_comments(case: Case) -> set[int]:
    """Lines of conditionally dead text, by hand: cases that keep old names on purpose."""
    return set(range(1, 30)) if case.name in ("if_zero",) else set()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize("options", [("all", ()), ("none", ("CONFIG_MINFS_DEBUG=n",))], ids=str)
def test_both_texts_compile(tmp_path: Path, options: tuple[str, tuple[str, ...]]) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(MINIKERNEL, tree, ignore=shutil.ignore_patterns("build"))
    files = []
    for case in ALL:
        texts = [case.before, case.after, *case.also] if case.compiles else []
        for number, text in enumerate(dict.fromkeys(texts)):
            path = tree / case.target
            path = path.with_name(f"{path.stem}_{number}.c")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text)
            files.append(str(path.relative_to(tree)))
    command = ["make", "-C", str(tree), "syntax", f"FILES={' '.join(files)}", *options[1]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_unknown_key_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text("int x;\n")
    (tmp_path / "x.expect.toml").write_text('why = "x."\nrecipe = "exact"\nrefuse = ["x"]\n')
    with pytest.raises(ValidationError, match="refuse"):
        read_case(tmp_path / "x.c")


@pytest.mark.parametrize(
    ("result", "right"),
    [
        pytest.param(b"int a = kmalloc(1, 2);\r\n", True, id="exact"),
        pytest.param(b"int a = kmalloc(1, 2);\n", False, id="line-ending-lost"),
        pytest.param(b"int a = kmalloc(1,\r\n\t2);\r\n", False, id="other-layout"),
        pytest.param(b"int a = kmem_alloc(1, 2);\r\n", False, id="unchanged"),
    ],
)
def test_accepts(tmp_path: Path, result: bytes, right: bool) -> None:
    case = _made(tmp_path, "")
    assert case.accepts(result) is right


def test_free_layout_and_refusal_are_accepted_if_allowed(tmp_path: Path) -> None:
    case = _made(tmp_path, "any_layout = true\nor_refused = true\n")
    assert case.accepts(b"int a = kmalloc(1,\r\n\t2);\r\n")
    assert case.accepts(b"int a = kmem_alloc(1, 2);\r\n")
    assert not case.accepts(b"int a = kmalloc(1, 3);\r\n")
    assert case.wrappers_removed is None


def _made(folder: Path, keys: str) -> Case:
    (folder / "x.c").write_bytes(b"int a = kmem_alloc(1, 2);\r\n")
    (folder / "x.expect.toml").write_text(
        'why = "x."\nrecipe = "exact"\nnewline = "crlf"\n'
        + keys
        + "after = '''\nint a = kmalloc(1, 2);\n'''\n"
    )
    return read_case(folder / "x.c")


def test_defaults() -> None:
    keys = Expectation(why="x.", recipe="exact")
    assert (keys.place, keys.after, keys.refused) == ("fs/minfs", None, [])
