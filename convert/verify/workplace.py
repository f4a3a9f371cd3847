"""Where a verification works: a directory of its own that goes with it, whatever ends it.

A run that is killed without a chance to clean up (SIGKILL, a power cut) leaves its directory; the
next run removes it. A lock tells a directory that is in use from one that was left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError

_LOCK = ".lock"
_PREFIX = "run-"


@dataclass(frozen=True)
class Workplace:
    """A directory to work in; ``removed``: directories of killed runs that were taken away."""

    directory: Path
    kept: bool
    removed: tuple[Path, ...] = ()


@contextmanager
def workplace(kept: Path | None, root: Path) -> Iterator[Workplace]:
    """A directory to work in, for as long as the ``with`` statement runs.

    kept: a directory of the user's, which stays with all that is in it. Without it a new one below
    ``root`` is made and removed at the end; those that killed runs left there are removed first.
    Raises InputError if ``kept`` is in use by another run or cannot be made.
    """
    if kept is not None:
        with _keep(kept.absolute()) as place:
            yield place
        return
    root = root.absolute()
    with _new(root) as place:
        try:
            yield place
        finally:
            _remove(place.directory)
            _lock_file(place.directory).unlink(missing_ok=True)


@contextmanager
def _keep(directory: Path) -> Iterator[Workplace]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"{directory}: cannot be used to work in: {error.strerror}") from error
    try:
        if not _locked(handle):
            raise InputError(
                f"{directory}: another verification works there; wait, or name another"
            )
        yield Workplace(directory, True)
    finally:
        os.close(handle)


@contextmanager
def _new(root: Path) -> Iterator[Workplace]:
    """Make a directory and lock it, with ``root`` locked so that no other run can come between."""
    root.mkdir(parents=True, exist_ok=True)
    gate = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        removed = tuple(_left_over(root))
        directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        handle = os.open(_lock_file(directory), os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(handle, fcntl.LOCK_EX)
    finally:
        os.close(gate)
    try:
        yield Workplace(directory, False, removed)
    finally:
        os.close(handle)


def _left_over(root: Path) -> Iterator[Path]:
    """Remove what killed runs left; the directories that were there."""
    for directory in sorted(path for path in root.glob(f"{_PREFIX}*") if path.is_dir()):
        lock = _lock_file(directory)
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if _locked(handle):
                _remove(directory)
                lock.unlink(missing_ok=True)
                yield directory
        finally:
            os.close(handle)


def _locked(handle: int) -> bool:
    """Take a lock if nobody has it; it goes with the process."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_file(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.lock")


def _remove(directory: Path) -> None:
    """Remove a directory with everything in it. Raises InputError if something stays."""
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        raise InputError(f"{directory}: cannot be removed; remove it by hand")
