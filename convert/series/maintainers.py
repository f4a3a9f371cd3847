"""To and Cc of a series, by the tree's own scripts/get_maintainer.pl."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formataddr
from pathlib import Path, PurePosixPath

from convert.errors import InputError
from convert.tree.git import reason_line
from convert.tree.kernel import KernelTree

_SCRIPT = "scripts/get_maintainer.pl"
# The script, what it reads, and its own settings; MAINTAINERS may be a directory of files.
_NEEDED = (_SCRIPT, "MAINTAINERS")
_OPTIONAL = (".get_maintainer.conf", ".get_maintainer.ignore", ".mailmap")
_OPTIONS = (
    "--no-tree",
    "--roles",
    "--no-rolestats",
    "--no-git",
    "--no-git-fallback",
    "--multiline",
)
_SECONDS = 60
_PRIMARY_ROLES = ("maintainer", "supporter", "odd fixer")
_LINE = re.compile(
    r'(?:"?(?P<name>[^"<>]*?)"?\s*<(?P<address>[^<>\s]+)>|(?P<bare>[^<>\s()]+))'
    r"(?:\s+\((?P<role>.*)\))?"
)
_ADDRESS = re.compile(
    r"[\w.+%/=~^!#$&'*?{|}-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z]{2,}", re.ASCII
)


@dataclass(frozen=True)
class Recipients:
    """Addresses as they stand in a mail header; ``notes`` say what is missing and why."""

    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find_recipients(tree: KernelTree, diff: bytes, paths: Iterable[str]) -> Recipients:
    """Ask the script whom the diff concerns: maintainers for To, lists and reviewers for Cc.

    It runs in a temporary directory that holds its files and the directories of ``paths``, so that
    a revision needs no checkout and the tree is not touched. Never fails: what does not work
    becomes a note.
    """
    if shutil.which("perl") is None:
        return _without("perl was not found")
    missing = [path for path in _NEEDED if not tree.exists(path)]
    if missing:
        return _without(f"the tree has no {missing[0]}")
    try:
        with tempfile.TemporaryDirectory(prefix="kmem-convert-") as name:
            directory = Path(name)
            _extract(tree, directory, paths)
            return _recipients(_run(directory, diff))
    except (InputError, OSError, subprocess.SubprocessError) as error:
        return _without(f"{_SCRIPT} failed: {error}")


def _without(reason: str) -> Recipients:
    return Recipients(notes=(f"To and Cc are left empty: {reason}",))


def _extract(tree: KernelTree, directory: Path, paths: Iterable[str]) -> None:
    """Write the script's files, and make the directories that patterns may name without a slash."""
    for start in (*_NEEDED, *_OPTIONAL):
        if tree.exists(start):
            for path in tree.files(start):
                (directory / path).parent.mkdir(parents=True, exist_ok=True)
                (directory / path).write_bytes(tree.read(path))
    for path in paths:
        (directory / PurePosixPath(path).parent).mkdir(parents=True, exist_ok=True)


def _run(directory: Path, diff: bytes) -> str:
    """The script's output. Raises InputError with its own reason."""
    patch = directory / "series.diff"
    patch.write_bytes(diff)
    result = subprocess.run(
        ["perl", _SCRIPT, *_OPTIONS, patch.name],
        cwd=directory,
        env={**os.environ, "HOME": str(directory)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    if result.returncode:
        reason = reason_line(result.stderr.decode("utf-8", "replace"))
        raise InputError(reason or f"exit code {result.returncode}")
    return result.stdout.decode("utf-8", "replace")


def _recipients(output: str) -> Recipients:
    to: list[str] = []
    cc: list[str] = []
    notes: list[str] = []
    for line in filter(None, map(str.strip, output.splitlines())):
        found = _LINE.fullmatch(line)
        address = (found["address"] or found["bare"]) if found else ""
        if found is None or not _ADDRESS.fullmatch(address) or not line.isprintable():
            notes.append(f"left out of To and Cc, no valid address: {line!r}")
            continue
        role = found["role"] or ""
        group = to if role.startswith(_PRIMARY_ROLES) else cc
        group.append(formataddr(((found["name"] or "").strip(), address)))
    if not to and not cc and not notes:
        return _without(f"{_SCRIPT} named nobody")
    return Recipients(tuple(to), tuple(cc), tuple(notes))
