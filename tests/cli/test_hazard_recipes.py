"""The recipes scoped and upstream on the command line: report, mails and branch from one plan.

What the analysis says is stated by comments (tests/rules/hazards/fakes.py); everything behind it is
the real thing: the wrappers are converted first, the scopes are written by `convert.rules.placing`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from jsonschema import validate

import convert.hazarding
from convert.choices import Options
from convert.flow.hazards.model import HazardReport
from convert.flow.placement.model import Placement
from convert.report.json_report import report_schema
from convert.tree.kernel import KernelTree
from tests.rules.hazards.fakes import analyse, place
from tests.support import commit_all, git, run, snapshot

UNDER, TOY = "fs/minfs", "fs/minfs/minfs_toy.c"
TEXT = """\
#include "minfs.h"

struct toy {
	struct mutex	lock;
	void		*buf;
	void		*more;
};

static int toy_fill(struct toy *toy)
{
	int error = 0;

	mutex_lock(&toy->lock);
	toy->buf = kmem_zalloc(16, KM_NOFS); /* hazard */
	toy->more = kmem_alloc(16, KM_NOFS | KM_MAYFAIL); /* hazard */
	if (!toy->more)
		error = -ENOMEM;
	mutex_unlock(&toy->lock);
	return error;
}

static void toy_read(struct toy *toy)
{
	toy->buf = kmem_alloc(32, KM_NOFS); /* reflex */
	toy->more = kmem_alloc(64, KM_NOFS); /* excused */
}

static void toy_lost(struct toy *toy)
{
	toy->buf = kmem_zalloc(128, KM_NOFS); /* hazard */
}
"""
SCOPE = """\
	mutex_lock(&toy->lock);
	/* Reclaim takes toy.lock, too, in toy_drop(). */
	nofs_flags = memalloc_nofs_save();
	toy->buf = kzalloc(16, GFP_KERNEL | __GFP_NOFAIL); /* hazard */
	toy->more = kmalloc(16, GFP_KERNEL | __GFP_RETRY_MAYFAIL); /* hazard */
	if (!toy->more)
		error = -ENOMEM;
	memalloc_nofs_restore(nofs_flags);
	mutex_unlock(&toy->lock);
"""


@pytest.fixture(autouse=True)
def stated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comments state what an analysis would find."""

    class Stated:
        def __init__(self, tree: KernelTree, paths: Sequence[str], *_: object) -> None:
            self.tree, self.paths = tree, paths

        def report(self) -> HazardReport:
            return analyse(self.tree, self.paths)

    def found(
        tree: KernelTree, paths: Sequence[str], options: Options, *_: object
    ) -> tuple[HazardReport, Placement]:
        report = analyse(tree, paths)
        return report, place(tree, report, paths)

    monkeypatch.setattr(convert.hazarding, "analyse", Stated)
    monkeypatch.setattr(convert.hazarding, "find_and_place", found)


@pytest.fixture
def toy(plain: Path) -> Path:
    """The mini kernel with one more file."""
    (plain / TOY).write_text(TEXT)
    return plain


def report(tree: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    ran = run(capsys, "report", tree, UNDER, "--format", "json", *words)
    found: dict[str, object] = json.loads(ran.out)
    validate(found, report_schema())
    return found


def steps(found: dict[str, object]) -> list[str]:
    rows = found["steps"]
    assert isinstance(rows, list)
    return [row["id"] for row in rows if "/" in row["id"]]


RECIPES = [
    pytest.param(
        ("--recipe", "scoped"),
        ["scoped/scope:1", "scoped/new-scope", "scoped/nothing-held"],
        id="scoped",
    ),
    pytest.param(
        ("--recipe", "upstream"),
        ["scoped/scope:1", "scoped/new-scope", "scoped/nothing-held", "scoped/nolockdep"],
        id="upstream",
    ),
    pytest.param(
        ("--recipe", "scoped", "--placeholder-scopes"),
        [
            "scoped/scope:1",
            "scoped/new-scope",
            "scoped/nothing-held",
            "scoped/placeholder-scopes",
            "scoped/placeholder-masks",
        ],
        id="placeholders",
    ),
]


@pytest.mark.parametrize(("words", "wanted"), RECIPES)
def test_the_steps_of_each_recipe(
    words: tuple[str, ...], wanted: list[str], toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [step for step in steps(report(toy, capsys, *words)) if step[:7] == "scoped/"] == wanted


def test_the_configuration_file_knows_them(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".kmem-convert.toml").write_text('recipe = "scoped"\nplaceholder_scopes = true\n')
    assert "scoped/placeholder-masks" in steps(report(toy, capsys))
    without = steps(report(toy, capsys, "--no-placeholder-scopes"))
    assert "scoped/scope:1" in without
    assert "scoped/placeholder-masks" not in without


def test_placeholders_need_such_a_recipe(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "report", toy, UNDER, "--placeholder-scopes")
    assert (ran.code, ran.out) == (2, "")
    assert "placeholder scopes need the recipe scoped or upstream" in ran.err


def test_sites_have_their_classes_and_lines(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sites = report(toy, capsys, "--recipe", "upstream")["sites"]
    assert isinstance(sites, list)
    own = [one for one in sites if one["file"] == TOY and one["kind"] == "mask"]
    lines = TEXT.split("\n")
    for one in own:
        assert "KM_NOFS" in lines[one["line"] - 1]
    assert [(one["decision"], one["class"]) for one in own] == [
        ("converted", "c"),
        ("converted", "c"),
        ("converted", "e"),
        ("converted", "b"),
        ("refused", "c"),
    ]


def test_mails_branch_and_report_agree(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commit_all(toy)
    before = snapshot(toy)
    words = (UNDER, "--recipe", "upstream", "--placeholder-scopes")
    assert run(capsys, "series", toy, *words, "-o", tmp_path / "series").code == 1
    assert run(capsys, "apply", toy, *words, "--branch", "made").code == 1
    assert snapshot(toy) == before
    mails = sorted((tmp_path / "series").glob("00*.patch"))[1:]
    git(toy, "checkout", "-q", "-b", "mailed")
    git(toy, "am", "-q", *map(str, mails))
    assert git(toy, "rev-parse", "mailed^{tree}") == git(toy, "rev-parse", "made^{tree}")
    text = (toy / TOY).read_text()
    assert SCOPE in text
    assert "GFP_NOFS" not in text
    assert "kmalloc(64, GFP_KERNEL | __GFP_NOLOCKDEP | __GFP_NOFAIL)" in " ".join(text.split())
    log = git(toy, "log", "--format=%s", "--reverse", "main..made").split("\n")
    assert "minfs: place toy_fill() under NOFS allocation context" in log
    again = run(capsys, "report", toy, *words)
    assert "No commit: no site is converted." in again.out
