"""Patches made at test time: by editing the files of a tree, or from two versions of one file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from convert.tree.directory import DirectoryTree
from convert.tree.kernel import KernelTree
from convert.verify.review.model import Finding, Review, Severity
from convert.verify.review.overlay import OverlayTree
from convert.verify.review.series import review_series

MINIKERNEL = Path(__file__).resolve().parents[3] / "corpus" / "minikernel"
TOY = "fs/toyfs/toy.c"
TOY_HEADER = "fs/toyfs/toy.h"

Files = Mapping[str, str | None]
Edit = Callable[[str], str]


def minikernel() -> KernelTree:
    """The mini kernel as it lies in the repository."""
    return DirectoryTree(MINIKERNEL, "minikernel")


def with_files(files: Files) -> KernelTree:
    """The mini kernel with some files of a toy filesystem."""
    data = {p: None if text is None else text.encode("latin-1") for p, text in files.items()}
    return OverlayTree(minikernel(), data)


def diff_of(before: Files, after: Files) -> str:
    """A git-style diff of two sets of files; None: the file does not exist."""
    pieces = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        head = f"diff --git a/{path} b/{path}\n"
        head += "new file mode 100644\n" if old is None else ""
        head += "deleted file mode 100644\n" if new is None else ""
        lines = difflib.unified_diff(
            _lines(old),
            _lines(new),
            "/dev/null" if old is None else f"a/{path}",
            "/dev/null" if new is None else f"b/{path}",
        )
        pieces.append(head + "".join(_with_newline(line) for line in lines))
    return "".join(pieces)


def _lines(text: str | None) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text or "")


def _with_newline(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def mail_of(diff: str, subject: str = "[PATCH] toy: change something", body: str = "Why.") -> str:
    """A mail as git format-patch writes it."""
    return (
        "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\n"
        "From: A Person <person@example.org>\n"
        "Date: Mon, 1 Jan 2024 00:00:00 +0000\n"
        f"Subject: {subject}\n\n{body}\n---\n 1 file changed\n\n{diff}-- \n2.39.5\n\n"
    )


def review_mails(tmp_path: Path, tree: KernelTree, mails: Sequence[str]) -> Review:
    """Write mails as a series and review it."""
    series = tmp_path / "series"
    series.mkdir()
    for number, mail in enumerate(mails, 1):
        (series / f"{number:04}-patch.patch").write_bytes(mail.encode("latin-1"))
    return review_series(str(series), tree, cache_dir=tmp_path / "cache")


def review_change(tmp_path: Path, before: Files, after: Files, body: str = "Why.") -> Review:
    """Review one patch that turns some files of a toy filesystem into others."""
    diff = diff_of(before, after)
    assert diff, "the patch changes nothing"
    return review_mails(tmp_path, with_files(before), [mail_of(diff, body=body)])


def edited(tree: KernelTree, edits: Mapping[str, Sequence[tuple[str, str]]]) -> tuple[Files, Files]:
    """The files of a tree before and after some replacements; each must find its text."""
    before = {path: tree.read(path).decode("latin-1") for path in edits}
    after = {}
    for path, replacements in edits.items():
        text = before[path]
        for pattern, replacement in replacements:
            text, number = re.subn(pattern, replacement, text)
            assert number, f"{path}: nothing like {pattern!r} in there"
        after[path] = text
    return before, after


def review_edits(
    tmp_path: Path, tree: KernelTree, edits: Mapping[str, Sequence[tuple[str, str]]]
) -> Review:
    """Review a patch made of replacements (regular expressions) in some files of a tree."""
    before, after = edited(tree, edits)
    return review_mails(tmp_path, tree, [mail_of(diff_of(before, after))])


def serious(review: Review) -> list[Finding]:
    """All findings but notes."""
    return [finding for finding in review.findings if finding.severity is not Severity.NOTE]


def told(review: Review) -> list[tuple[str, str]]:
    """Rule and severity of all findings but notes."""
    return [(finding.rule.value, finding.severity.value) for finding in serious(review)]
