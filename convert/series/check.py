"""Checks of the mail files themselves: read back by unidiff, and applied by plain ``git am``."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk, PatchedFile, PatchSet

from convert.errors import InputError, InternalCheckError
from convert.series.base import Base, GitBase, directory_base
from convert.series.identity import Identity, Signature
from convert.series.mail import decoded_body
from convert.series.model import Commit, Series
from convert.series.scratch import GitFailed, Scratch, build_base, scratch_repository
from convert.tree.directory import DirectoryTree
from convert.tree.kernel import KernelTree
from convert.tree.revision import GitTree

_NOBODY = Signature("kmem-convert <kmem-convert@localhost.invalid>", "0 +0000")
_NO_NEWLINE = "\\"


def patch_files(series_dir: Path) -> tuple[Path, ...]:
    """The patches of a series in order, without the cover letter. Raises InputError if none."""
    found = sorted(series_dir.glob("[0-9]" * 4 + "-*.patch"))
    patches = tuple(path for path in found if not path.name.startswith("0000-"))
    if not patches:
        raise InputError(f"{series_dir}: no patches (0001-….patch) in there")
    return patches


def parse_patch(mail: bytes, name: str) -> PatchSet:
    """The diff of one mail file, as latin-1 text. Raises InputError if it cannot be read."""
    body = decoded_body(mail).decode("latin-1")
    start = 0 if body.startswith("diff --git ") else body.find("\ndiff --git ") + 1
    try:
        # newline="\n": other line ends are content
        return PatchSet(io.StringIO(body[start:], newline="\n"))
    except UnidiffParseError as error:
        raise InputError(f"{name}: {error}") from error


def read_back(
    mails: Sequence[bytes], series: Series, before: Mapping[str, bytes], prefix: str
) -> None:
    """Raises InternalCheckError unless the mails, read by unidiff, make the series' files.

    ``before``: the files of the base by path. Every hunk must fit its place exactly.
    """
    if len(mails) != len(series.commits):
        raise InternalCheckError(f"{len(mails)} mails for {len(series.commits)} commits")
    files = dict(before)
    for mail, commit in zip(mails, series.commits, strict=True):
        _read_back_one(parse_patch(mail, f"patch {commit.number}"), commit, files, prefix)
        for path, data in commit.files.items():
            files[path] = b"" if data is None else data


def _read_back_one(
    patch: PatchSet, commit: Commit, files: Mapping[str, bytes], prefix: str
) -> None:
    touched = [patched_path(patched) for patched in patch]
    if sorted(touched) != sorted(prefix + path for path in commit.files):
        raise InternalCheckError(f"patch {commit.number} touches {touched}")
    for patched in patch:
        path = patched_path(patched).removeprefix(prefix)
        wanted = commit.files[path]
        if patched.is_removed_file != (wanted is None):
            raise InternalCheckError(f"patch {commit.number}: {path} should be deleted, or not")
        if not patched.is_binary_file:
            after = patched_text(files.get(path, b"").decode("latin-1"), patched)
            if after.encode("latin-1") != (wanted or b""):
                raise InternalCheckError(f"patch {commit.number} makes other content of {path}")


def patched_path(patched: PatchedFile) -> str:
    """The path of a file of a patch, as the file system names it."""
    return os.fsdecode(patched.path.encode("latin-1"))


def patched_text(text: str, patched: PatchedFile) -> str:
    """Apply the hunks to a file's text. Raises InternalCheckError where one does not fit."""
    lines = _lines(text)
    result: list[str] = []
    done = 0
    for hunk in patched:
        start = hunk.source_start - (1 if hunk.source_length else 0)
        source, target = _sides(hunk)
        valid = len(source) == hunk.source_length and len(target) == hunk.target_length
        if start < done or not valid or lines[start : start + len(source)] != source:
            where = f"{patched.path}:{hunk.source_start}"
            raise InternalCheckError(f"{where}: a hunk of the patch does not fit")
        result += lines[done:start] + target
        done = start + len(source)
    return "".join(result + lines[done:])


def _sides(hunk: Hunk) -> tuple[list[str], list[str]]:
    """The old and the new lines of a hunk, without the newline that a marker takes away."""
    sides: tuple[list[str], list[str]] = ([], [])
    last: tuple[list[str], ...] = ()
    for line in hunk:
        if line.line_type == _NO_NEWLINE:
            for side in last:
                side[-1] = side[-1].removesuffix("\n")
            continue
        last = sides[: 1 + line.is_context] if not line.is_added else sides[1:]
        for side in last:
            side.append(line.value)
    return sides


def _lines(text: str) -> list[str]:
    """The lines with their newline; only LF ends a line."""
    return list(io.StringIO(text, newline="\n"))


def git_am_tree(series_dir: Path, tree: KernelTree) -> str:
    """The id of the tree that plain ``git am`` makes of a series on top of a tree.

    For a directory of a repository the base is HEAD; for one without, a commit of the files that
    the patches touch. Everything happens in a scratch repository. Raises InputError if a patch
    cannot be read, InternalCheckError if one does not apply.
    """
    patches = patch_files(series_dir)
    touched = {
        patched_path(patched)
        for path in patches
        for patched in parse_patch(path.read_bytes(), path.name)
    }
    return am_tree(patches, base_of(tree, touched), touched)


def base_of(tree: KernelTree, touched: Iterable[str]) -> Base:
    """What a series applies to: the revision, HEAD of a directory, or the directory's own files.

    ``touched``: the paths that matter; of a plain directory only these are taken.
    """
    if isinstance(tree, GitTree):
        return GitBase(tree)
    if not isinstance(tree, DirectoryTree):
        raise InternalCheckError(f"{tree.name}: neither a directory nor a git revision")
    return directory_base(tree, touched)


def am_tree(
    patches: Sequence[Path], base: Base, touched: Iterable[str], inside: Path | None = None
) -> str:
    """As `git_am_tree`, for patches and a base that are known; ``touched``: repository paths.

    Only the touched files are checked out, so that it is quick on a whole kernel. ``inside``: where
    the scratch repository is made.
    """
    identity = nobody()
    with scratch_repository(base, identity, bare=False, inside=inside) as scratch:
        check_out(scratch, base, identity, touched)
        for patch in patches:
            try:
                scratch.git("am", "--quiet", str(patch.resolve()))
            except GitFailed as error:
                raise InternalCheckError(f"{patch.name} does not apply: {error}") from error
        return scratch.line("rev-parse", "HEAD^{tree}")


def check_out(scratch: Scratch, base: Base, identity: Identity, touched: Iterable[str]) -> str:
    """Make the base the scratch repository's HEAD and write the touched files; the base's id."""
    start = build_base(scratch, base, identity)
    scratch.git("config", "core.sparseCheckout", "true")
    patterns = b"".join(_pattern(path) for path in sorted(touched))
    (scratch.directory / ".git" / "info" / "sparse-checkout").write_bytes(patterns)
    scratch.git("update-ref", "--no-deref", "HEAD", start)
    scratch.git("read-tree", "-m", "-u", "HEAD")
    return start


def nobody() -> Identity:
    """An identity and a date for scratch commits: the same patches give the same ids."""
    return Identity(_NOBODY, _NOBODY)


def _pattern(path: str) -> bytes:
    """A sparse-checkout pattern for one path and nothing else."""
    escaped = "".join(f"\\{letter}" if letter in "\\*?[]!# " else letter for letter in path)
    return b"/" + os.fsencode(escaped) + b"\n"
