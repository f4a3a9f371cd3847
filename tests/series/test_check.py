"""Reading patches back: what is right is accepted, and every way to be wrong is seen."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import InputError, InternalCheckError
from convert.series.check import parse_patch, patch_files, patched_text, read_back
from convert.series.model import Commit, Series

BEFORE = {"fs/a.c": b"one\ntwo\nthree\n", "fs/b.c": b"gone\n"}
SERIES = Series((Commit(1, "toy: a", "Why.\n", {"fs/a.c": b"one\n2\nthree\n", "fs/b.c": None}),))
MAIL = b"""\
From 0123 Mon Sep 17 00:00:00 2001
Subject: [PATCH] toy: a

Why.
---
 fs/a.c | 2 +-
 fs/b.c | 1 -

diff --git a/fs/a.c b/fs/a.c
index 4cb29ea38f70..d0c1f8eba2d3 100644
--- a/fs/a.c
+++ b/fs/a.c
@@ -1,3 +1,3 @@ int f(void)
 one
-two
+2
 three
diff --git a/fs/b.c b/fs/b.c
deleted file mode 100644
index 286c5a1b4b5c..000000000000
--- a/fs/b.c
+++ /dev/null
@@ -1 +0,0 @@
-gone
--\x20
2.39.5

"""


def test_a_right_patch() -> None:
    read_back([MAIL], SERIES, BEFORE, "")


def test_a_right_patch_of_a_deeper_tree() -> None:
    mail = MAIL.replace(b"a/fs/", b"a/kernel/fs/").replace(b"b/fs/", b"b/kernel/fs/")
    read_back([mail], SERIES, BEFORE, "kernel/")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param(b"+2\n", b"+3\n", "makes other content of fs/a.c", id="other line"),
        pytest.param(b" one\n", b" One\n", r"fs/a\.c:1: a hunk .* does not fit", id="context"),
        pytest.param(b"@@ -1,3 +1,3", b"@@ -2,3 +2,3", "does not fit", id="place"),
        pytest.param(b"@@ -1,3 +1,3", b"@@ -1,3 +1,4", "Hunk|does not fit", id="count, too many"),
        pytest.param(b"@@ -1,3 +1,3", b"@@ -1,3 +1,2", "longer", id="count, too few"),
        pytest.param(b"fs/b.c", b"fs/c.c", "patch 1 touches", id="other file"),
        pytest.param(MAIL[MAIL.index(b"diff --git a/fs/b") : -12], b"", "touches", id="missing"),
        pytest.param(b"+++ /dev/null", b"+++ b/fs/b.c", ".", id="not deleted"),
        pytest.param(b"-gone\n", b"-gone\n\\ No newline at end of file\n", "fit", id="newline"),
    ],
)
def test_wrong_patches(old: bytes, new: bytes, reason: str) -> None:
    assert MAIL.count(old) >= 1
    with pytest.raises((InternalCheckError, InputError), match=reason):
        read_back([MAIL.replace(old, new)], SERIES, BEFORE, "")


def test_a_mail_too_few() -> None:
    with pytest.raises(InternalCheckError, match="0 mails for 1 commits"):
        read_back([], SERIES, BEFORE, "")


def test_commits_build_on_each_other() -> None:
    second = Commit(2, "toy: b", "Why.\n", {"fs/a.c": b"one\n22\nthree\n"})
    mail = MAIL[: MAIL.index(b"diff --git a/fs/b")].replace(b"+2\n", b"+22\n")
    later = mail.replace(b"-two\n", b"-2\n")
    series = Series((*SERIES.commits, second))
    read_back([MAIL, later], series, BEFORE, "")
    with pytest.raises(InternalCheckError, match="does not fit"):
        read_back([MAIL, mail], series, BEFORE, "")


_LINES = st.lists(
    st.sampled_from(["a", "b", "", "\r", " ", "-- ", "--- a", "+++ b", "\x85", "\x0c"])
)


@given(_LINES, _LINES, st.booleans(), st.booleans())
def test_hunks_make_the_new_text(old: list[str], new: list[str], end: bool, other: bool) -> None:
    """Against difflib's diffs of random texts, with and without a final newline."""
    before = "\n".join(old) + ("\n" if old and end else "")
    after = "\n".join(new) + ("\n" if new and other else "")
    lines = []
    for line in difflib.unified_diff(lines_of(before), lines_of(after), "a/x", "b/x", n=2):
        lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    body = "diff --git a/x b/x\n" + "".join(lines)
    patch = parse_patch(b"Subject: x\n\n" + body.encode("latin-1"), "x")
    assert patched_text(before, patch[0]) == after


def lines_of(text: str) -> list[str]:
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def test_counts_have_to_match_the_lines() -> None:
    patch = parse_patch(MAIL, "x")[0]
    patch[0].target_length = 4
    with pytest.raises(InternalCheckError, match="does not fit"):
        patched_text("one\ntwo\nthree\n", patch)


def test_patches_in_order_without_the_cover_letter(tmp_path: Path) -> None:
    for name in ("0002-b.patch", "0000-cover-letter.patch", "0001-a.patch", "notes", "x.patch"):
        (tmp_path / name).touch()
    assert [path.name for path in patch_files(tmp_path)] == ["0001-a.patch", "0002-b.patch"]


def test_no_patches(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no patches"):
        patch_files(tmp_path)
