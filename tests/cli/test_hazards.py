"""`inventory --hazards` and `explain --hazards`: outputs, exit codes, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import pytest

import convert.cli.hazards
from convert.choices import Options
from convert.flow.hazards.model import HazardReport, SiteClass, SiteHazards
from convert.flow.placement.model import Anchor, AnchorKind, PlacedScope, Placement, Unplaced
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.results import ScopeProofs
from convert.progress import Progress
from convert.report.hazards.document import hazards_schema
from convert.tree.kernel import KernelTree
from tests.report.hazards.values import LOCK, hazard, report, told
from tests.rules.scoped.test_after_exact import all_proven
from tests.support import MINIKERNEL, run

PATH = "fs/minfs"
CIL = "fs/minfs/minfs_log_cil.c"
NO_SCOPES = Placement((), ())


def reflexes(proofs: ScopeProofs) -> HazardReport:
    """Every NOFS mask of the mini kernel is a reflex, says this report."""
    sites = tuple(
        SiteHazards(
            site,
            SiteClass.IN_SCOPE if site.evidence.verdict is Verdict.PROVEN else SiteClass.REFLEX,
            (),
            (),
            (),
            f"{site.path}:{site.line}: nothing is held",
        )
        for site in proofs.sites
        if site.forbids
    )
    return HazardReport(proofs, sites, (), (), (), (), {})


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers for the whole mini kernel: one file's sites are reflexes, all others in scope."""

    def fake(
        tree: KernelTree, paths: Sequence[str], options: Options, progress: Progress
    ) -> tuple[HazardReport, Placement]:
        return reflexes(all_proven(tree, tuple(paths), but=CIL)), NO_SCOPES

    monkeypatch.setattr(convert.cli.hazards, "find_and_place", fake)


