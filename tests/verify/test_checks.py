"""The single checks of a verification, each on what it reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.tree.directory import DirectoryTree
from convert.tree.store import code_digest
from convert.verify.applying import (
    APPLIES,
    SeriesFiles,
    applied,
    fingerprint,
    read_series_files,
    series_base_of,
)
from convert.verify.booting import whole_commits
from convert.verify.checkpatch import Styled, StyleFailed, StyleFinding, StyleResult
from convert.verify.checks_model import Failed, NotRun, Passed, Prepared
from convert.verify.coccinelle import check_coccinelle, memory_checks
from convert.verify.messages import read_output
from convert.verify.process import ToolMissing
from convert.verify.remembered import Remembered
from convert.verify.sources import Sources, copy_tree
from convert.verify.styling import accepted_types, judge
from tests.support import git, snapshot
from tests.verify.fakekernel import LIST, SEMANTIC_PATCH, fake_kernel, function

ACCEPTED = next(iter(accepted_types()))


def finding(level: str, kind: str = "ODD") -> StyleFinding:
    return StyleFinding(level, kind, "fs/a.c", 3, "odd")


@pytest.mark.parametrize(
    ("result", "kind", "notes"),
    [
        pytest.param(Styled("c", "s", (), (), (finding("ERROR"),)), Passed, 0, id="as-before"),
        pytest.param(Styled("c", "s", (finding("WARNING"),), (), ()), Failed, 0, id="new"),
        pytest.param(
            Styled("c", "s", (finding("WARNING", ACCEPTED),), (), ()), Passed, 1, id="accepted"
        ),
        pytest.param(
            Styled("c", "s", (finding("ERROR", ACCEPTED),), (), ()), Failed, 0, id="error-anyway"
        ),
        pytest.param(Styled("c", "s", (), (finding("CHECK"),), ()), Passed, 1, id="check-is-told"),
        pytest.param(StyleFailed("c", "s", "too old"), NotRun, 0, id="did-not-run"),
        pytest.param(ToolMissing("perl", "perl"), NotRun, 0, id="tool"),
    ],
)
def test_what_checkpatch_says_of_a_commit(result: StyleResult, kind: type, notes: int) -> None:
    judged = judge(result, 1, 0.0, False)
    assert isinstance(judged, kind)
    assert isinstance(judged, NotRun) or len(judged.notes) == notes


def test_every_accepted_finding_has_a_reason() -> None:
    assert all(reason.strip() for reason in accepted_types().values())


@pytest.mark.parametrize(
    ("files", "names"),
    [
        pytest.param({"api/a.cocci": SEMANTIC_PATCH}, ["a"], id="of-memory"),
        pytest.param(
            {"api/a.cocci": "virtual report\n// Options: --no-includes\n"}, [], id="other"
        ),
        pytest.param(
            {"api/a.cocci": SEMANTIC_PATCH.replace("virtual report", "virtual patch")},
            [],
            id="does-not-report",
        ),
        pytest.param(
            {"api/a.cocci": SEMANTIC_PATCH.replace("--no-includes ", "")}, [], id="needs-headers"
        ),
        pytest.param({"a.txt": SEMANTIC_PATCH}, [], id="no-semantic-patch"),
        pytest.param({}, [], id="none"),
    ],
)
def test_the_trees_checks_of_memory_are_found(
    files: Mapping[str, str], names: list[str], tmp_path: Path
) -> None:
    for name, text in files.items():
        place = tmp_path / "scripts/coccinelle" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    assert [check.name for check in memory_checks(DirectoryTree(tmp_path))] == names


@contextmanager
def prepared_series(tree: DirectoryTree, files: SeriesFiles, place: Path) -> Iterator[Prepared]:
    """A series of a plain directory, applied and ready to be checked."""
    base = series_base_of(tree, files)
    work = place / "work"
    work.mkdir()
    with applied(files, base, work) as made:
        assert all(isinstance(result, Passed) for result in made.results)
        sources = Sources(tree, base, made.repository, files.touched, work)
        yield Prepared(
            tree.name,
            fingerprint(tree, base),
            made.repository,
            made.base,
            made.commits,
            files.touched,
            work,
            place / "cache",
            1,
            sources.top,
            sources.check_out,
            lambda _: None,
        )


@pytest.mark.skipif(shutil.which("spatch") is None, reason="needs coccinelle")
@pytest.mark.parametrize(
    ("free", "message", "kind"),
    [
        pytest.param("kfree", "WARNING vmalloc is used", Failed, id="wrong-kind"),
        pytest.param("kvfree", "WARNING vmalloc is used", Passed, id="kvfree-takes-both"),
        pytest.param("kfree", "WARNING opportunity for x", Passed, id="a-suggestion"),
        pytest.param("vfree", "WARNING vmalloc is used", Passed, id="right"),
    ],
)
def test_what_coccinelle_finds_counts_if_it_is_a_fault(
    free: str, message: str, kind: type, tmp_path: Path
) -> None:
    kernel = fake_kernel(tmp_path / "kernel")
    looked_for = "kfree" if free == "vfree" else free
    rule = SEMANTIC_PATCH.replace("kfree@p", f"{looked_for}@p")
    rule = rule.replace("WARNING vmalloc is used to allocate this memory", message)
    code = function("f", f"\tchar *p;\n\n\tp = vmalloc(bytes);\n\t{free}(p);\n\treturn 0;")
    series = kernel.series(tmp_path / "series", [("one", {LIST: code}), ("two", {LIST: "\n"})])
    shutil.rmtree(kernel.path / ".git")
    (kernel.path / "scripts/coccinelle/api/kfree_mismatch.cocci").write_text(rule)
    tree = DirectoryTree(kernel.path)
    files = read_series_files(series)
    with prepared_series(tree, files, tmp_path) as prepared:
        first, second = check_coccinelle(prepared, memory_checks(tree)).results
        again = check_coccinelle(prepared, memory_checks(tree)).results[0]
    assert isinstance(first, kind)
    assert isinstance(second, Passed)  # what was there before is not its doing
    assert isinstance(again, kind)
    assert isinstance(again, Passed | Failed) and isinstance(first, Passed | Failed)
    assert (again.cached, again.notes) == (True, first.notes)
    assert bool(first.notes) is (kind is Passed and free != "vfree")


def test_for_booting_a_plain_directory_is_committed_whole(tmp_path: Path) -> None:
    kernel = fake_kernel(tmp_path / "kernel")
    series = kernel.series(tmp_path / "series", [("one", {LIST: "/* x */\n"})])
    listing = git(kernel.path, "ls-tree", "-r", "--name-only", "HEAD").split()
    shutil.rmtree(kernel.path / ".git")
    tree = DirectoryTree(kernel.path)
    files = read_series_files(series)
    with prepared_series(tree, files, tmp_path) as prepared:
        base, last = whole_commits(prepared, kernel.path)
        names = git(prepared.repository, "ls-tree", "-r", "--name-only", base).split()
        changed = git(prepared.repository, "diff", "--name-only", base, last).split()
    assert names == listing
    assert changed == [LIST]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"tree": "b"}, id="another-tree"),
        pytest.param({"config": ["y"]}, id="another-configuration"),
        pytest.param({"more": 1}, id="something-more"),
    ],
)
def test_results_are_found_by_all_that_they_depend_on(
    change: dict[str, object], tmp_path: Path
) -> None:
    key: dict[str, object] = {"tree": "a", "config": ["x"]}
    remembered = Remembered(tmp_path)
    remembered.store(key, {"compiled": 1})
    assert remembered.load(dict(reversed(key.items()))) == {"compiled": 1}
    assert remembered.load({**key, **change}) is None
    assert Remembered(None).load(key) is None
    for file in tmp_path.iterdir():
        file.write_text("{half")
    assert remembered.load(key) is None


def test_the_code_of_a_check_is_part_of_what_its_result_depends_on() -> None:
    assert code_digest(("verify/build.py",)) != code_digest(("verify/messages.py",))
    assert code_digest(("",)) == code_digest(("",))


def test_a_copy_follows_its_source_and_leaves_out_what_builds_left(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name in ("a.c", "d/b.c", ".config", "d/b.o", ".git/HEAD", "include/config/auto.conf", "t"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / "link").symlink_to("a.c")
    target = tmp_path / "target"
    copy_tree(source, target, ["t"])
    assert sorted(snapshot(target)) == ["a.c", "d/b.c", "link"]
    assert (target / "link").is_symlink()
    kept = (target / "d/b.c").stat().st_ctime_ns
    (source / "a.c").write_text("longer than before")
    (target / "gone.c").write_text("x")
    copy_tree(source, target, ["t"])
    assert (target / "a.c").read_text() == "longer than before"
    assert not (target / "gone.c").exists()
    assert (target / "d/b.c").stat().st_ctime_ns == kept


@pytest.mark.parametrize(
    "mail",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"Subject: [PATCH 1/1] s\n\nno diff in here\n", id="no-patch"),
    ],
)
def test_a_mail_without_a_patch_is_refused(mail: bytes, tmp_path: Path) -> None:
    (tmp_path / "0001-a.patch").write_bytes(mail)
    with pytest.raises(InputError, match="no patch"):
        read_series_files(tmp_path)


def test_subjects_are_read_as_mail_is_written(tmp_path: Path) -> None:
    diff = "--- a/a.c\n+++ b/a.c\n@@ -0,0 +1 @@\n+a\n"
    (tmp_path / "0001-a.patch").write_text(
        f"Subject: [PATCH 1/2] =?UTF-8?q?xfs:=20caf=C3=A9?=\n\n---\ndiff --git a/a.c b/a.c\n{diff}"
    )
    (title,) = read_series_files(tmp_path).titles
    assert title.subject == "xfs: café"
    assert APPLIES == "applies"


def test_sparse_is_told_from_the_compiler() -> None:
    output = (
        "  CC      fs/a.o\n/t/fs/a.c:1:2: warning: old [-Wx]\n  CHECK   /t/fs/a.c\n"
        "/t/fs/a.c:2:3: sparse: error: odd types\n"
    )
    (said,) = read_output(output, Path("/t")).by_object.values()
    assert [(m.path, m.line, m.tool, m.stops) for m in said] == [
        ("fs/a.c", 1, "", False),
        ("fs/a.c", 2, "sparse", False),
    ]
    assert read_output(output, Path("/t")).errors == ()
