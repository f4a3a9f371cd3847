"""Whether a series is what it says: others who apply it, and `apply`, get the same tree."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from convert.errors import InputError, InternalCheckError, KmemConvertError
from convert.series.base import Base
from convert.series.check import am_tree
from convert.series.mail import decoded_body
from convert.tree.kernel import KernelTree
from convert.tree.store import code_digest
from convert.verify.applying import SeriesFiles
from convert.verify.checks_model import (
    Checked,
    CheckFinding,
    CheckResult,
    Failed,
    NotRun,
    Passed,
    Prepared,
)
from convert.verify.remembered import Remembered
from convert.verify.scratch import git

FRESH = "fresh git am"
REGENERATED = "same as apply"
COVER = "0000-cover-letter.patch"
# What the template of the cover letter says before the command line.
_AGAIN = re.compile(r"To\s+generate\s+the\s+same\s+again:\s*\n\s*(?P<command>kmem-convert [^\n]+)")

# The files that the tool makes of a tree for a command line: content by path from the tree's top,
# None where deleted. Raises KmemConvertError if it cannot.
Regenerate = Callable[[Sequence[str], KernelTree], Mapping[str, bytes | None]]


def check_fresh(prepared: Prepared, files: SeriesFiles, base: Base) -> CheckResult:
    """Apply the whole series once more, in a fresh clone; the last tree has to be the same."""
    start = time.monotonic()
    last = prepared.commits[-1]
    try:
        tree = am_tree(files.patches, base, files.touched, inside=prepared.work)
    except (InternalCheckError, InputError) as error:
        return Failed(FRESH, None, (CheckFinding("", None, str(error)),))
    seconds = time.monotonic() - start
    if tree != last.tree:
        text = f"git am in a fresh clone gives tree {tree}, commit by commit gave {last.tree}"
        return Failed(FRESH, None, (CheckFinding("", None, text),), seconds)
    return Passed(FRESH, None, seconds, f"tree {tree[:12]}")


def check_regenerated(
    prepared: Prepared, files: SeriesFiles, tree: KernelTree, regenerate: Regenerate
) -> CheckResult:
    """Run the tool again as the cover letter says; the last tree has to be the same."""
    words = generator_words(files)
    if words is None:
        return NotRun(
            REGENERATED, None, "the cover letter names no command that made it", "", False
        )
    key = {
        "check": REGENERATED,
        "base": prepared.fingerprint,
        "patches": files.digest,
        "words": words,
        "code": code_digest(("",)),
    }
    remembered = Remembered(prepared.cache)
    differ = remembered.load(key)
    cached = isinstance(differ, list)
    start = time.monotonic()
    if not cached:
        prepared.progress("generating the series again")
        try:
            differ = list(_differences(prepared, regenerate(words, tree)))
        except KmemConvertError as error:
            return NotRun(REGENERATED, None, f"it cannot be generated again: {error}")
        remembered.store(key, differ)
    seconds = time.monotonic() - start
    if differ:
        text = "differs from what the tool makes: changed by hand, or by another version"
        findings = tuple(CheckFinding(path, None, text) for path in differ)
        return Failed(REGENERATED, None, findings, seconds, "", cached)
    return Passed(REGENERATED, None, seconds, shlex.join(words), cached)


def generator_words(files: SeriesFiles) -> tuple[str, ...] | None:
    """The words of the command line in the cover letter; None if there is none."""
    cover = files.directory / COVER
    if not cover.is_file():
        return None
    found = _AGAIN.search(decoded_body(cover.read_bytes()).decode("utf-8", "replace"))
    if found is None:
        return None
    try:
        return tuple(shlex.split(found["command"]))
    except ValueError:
        return None


def _differences(prepared: Prepared, wanted: Mapping[str, bytes | None]) -> Iterator[str]:
    """The files whose content after the last commit is not the wanted one."""
    paths = {path for commit in prepared.commits for path in commit.files} | wanted.keys()
    last = prepared.commits[-1].commit
    for path in sorted(paths):
        if path not in wanted or _content(prepared, last, path) != wanted[path]:
            yield path


def _content(prepared: Prepared, commit: str, path: str) -> bytes | None:
    name = prepared.prefix + path
    if not git(prepared.repository, "ls-tree", "--name-only", commit, "--", name):
        return None
    text = git(prepared.repository, "show", f"{commit}:{name}")
    return text.encode("utf-8", "surrogateescape")


def check_whole(
    prepared: Prepared, files: SeriesFiles, base: Base, tree: KernelTree, regenerate: Regenerate
) -> Checked:
    """Both checks of the series as a whole."""
    if len(prepared.commits) < len(files.patches):
        reason = "not every patch applies"
        return Checked(tuple(NotRun(name, None, reason) for name in (FRESH, REGENERATED)))
    return Checked(
        (check_fresh(prepared, files, base), check_regenerated(prepared, files, tree, regenerate))
    )