@pytest.fixture
def unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hand-made report, in which one site has no answer and no hazard a scope."""
    hazards = [one for one in report().sites if one.answer is SiteClass.HAZARD]
    unplaced = tuple(Unplaced(one, "no lock to tie it to") for one in hazards)
    given = report(), Placement((), unplaced)
    monkeypatch.setattr(convert.cli.hazards, "find_and_place", lambda *_: given)


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize(
    ("form", "start"),
    [
        pytest.param("text", f"{MINIKERNEL}: {PATH}", id="text"),
        pytest.param("json", "{", id="json"),
        pytest.param("html", "<!DOCTYPE html>", id="html"),
    ],
)
def test_every_format(
    form: str, start: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("inventory", MINIKERNEL, PATH, "--hazards", "--format", form)
    ran = run(capsys, *words)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(start)
    again = run(capsys, *words, "-o", tmp_path / "out")
    assert (again.code, again.out, again.err) == (0, "", "")
    assert (tmp_path / "out").read_text("utf-8").rstrip("\n") == ran.out.rstrip("\n")


@pytest.mark.usefixtures("answered")
def test_json_obeys_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "inventory", MINIKERNEL, PATH, "--hazards", "--format", "json")
    found = json.loads(ran.out)
    jsonschema.validate(found, hazards_schema())
    counted = found["summary"]
    assert counted["sites"] == sum(counted["by_class"].values()) + counted["refused"] > 2
    assert counted["by_class"]["e"] == 1


@pytest.mark.usefixtures("unanswered")
@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_sites_without_answer_are_exit_code_1(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "inventory", MINIKERNEL, PATH, "--hazards", "--format", form)
    assert (ran.code, ran.err) == (1, "")
    assert "which lock toy_pick() returns" in ran.out
    assert "no lock to tie it to" in ran.out


def test_offsets_become_lines_of_the_tree(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (MINIKERNEL / CIL).read_bytes()
    at = text.index(b"kmem_zalloc")
    scope = PlacedScope(Anchor(AnchorKind.LOCK, CIL, "f", 0, (at,)), 1, (), (), (), (), 1)
    given = report(()), Placement((scope,), ())
    monkeypatch.setattr(convert.cli.hazards, "find_and_place", lambda *_: given)
    ran = run(capsys, "inventory", MINIKERNEL, PATH, "--hazards", "--format", "json")
    (placed,) = json.loads(ran.out)["scopes"]
    assert placed["anchor"]["opens"] == [text.count(b"\n", 0, at) + 1]


@pytest.mark.usefixtures("answered")
def test_verbose_lists_sites_in_scope(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("inventory", MINIKERNEL, PATH, "--hazards")
    brief, full = run(capsys, *words), run(capsys, *words, "--verbose")
    assert (brief.code, full.code) == (0, 0)
    assert len(full.out) > len(brief.out)


def test_contradictions_stop_with_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = report((told(1, SiteClass.REFLEX, [hazard(LOCK, 1)]),))
    monkeypatch.setattr(convert.cli.hazards, "find_and_place", lambda *_: (wrong, NO_SCOPES))
    out = tmp_path / "out"
    ran = run(capsys, "inventory", MINIKERNEL, PATH, "--hazards", "-o", out)
    assert ran.code == 3
    assert ran.err == (
        "kmem-convert: fs/toy/toy.c:1: class (e), but reclaim waits for toy_inode.i_lock\n"
    )
    assert not out.exists()


BAD = [
    pytest.param(("--hazards", "--mismatches"), "ask for one at a time", id="two-tables"),
    pytest.param(("--format", "html"), "html is for --hazards", id="html-of-counts"),
    pytest.param(("--mismatches", "--format", "html"), "html is for --hazards", id="html-of-frees"),
    pytest.param(("--verbose",), "--verbose is for --hazards", id="verbose-counts"),
    pytest.param(
        ("--hazards", "--format", "json", "-v"), "--verbose is for --hazards as text", id="json"
    ),
    pytest.param(("--hazards", "-o", "none/out"), "there is no directory none", id="no-directory"),
]


@pytest.mark.usefixtures("answered")
@pytest.mark.parametrize(("words", "part"), BAD)
def test_bad_options_are_one_line(
    words: tuple[str, ...], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "inventory", MINIKERNEL, PATH, *words)
    assert (ran.code, ran.out) == (2, "")
    assert part in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("tree", "path", "part"),
    [
        pytest.param(MINIKERNEL, "fs/none", "fs/none", id="no-path"),
        pytest.param(MINIKERNEL / "none", PATH, "none", id="no-tree"),
    ],
)
def test_bad_input_is_one_line(
    tree: Path, path: str, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "inventory", tree, path, "--hazards")
    assert (ran.code, ran.out) == (2, "")
    assert part in ran.err
    assert ran.err.count("\n") == 1


def test_the_mini_kernel_for_real(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "inventory", MINIKERNEL, PATH, "--hazards", "--format", "json", "--no-cache")
    assert ran.code in (0, 1), ran.err
    found = json.loads(ran.out)
    jsonschema.validate(found, hazards_schema())
    proofs = run(capsys, "scopes", MINIKERNEL, PATH, "--format", "json", "--no-cache")
    asked = {
        site["id"]
        for site in json.loads(proofs.out)["sites"]
        if site["forbids"] and site["use"] != "opens a scope"
    }
    assert {site["id"] for site in found["sites"]} == asked
    waits = {one["name"]: one["wait"] for one in found["dangers"]}
    assert waits["mlog_cil_push_work"]["call"].startswith("flush_work")
    assert waits["minfs_mount.m_icache_lock"]["root"]["kind"] == "shrinker"


# -- explain --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("answered")
def test_explain_tells_hazards_on_demand(plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("explain", plain, f"{CIL}:15")
    without, ran = run(capsys, *words), run(capsys, *words, "--hazards")
    assert (without.code, ran.code) == (0, 0), ran.err
    assert "hazards:" not in without.out
    assert "hazards:\n  e: fs/minfs/minfs_log_cil.c:15: kmem_zalloc in f(), " in ran.out
    assert "    e: nothing is held that reclaim waits for\n" in ran.out
    assert "    fs/minfs/minfs_log_cil.c:15: nothing is held\n" in ran.out


@pytest.mark.usefixtures("unanswered")
def test_explain_of_a_line_without_allocation(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "explain", plain, f"{CIL}:15", "--hazards")
    assert ran.code == 0, ran.err
    assert f"hazards: no allocation is known in {CIL}:15\n" in ran.out
