"""Series against real git: what the mails make is what the branch holds, for any content."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convert.errors import InputError, InternalCheckError
from convert.series import check, publish, write
from convert.series.branch import apply
from convert.series.check import git_am_tree
from convert.series.model import Check
from convert.series.write import SeriesWritten, write_series
from convert.tree.directory import DirectoryTree
from convert.tree.kernel import KernelTree
from convert.tree.open import open_tree
from convert.tree.revision import GitTree
from tests.series.plans import (
    GENERATOR,
    TOY,
    TOY_CHANGES,
    Change,
    converted,
    make_plan,
    make_site,
    toy_plan,
)
from tests.tree.repos import Repository, contents, new_repository


def make_series(
    tree: KernelTree,
    outdir: Path,
    files: Mapping[str, bytes] = TOY,
    changes: Sequence[Change] = TOY_CHANGES,
) -> SeriesWritten:
    plan = make_plan(files, changes, revision=tree.revision)
    return write_series(plan, tree, outdir, generator=GENERATOR, maintainers=False)


def am_in_a_clone(repository: Repository, patches: Sequence[Path], path: Path) -> Repository:
    """What a maintainer does: a fresh clone, then plain git am of the patches."""
    repository.git("clone", "--quiet", "--branch", "main", ".", str(path))
    clone = Repository(path)
    clone.git("am", "--quiet", *(str(patch) for patch in patches))
    return clone


@pytest.fixture
def toy(tmp_path: Path) -> Repository:
    repository = new_repository(tmp_path / "linux")
    repository.write(TOY)
    (repository.path / "fs/toy/run.sh").chmod(0o755)
    repository.commit({})
    return repository


# --- what comes out -------------------------------------------------------------------------------


def test_git_am_in_a_fresh_clone_gives_the_branch(toy: Repository, tmp_path: Path) -> None:
    """Same date, same identity: not only the tree, the commits themselves are the same."""
    tree = GitTree(toy.path, "main")
    written = make_series(tree, tmp_path / "out")
    made = apply(toy_plan(tree.revision), tree, "kmem", generator=GENERATOR)
    clone = am_in_a_clone(toy, written.patches, tmp_path / "clone")
    assert clone.git("rev-parse", "HEAD^{tree}") == made.tree_id == written.tree_id
    assert clone.git("log", "--format=%H", "main~5..").split()[::-1] == list(written.commits)
    assert made.commits == written.commits
    assert made.base == written.base == toy.git("rev-parse", "main")
    assert git_am_tree(written.directory, tree) == made.tree_id


def test_files_of_a_series(toy: Repository, tmp_path: Path) -> None:
    written = make_series(DirectoryTree(toy.path), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "0000-cover-letter.patch",
        "0001-toy-convert-kmem_zalloc-to-kzalloc.patch",
        "0002-toy-convert-kmem_alloc-to-kmalloc.patch",
        "0003-toy-move-kmem_to_page-to-toy_linux.h.patch",
        "0004-toy-convert-kmem_free-to-kvfree.patch",
        "0005-toy-remove-the-kmem-wrappers.patch",
    ]
    assert [written.cover, *written.patches] == sorted((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("number", "pattern"),
    [
        pytest.param(0, r"^Subject: \[PATCH 0/5\] toy: remove the kmem wrappers$", id="cover"),
        pytest.param(0, r"^Message-I[dD]: <cover\.1700000000\.git\.carl@example\.org>$", id="id"),
        pytest.param(0, r"^Ada Author \(5\):$", id="shortlog"),
        pytest.param(0, r"^ 5 files changed, .* 2 insertions|5 files changed", id="diffstat"),
        pytest.param(0, r"^base-commit: {base}$", id="base commit"),
        pytest.param(0, r"^- plain git am of the patches on the base: gives the", id="own check"),
        pytest.param(0, r"^- allmodconfig: builds$", id="check of the caller"),
        pytest.param(1, r"^Subject: \[PATCH 1/5\] toy: convert kmem_zalloc\(\) to", id="subject"),
        pytest.param(1, r"^From: Ada Author <ada@example\.org>$", id="author"),
        pytest.param(1, r"^Date: Tue, 14 Nov 2023 23:13:20 \+0100$", id="date"),
        pytest.param(1, r"^In-Reply-To: <cover\.1700000000\.git\.carl@", id="thread"),
        pytest.param(1, r"^ fs/toy/a\.c \| 2 \+-$", id="diffstat of a patch"),
        pytest.param(1, r"^@@ .* @@ void f\(void\)$|^@@ -1,6", id="hunk header"),
        pytest.param(5, r"^ delete mode 100644 fs/toy/kmem\.c$", id="deletion"),
        pytest.param(5, r"^index [0-9a-f]{12}\.\.0{12}$", id="ids of 12 digits"),
    ],
)
def test_mails_look_as_git_writes_them(
    toy: Repository, tmp_path: Path, number: int, pattern: str
) -> None:
    base = toy.git("rev-parse", "HEAD")
    plan = toy_plan(base)
    write_series(
        plan,
        GitTree(toy.path, "HEAD"),
        tmp_path / "out",
        generator=GENERATOR,
        checks=[Check("allmodconfig", "builds")],
    )
    mail = sorted((tmp_path / "out").iterdir())[number].read_text("utf-8")
    assert re.search(pattern.replace("{base}", base), mail, re.MULTILINE), mail


def test_labels_are_no_function_names(tmp_path: Path) -> None:
    """As the kernel's .gitattributes ask for, also where the tree has none."""
    lines = b"int f(void)\n{\nout_free:\n" + b"\tx();\n" * 9 + b"\tkmem_free(p);\n}\n"
    files = {"fs/a.c": lines}
    (tmp_path / "plain/fs").mkdir(parents=True)
    (tmp_path / "plain/fs/a.c").write_bytes(lines)
    written = make_series(
        DirectoryTree(tmp_path / "plain"),
        tmp_path / "out",
        files,
        [Change([("fs/a.c", "kmem_free", "kvfree")])],
    )
    assert b"@@ int f(void)\n" in written.patches[0].read_bytes()


