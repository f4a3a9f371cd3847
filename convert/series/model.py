"""A patch series: its commits and its cover letter, before git or mail is involved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from convert.errors import InternalCheckError
from convert.plan import Plan, Step

# A body line that starts like this ends the message for git am (git's mailinfo.c, "patchbreak").
_ENDS_MESSAGE = ("---", "diff -", "Index: ")
# A first body line that starts like this is taken for a header (git's mailinfo.c, in-body headers).
_HEADERS = ("From:", "Subject:", "Date:", ">From", "[PATCH]")


@dataclass(frozen=True)
class Generator:
    """What made the series, for whoever reads it: program, version, the exact command line."""

    tool: str
    version: str
    command: str


@dataclass(frozen=True)
class Check:
    """One thing that was checked, and what came out."""

    name: str
    result: str


@dataclass(frozen=True)
class Commit:
    """One commit. ``files``: content after it by path from the tree's top; None where deleted.

    Raises InternalCheckError for a message that would not come through a mail as it is.
    """

    number: int  # from 1
    subject: str  # with the prefix, without [PATCH n/m]
    body: str  # ends with one newline
    files: Mapping[str, bytes | None]

    def __post_init__(self) -> None:
        """Check what mail would change."""
        check_subject(self.subject)
        lines = self.body.split("\n")
        bad = [line for line in lines if line.startswith(_ENDS_MESSAGE) or line != line.rstrip()]
        bad += [line for line in lines[:1] if not line or line.startswith(_HEADERS)]
        blank = "\n\n\n" in self.body or self.body.endswith("\n\n")
        if bad or blank or lines[-1]:
            raise InternalCheckError(
                f"commit {self.number}: a mail would change its message at {bad or lines[-2:]!r}"
            )

    @property
    def message(self) -> str:
        """The whole commit message."""
        return f"{self.subject}\n\n{self.body}"


@dataclass(frozen=True)
class CoverLetter:
    """Mail 0 of a series, without what git adds (shortlog, diffstat, base commit)."""

    subject: str
    body: str

    def __post_init__(self) -> None:
        """Check what mail would change."""
        check_subject(self.subject)


@dataclass(frozen=True)
class Series:
    """The commits in order; at least one."""

    commits: tuple[Commit, ...]

    @property
    def files(self) -> dict[str, bytes | None]:
        """Every file that any commit touches, as the last commit leaves it."""
        result: dict[str, bytes | None] = {}
        for commit in self.commits:
            result.update(commit.files)
        return result


def check_subject(subject: str) -> None:
    """Raises InternalCheckError unless a subject is one line of ASCII that git am keeps whole."""
    plain = subject.isascii() and subject.isprintable() and subject == subject.strip()
    if not plain or not subject or subject.startswith("[") or subject.lower().startswith("re:"):
        raise InternalCheckError(f"{subject!r} cannot be the subject of a patch")


def changed_files(plan: Plan, step: Step) -> dict[str, bytes | None]:
    """What a step changes: content after it by path, None where the file is deleted.

    Raises InternalCheckError if the step changes nothing: its mail would be refused as empty.
    """
    before = plan.snapshot(step.number - 1)
    after = plan.snapshot(step.number)
    changed = {
        path: None if text is None else text.encode("latin-1")
        for path, text in sorted(after.items())
        if text != before.get(path, plan.originals.get(path))
    }
    if not changed:
        raise InternalCheckError(f"step {step.number} ({step.id}) changes no file")
    return changed
