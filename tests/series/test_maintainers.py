from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from convert.series import maintainers
from convert.series.maintainers import Recipients, find_recipients
from convert.tree.directory import DirectoryTree
from convert.tree.kernel import KernelTree
from convert.tree.revision import GitTree
from tests.tree.repos import Repository, contents, new_repository

DIFF = b"diff --git a/fs/toy/a.c b/fs/toy/a.c\n--- a/fs/toy/a.c\n+++ b/fs/toy/a.c\n"


def tree_with(path: Path, script: str, **files: bytes) -> KernelTree:
    Repository(path).write(
        {"scripts/get_maintainer.pl": script.encode(), "MAINTAINERS": b"", **files}
    )
    return DirectoryTree(path)


def printing(*lines: str) -> str:
    return "print <<'END';\n" + "\n".join(lines) + "\nEND\n"


@pytest.mark.parametrize(
    ("lines", "to", "cc"),
    [
        pytest.param(
            ["Ada Lovelace <ada@example.org> (maintainer:TOY)"],
            ("Ada Lovelace <ada@example.org>",),
            (),
            id="maintainer",
        ),
        pytest.param(
            ['"A. B. C" <abc@example.org> (supporter:TOY)'],
            ('"A. B. C" <abc@example.org>',),
            (),
            id="quoted name",
        ),
        pytest.param(
            ["René <r@example.org> (odd fixer:TOY)"],
            ("=?utf-8?b?UmVuw6k=?= <r@example.org>",),
            (),
            id="name beyond ASCII",
        ),
        pytest.param(
            ["R <r@example.org> (reviewer:TOY)", "l@lists.example.org (open list:TOY)"],
            (),
            ("R <r@example.org>", "l@lists.example.org"),
            id="reviewer and list",
        ),
        pytest.param(
            ["l@example.org (moderated list:TOY (for members))", "x@example.org"],
            (),
            ("l@example.org", "x@example.org"),
            id="odd roles",
        ),
    ],
)
def test_lines_of_the_script(
    tmp_path: Path, lines: list[str], to: tuple[str, ...], cc: tuple[str, ...]
) -> None:
    found = find_recipients(tree_with(tmp_path, printing(*lines)), DIFF, ["fs/toy/a.c"])
    assert found == Recipients(to, cc)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("Ada <ada>", id="no domain"),
        pytest.param("Ada <ada@localhost>", id="no dot"),
        pytest.param("Ada <a@example.org> <b@example.org>", id="two addresses"),
        pytest.param("Ada <ada @example.org>", id="blank inside"),
        pytest.param("Ada\x07 <ada@example.org>", id="control character"),
        pytest.param("ada@-.org", id="no label"),
    ],
)
def test_addresses_that_are_none_are_left_out(tmp_path: Path, line: str) -> None:
    found = find_recipients(tree_with(tmp_path, printing(line, "b@example.org")), DIFF, [])
    assert (found.to, found.cc) == ((), ("b@example.org",))
    assert "left out of To and Cc, no valid address" in found.notes[0]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param('die "no MAINTAINERS today\\n";', "no MAINTAINERS today", id="dies"),
        pytest.param("exit 3;", "exit code 3", id="exit code"),
        pytest.param("this is no perl at all(", "get_maintainer.pl failed", id="no perl"),
        pytest.param("1;", "named nobody", id="nobody"),
        pytest.param("sleep 60;", "timed out", id="too slow"),
    ],
)
def test_scripts_that_fail_are_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setattr(maintainers, "_SECONDS", 0.5 if "sleep" in script else 30)
    found = find_recipients(tree_with(tmp_path, script), DIFF, [])
    assert (found.to, found.cc, len(found.notes)) == ((), (), 1)
    assert found.notes[0].startswith("To and Cc are left empty: ")
    assert reason in found.notes[0]


def test_a_tree_without_the_script(tmp_path: Path) -> None:
    Repository(tmp_path).write({"MAINTAINERS": b""})
    found = find_recipients(DirectoryTree(tmp_path), DIFF, [])
    assert found.notes == ("To and Cc are left empty: the tree has no scripts/get_maintainer.pl",)


def test_a_machine_without_perl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = find_recipients(tree_with(tmp_path, printing("a@example.org")), DIFF, [])
    assert found.notes == ("To and Cc are left empty: perl was not found",)


def test_what_the_script_finds(tmp_path: Path) -> None:
    """It runs beside the tree, also of a revision, with the patch and the directories in it."""
    script = """
use Cwd;
die "in the tree" if -e "fs/toy/a.c";
die "no directory" unless -d "fs/toy";
die "no diff" unless -s $ARGV[-1];
open(my $f, ">", "scratch") or die;
open(my $m, "<", "MAINTAINERS") or die; print <$m>;
open(my $i, "<", ".get_maintainer.ignore") or die; print <$i>;
"""
    repository = new_repository(
        tmp_path / "linux",
        {
            "scripts/get_maintainer.pl": script.encode(),
            "MAINTAINERS": b"m@example.org\n",
            ".get_maintainer.ignore": b"i@example.org\n",
            "fs/toy/a.c": b"",
        },
    )
    before = contents(repository.path)
    for tree in (DirectoryTree(repository.path), GitTree(repository.path, "HEAD")):
        found = find_recipients(tree, DIFF, ["fs/toy/a.c"])
        assert found == Recipients((), ("m@example.org", "i@example.org"))
    assert contents(repository.path) == before
