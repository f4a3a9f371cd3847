"""Applying a series with plain ``git am``, patch by patch, in a repository of our own."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from pathlib import Path

from unidiff.patch import PatchedFile

from convert.errors import InputError
from convert.series.base import Base, GitBase
from convert.series.check import (
    base_of,
    check_out,
    nobody,
    parse_patch,
    patch_files,
    patched_path,
)
from convert.series.scratch import GitFailed, Scratch, scratch_repository
from convert.tree.directory import DirectoryTree
from convert.tree.kernel import KernelTree
from convert.verify.checks_model import (
    CheckFinding,
    CheckResult,
    CommitTitle,
    Failed,
    NotRun,
    Passed,
    SeriesCommit,
)

APPLIES = "applies"
_TAG = re.compile(r"^\s*(?:\[[^\]]*\]\s*)+")


@dataclass(frozen=True)
class SeriesFiles:
    """The mails of a series directory, in order; touched: the repository paths they change."""

    directory: Path
    patches: tuple[Path, ...]
    titles: tuple[CommitTitle, ...]
    touched: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Stands for the content of all patches."""
        found = hashlib.sha256()
        for patch in self.patches:
            found.update(hashlib.sha256(patch.read_bytes()).digest())
        return found.hexdigest()


@dataclass(frozen=True)
class Applied:
    """What ``git am`` made. results: one for each patch. base: the id of the commit below them."""

    repository: Path
    base: str
    commits: tuple[SeriesCommit, ...]
    results: tuple[CheckResult, ...]


def read_series_files(directory: Path) -> SeriesFiles:
    """Find the patches of a directory. Raises InputError if there are none or one is no patch."""
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory; name the directory of a series")
    patches = patch_files(directory)
    touched: dict[str, None] = {}
    for path in patches:
        changed = [
            name for one in parse_patch(path.read_bytes(), path.name) for name in _paths(one)
        ]
        if not changed:
            raise InputError(f"{path}: no patch in this mail")
        touched |= dict.fromkeys(changed)
    titles = tuple(
        CommitTitle(number, path.name, _subject(path)) for number, path in enumerate(patches, 1)
    )
    return SeriesFiles(directory, patches, titles, tuple(sorted(touched)))


def _paths(patched: PatchedFile) -> Iterator[str]:
    """The paths of a file before and after, which differ where it is renamed or copied."""
    yield patched_path(patched)
    source = patched.source_file.partition("\t")[0]
    if source.startswith("a/"):
        yield os.fsdecode(source[2:].encode("latin-1"))


def _subject(path: Path) -> str:
    """The subject of a mail, without what stands in brackets before it."""
    raw = message_from_bytes(path.read_bytes()).get("Subject", "")
    try:
        text = str(make_header(decode_header(raw)))
    except (MessageError, LookupError, ValueError):
        text = str(raw)
    return _TAG.sub("", " ".join(text.split()))


def series_base_of(tree: KernelTree, files: SeriesFiles) -> Base:
    """What the series applies to; see `convert.series.check.base_of`."""
    return base_of(tree, files.touched)


@contextmanager
def applied(files: SeriesFiles, base: Base, inside: Path) -> Iterator[Applied]:
    """Apply the patches one by one; the repository lives as long as the ``with`` statement.

    The first that does not apply ends it: those after it are reported as not run.
    """
    with scratch_repository(base, nobody(), bare=False, inside=inside) as scratch:
        start = check_out(scratch, base, nobody(), files.touched)
        commits: list[SeriesCommit] = []
        results: list[CheckResult] = []
        for title, path in zip(files.titles, files.patches, strict=True):
            if results and not isinstance(results[-1], Passed):
                reason = "a patch before it does not apply"
                results.append(NotRun(APPLIES, title.number, reason))
                continue
            results.append(_apply(scratch, title, path))
            if isinstance(results[-1], Passed):
                parent = commits[-1].commit if commits else start
                commits.append(_made(scratch, title, parent, base.prefix))
        yield Applied(scratch.directory, start, tuple(commits), tuple(results))


def _apply(scratch: Scratch, title: CommitTitle, path: Path) -> CheckResult:
    start = time.monotonic()
    try:
        scratch.git("am", "--quiet", str(path.resolve()))
    except GitFailed as error:
        findings = (CheckFinding("", None, f"{title.mail}: {error}"),)
        return Failed(APPLIES, title.number, findings, time.monotonic() - start)
    return Passed(APPLIES, title.number, time.monotonic() - start, "plain git am")


def _made(scratch: Scratch, title: CommitTitle, parent: str, prefix: str) -> SeriesCommit:
    commit = scratch.line("rev-parse", "HEAD")
    raw = scratch.git("diff-tree", "-r", "-z", "--name-only", "--no-renames", parent, commit)
    names = [os.fsdecode(name) for name in raw.split(b"\0") if name]
    return SeriesCommit(
        title.number,
        title.mail,
        scratch.line("show", "--no-patch", "--format=%s", commit),
        commit,
        scratch.line("rev-parse", "HEAD^{tree}"),
        tuple(name.removeprefix(prefix) for name in names),
    )


def fingerprint(tree: KernelTree, base: Base) -> str:
    """Stands for the content of the whole base: git's tree id, or the state of all files.

    The state of a file is its name, size and times, by which make and git tell changes as well.
    """
    if isinstance(base, GitBase):
        return str(base.tree.repo.git.rev_parse(f"{base.commit}^{{tree}}"))
    assert isinstance(tree, DirectoryTree)
    found = hashlib.sha256()
    for line in sorted(_states(tree.root)):
        found.update(line)
    return found.hexdigest()


def _states(top: Path) -> Iterator[bytes]:
    """One line for each file below a directory, but for git's own."""
    places = [os.fsencode(top)]
    while places:
        with os.scandir(places.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    places += [entry.path] if entry.name != b".git" else []
                    continue
                state = entry.stat(follow_symlinks=False)
                numbers = (state.st_mode, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
                yield entry.path + b" %d %d %d %d\n" % numbers
