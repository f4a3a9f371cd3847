"""Branches in real repositories: the user's work tree, index and HEAD stay as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convert.errors import InputError, InternalCheckError
from convert.plan import Plan
from convert.series import branch as branch_module
from convert.series import scratch
from convert.series.branch import BranchMade, apply
from convert.tree.directory import DirectoryTree
from convert.tree.git import NotARepository
from convert.tree.kernel import KernelTree
from convert.tree.revision import GitTree
from tests.series.plans import GENERATOR, TOY, toy_plan
from tests.tree.repos import Repository, contents, new_repository


@pytest.fixture
def toy(tmp_path: Path) -> Repository:
    return new_repository(tmp_path / "linux", TOY)


def make(
    tree: KernelTree, name: str = "kmem", *, force: bool = False, plan: Plan | None = None
) -> BranchMade:
    plan = plan or toy_plan(tree.revision)
    return apply(plan, tree, name, generator=GENERATOR, force=force)


def refs(repository: Repository) -> str:
    return repository.git("for-each-ref", "--format=%(refname) %(objectname)")


def everything(repository: Repository) -> dict[str, tuple[int, bytes]]:
    """All files, those of git too, except objects that nothing refers to."""
    return contents(repository.path, skip=(".git/objects",))


def test_commits_one_a_step(toy: Repository) -> None:
    made = make(DirectoryTree(toy.path))
    assert toy.git("rev-parse", "kmem") == made.commits[-1]
    assert toy.git("log", "--format=%s", "main..kmem").split("\n")[::-1] == [
        "toy: convert kmem_zalloc() to kzalloc()",
        "toy: convert kmem_alloc() to kmalloc()",
        "toy: move kmem_to_page() to toy_linux.h",
        "toy: convert kmem_free() to kvfree()",
        "toy: remove the kmem wrappers",
    ]
    assert toy.git("merge-base", "main", "kmem") == made.base == toy.git("rev-parse", "main")
    assert toy.git("show", "kmem:fs/toy/b.c") == "void g(void)\n{\n\tkvfree(q);\n}"
    assert toy.git("rev-parse", "kmem^{tree}") == made.tree_id
    assert toy.git("fsck", "--strict", "--no-dangling") == ""


def test_author_date_and_reflog(toy: Repository) -> None:
    make(DirectoryTree(toy.path))
    assert toy.git("log", "-1", "--format=%an %ae %ad %cn %ce %cd", "--date=raw", "kmem") == (
        "Ada Author ada@example.org 1700000000 +0100"
        " Carl Committer carl@example.org 1700000000 +0100"
    )
    assert "kmem-convert 0.1.0: recipe exact" in toy.git("reflog", "kmem")


DIRTY: dict[str, dict[str, bytes]] = {
    "clean": {},
    "other file changed": {"README": b"changed\n"},
    "untracked file": {"fs/toy/new.c": b"new\n", "notes": b"mine\n"},
}


@pytest.mark.parametrize("dirt", DIRTY)
@pytest.mark.parametrize("staged", [False, True], ids=["not staged", "staged"])
def test_nothing_else_changes(toy: Repository, dirt: str, staged: bool) -> None:
    toy.commit({"README": b"read me\n"})
    toy.write(DIRTY[dirt])
    if staged:
        toy.git("add", "--all")
    before = everything(toy)
    make(DirectoryTree(toy.path))
    after = everything(toy)
    created = {".git/refs/heads/kmem", ".git/logs/refs/heads/kmem"}
    assert set(after) - set(before) == created
    assert {name: value for name, value in after.items() if name not in created} == before


def test_a_revision_does_not_care_for_the_work_tree(toy: Repository) -> None:
    first = toy.git("rev-parse", "HEAD")
    toy.commit({"fs/toy/a.c": b"rewritten\n"})
    toy.write({"fs/toy/b.c": b"dirty\n"})
    toy.git("add", "fs/toy/b.c")
    before = everything(toy)
    made = make(GitTree(toy.path, first))
    assert made.base == first
    assert toy.git("rev-parse", "kmem~5") == first
    after = everything(toy)
    assert {name: after[name] for name in before} == before


def test_detached_head(toy: Repository) -> None:
    toy.git("checkout", "--quiet", "--detach")
    before = everything(toy)
    made = make(DirectoryTree(toy.path))
    assert toy.git("rev-parse", "kmem") == made.commits[-1]
    assert {name: everything(toy)[name] for name in before} == before


def test_bare_repository(toy: Repository, tmp_path: Path) -> None:
    toy.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    made = make(GitTree(tmp_path / "bare.git", "main"))
    bare = Repository(tmp_path / "bare.git")
    assert bare.git("rev-parse", "kmem") == made.commits[-1]


def test_other_work_trees(toy: Repository, tmp_path: Path) -> None:
    toy.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    made = make(DirectoryTree(tmp_path / "side"))
    assert toy.git("rev-parse", "kmem") == made.commits[-1]
    with pytest.raises(InputError, match="branch side is checked out"):
        make(DirectoryTree(toy.path), "side", force=True)


def test_hooks_do_not_run(toy: Repository, tmp_path: Path) -> None:
    for name in ("pre-commit", "commit-msg", "post-commit", "applypatch-msg", "post-checkout"):
        hook = toy.path / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        hook.chmod(0o755)
    make(DirectoryTree(toy.path))
    assert not (tmp_path / "ran").exists()


def test_force_replaces_a_branch(toy: Repository) -> None:
    toy.git("branch", "kmem")
    old = toy.git("rev-parse", "kmem")
    made = make(DirectoryTree(toy.path), force=True)
    assert made.replaced == old
    assert toy.git("rev-parse", "kmem") == made.commits[-1]
    assert toy.git("rev-parse", "kmem@{1}") == old


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("existing", "name", "reason"),
    [
        pytest.param("kmem", "kmem", "branch kmem exists: name another", id="exists"),
        pytest.param("kmem", "kmem/exact", "cannot create branch kmem/exact", id="below a branch"),
        pytest.param("kmem/exact", "kmem", "cannot create branch kmem", id="above a branch"),
        pytest.param("x", "main", "branch main is checked out", id="checked out"),
        pytest.param("x", "a..b", "no name for a branch", id="dots"),
        pytest.param("x", "", "no name for a branch", id="empty"),
        pytest.param("x", "-f", "no name for a branch", id="an option"),
        pytest.param("x", "HEAD", "no name for a branch", id="HEAD"),
        pytest.param("x", "a b", "no name for a branch", id="blank"),
    ],
)
def test_names_that_cannot_be(toy: Repository, existing: str, name: str, reason: str) -> None:
    toy.git("branch", existing)
    before = everything(toy)
    with pytest.raises(InputError, match=reason):
        make(DirectoryTree(toy.path), name)
    assert everything(toy) == before


@pytest.mark.parametrize("force", [False, True])
def test_the_branch_of_head_is_never_touched(toy: Repository, force: bool) -> None:
    with pytest.raises(InputError, match="checked out, so it is not touched"):
        make(DirectoryTree(toy.path), "main", force=force)


def test_a_branch_that_head_waits_for(toy: Repository) -> None:
    """After `git checkout --orphan new` a branch of that name would move HEAD."""
    toy.git("checkout", "--quiet", "--orphan", "new")
    with pytest.raises(InputError, match="branch new is checked out"):
        make(GitTree(toy.path, "main"), "new")


def test_the_branch_of_a_bare_repository(toy: Repository, tmp_path: Path) -> None:
    toy.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    with pytest.raises(InputError, match="branch main is checked out"):
        make(GitTree(tmp_path / "bare.git", "main"), "main", force=True)


def test_repository_without_commits(tmp_path: Path) -> None:
    repository = new_repository(tmp_path / "linux")
    repository.write(TOY)
    with pytest.raises(InputError, match="git has no commit of this tree yet"):
        make(DirectoryTree(repository.path))
    assert refs(repository) == ""


def test_directory_without_git(tmp_path: Path) -> None:
    Repository(tmp_path).write(TOY)
    with pytest.raises(NotARepository, match="not in a git repository"):
        make(DirectoryTree(tmp_path))


@pytest.mark.parametrize(
    ("path", "data"),
    [
        pytest.param("fs/toy/a.c", TOY["fs/toy/a.c"] + b"\n", id="a file that the plan edits"),
        pytest.param("fs/toy/kmem.h", b"#define KM_NOFS 2\n", id="a file that it deletes"),
        pytest.param("fs/toy/run.sh", b"changed\n", id="a file that it only read"),
    ],
)
def test_uncommitted_changes_that_matter(toy: Repository, path: str, data: bytes) -> None:
    toy.write({path: data})
    tree = DirectoryTree(toy.path)
    plan = toy_plan()
    if path in plan.originals:
        plan = replace(plan, originals={**plan.originals, path: data.decode("latin-1")})
    before = everything(toy)
    with pytest.raises(InputError, match=rf"{path}: differs from HEAD, .* commit it, or convert"):
        make(tree, plan=plan)
    assert everything(toy) == before


def test_a_deleted_file_matters_too(toy: Repository) -> None:
    (toy.path / "fs/toy/run.sh").unlink()
    with pytest.raises(InputError, match=r"fs/toy/run\.sh: differs from HEAD"):
        make(DirectoryTree(toy.path))


def test_edited_files_are_named_first_and_the_rest_counted(toy: Repository) -> None:
    dirty = {"fs/toy/run.sh": b"x\n", "fs/toy/b.c": TOY["fs/toy/b.c"] + b"\n", "fs/toy/kmem.c": b""}
    toy.write(dirty)
    plan = toy_plan()
    originals = {
        **plan.originals,
        "fs/toy/kmem.c": "",
        "fs/toy/b.c": TOY["fs/toy/b.c"].decode() + "\n",
    }
    with pytest.raises(InputError, match=r"fs/toy/b\.c: differs from HEAD \(2 more like it\)"):
        make(DirectoryTree(toy.path), plan=replace(plan, originals=originals))


def test_plan_of_other_content(toy: Repository) -> None:
    tree = GitTree(toy.path, "HEAD")
    plan = toy_plan(tree.revision)
    changed = replace(plan, originals={**plan.originals, "fs/toy/b.c": "other"})
    with pytest.raises(InternalCheckError):
        make(tree, plan=changed)


def test_commits_are_checked_before_anything_is_handed_over(
    toy: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were a file lost on the way into a commit, the run would stop."""
    real: Any = scratch._import_commit

    def lossy(*arguments: Any) -> list[bytes]:
        *head, files, identity = arguments
        kept = dict(list(files.items())[:1])
        made: list[bytes] = real(*head, kept, identity)
        return made

    before = everything(toy)
    monkeypatch.setattr(scratch, "_import_commit", lossy)
    with pytest.raises(
        InternalCheckError, match=r"commit 4 changes fs/toy/a\.c, but should change"
    ):
        make(DirectoryTree(toy.path))
    assert everything(toy) == before


