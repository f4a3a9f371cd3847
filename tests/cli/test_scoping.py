"""The commands `scopes` and `assert`, and what they refuse, in one line each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

import convert.cli.scoping
from convert.flow.scopes.results import ScopeProofs
from convert.pipeline import Options
from convert.tree.kernel import KernelTree
from tests.rules.scoped.test_after_exact import all_proven
from tests.support import MINIKERNEL, run

PATH = "fs/minfs"
MIXED = "fs/minfs/minfs_log_cil.c"


@pytest.fixture
def proofs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proofs for every call, but mixed ones in one file: these tests are about the commands."""

    def fake(tree: KernelTree, paths: Sequence[str], options: Options, *_: object) -> ScopeProofs:
        return all_proven(tree, tuple(paths), but=MIXED)

    monkeypatch.setattr(convert.cli.scoping, "scope_proofs", fake)


@pytest.mark.usefixtures("proofs")
@pytest.mark.parametrize(
    ("form", "start"),
    [
        pytest.param("text", f"{MINIKERNEL}: {PATH}", id="text"),
        pytest.param("json", "{", id="json"),
        pytest.param("dot", "digraph", id="dot"),
    ],
)
def test_scopes_in_every_format(
    form: str, start: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "scopes", MINIKERNEL, PATH, "--format", form)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(start)
    again = run(capsys, "scopes", MINIKERNEL, PATH, "--format", form, "-o", tmp_path / "out")
    assert (again.code, again.out) == (0, "")
    assert (tmp_path / "out").read_text("utf-8") == ran.out


@pytest.mark.usefixtures("proofs")
def test_scopes_of_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "scopes", MINIKERNEL, PATH, "--site", f"{MIXED}:15", "--format", "json")
    (site,) = json.loads(ran.out)["sites"]
    assert (site["file"], site["line"]) == (MIXED, 15)
    assert site["evidence"]["verdict"] == "mixed"


@pytest.mark.usefixtures("proofs")
@pytest.mark.parametrize(
    ("words", "part"),
    [
        pytest.param(("--site", "nowhere"), "FILE:LINE", id="no-line"),
        pytest.param(("--site", f"{MIXED}:1"), "nearest is in line 15", id="no-site"),
        pytest.param(("--site", "fs/minfs/Makefile:1"), "no allocation is known", id="no-c"),
        pytest.param(("--format", "png"), "png", id="format"),
    ],
)
def test_scopes_refuses(
    words: tuple[str, ...], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "scopes", MINIKERNEL, PATH, *words)
    assert ran.code == 2
    assert ran.out == ""
    assert part in ran.err


@pytest.mark.parametrize("command", ["scopes", "assert"])
@pytest.mark.parametrize(
    ("tree", "path", "part"),
    [
        pytest.param(MINIKERNEL, "fs/none", "fs/none", id="no-path"),
        pytest.param(MINIKERNEL / "none", PATH, "none", id="no-tree"),
    ],
)
def test_bad_input_is_one_line(
    command: str, tree: Path, path: str, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, command, tree, path)
    assert ran.code == 2
    assert part in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.usefixtures("proofs")
def test_assert_makes_a_patch_and_says_what_it_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "assert.patch"
    ran = run(capsys, "assert", MINIKERNEL, PATH, "-o", out)
    assert (ran.code, ran.out) == (0, "")
    asserted = int(ran.err.split()[0])
    text = out.read_text("utf-8")
    assert asserted > 10
    assert text.count(".proven = true") == asserted
    assert ".proven = false" not in text
    assert MIXED not in text


@pytest.mark.usefixtures("proofs")
def test_assert_all_observes_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "assert.patch"
    ran = run(capsys, "assert", MINIKERNEL, PATH, "--all", "-o", out)
    text = out.read_text("utf-8")
    assert f"{MIXED}:f:scope:kmem_zalloc:1" in text
    assert text.count(".proven = false") == 1
    assert "1 observed" in ran.err


@pytest.mark.usefixtures("proofs")
def test_stored_masks_get_no_counter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "assert", MINIKERNEL, PATH, "--all", "-o", tmp_path / "p")
    assert "INIT_RADIX_TREE:1" not in (tmp_path / "p").read_text("utf-8")


def test_a_missing_program_is_named_before_the_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(convert.cli.scoping, "scope_proofs", None)
    ran = run(capsys, "scopes", MINIKERNEL, PATH, "--format", "svg")
    assert ran.code == 2
    assert "graphviz" in ran.err
