"""What a result rests on: the questions that were asked of a tree, and whether they still hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.tree.directory import DirectoryTree
from convert.tree.kernel import KernelTree
from convert.tree.overlay import OverlayTree
from convert.tree.traced import TracedTree, answers_alike


@pytest.fixture
def base(tmp_path: Path) -> DirectoryTree:
    for path in ("fs/a.c", "fs/b.c", "include/a.h", "elsewhere/x.c"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(f"text of {path}\n")
    return DirectoryTree(tmp_path, "tree")


def ask(tree: KernelTree) -> None:
    """What some computation asks: it reads files, looks for others, misses one."""
    for path in tree.files("fs"):
        tree.read(path)
    assert tree.exists("include/a.h")
    assert not tree.exists("include/b.h")
    with pytest.raises(InputError):
        tree.read("include/c.h")
    with pytest.raises(InputError):
        tree.files("arch")


def test_it_answers_as_the_tree_does(base: DirectoryTree) -> None:
    traced = TracedTree(base)
    assert (traced.name, traced.revision) == (base.name, base.revision)
    assert traced.files("fs") == base.files("fs")
    assert traced.read("fs/a.c") == base.read("fs/a.c")
    with pytest.raises(InputError) as ours:
        traced.read("fs/none.c")
    with pytest.raises(InputError) as theirs:
        base.read("fs/none.c")
    assert str(ours.value) == str(theirs.value)


def test_an_unchanged_tree_answers_alike(base: DirectoryTree) -> None:
    traced = TracedTree(base)
    ask(traced)
    questions = traced.questions
    assert questions is not None
    assert len(questions) == 7
    assert answers_alike(base, questions)


def write(path: str, text: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)

    return change


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        pytest.param(write("elsewhere/x.c", "other\n"), True, id="a file that was not read"),
        pytest.param(write("elsewhere/y.c", "new\n"), True, id="a new file elsewhere"),
        pytest.param(write("include/a.h", "other\n"), True, id="asked for, but not read"),
        pytest.param(write("fs/a.c", "text of fs/a.c\n"), True, id="written anew, the same"),
        pytest.param(write("fs/a.c", "text of fs/a.C\n"), False, id="one byte of a file"),
        pytest.param(write("fs/a.c", ""), False, id="emptied"),
        pytest.param(write("fs/c.c", ""), False, id="a new file in a directory that was listed"),
        pytest.param(lambda root: (root / "fs/b.c").unlink(), False, id="a file less"),
        pytest.param(lambda root: (root / "include/a.h").unlink(), False, id="gone"),
        pytest.param(write("include/b.h", ""), False, id="there now"),
        pytest.param(write("include/c.h", ""), False, id="readable now"),
        pytest.param(write("arch/x.h", ""), False, id="a directory that was missing"),
        pytest.param(
            lambda root: (root / "fs/a.c").rename(root / "fs/z.c"), False, id="another name"
        ),
    ],
)
def test_changes_that_matter_are_seen(
    change: Callable[[Path], None], alike: bool, base: DirectoryTree, tmp_path: Path
) -> None:
    traced = TracedTree(base)
    ask(traced)
    questions = traced.questions
    assert questions is not None
    change(tmp_path)
    assert answers_alike(base, questions) is alike


def test_an_empty_listing_is_no_empty_file(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    tree = DirectoryTree(tmp_path, "tree")
    traced = TracedTree(tree)
    assert traced.files("d") == ()
    assert traced.questions is not None
    assert answers_alike(tree, traced.questions)
    (tmp_path / "d" / "x").touch()
    assert not answers_alike(tree, traced.questions)


def test_a_tree_that_changes_meanwhile_gives_no_questions(
    base: DirectoryTree, tmp_path: Path
) -> None:
    traced = TracedTree(base)
    traced.read("fs/a.c")
    write("fs/a.c", "other\n")(tmp_path)
    assert traced.questions is not None
    traced.read("fs/a.c")
    assert traced.questions is None


def test_another_tree_may_answer(base: DirectoryTree) -> None:
    traced = TracedTree(base)
    ask(traced)
    assert traced.questions is not None
    assert answers_alike(OverlayTree(base, {"elsewhere/x.c": b""}), traced.questions)
    assert not answers_alike(OverlayTree(base, {"fs/b.c": b""}), traced.questions)
