"""Reading a series in each of its forms, and refusing what does not apply."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.verify.review.mails import Applier, clean_subject, read_mails, whole_prefix
from convert.verify.review.overlay import OverlayTree
from convert.verify.review.series import read_series
from tests.verify.review.patches import diff_of, mail_of, minikernel

A, B = "fs/a.c", "fs/b.c"


def tree(**files: str) -> OverlayTree:
    named = {f"fs/{name}.c": text.encode() for name, text in files.items()}
    return OverlayTree(minikernel(), named)


FIRST = mail_of(diff_of({A: "one\n"}, {A: "two\n"}), "[PATCH 1/2] a: first")
SECOND = mail_of(diff_of({A: "two\n"}, {A: "three\n"}), "[PATCH v3 02/02] a: second")
COVER = mail_of("", "[PATCH 0/2] a: both", "Cover text.").replace("---\n 1 file changed\n\n", "")


def write(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "series"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name.replace('_', '.')}").write_bytes(text.encode("latin-1"))
    return folder


def test_a_directory_of_mails(tmp_path: Path) -> None:
    mails = {"0000-c_patch": COVER, "0001-a_patch": FIRST, "0002-b_patch": SECOND}
    folder = write(tmp_path, **mails)
    series = read_series(str(folder), tree(a="one\n"))
    assert [commit.subject for commit in series.commits] == ["a: first", "a: second"]
    assert [c.after for commit in series.commits for c in commit.changes] == [b"two\n", b"three\n"]
    assert series.notes == ()
    assert "Cover text." in "".join(series.messages.values())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(FIRST + SECOND, id="in-order"),
        pytest.param(SECOND + FIRST, id="out-of-order"),
        pytest.param(COVER + FIRST + SECOND, id="with-cover"),
    ],
)
def test_an_mbox(tmp_path: Path, text: str) -> None:
    file = tmp_path / "series.mbox"
    file.write_text(text)
    assert len(read_series(str(file), tree(a="one\n")).commits) == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(FIRST, id="mail"),
        pytest.param(diff_of({A: "one\n"}, {A: "two\n"}), id="plain-git-diff"),
        pytest.param("--- a/fs/a.c\n+++ b/fs/a.c\n@@ -1 +1 @@\n-one\n+two\n", id="plain-diff"),
        pytest.param("Why.\n\n--- a/fs/a.c\n+++ b/fs/a.c\n@@ -1 +1 @@\n-one\n+two\n", id="quilt"),
        pytest.param(FIRST.split("\n", 1)[1], id="without-envelope"),
    ],
)
def test_one_patch(tmp_path: Path, text: str) -> None:
    file = tmp_path / "one.patch"
    file.write_text(text)
    (commit,) = read_series(str(file), tree(a="one\n")).commits
    (change,) = commit.changes
    assert (change.path, change.before, change.after) == (A, b"one\n", b"two\n")


def test_transfer_encodings_and_odd_bytes(tmp_path: Path) -> None:
    diff = diff_of({A: "caf\xe9\r\n"}, {A: "th\xe9\r\n"})
    head, _, _ = FIRST.partition("\n\n")
    body = base64.b64encode(diff.encode("latin-1")).decode()
    file = tmp_path / "one.patch"
    file.write_text(f"{head}\nContent-Transfer-Encoding: base64\n\n{body}\n")
    base = OverlayTree(minikernel(), {A: "caf\xe9\r\n".encode("latin-1")})
    (commit,) = read_series(str(file), base).commits
    assert commit.changes[0].after == "th\xe9\r\n".encode("latin-1")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({A: None}, {A: "new\n"}, id="new-file"),
        pytest.param({A: "old\n"}, {A: None}, id="deleted-file"),
        pytest.param({A: "x"}, {A: "y"}, id="no-newline-at-the-end"),
        pytest.param({A: "a\n" * 50}, {A: "a\n" * 10 + "b\n" + "a\n" * 39}, id="far-down"),
    ],
)
def test_what_a_diff_can_do(
    tmp_path: Path, before: dict[str, str | None], after: dict[str, str | None]
) -> None:
    data = {path: None if text is None else text.encode() for path, text in before.items()}
    file = tmp_path / "one.patch"
    file.write_text(mail_of(diff_of(before, after)))
    (commit,) = read_series(str(file), OverlayTree(minikernel(), data)).commits
    wanted = after[A]
    assert commit.changes[0].after == (None if wanted is None else wanted.encode())


RENAME = """\
diff --git a/fs/a.c b/fs/b.c
similarity index 80%
rename from fs/a.c
rename to fs/b.c
--- a/fs/a.c
+++ b/fs/b.c
@@ -1,2 +1,2 @@
 one
