"""The tree's own style checker, asked only for what a commit makes worse.

checkpatch judges added lines. An edited line is an added one, so the faults it had before would be
laid at the commit's door. Therefore the reverse of the commit is checked as well: its added lines
are the original ones. A finding excuses one of the same type in the same group of changed lines.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from unidiff.patch import PatchedFile, PatchSet

from convert.errors import InputError
from convert.verify.maintained import settled
from convert.verify.process import ToolMissing, first_missing, run
from convert.verify.scratch import git, subject

SCRIPT = "scripts/checkpatch.pl"
_OPTIONS = ("--strict", "--terse", "--showfile", "--show-types", "--no-summary", "--color=never")
# The tool never signs off; the person who sends the series does, with `git am --signoff`.
_FOR_A_PERSON = ("--no-signoff",)
_FINDING = re.compile(
    r"^(?:(?P<file>[^:]*):(?P<line>\d+): )?"
    r"(?P<level>ERROR|WARNING|CHECK):(?P<type>[A-Z0-9_]+): (?P<message>.*)$"
)
# "added, moved or deleted file(s), does MAINTAINERS need updating?"
_FILES = "FILE_PATH_CHANGES"
_DIFF = ("--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/")


@dataclass(frozen=True)
class StyleFinding:
    """One finding: level ERROR, WARNING or CHECK; file is "" for the commit message."""

    level: str
    type: str
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.file else "commit message"
        return f"{place}: {self.level}: {self.type}: {self.message}"


@dataclass(frozen=True)
class Styled:
    """checkpatch ran. ``new``: errors and warnings that the original lines did not have;
    ``checks``: the same for the level CHECK; ``inherited``: what the original lines had too.
    """

    commit: str
    subject: str
    new: tuple[StyleFinding, ...]
    checks: tuple[StyleFinding, ...]
    inherited: tuple[StyleFinding, ...]


@dataclass(frozen=True)
class StyleFailed:
    """checkpatch could not be run on the commit; ``reason`` is its own words."""

    commit: str
    subject: str
    reason: str


StyleResult = Styled | StyleFailed | ToolMissing


def check_commit(tree: Path, repository: Path, commit: str, prefix: str = "") -> StyleResult:
    """Run checkpatch on one commit of ``repository``.

    ``tree`` is a checkout of the kernel that the caller owns: checkpatch comes from it and leaves a
    cache of its own (``.checkpatch-camelcase…``) there. ``prefix``: where the kernel lies in the
    repository, "" or "dir/".
    """
    if missing := first_missing((("perl", "perl"),)):
        return missing
    title = subject(repository, commit)
    if not (tree / SCRIPT).is_file():
        return StyleFailed(commit, title, f"the tree has no {SCRIPT}")
    diff = (*_DIFF, "--dst-prefix=b/", *([f"--relative={prefix}"] if prefix else []))
    mail = ("format-patch", "--stdout", "-1", "--no-signature", *diff, commit)
    reverse = ("diff", *diff, commit, f"{commit}^")
    try:
        after = _findings(tree, git(repository, *mail))
        patch = git(repository, *reverse)
        before = _findings(tree, patch) if patch else ()
    except InputError as error:
        return StyleFailed(commit, title, str(error))
    return compare(commit, title, _settled(tree, after, patch), before, patch)


def _settled(
    tree: Path, findings: Iterable[StyleFinding], reverse: str
) -> tuple[StyleFinding, ...]:
    """The findings; one about MAINTAINERS is no warning where its patterns hold as they are."""
    found = tuple(findings)
    file = tree / "MAINTAINERS"
    if not file.is_file() or all(finding.type != _FILES for finding in found):
        return found
    changed = PatchSet(reverse)
    added = [one.path for one in changed if one.is_removed_file]  # of the reverse
    removed = [one.path for one in changed if one.is_added_file]
    reason = settled(file.read_text(encoding="utf-8", errors="replace"), added, removed)
    if reason is None:
        return found
    return tuple(
        replace(finding, level="CHECK", message=reason) if finding.type == _FILES else finding
        for finding in found
    )


def compare(
    commit: str,
    title: str,
    after: Iterable[StyleFinding],
    before: Iterable[StyleFinding],
    reverse: str,
) -> Styled:
    """Split the findings of a commit into new and inherited ones.

    ``before`` are the findings of the reverse diff, whose text is ``reverse``.
    """
    groups = _ChangeGroups.of(reverse)
    excuses = Counter((groups.original(f), f.type) for f in before if f.file)
    new: list[StyleFinding] = []
    inherited: list[StyleFinding] = []
    for finding in after:
        key = (groups.changed(finding), finding.type)
        inside = bool(finding.file) and excuses[key] > 0
        excuses[key] -= inside
        (inherited if inside else new).append(finding)
    return Styled(
        commit,
        title,
        tuple(finding for finding in new if finding.level != "CHECK"),
        tuple(finding for finding in new if finding.level == "CHECK"),
        tuple(inherited),
    )


_Place = tuple[str, int]


@dataclass(frozen=True)
class _ChangeGroups:
    """Runs of changed lines, numbered: where the lines of either side of a reverse diff belong.

    A finding next to a change (checkpatch reports some there) belongs to the group before it.
    """

    originals: Mapping[_Place, int]
    changes: Mapping[_Place, int]

    @classmethod
    def of(cls, reverse: str) -> _ChangeGroups:
        originals: dict[_Place, int] = {}
        changes: dict[_Place, int] = {}
        number = 0
        for file in PatchSet(reverse):
            number = _number_lines(file, number, originals, changes)
        return cls(originals, changes)

    def original(self, finding: StyleFinding) -> int | None:
        """The group of a finding about the original lines."""
        return self.originals.get((finding.file, finding.line))

    def changed(self, finding: StyleFinding) -> int | None:
        """The group of a finding about the commit's lines."""
        return self.changes.get((finding.file, finding.line))


def _number_lines(
    file: PatchedFile, number: int, originals: dict[_Place, int], changes: dict[_Place, int]
) -> int:
    """Number the groups of one file, in a reverse diff: its target is the original."""
    for hunk in file:
        number += 1
        was_context = True
        for line in hunk:
            if was_context and not line.is_context:
                number += 1
            was_context = line.is_context
            if line.target_line_no is not None:
                originals[file.path, line.target_line_no] = number
            if line.source_line_no is not None:
                changes[file.path, line.source_line_no] = number
    return number


def read_findings(output: str) -> tuple[StyleFinding, ...]:
    """Read checkpatch's terse output; what is no finding (a wrapped message) is left out."""
    found = (_FINDING.match(line) for line in output.splitlines())
    return tuple(
        StyleFinding(m["level"], m["type"], m["file"] or "", int(m["line"] or 0), m["message"])
        for m in found
        if m
    )


def _findings(tree: Path, patch: str) -> tuple[StyleFinding, ...]:
    """Run checkpatch on a patch. Raises InputError if it dies."""
    words = ["perl", SCRIPT, *_OPTIONS, *_FOR_A_PERSON, "-"]
    done = run(words, tree, stdin=patch, guard=True)
    findings = read_findings(done.output)
    if done.code and not findings:
        last = done.output.strip().splitlines()[-1:] or ["no output"]
        raise InputError(f"checkpatch ended with code {done.code}: {last[0]}")
    return findings
