"""Files: many small ones, large ones, links, names, sizes and holes."""

from __future__ import annotations

import errno
import mmap
import os
from pathlib import Path

from convert.verify.boot.guest import calls
from convert.verify.boot.guest.place import NotHere, Place, same

KB = 1024
MB = 1024 * KB
_UNSUPPORTED = {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENOTTY}


def small_files(place: Place) -> None:
    """Make, rewrite, read back and remove files of 0 bytes to 9 kB."""
    top = place.directory("small")
    wanted: dict[Path, bytes] = {}
    for number in range(place.count(600)):
        folder = top / f"d{number % 7}"
        folder.mkdir(exist_ok=True)
        file = folder / f"file-{number}"
        wanted[file] = bytes([number % 251]) * place.random.choice((0, 1, 60, 511, 4096, 9000))
        file.write_bytes(wanted[file])
        if number % 5 == 0:
            file.chmod(0o640)
        if number % 3 == 2:
            gone = place.random.choice(list(wanted))
            gone.unlink()
            del wanted[gone]
    os.sync()
    _drop_caches()
    for file, content in wanted.items():
        same(str(file), file.read_bytes(), content)


def large_files(place: Place) -> None:
    """Write in order, at random places, through a mapping, directly and synchronously."""
    top = place.directory("large")
    size = place.count(8) * MB
    block = bytes(range(256)) * 256
    with (top / "ordered").open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    with (top / "sparse").open("wb") as file:
        for _ in range(200):
            os.pwrite(file.fileno(), block[:3000], place.random.randrange(64 * MB))
        os.fdatasync(file.fileno())
    with (top / "mapped").open("w+b") as file:
        file.truncate(2 * MB)
        with mmap.mmap(file.fileno(), 2 * MB) as view:
            for offset in range(0, 2 * MB, 12 * KB):
                view[offset : offset + 10] = b"0123456789"
            view.flush()
    _direct(top / "direct")
    same("ordered", (top / "ordered").stat().st_size, size)
    (top / "ordered").unlink()


def _direct(path: Path) -> None:
    """Unbuffered and synchronous writes; an anonymous mapping is aligned as they need it."""
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_DIRECT | os.O_SYNC)
    try:
        with mmap.mmap(-1, 64 * KB) as memory:
            memory.write(b"x" * (64 * KB))
            for number in (3, 0, 9, 4):
                os.pwritev(file, [memory], number * 64 * KB)
            os.preadv(file, [memory], 0)
    finally:
        os.close(file)


def links(place: Place) -> None:
    """Many hard links, short and long symbolic links, and their removal."""
    top = place.directory("links")
    first = top / "first"
    first.write_bytes(b"one")
    for number in range(place.count(300)):
        os.link(first, top / f"link-{number}")
    same("links", first.stat().st_nlink, place.count(300) + 1)
    for length in (1, 40, 100, 300, 800, 1020):
        target = "t" * length
        (top / f"symbolic-{length}").symlink_to(target)
        same("symbolic link", str((top / f"symbolic-{length}").readlink()), target)
    for number in range(0, place.count(300), 2):
        (top / f"link-{number}").unlink()


def renames(place: Place) -> None:
    """Rename within and between directories, over files, by exchange, with a whiteout."""
    top = place.directory("renames")
    for name in ("a", "b"):
        (top / name).mkdir()
    for number in range(place.count(150)):
        file = top / "a" / f"f{number}"
        file.write_bytes(b"%d" % number)
        file.rename(top / "b" / f"{'n' * (number % 60)}{number}")
    (top / "a/x").write_bytes(b"x")
    (top / "b/y").write_bytes(b"y")
    (top / "a/x").replace(top / "b/y")
    (top / "a/sub").mkdir()
    (top / "a/sub").rename(top / "b/sub")
    (top / "a/p").write_bytes(b"p")
    (top / "b/q").write_bytes(b"q")
    for flags in (calls.RENAME_EXCHANGE, calls.RENAME_WHITEOUT):
        try:
            calls.rename(top / "a/p", top / "b/q", flags)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
    _temporary(top)


def _temporary(top: Path) -> None:
    """An unnamed file that gets a name."""
    try:
        file = os.open(top, os.O_TMPFILE | os.O_RDWR)
    except OSError as error:
        if error.errno not in _UNSUPPORTED | {errno.EISDIR}:
            raise
        return
    os.write(file, b"unnamed")
    calls.name_file(file, top / "named")
    os.close(file)


def truncates(place: Place) -> None:
    """Grow and shrink files; what comes back between must be zero."""
    top = place.directory("truncates")
    for number in range(place.count(40)):
        file = top / f"f{number}"
        file.write_bytes(b"z" * (number * 700))
        os.truncate(file, number * 311)
        os.truncate(file, 200_000)
        same(str(file), file.read_bytes()[number * 311 :].strip(b"\0"), b"")
        os.truncate(file, 0 if number % 2 else 5000)


def allocations(place: Place) -> None:
    """fallocate(2) in all its modes over a file with many extents."""
    file = os.open(place.directory("allocations") / "file", os.O_CREAT | os.O_RDWR)
    unit = 64 * KB  # a multiple of every block size
    try:
        calls.fallocate(file, 0, 0, 4 * MB)
        calls.fallocate(file, calls.FALLOC_KEEP_SIZE, 4 * MB, 4 * MB)
        for number in range(0, 64, 3):
            os.pwrite(file, b"d" * 5000, number * unit)
        punch = calls.FALLOC_PUNCH_HOLE | calls.FALLOC_KEEP_SIZE
        done = [
            _allocate(file, mode, number * unit, unit)
            for mode in (punch, calls.FALLOC_ZERO, calls.FALLOC_COLLAPSE, calls.FALLOC_INSERT)
            for number in (1, 4, 9, 20, 33)
        ]
        os.fsync(file)
        if not any(done):
            raise NotHere("the filesystem has no mode of fallocate")
    finally:
        os.close(file)


def _allocate(file: int, mode: int, offset: int, length: int) -> bool:
    """One call; False if the filesystem does not have the mode."""
    try:
        calls.fallocate(file, mode, offset, length)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        return False
    return True


def fragments(place: Place) -> None:
    """A file of many extents: its map must outgrow every format."""
    path = place.directory("fragments") / "file"
    count = place.count(1500)
    file = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        for number in range(count):
            os.pwrite(file, b"f", number * 2 * 4 * KB)
        os.fsync(file)
        for number in range(0, count, 5):
            _allocate(file, 0x3, number * 8 * KB, 4 * KB)
    finally:
        os.close(file)


def directories(place: Place) -> None:
    """Grow directories through every format, list them, and empty them again."""
    top = place.directory("directories")
    for number in range(40):
        (top / f"deep{number % 3}" / str(number)).mkdir(parents=True)
    big = top / "big"
    big.mkdir()
    count = place.count(2500)
    for number in range(count):
        os.close(os.open(big / f"{number:05d}{'e' * (number % 150)}", os.O_CREAT | os.O_WRONLY))
    same("entries", len(list(big.iterdir())), count)
    for number in range(0, count, 1 if count < 1000 else 2):
        (big / f"{number:05d}{'e' * (number % 150)}").unlink()
    left = 0 if count < 1000 else count // 2
    same("entries left", len(list(big.iterdir())), left)


def _drop_caches() -> None:
    Path("/proc/sys/vm/drop_caches").write_text("3")


def drop_caches(place: Place) -> None:
    """Write everything back and throw away clean pages, entries and inodes."""
    os.sync()
    _drop_caches()
