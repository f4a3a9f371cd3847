"""What a boot of a series starts from: whole commits, and results that are known already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

import convert.verify.booting as booting
from convert.progress import silent
from convert.tree.directory import DirectoryTree
from convert.verify.applying import applied, read_series_files, series_base_of
from convert.verify.boot.profile import BootProfile
from convert.verify.booting import BootGround, booter, whole_commits
from convert.verify.checked_json import checked_document, load_checked
from convert.verify.checks_model import (
    Checked,
    CheckFinding,
    CheckResult,
    Failed,
    NotRun,
    Passed,
    Prepared,
    SeriesCommit,
    ToolVersion,
)
from tests.support import git, snapshot
from tests.verify.toy import BASE, toy_kernel

BUILT = {
    ".config": "CONFIG_X=y\n",
    "fs/toy/quiet.o": "object",
    "fs/toy/.quiet.o.cmd": "command",
    "include/generated/autoconf.h": "",
    "arch/toy/include/config/auto.conf": "",
}
STAYS = {"fs/toy/Kconfig.o.txt": "no object\n", ".gitignore": "*.txt\n", "lib/.config": "kept\n"}


def plain_kernel(place: Path, changes: Mapping[str, str | None]) -> tuple[Path, Path]:
    """A directory without git, and a series for it."""
    toy = toy_kernel(place / "kernel", {**BASE, **STAYS})
    git(toy.path, "add", "--all", "--force")
    git(toy.path, "commit", "-q", "--amend", "-m", "base")
    base = git(toy.path, "rev-parse", "HEAD")
    toy.commit("change", changes)
    git(toy.path, "format-patch", "-q", "-o", str(place / "series"), base)
    wanted = git(toy.path, "rev-parse", f"{base}^{{tree}}", "HEAD^{tree}")
    (place / "wanted").write_text(wanted)
    git(toy.path, "reset", "-q", "--hard", base)
    (toy.path / ".git").rename(place / "git")
    for name, text in BUILT.items():
        (toy.path / name).parent.mkdir(parents=True, exist_ok=True)
        (toy.path / name).write_text(text)
    return toy.path, place / "series"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"fs/toy/quiet.c": "int quiet;\n"}, id="a file changes"),
        pytest.param({"fs/toy/noisy.c": None}, id="one goes"),
        pytest.param({"fs/toy/new ü.c": "int x;\n", "fs/toy/noisy.c": None}, id="one moves"),
    ],
)
def test_whole_commits_hold_the_directory_and_the_series(
    changes: Mapping[str, str | None], tmp_path: Path
) -> None:
    kernel, series = plain_kernel(tmp_path, changes)
    before = snapshot(kernel)
    tree = DirectoryTree(kernel, "kernel")
    files = read_series_files(series)
    (tmp_path / "work").mkdir()
    with applied(files, series_base_of(tree, files), tmp_path / "work") as made:
        prepared = replace(
            PREPARED,
            repository=made.repository,
            base=made.base,
            commits=made.commits,
            work=tmp_path / "work",
        )
        found = whole_commits(prepared, kernel)
        trees = [git(made.repository, "rev-parse", f"{commit}^{{tree}}") for commit in found]
    assert trees == (tmp_path / "wanted").read_text().split()
    assert snapshot(kernel) == before


PREPARED = Prepared(
    name="kernel",
    fingerprint="f",
    repository=Path("nowhere"),
    base="base",
    commits=(SeriesCommit(1, "0001-x.patch", "x", "tip", "tree", ("fs/toy/a.c",)),),
    touched=("fs/xfs/xfs_log.c",),
    work=Path("nowhere"),
    cache=None,
    jobs=1,
    tree=Path("nowhere"),
    check_out=lambda _: None,
    progress=silent,
)
FINDING = CheckFinding("a.c", 3, "WARNING: x", "main")
GOOD = (Passed("boot", 0, 2.0, "5 boots"), Failed("boot", 1, (FINDING,), 3.0, "d", False, ("n",)))


@pytest.mark.parametrize(
    ("results", "kept"),
    [
        pytest.param(GOOD, True, id="it ran"),
        pytest.param((NotRun("boot", 1, "mkfs.xfs is missing"),), False, id="it did not"),
    ],
)
def test_a_boot_that_ran_is_known_the_next_time(
    results: tuple[CheckResult, ...], kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def boots(profiles: list[BootProfile], done: list[Checked], number: int) -> Checked:
        return Checked(results, (ToolVersion("gcc", "12"),))

    monkeypatch.setattr(booting, "missing", lambda profile: ())
    monkeypatch.setattr(booting, "boot_checks", lambda request, progress: Checked(()))
    monkeypatch.setattr(booting, "together", boots)
    prepared = replace(PREPARED, cache=tmp_path)
    boot = booter(None)
    ground = boot.ground(prepared)
    assert ground == BootGround(None, "base", "tip")
    first = boot.boot(prepared, ground)
    again = boot.ground(prepared)
    other = boot.ground(replace(prepared, fingerprint="another base"))
    assert other.known is None
    assert (again.known is not None) == kept
    if again.known is not None:
        assert boot.boot(prepared, again) == Checked(
            tuple(replace(result, cached=True) for result in results),  # type: ignore[arg-type]
            first.tools,
        )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"touched": ("fs/nfs/a.c",)}, "no workload", id="no profile"),
        pytest.param({"prefix": "linux/"}, "does not lie at the top", id="below the top"),
    ],
)
def test_what_cannot_be_booted_is_known_at_once(changes: dict[str, object], reason: str) -> None:
    ground = booter(None).ground(replace(PREPARED, **changes))  # type: ignore[arg-type]
    assert ground.known is not None
    (result,) = ground.known.results
    assert isinstance(result, NotRun)
    assert reason in result.reason


@pytest.mark.parametrize("document", [None, [], {"results": [[1]], "tools": []}, {"results": []}])
def test_a_damaged_entry_is_not_taken(document: object) -> None:
    assert load_checked(document) is None
    assert load_checked(checked_document(Checked(GOOD))) is not None
