"""What is done to a mounted filesystem as a whole."""

from __future__ import annotations

import errno
import os
import threading
import time

from convert.verify.boot.guest import calls
from convert.verify.boot.guest.files import KB
from convert.verify.boot.guest.place import NotHere, Place, same


def freeze(place: Place) -> None:
    """Freeze and thaw several times while another thread writes."""
    top = place.directory("freeze")
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            (top / f"f{number % 20}").write_bytes(b"w" * 9000)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(place.count(3)):
            calls.freeze(place.top)
            time.sleep(0.1)
            calls.thaw(place.top)
            time.sleep(0.1)
    finally:
        stop.set()
        writer.join()


def remount(place: Place) -> None:
    """Read-only and back, with dirty files before and a refused write between."""
    top = place.directory("remount")
    for _ in range(place.count(2)):
        for number in range(50):
            (top / f"f{number}").write_bytes(b"r" * 6000)
        calls.mount("none", place.top, "", "", calls.MS_REMOUNT | calls.MS_RDONLY)
        try:
            (top / "refused").write_bytes(b"")
        except OSError as error:
            same("error of a write", error.errno, errno.EROFS)
        else:
            same("write to a read-only filesystem", "done", "refused")
        calls.mount("none", place.top, "", "", calls.MS_REMOUNT)


def trim(place: Place) -> None:
    """Discard free space."""
    try:
        calls.trim(place.top)
    except OSError as error:
        if error.errno in {errno.EOPNOTSUPP, errno.ENOTTY}:
            raise NotHere("the device or the filesystem cannot discard") from error
        raise


def full(place: Place) -> None:
    """Fill the filesystem to the last block, then make room again."""
    top = place.directory("full")
    size = 128 << 20
    number = 0
    while size >= 4 * KB:
        number += 1
        try:
            with (top / f"f{number}").open("wb") as file:
                calls.fallocate(file.fileno(), 0, 0, size)
                file.write(b"x" * 3000)
        except OSError as error:
            same("error of a write to a full filesystem", error.errno, errno.ENOSPC)
            size //= 2
    for path in list(top.iterdir())[::2]:
        path.unlink()


def settle(place: Place) -> None:
    """Wait for background work of the filesystem."""
    os.sync()
    time.sleep(place.count(1))
