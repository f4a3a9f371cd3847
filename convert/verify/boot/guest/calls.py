"""System calls that Python's standard library does not offer, through the C library.

Numbers and structures are those of the kernel's user interface (``linux/fs.h``, ``linux/mount.h``,
``linux/falloc.h``, ``linux/reboot.h``) on x86_64.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)

MS_RDONLY = 1
MS_REMOUNT = 32
UMOUNT_LAZY = 2  # MNT_DETACH

FALLOC_KEEP_SIZE = 0x01
FALLOC_PUNCH_HOLE = 0x02
FALLOC_COLLAPSE = 0x08
FALLOC_ZERO = 0x10
FALLOC_INSERT = 0x20
FALLOC_UNSHARE = 0x40

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
RENAME_WHITEOUT = 4

_FIFREEZE = 0xC0045877
_FITHAW = 0xC0045878
_FITRIM = 0xC0185879
_FICLONE = 0x40049409
_FICLONERANGE = 0x4020940D
_FIDEDUPERANGE = 0xC0189436
_FS_IOC_FSGETXATTR = 0x801C581F
_FS_IOC_FSSETXATTR = 0x401C5820
_FSXATTR = struct.Struct("=IIIII8x")  # xflags, extsize, nextents, projid, cowextsize
_PROJECT_INHERIT = 0x200
_POWER_OFF = 0x4321FEDC
_NR_RENAMEAT2 = 316
_AT_FDCWD = -100
_AT_SYMLINK_FOLLOW = 0x400
_ALL = (1 << 64) - 1


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str, target: Path, kind: str, options: str = "", flags: int = 0) -> None:
    """Mount ``source`` on ``target``. Raises OSError as the kernel says."""
    words = (source.encode(), str(target).encode(), kind.encode(), flags, options.encode())
    _check(_LIBC.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[4]), "mount")


def unmount(target: Path, flags: int = 0) -> None:
    """Unmount what is on ``target``. Raises OSError as the kernel says."""
    _check(_LIBC.umount2(str(target).encode(), flags), "umount")


def fallocate(file: int, mode: int, offset: int, length: int) -> None:
    """fallocate(2); offset and length in bytes. Raises OSError as the kernel says."""
    where = (ctypes.c_long(offset), ctypes.c_long(length))
    _check(_LIBC.fallocate(file, mode, *where), f"fallocate mode {mode:#x}")


def rename(old: Path, new: Path, flags: int) -> None:
    """renameat2(2). Raises OSError as the kernel says."""
    paths = (_AT_FDCWD, os.fsencode(old), _AT_FDCWD, os.fsencode(new))
    _check(_LIBC.syscall(_NR_RENAMEAT2, *paths, flags), f"renameat2 flags {flags}")


def name_file(file: int, path: Path) -> None:
    """Give an unnamed open file a name. Raises OSError as the kernel says."""
    old = f"/proc/self/fd/{file}".encode()  # os.link() would link the symbolic link itself
    result = _LIBC.linkat(_AT_FDCWD, old, _AT_FDCWD, os.fsencode(path), _AT_SYMLINK_FOLLOW)
    _check(result, "linkat")


def freeze(directory: Path) -> None:
    """Freeze the filesystem of ``directory``."""
    _on_directory(directory, _FIFREEZE, b"\0\0\0\0")


def thaw(directory: Path) -> None:
    """Undo `freeze`."""
    _on_directory(directory, _FITHAW, b"\0\0\0\0")


def trim(directory: Path) -> None:
    """Discard all free space of the filesystem of ``directory``."""
    _on_directory(directory, _FITRIM, struct.pack("=QQQ", 0, _ALL, 0))


def _on_directory(directory: Path, request: int, argument: bytes) -> None:
    file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(file, request, argument)
    finally:
        os.close(file)


def clone(source: int, target: int) -> None:
    """Make the file ``target`` share all blocks of ``source``."""
    fcntl.ioctl(target, _FICLONE, source)


def clone_range(source: int, start: int, length: int, target: int, at: int) -> None:
    """Share ``length`` bytes (a multiple of the block size)."""
    fcntl.ioctl(target, _FICLONERANGE, struct.pack("=qQQQ", source, start, length, at))


def dedupe(source: int, start: int, length: int, target: int, at: int) -> int:
    """Share two ranges if they are equal; the bytes that are shared now."""
    head = struct.pack("=QQHHI", start, length, 1, 0, 0)
    answer = fcntl.ioctl(source, _FIDEDUPERANGE, head + struct.pack("=qQQiI", target, at, 0, 0, 0))
    return int(struct.unpack("=qQQiI", answer[len(head) :])[2])


def set_project(path: Path, project: int) -> None:
    """Give a file or directory a project id; directories hand it to what is made in them."""
    file = os.open(path, os.O_RDONLY)
    try:
        raw = fcntl.ioctl(file, _FS_IOC_FSGETXATTR, bytes(_FSXATTR.size))
        flags, extent, count, _, cow = _FSXATTR.unpack(raw)
        flags |= _PROJECT_INHERIT if path.is_dir() else 0
        fcntl.ioctl(file, _FS_IOC_FSSETXATTR, _FSXATTR.pack(flags, extent, count, project, cow))
    finally:
        os.close(file)


def power_off() -> None:
    """End the guest kernel."""
    os.sync()
    _LIBC.reboot(ctypes.c_int(_POWER_OFF))
