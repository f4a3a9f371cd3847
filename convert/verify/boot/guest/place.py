"""What a work is handed, how it says that it does not apply, and how commands are run."""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

TAIL = 6  # lines of a failed command's output that are kept


class NotHere(Exception):
    """The work does not apply to this filesystem as it was made; the text says why."""


class WorkFailed(Exception):
    """The filesystem did something wrong; the text says what."""


@dataclass(frozen=True)
class Place:
    """Where a work works. amount: how much, from the profile (0: the work's own measure)."""

    top: Path  # the mount point
    device: str
    amount: int = 0
    random: random.Random = field(default_factory=lambda: random.Random(1))

    def directory(self, name: str) -> Path:
        """A new directory of that name (with a number behind it if it is there already)."""
        made = self.top / name
        number = 0
        while made.exists():
            number += 1
            made = self.top / f"{name}-{number}"
        made.mkdir()
        return made

    def count(self, usual: int) -> int:
        """The amount if the profile gives one, else ``usual``."""
        return self.amount or usual


def command(words: list[str]) -> str:
    """Run a program and give its output. Raises WorkFailed with its last lines if it fails."""
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except OSError as error:
        raise WorkFailed(f"{words[0]}: {error.strerror}") from error
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        tail = " | ".join(line for line in output.splitlines()[-TAIL:] if line.strip())
        raise WorkFailed(f"{' '.join(words)}: exit code {done.returncode}: {tail}")
    return output


def same(what: str, found: object, wanted: object) -> None:
    """Demand that the filesystem gave back what was put in."""
    if found != wanted:
        raise WorkFailed(f"{what}: {found!r:.60} instead of {wanted!r:.60}")
