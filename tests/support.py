"""What tests share: the command line as a function, and copies of the mini kernel in git."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from convert.cli import main

ROOT = Path(__file__).resolve().parent.parent
MINIKERNEL = ROOT / "corpus" / "minikernel"


@dataclass(frozen=True)
class Ran:
    """What a run of the command line left: exit code and both outputs."""

    code: int
    out: str
    err: str


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> Ran:
    """Run ``kmem-convert`` in this process."""
    old = sys.argv
    sys.argv = ["kmem-convert", *map(str, words)]
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    finally:
        sys.argv = old
    captured = capsys.readouterr()
    return Ran(code, captured.out, captured.err)


def git(directory: Path, *words: str) -> str:
    """Run git and give its output without the final newline."""
    done = subprocess.run(
        ["git", *words], cwd=directory, check=True, capture_output=True, text=True
    )
    return done.stdout.rstrip("\n")


def copy_minikernel(target: Path) -> Path:
    """A copy of the mini kernel without git."""
    shutil.copytree(MINIKERNEL, target)
    return target


def commit_all(directory: Path, message: str = "A tree") -> str:
    """Make a repository of a directory (if it is none) and commit everything in it."""
    if not (directory / ".git").exists():
        git(directory, "init", "-q", "-b", "main")
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", message)
    return git(directory, "rev-parse", "HEAD")


def snapshot(directory: Path) -> dict[str, bytes]:
    """Every file below a directory outside .git, by its path."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(directory).parts
    }
