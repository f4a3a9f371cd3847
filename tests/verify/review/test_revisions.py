"""A revision range as a series: the same review as for its mails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.tree.open import open_tree
from convert.verify.review.series import read_series, review_series
from tests.support import MINIKERNEL, commit_all, copy_minikernel, git
from tests.verify.review.patches import told


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mini kernel with one bad commit and one that is harmless, each on its own."""
    place = copy_minikernel(tmp_path_factory.mktemp("repo") / "kernel")
    commit_all(place)
    git(place, "tag", "base")
    _replace(place, "fs/minfs/minfs_ioctl.c", "kmem_free(out)", "kfree(out)")
    git(place, "commit", "-qam", "minfs: free by kfree\n\nA reason.")
    _replace(place, "fs/minfs/minfs_ioctl.c", "minfs_create(", "minfs_create (")
    git(place, "commit", "-qam", "minfs: white space")
    git(place, "tag", "tip")
    return place


def _replace(place: Path, path: str, old: str, new: str) -> None:
    text = (place / path).read_text("latin-1")
    assert old in text
    (place / path).write_text(text.replace(old, new, 1), "latin-1")


@pytest.mark.parametrize(
    "spec", [pytest.param("", id="work-tree"), pytest.param("@tip", id="revision")]
)
def test_a_range_is_reviewed_commit_by_commit(repository: Path, spec: str) -> None:
    review = review_series("base..tip", open_tree(f"{repository}{spec}"))
    assert [commit.subject for commit in review.commits] == [
        "minfs: free by kfree",
        "minfs: white space",
    ]
    assert told(review) == [("wrong-free", "error")]
    assert review.commits[1].findings == ()
    assert review.revision == git(repository, "rev-parse", "base")


def test_mails_of_the_same_commits_give_the_same_findings(repository: Path, tmp_path: Path) -> None:
    git(repository, "format-patch", "-q", "-o", str(tmp_path / "mails"), "base..tip")
    by_mail = review_series(str(tmp_path / "mails"), open_tree(f"{repository}@base"))
    by_range = review_series("base..tip", open_tree(str(repository)))
    assert by_mail.findings == by_range.findings


def test_a_tree_below_the_top_of_its_repository(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    place = copy_minikernel(top / "kernel")
    commit_all(top)
    git(top, "tag", "base")
    _replace(place, "fs/minfs/minfs_ioctl.c", "kmem_free(out)", "kfree(out)")
    (top / "outside.c").write_text("int x;\n")
    git(top, "add", "outside.c")
    git(top, "commit", "-qam", "Both")
    series = read_series("base..HEAD", open_tree(str(place)))
    assert [change.path for change in series.commits[0].changes] == ["fs/minfs/minfs_ioctl.c"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param("tip..base", "no commit in that range", id="empty"),
        pytest.param("base..nowhere", "nowhere", id="no-such-revision"),
        pytest.param("base...tip", "A..B", id="three-dots"),
        pytest.param("..tip", "A..B", id="without-a-start"),
    ],
)
def test_refused(repository: Path, spec: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_series(spec, open_tree(str(repository)))


def test_a_merge_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "repo"
    place.mkdir()
    (place / "a").write_text("a")
    commit_all(place)
    git(place, "tag", "base")
    git(place, "checkout", "-q", "-b", "side")
    (place / "b").write_text("b")
    commit_all(place, "side")
    git(place, "checkout", "-q", "main")
    (place / "c").write_text("c")
    commit_all(place, "main")
    git(place, "merge", "-q", "--no-edit", "side")
    with pytest.raises(InputError, match="merge"):
        read_series("base..main", open_tree(str(place)))


def test_a_range_needs_a_repository(tmp_path: Path) -> None:
    place = copy_minikernel(tmp_path / "kernel")
    try:
        subprocess.run(["git", "rev-parse"], cwd=place, check=True, capture_output=True)
    except subprocess.CalledProcessError:
        with pytest.raises(InputError, match="not in a git repository"):
            read_series("a..b", open_tree(str(place)))


def test_nothing_is_written(repository: Path) -> None:
    before = git(repository, "status", "--porcelain", "--untracked-files=all")
    head = git(repository, "rev-parse", "HEAD")
    review_series("base..tip", open_tree(str(repository)))
    assert git(repository, "status", "--porcelain", "--untracked-files=all") == before
    assert git(repository, "rev-parse", "HEAD") == head
    assert MINIKERNEL.is_dir()
