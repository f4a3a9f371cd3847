"""Little memory, failing allocations, and writing until the kernel is killed."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from convert.verify.boot.guest.files import KB, MB
from convert.verify.boot.guest.place import NotHere, Place, WorkFailed

_STEP = 2 * MB
_USES = 1500  # of files in a turn, under pressure
_LONGEST = 90  # seconds of a turn
_FAULTS = Path("/sys/kernel/debug")
_KINDS = ("failslab", "fail_page_alloc")
_TIMES = 2_000_000_000  # failures until there are no more; the kernel counts them down


def available() -> int:
    """Bytes that the kernel believes it could still give out."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * KB
    raise WorkFailed("no MemAvailable in /proc/meminfo")


def hog(place: Place) -> None:
    """Take and give back nearly all memory while files are used, so that inodes are reclaimed.

    A child process takes memory until little is available; the kernel then frees page cache,
    entries and inodes in the allocations of whoever asks next, the filesystem's own among them.
    """
    top = place.directory("hog")
    count = place.count(3000)
    for number in range(count):
        folder = top / f"d{number % 10}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number}").write_bytes(b"h" * (number % 5000))
        if number % 4 == 0:
            os.chown(folder / f"f{number}", 5000 + number % 300, 6000 + number % 200)
    os.sync()
    for turn in range(4):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _take(writing)
            finally:
                os._exit(0)
        os.close(writing)
        try:
            _use(place, top, count, turn, reading)
        finally:
            os.close(reading)
            os.kill(child, 9)
            os.waitpid(child, 0)


def _take(low: int) -> None:
    """Hold nearly all memory until killed; first in line when the kernel runs out of it.

    A byte is written into ``low`` when memory is short.
    """
    Path("/proc/self/oom_score_adj").write_text("1000")
    held: list[bytearray] = []
    while True:
        if available() > 14 * MB:
            block = bytearray(_STEP)
            block[:: 4 * KB] = b"m" * (_STEP // (4 * KB))
            held.append(block)
        else:
            os.write(low, b"l")
            time.sleep(0.05)


def _use(place: Place, top: Path, count: int, turn: int, low: int) -> None:
    """Look at, change, make and remove files; most of it after memory has become short.

    By the number of uses, not by the clock, so that a slow machine shows as much as a fast one.
    """
    end = time.monotonic() + _LONGEST
    number = turn
    left = _USES
    while left and time.monotonic() < end:
        # While memory is not short yet, uses do not count; a dead taker reads as short, too.
        left -= bool(select.select([low], [], [], 0)[0])
        path = top / f"d{number % count % 10}" / f"f{number % count}"
        with contextlib.suppress(FileNotFoundError):
            path.stat()
            if number % 3 == 0:
                with path.open("r+b") as file:
                    file.write(b"u" * (number % 9000))
            if number % 7 == 0:
                os.setxattr(path, "user.turn", b"x" * (number % 3000))
            if number % 11 == 0:
                path.unlink()
        if number % 5 == 0:
            (top / f"new-{turn}-{number}").write_bytes(b"n" * (number % 20000))
            os.chown(top / f"new-{turn}-{number}", 7000 + number % 500, 8000 + number % 400)
        if number % 200 == 0:
            (top / f"folder-{turn}-{number}").mkdir()
            list((top / f"d{number % 10}").iterdir())
        number += 13
    with (top / f"big-{turn}").open("wb") as big:
        for _ in range(200):
            big.write(b"b" * (64 * KB))


@contextlib.contextmanager
def failing_allocations(filesystem: str, sleeping: bool, percent: int = 0) -> Iterator[None]:
    """Let allocations of this process, its children and the filesystem's threads fail at times.

    sleeping: those that may sleep, too (never those with __GFP_NOFAIL). percent: of them, also of
    single pages; 0 for the usual share. Raises WorkFailed if the kernel was built without fault
    injection.
    """
    settings = {
        "probability": str(percent or (2 if sleeping else 30)),
        "times": str(_TIMES),
        "task-filter": "Y",
        "ignore-gfp-wait": "N" if sleeping else "Y",
        "verbose": "0",
    }
    places = [_FAULTS / kind for kind in _KINDS]
    for directory in places:
        if not directory.is_dir():
            raise WorkFailed(f"{directory} is not there")
        for name, value in settings.items():
            (directory / name).write_text(value)
    if percent:
        (_FAULTS / "fail_page_alloc" / "min-order").write_text("0")
    _mark(filesystem, "1")
    try:
        yield
    finally:
        _mark(filesystem, "0")
        for directory in places:
            (directory / "probability").write_text("0")


def injected(folder: Path = _FAULTS) -> dict[str, int]:
    """How many allocations failed since `failing_allocations` was begun last, by their kind."""
    return {kind: _TIMES - int((folder / kind / "times").read_text()) for kind in _KINDS}


def _mark(filesystem: str, value: str) -> None:
    for task in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            ours = int(task.name) == os.getpid()
            thread = not (task / "cmdline").read_bytes()
            if ours or (thread and filesystem in (task / "comm").read_text()):
                (task / "make-it-fail").write_text(value)


def until_killed(
    place: Place, works: list[Callable[[Place], None]], ready: Callable[[], None]
) -> None:
    """Run the works over and over in three processes; ``ready`` is called when all write."""
    for number in range(3):
        if os.fork() == 0:
            try:
                _write_on(Place(place.directory(f"writer-{number}"), place.device), works)
            finally:
                os._exit(1)
    time.sleep(2)
    ready()
    time.sleep(600)
    raise WorkFailed("the host did not kill this kernel")


def _write_on(place: Place, works: list[Callable[[Place], None]]) -> None:
    while True:
        for work in works:
            with contextlib.suppress(OSError, WorkFailed, NotHere):
                work(place)
