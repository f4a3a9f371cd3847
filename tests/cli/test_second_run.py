"""A second run takes the plan from the cache, and says the same, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert.flow.provenance.facts import FileFacts, file_facts
from convert.flow.provenance.names import Names
from convert.pipeline import plan_anew
from convert.plan import Plan
from convert.source.parse import ParsedFile
from tests.support import run

PATH = "fs/minfs"
JSON = ("--format", "json")


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows whenever a plan is made, not taken from the cache."""
    made: list[str] = []

    def counted(*given: Any) -> Plan:
        made.append("made")
        return plan_anew(*given)

    monkeypatch.setattr("convert.pipeline.plan_anew", counted)
    return made


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(JSON, id="json"),
        pytest.param(("-v", "--diff"), id="text"),
        pytest.param(("--format", "html"), id="html"),
        pytest.param(("--format", "sarif"), id="sarif"),
        pytest.param(("--simplify", "all", *JSON), id="simplified"),
        pytest.param(("--large-sizes", "kvmalloc", *JSON), id="large sizes"),
    ],
)
def test_cold_and_warm_and_without_cache_say_the_same(
    words: tuple[str, ...], repo: Path, plans: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    alone = run(capsys, "report", repo, PATH, "--no-cache", *words)
    cold = run(capsys, "report", repo, PATH, *words)
    warm = run(capsys, "report", repo, PATH, *words)
    assert len(plans) == 2
    assert alone == cold == warm
    assert warm.code in (0, 1)


def edited(path: str, text: str) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        (tree / path).write_text((tree / path).read_text() + text)

    return change


def new(path: str, text: str = "") -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        (tree / path).write_text(text)

    return change


@pytest.mark.parametrize(
    ("change", "made"),
    [
        pytest.param(lambda tree: None, 1, id="nothing"),
        pytest.param(edited("MAINTAINERS", "\n"), 1, id="a file that is not read"),
        pytest.param(edited(f"{PATH}/minfs_ioctl.c", "int more;\n"), 2, id="a source"),
        pytest.param(edited(f"{PATH}/kmem.h", "\n"), 2, id="the wrappers' header"),
        pytest.param(edited("include/linux/slab.h", "\n"), 2, id="a header of the kernel"),
        pytest.param(new("include/linux/more.h"), 2, id="another header of the kernel"),
        pytest.param(new(f"{PATH}/more.txt"), 2, id="another file beside the sources"),
        pytest.param(lambda tree: (tree / PATH / "minfs_ioctl.c").unlink(), 2, id="a source less"),
    ],
)
def test_a_plan_is_made_anew_where_the_tree_changed(
    change: Callable[[Path], None],
    made: int,
    plain: Path,
    plans: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(capsys, "report", plain, PATH, *JSON)
    change(plain)
    again = run(capsys, "report", plain, PATH, *JSON)
    assert len(plans) == made
    assert again == run(capsys, "report", plain, PATH, "--no-cache", *JSON)


@pytest.mark.parametrize(
    ("words", "made"),
    [
        pytest.param((PATH,), 1, id="the same"),
        pytest.param((PATH, "--recipe", "exact"), 1, id="the default, named"),
        pytest.param((PATH, "--prefix", "minfs2"), 2, id="prefix"),
        pytest.param((PATH, "--keep-nowarn"), 2, id="keep nowarn"),
        pytest.param((PATH, "--simplify", "all"), 2, id="simplify"),
        pytest.param((f"{PATH}/minfs_ioctl.c",), 2, id="another path"),
        pytest.param((PATH, "--no-cache"), 2, id="no cache"),
    ],
)
def test_a_plan_belongs_to_its_options(
    words: tuple[str, ...],
    made: int,
    plain: Path,
    plans: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(capsys, "report", plain, PATH)
    run(capsys, "report", plain, *words)
    assert len(plans) == made


def test_a_damaged_entry_is_made_anew(
    plain: Path,
    plans: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = run(capsys, "report", plain, PATH, *JSON)
    (entry,) = (tmp_path / "cache" / "kmem-convert" / "plans").iterdir()
    whole = entry.read_bytes()
    entry.write_bytes(whole[: len(whole) // 2])
    assert run(capsys, "report", plain, PATH, *JSON) == first
    assert len(plans) == 2
    assert run(capsys, "report", plain, PATH, *JSON) == first
    assert len(plans) == 2


def test_a_revision_is_kept_too(
    repo: Path, plans: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(capsys, "report", f"{repo}@HEAD", PATH, *JSON)
    assert run(capsys, "report", f"{repo}@HEAD", PATH, *JSON) == first
    assert len(plans) == 1
    (repo / PATH / "minfs_ioctl.c").write_text("")  # the work tree, not the revision
    assert run(capsys, "report", f"{repo}@HEAD", PATH, *JSON) == first
    assert len(plans) == 1


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose facts are read anew, while plans are never taken from the cache."""
    paths: list[str] = []

    def noted(parsed: ParsedFile, names: Names) -> FileFacts:
        paths.append(parsed.source.path)
        return file_facts(parsed, names)

    monkeypatch.setattr("convert.flow.provenance.load.file_facts", noted)
    monkeypatch.setattr("convert.tree.traced.answers_alike", lambda tree, questions: False)
    return paths


@pytest.mark.parametrize(
    ("change", "files"),
    [
        pytest.param(lambda tree: None, set(), id="nothing"),
        pytest.param(edited("MAINTAINERS", "\n"), set(), id="a file that is not read"),
        pytest.param(
            edited(f"{PATH}/minfs_ioctl.c", "int more;\n"), {"minfs_ioctl.c"}, id="one file"
        ),
        pytest.param(new(f"{PATH}/more.c", "int more;\n"), {"more.c"}, id="a new file"),
        pytest.param(edited("include/linux/slab.h", "int f(void);\n"), set(), id="no new type"),
        pytest.param(
            edited("include/linux/slab.h", "typedef int more_t;\n"), None, id="a type for all files"
        ),
    ],
)
def test_only_what_changed_is_read_again(
    change: Callable[[Path], None],
    files: set[str] | None,
    plain: Path,
    read: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(capsys, "report", plain, PATH, *JSON)
    every = set(read)
    assert len(every) == len(read) > 5
    read.clear()
    change(plain)
    warm = run(capsys, "report", plain, PATH, *JSON)
    assert set(read) == (every if files is None else {f"{PATH}/{name}" for name in files})
    assert warm == run(capsys, "report", plain, PATH, "--no-cache", *JSON)


def test_damaged_facts_are_read_again(
    plain: Path,
    read: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = run(capsys, "report", plain, PATH, *JSON)
    entries = sorted((tmp_path / "cache" / "kmem-convert" / "facts").iterdir())
    assert len(entries) == len(read)
    for entry in entries[::2]:
        entry.write_bytes(entry.read_bytes()[:-1])
    read.clear()
    assert run(capsys, "report", plain, PATH, *JSON) == first
    assert len(read) == len(entries[::2])
