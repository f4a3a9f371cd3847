"""Uses files in every way and goes on over errors, as a work with many failing allocations must."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from convert.verify.boot.guest import calls
from convert.verify.boot.guest.files import KB
from convert.verify.boot.guest.place import Place, WorkFailed

_TRIES = 6  # of a step: at 30 % most then succeed once
_FILES = 60
_DROP = Path("/proc/sys/vm/drop_caches")
_LIST = "system.posix_acl_access"
_LIST_VERSION = 2
_NOBODY = 0xFFFFFFFF
# Owner, a user, the group, the mask, all others: tag, permissions, id (linux/posix_acl_xattr.h).
_ENTRIES = ((1, 6, _NOBODY), (2, 4, 1000), (4, 4, _NOBODY), (16, 6, _NOBODY), (32, 0, _NOBODY))

Step = Callable[[], object]


def stubborn(place: Place) -> None:
    """Make, write, attribute, give away, share, rename and remove files; errors end no step's turn.

    Raises WorkFailed if no step at all succeeded.
    """
    top = place.top / "stubborn"
    succeeded = 0
    for number in range(place.count(500)):
        with contextlib.suppress(
            MemoryError, OSError
        ):  # of Python itself, and of what frees memory
            succeeded += sum(map(_tried, _steps(top, number)))
            if number % 50 == 0:
                os.sync()
                _DROP.write_text("2")  # so that inodes are read again, with all that hangs on them
    if not succeeded:
        raise WorkFailed("not one step succeeded")


def _tried(step: Step) -> bool:
    for _ in range(_TRIES):
        with contextlib.suppress(FileExistsError, FileNotFoundError, MemoryError, OSError):
            step()
            return True
    return False


def _steps(top: Path, number: int) -> Iterator[Step]:
    """What one turn does; a file's name comes back after some turns."""
    folder = top / f"d{number % 7}"
    path = folder / f"f{number % _FILES}"
    other = top / f"d{(number + 3) % 7}" / f"f{(number + 11) % _FILES}"
    yield lambda: folder.mkdir(parents=True, exist_ok=True)
    yield lambda: _write(path, number * 977 % (200 * KB), number)
    yield lambda: os.setxattr(path, f"user.n{number % 9}", b"a" * (number * 61 % 4000))
    yield lambda: os.chown(path, 2000 + number % 50, 3000 + number % 20)
    yield lambda: os.setxattr(path, _LIST, _access_list())
    yield lambda: os.getxattr(other, _LIST)
    if number % 3 == 0:
        yield lambda: _allocate(path, number)
    if number % 4 == 0:
        yield lambda: os.truncate(path, number * 331 % (100 * KB))
    if number % 5 == 0:
        yield lambda: _share(path, other)
    if number % 6 == 0:
        yield lambda: path.rename(other)
        yield lambda: os.link(other, folder / f"link-{number}")
    if number % 8 == 0:
        yield lambda: (folder / f"symbolic-{number}").symlink_to("x" * (number % 900 + 1))
    if number % 9 == 0:
        yield lambda: other.unlink()


def _access_list() -> bytes:
    entries = b"".join(struct.pack("<HHI", *entry) for entry in _ENTRIES)
    return struct.pack("<I", _LIST_VERSION) + entries


def _write(path: Path, size: int, number: int) -> None:
    file = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        for offset in range(0, size + 1, 24 * KB):
            os.pwrite(file, b"s" * (number % 5000 + 1), offset)
        if number % 7 == 0:
            os.fsync(file)
    finally:
        os.close(file)


def _allocate(path: Path, number: int) -> None:
    file = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        calls.fallocate(file, 0, number % 40 * 8 * KB, 64 * KB)
        hole = calls.FALLOC_PUNCH_HOLE | calls.FALLOC_KEEP_SIZE
        calls.fallocate(file, hole, number % 40 * 4 * KB, 12 * KB)
    finally:
        os.close(file)


def _share(path: Path, other: Path) -> None:
    source = os.open(path, os.O_RDWR)
    try:
        target = os.open(other, os.O_CREAT | os.O_RDWR)
        try:
            calls.clone(source, target)
            os.pwrite(target, b"c" * 100, 0)
        finally:
            os.close(target)
    finally:
        os.close(source)
