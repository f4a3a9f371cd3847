"""What a review says: findings, each with its place, its rule and both contracts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How grave a finding is. UNKNOWN: something could not be read, so it was not reviewed."""

    ERROR = "error"
    WARNING = "warning"
    UNKNOWN = "unknown"
    NOTE = "note"


class Rule(Enum):
    """What a finding is about; docs/review.md explains each. The values are stable ids."""

    NEVER_FAIL_LOST = "never-fail-lost"
    WRONG_FREE = "wrong-free"
    NOFAIL_ORDER = "nofail-order"
    NOFS_LOST = "nofs-lost"
    SCOPE_REMOVED = "scope-removed"
    SCOPE_BALANCE = "scope-balance"
    ZEROING_LOST = "zeroing-lost"
    CONTRADICTORY_MASK = "contradictory-mask"
    IDLE_MASK = "idle-mask"
    MASK_CHANGED = "mask-changed"
    STORED_MASK = "stored-mask"
    NOT_REVIEWED = "not-reviewed"


@dataclass(frozen=True)
class Finding:
    """One finding. ``line`` counts after the commit, ``line_before`` before it; 1-based.

    Either line is None where the thing does not exist on that side. ``before`` and ``after`` are
    the contracts in words, empty where none is involved.
    """

    rule: Rule
    severity: Severity
    file: str
    line: int | None
    line_before: int | None
    function: str | None
    message: str
    before: str = ""
    after: str = ""

    @property
    def place(self) -> str:
        """``file:line``, after the commit where there is such a line."""
        line = self.line if self.line is not None else self.line_before
        return self.file if line is None else f"{self.file}:{line}"


@dataclass(frozen=True)
class CommitReview:
    """What was looked at in one commit, and what was found, gravest first.

    functions: changed ones that concern memory. sites: allocations, frees, scope calls and stored
    masks in them after the commit; matched: those compared with one before.
    """

    number: int
    name: str
    subject: str
    files: int
    functions: int
    sites: int
    matched: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Counts:
    """Findings by severity."""

    errors: int
    warnings: int
    unknown: int
    notes: int


@dataclass(frozen=True)
class Review:
    """A reviewed series. ``notes`` is what was left aside, e.g. mails without a patch."""

    series: str
    tree: str
    revision: str | None
    commits: tuple[CommitReview, ...]
    notes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, in the order of the commits."""
        return tuple(finding for commit in self.commits for finding in commit.findings)

    @property
    def counts(self) -> Counts:
        """Findings by severity."""
        return counted(self.findings)

    @property
    def exit_code(self) -> int:
        """0 if there is nothing but notes, else 1."""
        counts = self.counts
        return 1 if counts.errors or counts.warnings or counts.unknown else 0


def counted(findings: Iterable[Finding]) -> Counts:
    """Count findings by severity."""
    given = [finding.severity for finding in findings]
    return Counts(
        given.count(Severity.ERROR),
        given.count(Severity.WARNING),
        given.count(Severity.UNKNOWN),
        given.count(Severity.NOTE),
    )


_GRAVITY = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.UNKNOWN: 2, Severity.NOTE: 3}


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings by gravity, then by place; equal ones once."""
    return tuple(
        sorted(
            dict.fromkeys(findings),
            key=lambda f: (_GRAVITY[f.severity], f.file, f.line or f.line_before or 0, f.message),
        )
    )
