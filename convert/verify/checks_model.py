"""What one check says of one commit, and what all of them say of a series.

A check never stops the others: a tool that is missing, a commit that does not build or a check that
was not asked for is a result too, so that nothing is left out in silence. Every check (building,
style, review, booting, …) is a function that takes a `Prepared` and hands back a `Checked`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from convert.progress import Progress

BASE = 0  # the commit number of the tree before the series


@dataclass(frozen=True)
class CheckFinding:
    """One thing that a check holds against a commit.

    file: from the tree's top, "" if it is about no file. line: counted from 1 after the commit,
    None if unknown. text: one line, as the tool put it. where: what it was found under, such as the
    name of a kernel configuration; "" if that does not matter.
    """

    file: str
    line: int | None
    text: str
    where: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line is not None else self.file
        under = f" [{self.where}]" if self.where else ""
        return f"{place}: {self.text}{under}" if place else f"{self.text}{under}"


@dataclass(frozen=True)
class Passed:
    """The check ran and holds nothing against the commit.

    commit: number of the patch from 1, `BASE` for the tree before the series, None for the series
    as a whole. seconds: how long it took when it ran. detail: one line for people, may be "".
    cached: the result is that of an earlier run on the same input with the same tools. notes: what
    a reader should know and what is no fault.
    """

    check: str
    commit: int | None
    seconds: float
    detail: str = ""
    cached: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failed:
    """The check ran and found something; the other fields as in `Passed`."""

    check: str
    commit: int | None
    findings: tuple[CheckFinding, ...]
    seconds: float = 0.0
    detail: str = ""
    cached: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotRun:
    """The check did not run: ``reason`` says why, in one line.

    package: the Debian package that holds what is missing, "" if nothing is. asked: False if the
    user did not ask for the check; only then is not running it no reason for exit code 1.
    """

    check: str
    commit: int | None
    reason: str
    package: str = ""
    asked: bool = True


CheckResult = Passed | Failed | NotRun


@dataclass(frozen=True)
class ToolVersion:
    """A program that a check rests on, with the version that it states itself."""

    name: str
    version: str


@dataclass(frozen=True)
class Checked:
    """What one check hands back: its results in the order of the commits, and its tools."""

    results: tuple[CheckResult, ...]
    tools: tuple[ToolVersion, ...] = ()


@dataclass(frozen=True)
class SeriesCommit:
    """A commit of the series, made by ``git am`` in the scratch repository.

    number: from 1. mail: name of its file. commit, tree: ids in the scratch repository. files:
    what it changes, by path from the tree's top.
    """

    number: int
    mail: str
    subject: str
    commit: str
    tree: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """A series that was applied beside the user's tree, ready to be checked.

    name: the tree as the user named it. fingerprint: stands for the content of the whole base tree
    (its git tree id, or a digest of a plain directory's state). repository: a scratch repository
    that holds the base and the commits. base: the base's commit id in there. commits: those that
    applied, oldest first. touched: all files that the series changes. work: a directory for
    whatever a check needs; it is emptied when the run ends or is killed. cache: where results may
    be kept between runs, None if they may not. jobs: how many things may run at the same time.
    check_out: makes `tree` the files of a commit of ``repository``; the whole kernel lies there.
    tree: the directory that ``check_out`` fills; it is empty before the first call.
    prefix: where the kernel lies in the repository, "" or "dir/". plain: the user's directory if
    it is in no repository: then the commits hold the touched files only; None if they hold all.
    """

    name: str
    fingerprint: str
    repository: Path
    base: str
    commits: tuple[SeriesCommit, ...]
    touched: tuple[str, ...]
    work: Path
    cache: Path | None
    jobs: int
    tree: Path
    check_out: Callable[[str], None]
    progress: Progress
    prefix: str = ""
    plain: Path | None = None

    def parent(self, commit: SeriesCommit) -> str:
        """The id of the commit before one of the series."""
        return self.base if commit.number == 1 else self.commits[commit.number - 2].commit

    def pairs(self) -> Iterator[tuple[str, SeriesCommit]]:
        """Each commit with the id of the one before it."""
        return ((self.parent(commit), commit) for commit in self.commits)


@dataclass(frozen=True)
class CommitTitle:
    """A commit of the series as its mail names it, whether it applied or not."""

    number: int
    mail: str
    subject: str


@dataclass(frozen=True)
class VerifyResult:
    """Everything that was found out about a series: commits × checks, and by which tools.

    checks: names of the checks in the order in which they are shown. results: at most one for each
    check and commit. tree_id: git's id of the tree after the last commit, None if it was not made.
    configurations: the kernel configurations that were built under, in words by name.
    """

    series: str
    tree: str
    revision: str | None
    tree_id: str | None
    commits: tuple[CommitTitle, ...]
    checks: tuple[str, ...]
    results: tuple[CheckResult, ...]
    tools: tuple[ToolVersion, ...]
    configurations: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def result(self, check: str, commit: int | None) -> CheckResult | None:
        """What a check says of a commit (None: of the series); None if it says nothing."""
        for found in self.results:
            if found.check == check and found.commit == commit:
                return found
        return None

    @property
    def failures(self) -> tuple[Failed, ...]:
        """All results that hold something against the series."""
        return tuple(result for result in self.results if isinstance(result, Failed))

    @property
    def not_run(self) -> tuple[NotRun, ...]:
        """All that was not checked."""
        return tuple(result for result in self.results if isinstance(result, NotRun))

    @property
    def exit_code(self) -> int:
        """0 if everything that was asked for ran and holds, else 1."""
        missing = any(result.asked for result in self.not_run)
        return 1 if self.failures or missing else 0


__all__ = [
    "BASE",
    "CheckFinding",
    "CheckResult",
    "Checked",
    "CommitTitle",
    "Failed",
    "NotRun",
    "Passed",
    "Prepared",
    "SeriesCommit",
    "ToolVersion",
    "VerifyResult",
]