-two
+three
"""


def test_a_rename_moves_the_file(tmp_path: Path) -> None:
    file = tmp_path / "one.patch"
    file.write_text(mail_of(RENAME))
    (commit,) = read_series(str(file), tree(a="one\ntwo\n")).commits
    assert {(c.path, c.after) for c in commit.changes} == {(B, b"one\nthree\n"), (A, None)}


def test_a_rename_without_changes(tmp_path: Path) -> None:
    file = tmp_path / "one.patch"
    head = RENAME.partition("--- a/")[0].replace("80%", "100%")
    file.write_text(mail_of(head))
    (commit,) = read_series(str(file), tree(a="one\n")).commits
    assert {(c.path, c.after) for c in commit.changes} == {(B, b"one\n"), (A, None)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            mail_of(diff_of({A: "one\nmore\n"}, {A: "two\nmore\n"})), "does not apply", id="context"
        ),
        pytest.param(
            mail_of(diff_of({B: "one\n"}, {B: "two\n"})), "does not have", id="no-such-file"
        ),
        pytest.param(
            mail_of(diff_of({A: None}, {A: "new\n"})), "the tree has it", id="not-a-new-file"
        ),
        pytest.param(
            mail_of(FIRST.partition("diff --git")[2].join(["diff --git", ""]) * 2),
            "twice",
            id="one-file-twice",
        ),
        pytest.param(FIRST + FIRST, "both patch 1", id="two-versions"),
        pytest.param("Subject: hello\n\nNo patch here.\n", "no patch", id="no-patch"),
        pytest.param("", "no patch", id="empty"),
        pytest.param(
            f"Subject: x\nContent-Type: multipart/mixed; boundary=z\n\n--z\n\n{FIRST}\n--z--\n",
            "several parts",
            id="attachment",
        ),
    ],
)
def test_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "one.mbox"
    file.write_text(text)
    with pytest.raises(InputError, match=words):
        read_series(str(file), tree(a="one\n"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("nowhere", "no such file", id="no-such-file"),
        pytest.param("empty", "no mail file", id="empty-directory"),
    ],
)
def test_nothing_to_read(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=words):
        read_series(str(tmp_path / name), tree())


def test_a_binary_change_is_left_aside_with_a_word(tmp_path: Path) -> None:
    diff = "diff --git a/fs/x.bin b/fs/x.bin\nBinary files a/fs/x.bin and b/fs/x.bin differ\n"
    file = tmp_path / "one.patch"
    file.write_text(mail_of(diff_of({A: "one\n"}, {A: "two\n"}) + diff))
    series = read_series(str(file), OverlayTree(tree(a="one\n"), {"fs/x.bin": b"\0"}))
    assert [change.path for change in series.commits[0].changes] == [A]
    assert "fs/x.bin" in series.notes[0]


def test_mails_without_a_patch_are_named(tmp_path: Path) -> None:
    folder = write(
        tmp_path, **{"0001-a_patch": FIRST, "0002-r_patch": "Subject: Re: a\n\nLooks good.\n"}
    )
    assert "Re: a" in read_series(str(folder), tree(a="one\n")).notes[0]


def test_paths_from_the_top_of_a_larger_repository(tmp_path: Path) -> None:
    file = tmp_path / "one.patch"
    file.write_text(mail_of(diff_of({f"kernel/{A}": "one\n"}, {f"kernel/{A}": "two\n"})))
    box = read_mails(file)
    assert whole_prefix(box.patches, "kernel/") == "kernel/"
    assert whole_prefix(box.patches, "other/") == ""
    applier = Applier(tree(a="one\n"), "kernel/")
    assert applier.commit(box.patches[0]).changes[0].path == A


@pytest.mark.parametrize(
    ("subject", "cleaned"),
    [
        pytest.param("[PATCH v2 03/12] xfs: do it", "xfs: do it", id="numbered"),
        pytest.param("Re: [PATCH] [RFC] a [b] c", "a [b] c", id="reply"),
        pytest.param("plain", "plain", id="plain"),
    ],
)
def test_subjects(subject: str, cleaned: str) -> None:
    assert clean_subject(subject) == cleaned