def test_no_identity(toy: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    with pytest.raises(InputError, match=r"git config --global user\.name"):
        make(DirectoryTree(toy.path))
    assert refs(toy).count("\n") == 0


def test_identity_of_the_repository(toy: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    toy.git("config", "user.name", "Rosa Repo")
    toy.git("config", "user.email", "rosa@example.org")
    make(DirectoryTree(toy.path))
    assert toy.git("log", "-1", "--format=%an %ce", "kmem") == "Rosa Repo rosa@example.org"


def test_a_branch_that_appears_meanwhile(toy: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_over = branch_module._hand_over

    def race(*arguments: object) -> None:
        hand_over(*arguments)  # type: ignore[arg-type]
        toy.git("branch", "kmem")

    monkeypatch.setattr(branch_module, "_hand_over", race)
    with pytest.raises(InputError, match="cannot create branch kmem"):
        make(DirectoryTree(toy.path))
    assert toy.git("rev-parse", "kmem") == toy.git("rev-parse", "main")


def test_an_object_store_that_cannot_be_written(
    toy: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(toy)
    objects = toy.path / ".git/objects"
    tree = DirectoryTree(toy.path)
    hand_over = branch_module._hand_over

    def occupied(*arguments: object) -> None:
        """Every directory of the store is taken by a file: as good as read-only, also for root."""
        for number in range(256):
            place = objects / f"{number:02x}"
            if not place.exists():
                place.touch()
        hand_over(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(branch_module, "_hand_over", occupied)
    with pytest.raises(InputError, match="cannot write to"):
        make(tree)
    assert everything(toy) == before


@pytest.mark.parametrize(
    "name", ["branch_base", "read_identity", "render_series", "build", "_hand_over", "_set_branch"]
)
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_ctrl_c_leaves_no_branch(
    toy: Repository, monkeypatch: pytest.MonkeyPatch, name: str, late: bool
) -> None:
    if name == "_set_branch" and late:
        pytest.skip("then the branch is made")
    before = everything(toy)
    real = getattr(branch_module, name)

    def interrupt(*arguments: object, **options: object) -> object:
        if late:
            real(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(branch_module, name, interrupt)
    with pytest.raises(KeyboardInterrupt):
        make(DirectoryTree(toy.path))
    assert everything(toy) == before
    assert not list(toy.path.rglob("*.lock"))
    monkeypatch.setattr(branch_module, name, real)
    make(DirectoryTree(toy.path))  # and a second try works