def test_nobody_signs(toy: Repository, tmp_path: Path) -> None:
    """Not even when the user's own git would."""
    toy.git("config", "format.signOff", "true")
    toy.git("config", "commit.gpgSign", "true")
    written = make_series(DirectoryTree(toy.path), tmp_path / "out")
    mails = b"".join(path.read_bytes() for path in written.patches)
    assert not re.search(rb"(?m)^\S+-by: ", mails)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("diff.noprefix", "true", id="no prefixes"),
        pytest.param("diff.context", "0", id="no context"),
        pytest.param("diff.external", "false", id="external diff"),
        pytest.param("format.attach", "true", id="attachments"),
        pytest.param("format.subjectPrefix", "RFC", id="other prefix"),
        pytest.param("core.autocrlf", "true", id="line ends"),
        pytest.param("core.hooksPath", "/nonexistent", id="hooks"),
    ],
)
def test_the_users_settings_do_not_change_the_mails(
    toy: Repository, tmp_path: Path, key: str, value: str
) -> None:
    plain = make_series(GitTree(toy.path, "HEAD"), tmp_path / "plain")
    toy.git("config", key, value)
    other = make_series(GitTree(toy.path, "HEAD"), tmp_path / "other")
    assert contents(plain.directory) == contents(other.directory)


def test_nor_do_those_of_the_account(
    toy: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = make_series(GitTree(toy.path, "HEAD"), tmp_path / "plain")
    lines = "[diff]\n\tnoprefix = true\n[format]\n\tsignOff = true\n[core]\n\tabbrev = 40\n"
    (tmp_path / "config").write_text(lines)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=0")
    other = make_series(GitTree(toy.path, "HEAD"), tmp_path / "other")
    assert contents(plain.directory) == contents(other.directory)


def test_the_same_input_gives_the_same_bytes(toy: Repository, tmp_path: Path) -> None:
    first = make_series(GitTree(toy.path, "HEAD"), tmp_path / "one")
    second = make_series(GitTree(toy.path, "main"), tmp_path / "two")
    third = make_series(DirectoryTree(toy.path), tmp_path / "three")
    assert contents(first.directory) == contents(second.directory)
    assert first.commits == second.commits == third.commits
    patches = [contents(made.directory, skip=("0000",)) for made in (first, third)]
    assert patches[0] == patches[1]


def test_executable_files_stay_so(toy: Repository, tmp_path: Path) -> None:
    changes = [Change([("fs/toy/run.sh", "sh", "bash")])]
    written = make_series(DirectoryTree(toy.path), tmp_path / "out", TOY, changes)
    clone = am_in_a_clone(toy, written.patches, tmp_path / "clone")
    assert clone.git("ls-tree", "HEAD", "fs/toy/run.sh").startswith("100755")


def test_new_files(toy: Repository, tmp_path: Path) -> None:
    changes = [Change([("fs/toy/new.h", "", "#pragma once\n")])]
    written = make_series(DirectoryTree(toy.path), tmp_path / "out", TOY, changes)
    clone = am_in_a_clone(toy, written.patches, tmp_path / "clone")
    assert (clone.path / "fs/toy/new.h").read_bytes() == b"#pragma once\n"


def test_many_patches_keep_their_order(toy: Repository, tmp_path: Path) -> None:
    plan = toy_plan(toy.git("rev-parse", "HEAD"))
    text = "".join(f"line {number};\n" for number in range(12))
    toy.commit({"fs/many.c": text.encode()})
    plan = make_plan(
        {"fs/many.c": text.encode()},
        [Change([("fs/many.c", f"line {n};", f"call {n};")]) for n in range(5)],
        revision=toy.git("rev-parse", "HEAD"),
    )
    extra = [
        replace(step, number=step.number + 5, id="free", changes=step.changes)
        for step in make_plan(
            {"fs/many.c": text.encode()},
            [Change([("fs/many.c", f"line {n};", f"call {n};")]) for n in range(5, 10)],
        ).steps
    ]
    plan = replace(plan, steps=(*plan.steps, *extra))
    tree = GitTree(toy.path, "HEAD")
    written = write_series(plan, tree, tmp_path / "out", generator=GENERATOR, maintainers=False)
    assert [path.name[:4] for path in written.patches] == [f"{n:04}" for n in range(1, 11)]
    am_in_a_clone(toy, written.patches, tmp_path / "clone")


def test_a_tree_that_lies_deeper_in_its_repository(tmp_path: Path) -> None:
    """Paths in mails and commits are the repository's, as git am needs them."""
    repository = new_repository(tmp_path / "mono")
    repository.commit({f"kernel/linux/{path}": data for path, data in TOY.items()})
    for spec in ("kernel/linux", "kernel/linux@HEAD"):
        tree = open_tree(f"{repository.path}/{spec}")
        name = tree.revision or "directory"
        written = make_series(tree, tmp_path / name)
        made = apply(toy_plan(tree.revision), tree, f"b-{name}", generator=GENERATOR)
        clone = am_in_a_clone(repository, written.patches, tmp_path / f"clone-{name}")
        assert clone.git("rev-parse", "HEAD^{tree}") == written.tree_id == made.tree_id
        assert (clone.path / "kernel/linux/fs/toy/b.c").read_bytes() == TOY["fs/toy/b.c"].replace(
            b"kmem_free", b"kvfree"
        )


def test_sha256_repositories(tmp_path: Path) -> None:
    path = tmp_path / "linux"
    path.mkdir()
    repository = Repository(path)
    repository.git("init", "--quiet", "--initial-branch=main", "--object-format=sha256")
    repository.commit(TOY)
    tree = DirectoryTree(path)
    written = make_series(tree, tmp_path / "out")
    made = apply(toy_plan(), tree, "kmem", generator=GENERATOR)
    assert len(made.tree_id) == 64
    assert made.commits == written.commits


def test_shallow_clones(toy: Repository, tmp_path: Path) -> None:
    toy.commit({"other.c": b"x"})
    toy.git("clone", "--quiet", "--depth=1", f"file://{toy.path}", str(tmp_path / "shallow"))
    shallow = DirectoryTree(tmp_path / "shallow")
    written = make_series(shallow, tmp_path / "out")
    assert git_am_tree(tmp_path / "out", shallow) == written.tree_id


# --- any content ----------------------------------------------------------------------------------

HOSTILE = {
    "crlf": b"a();\r\nkmem_free(p);\r\nb();\r\n",
    "latin-1": b"/* caf\xe9 */\nkmem_free(p);\n",
    "utf-8": "/* café – ü */\nkmem_free(p);\n".encode(),
    "no final newline": b"a();\nkmem_free(p);",
    "no final newline, CR": b"a();\r\nkmem_free(p);\r",
    "one line without newline": b"kmem_free(p);",
    "mixed line ends": b"a();\r\nkmem_free(p);\nb();\r\rc();\n\r\n",
    "NUL": b"a\0b\nkmem_free(p);\n",
    "late NUL": b"x();\n" * 3000 + b"a\0b\nkmem_free(p);\nc\0d\n",
    "form feed and escape": b"\x0c\n\x1b[31m\nkmem_free(p);\x85\n\x0b\n",
    "byte order mark": b"\xef\xbb\xbfa();\nkmem_free(p);\n",
    "long line": b"a" * 5000 + b"\nkmem_free(p);" + b"b" * 5000 + b"\n",
    "looks like a mail": b"From a Mon Sep 17 00:00:00 2001\nSubject: x\n-- \n"
    b"kmem_free(p);\n---\n-- \n",
    "looks like a diff": b"--- a/x\n+++ b/x\n@@ -1 +1 @@\ndiff --git a/x b/x\nkmem_free(p);\n",
    "blanks at line ends": b"a();  \n\t\n \nkmem_free(p); \t\n   \n\n\n",
    "deletion of CR LF": b"a\r\n\r\nb",
    "deletion of nothing": b"",
    "deletion of bytes": bytes(range(256)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(tmp_path: Path, name: str) -> None:
    files = {"fs/hostile.c": HOSTILE[name], "fs/other.c": b"kmem_alloc(1);\n"}
    repository = new_repository(tmp_path / "linux", files)
    change = (
        Change(delete=["fs/hostile.c"])
        if name.startswith("deletion")
        else Change([("fs/hostile.c", "kmem_free(p);", "kvfree(p);")])
    )
    assert_same(repository, tmp_path, files, [change])


def test_paths_with_blanks_and_letters(tmp_path: Path) -> None:
    files = {"fs/with blank/\u00fc #[x]*.c": b"kmem_free(p);\r\n"}
    repository = new_repository(tmp_path / "linux", files)
    changes = [Change([("fs/with blank/\u00fc #[x]*.c", "kmem_free", "kvfree")])]
    assert_same(repository, tmp_path, files, changes)


def assert_same(
    repository: Repository, tmp_path: Path, files: Mapping[str, bytes], changes: Sequence[Change]
) -> None:
    """Mails and branch agree, and both hold what the plan says."""
    tree = GitTree(repository.path, "HEAD")
    written = make_series(tree, tmp_path / "out", files, changes)
    plan = make_plan(files, changes, revision=tree.revision)
    made = apply(plan, tree, "kmem", generator=GENERATOR)
    clone = am_in_a_clone(repository, written.patches, tmp_path / "clone")
    assert clone.git("rev-parse", "HEAD^{tree}") == made.tree_id == written.tree_id
    assert made.commits == written.commits
    for path, text in plan.snapshot(len(plan.steps)).items():
        if text is None:
            assert not (clone.path / path).exists()
        else:
            assert (clone.path / path).read_bytes() == text.encode("latin-1")


_PIECES = st.sampled_from([b"\r\n", b"\n", b"\r", b" \n", b"\t", b"\xff", b"\0", b"From x\n", b"-"])


@st.composite
def random_changes(draw: st.DrawFn) -> tuple[dict[str, bytes], list[Change]]:
    """Files of bytes with places that two steps replace, and files that the second deletes."""
    files: dict[str, bytes] = {}
    first: list[tuple[str, str, str]] = []
    second: list[tuple[str, str, str]] = []
    deleted: list[str] = []
    for number in range(draw(st.integers(1, 3))):
        path = f"fs/{number}.c"
        noise = [b"".join(draw(st.lists(_PIECES | st.binary(max_size=9)))) for _ in range(3)]
        noise = [part.replace(b"<", b"") for part in noise]
        files[path] = noise[0] + b"<one>" + noise[1] + b"<two>" + noise[2]
        new = draw(st.binary(max_size=9)).decode("latin-1")
        first.append((path, "<one>", new))
        if draw(st.booleans()):
            second.append((path, "<two>", new + "2"))
        else:
            deleted.append(path)
    return files, [Change(first), Change(second, deleted)]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=random_changes())
def test_random_content(case: tuple[dict[str, bytes], list[Change]]) -> None:
    files, changes = case
    with tempfile.TemporaryDirectory() as name:
        repository = new_repository(Path(name) / "linux", files)
        assert_same(repository, Path(name), files, changes)


# --- plain directories ----------------------------------------------------------------------------


def plain_directory(path: Path) -> DirectoryTree:
    for name, data in TOY.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    (path / "fs/toy/run.sh").chmod(0o755)
    return DirectoryTree(path)


def test_a_directory_without_git(tmp_path: Path) -> None:
    tree = plain_directory(tmp_path / "linux")
    before = contents(tmp_path / "linux")
    written = make_series(tree, tmp_path / "out")
    assert contents(tmp_path / "linux") == before
    assert written.base is None
    assert b"base-commit" not in written.cover.read_bytes()
    assert b"on the base: gives the intended files\n" in written.cover.read_bytes()
    assert git_am_tree(tmp_path / "out", tree) == written.tree_id
    repository = new_repository(tmp_path / "repo", TOY)
    clone = am_in_a_clone(repository, written.patches, tmp_path / "clone")
    assert not (clone.path / "fs/toy/kmem.c").exists()


def test_a_directory_that_a_repository_does_not_track(tmp_path: Path) -> None:
    """An unpacked kernel below somebody's home directory that is in git."""
    repository = new_repository(tmp_path / "home", {"notes.txt": b"mine\n"})
    tree = plain_directory(repository.path / "src/linux")
    written = make_series(tree, tmp_path / "out")
    assert written.base is None
    assert git_am_tree(tmp_path / "out", tree) == written.tree_id


def test_a_repository_without_commits(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "linux")
    tree = plain_directory(repository.path)
    assert make_series(tree, tmp_path / "out").base is None


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        pytest.param("fs/toy/a.c", b"void h(void);\n", "the content that the plan", id="edited"),
        pytest.param("Makefile", TOY["Makefile"] + b"#\n", "the content that", id="no site in it"),
    ],
)
def test_a_plan_of_other_content(
    toy: Repository, tmp_path: Path, path: str, data: bytes, reason: str
) -> None:
    toy.write({path: data})
    with pytest.raises(InternalCheckError, match=reason):
        make_series(DirectoryTree(toy.path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_files_that_are_not_committed(toy: Repository, tmp_path: Path) -> None:
    dirty = {**TOY, "fs/toy/b.c": TOY["fs/toy/b.c"] + b"/* mine */\n"}
    toy.write(dirty)
    with pytest.raises(InputError) as caught:
        make_series(DirectoryTree(toy.path, "linux"), tmp_path / "out", dirty)
    assert str(caught.value) == (
        "fs/toy/b.c: differs from HEAD, and the series rests on it: commit it, or convert what is"
        " committed by naming the tree linux@HEAD"
    )


def test_a_plan_of_another_revision(toy: Repository, tmp_path: Path) -> None:
    tree = GitTree(toy.path, "HEAD")
    with pytest.raises(InternalCheckError, match="the plan is of None"):
        write_series(toy_plan(), tree, tmp_path / "out", generator=GENERATOR)


def test_symlinks_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.c"
    outside.write_bytes(b"kmem_free(p);\n")
    repository = new_repository(tmp_path / "linux", TOY)
    (repository.path / "fs/link.c").symlink_to(outside)
    repository.commit({})
    files = {"fs/link.c": b"kmem_free(p);\n"}
    for tree in (DirectoryTree(repository.path), GitTree(repository.path, "HEAD")):
        with pytest.raises((InputError, InternalCheckError), match=r"fs/link\.c"):
            make_series(
                tree, tmp_path / "out", files, [Change([("fs/link.c", "kmem_free", "kvfree")])]
            )
    assert outside.read_bytes() == b"kmem_free(p);\n"


def test_paths_that_leave_the_tree(tmp_path: Path) -> None:
    tree = plain_directory(tmp_path / "linux")
    (tmp_path / "outside.c").write_bytes(b"kmem_free(p);\n")
    with pytest.raises((InputError, InternalCheckError), match=r"outside\.c"):
        make_series(
            tree,
            tmp_path / "out",
            {"../outside.c": b"kmem_free(p);\n"},
            [Change([("../outside.c", "kmem_free", "kvfree")])],
        )


@pytest.mark.parametrize("name", ['a"b.c', "a\\b.c", "a\tb.c", "a\nb.c"])
def test_names_that_git_quotes(tmp_path: Path, name: str) -> None:
    files = {f"fs/{name}": b"kmem_free(p);\n"}
    repository = new_repository(tmp_path / "linux", files)
    with pytest.raises(InputError, match="git quotes this name in patches"):
        make_series(
            DirectoryTree(repository.path),
            tmp_path / "out",
            files,
            [Change([(f"fs/{name}", "kmem_free", "kvfree")])],
        )


def test_no_identity(toy: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    with pytest.raises(InputError, match=r"git config --global user\.email"):
        make_series(DirectoryTree(toy.path), tmp_path / "out")


def test_no_git(toy: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = plain_directory(tmp_path / "plain")
    monkeypatch.setenv("PATH", str(tmp_path))
    for tree in (plain, DirectoryTree(toy.path)):
        with pytest.raises(InputError, match="git was not found"):
            make_series(tree, tmp_path / "out")


# --- nothing half-written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "name"),
    [
        pytest.param(write, "build", id="before the commits"),
        pytest.param(write, "_format_patch", id="before the mails"),
        pytest.param(write, "read_back", id="while reading back"),
        pytest.param(check, "check_out", id="inside git am"),
        pytest.param(write, "render_cover", id="before the cover letter"),
        pytest.param(publish, "_beside", id="before publishing"),
    ],
)
@pytest.mark.parametrize("kind", ["repository", "plain"])
def test_ctrl_c_leaves_nothing(
    toy: Repository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    kind: str,
) -> None:
    path = toy.path if kind == "repository" else plain_directory(tmp_path / "plain").root
    before = contents(path)

    def interrupt(*arguments: object, **options: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, name, interrupt)
    with pytest.raises(KeyboardInterrupt):
        make_series(DirectoryTree(path), tmp_path / "new/out")
    assert not (tmp_path / "new").exists()
    assert contents(path) == before


def test_nothing_is_written_to_the_repository(toy: Repository, tmp_path: Path) -> None:
    before = contents(toy.path)
    make_series(DirectoryTree(toy.path), tmp_path / "out")
    assert contents(toy.path) == before


def test_a_directory_with_something_in_it(toy: Repository, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"not empty \(thesis\.txt\)"):
        make_series(DirectoryTree(toy.path), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_force_replaces_an_earlier_series(toy: Repository, tmp_path: Path) -> None:
    tree = DirectoryTree(toy.path)
    make_series(tree, tmp_path / "out")
    (tmp_path / "out/0009-old.patch").write_text("old")
    written = write_series(
        toy_plan(), tree, tmp_path / "out", generator=GENERATOR, maintainers=False, force=True
    )
    assert sorted((tmp_path / "out").iterdir()) == [written.cover, *written.patches]


# --- To and Cc ------------------------------------------------------------------------------------


def test_recipients_stand_in_every_mail(toy: Repository, tmp_path: Path) -> None:
    script = (
        b"#!/usr/bin/env perl\n"
        b'print qq{"Jos\\xc3\\xa9 M. Nt" <jose\\@example.org> (maintainer:TOY)\\n};\n'
        b"print qq{list\\@example.org (open list)\\n};\n"
    )
    toy.commit({"scripts/get_maintainer.pl": script, "MAINTAINERS": b""})
    tree = GitTree(toy.path, "HEAD")
    written = write_series(toy_plan(tree.revision), tree, tmp_path / "out", generator=GENERATOR)
    assert written.cc == ("list@example.org",)
    assert written.notes == ()
    for mail in (written.cover, *written.patches):
        head = mail.read_bytes().partition(b"\n\n")[0]
        assert re.search(rb"(?m)^To: =\?utf-8\?\S+\?= <jose@example\.org>$", head)
        assert re.search(rb"(?m)^Cc: list@example\.org$", head)


def test_recipients_that_cannot_be_found_are_a_note(toy: Repository, tmp_path: Path) -> None:
    tree = GitTree(toy.path, "HEAD")
    written = write_series(toy_plan(tree.revision), tree, tmp_path / "out", generator=GENERATOR)
    assert written.notes == ("To and Cc are left empty: the tree has no scripts/get_maintainer.pl",)
    assert (written.to, written.cc) == ((), ())


# --- the check of the mails -----------------------------------------------------------------------


def test_git_am_tree_sees_a_changed_patch(toy: Repository, tmp_path: Path) -> None:
    tree = GitTree(toy.path, "HEAD")
    written = make_series(tree, tmp_path / "out")
    patch = written.patches[0]
    patch.write_bytes(patch.read_bytes().replace(b"+\tp = kzalloc", b"+\tp = kmalloc"))
    with pytest.raises(InternalCheckError, match=r"0002-.*does not apply"):
        git_am_tree(tmp_path / "out", tree)
    for later in written.patches[1:]:
        later.unlink()
    assert git_am_tree(tmp_path / "out", tree) != toy.git("rev-parse", "HEAD^{tree}")


def test_git_am_tree_of_an_empty_directory(toy: Repository, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no patches"):
        git_am_tree(tmp_path, DirectoryTree(toy.path))


def test_texts_beyond_ascii(toy: Repository, tmp_path: Path) -> None:
    site = make_site(
        converted("zalloc", notes=["\u201cSize\u201d of caf\xc3\xa9 is unknown."]), "kmem_zalloc"
    )
    tree = GitTree(toy.path, "HEAD")
    plan = replace(toy_plan(tree.revision), sites=(site,), notes=("Caf\u00e9\u2026",))
    written = write_series(plan, tree, tmp_path / "out", generator=GENERATOR, maintainers=False)
    clone = am_in_a_clone(toy, written.patches, tmp_path / "clone")
    assert clone.git("log", "--format=%H", "main~5..").split()[::-1] == list(written.commits)
    shown = subprocess.run(
        ["git", "mailinfo", "/dev/null", "/dev/null"],
        input=written.cover.read_bytes(),
        capture_output=True,
        check=True,
    )
    assert b"Subject: toy: remove the kmem wrappers" in shown.stdout
    assert "- Café…" in written.cover.read_text("utf-8")
