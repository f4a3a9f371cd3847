"""What hangs on files beside their data: extended attributes, owners, quota, shared blocks."""

from __future__ import annotations

import errno
import os
import struct

from convert.verify.boot.guest import calls
from convert.verify.boot.guest.files import KB
from convert.verify.boot.guest.place import NotHere, Place, same

_FULL = {errno.ENOSPC, errno.E2BIG, errno.ERANGE}
_ACL_ACCESS = "system.posix_acl_access"
_ACL_DEFAULT = "system.posix_acl_default"


def xattrs(place: Place) -> None:
    """Attributes of all sizes, alone and many together, replaced and removed."""
    top = place.directory("xattrs")
    for size in (0, 1, 20, 200, 900, 2000, 4000, 16_000, 60_000, 65_536):
        file = top / f"one-{size}"
        file.write_bytes(b"")
        value = os.urandom(size)
        try:
            os.setxattr(file, "user.value", value)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            continue  # this filesystem's limit
        same(f"attribute of {size} bytes", os.getxattr(file, "user.value"), value)
        os.setxattr(file, "user.value", b"short")
        os.setxattr(file, "trusted.other", b"t" * 50)
        os.removexattr(file, "user.value")
    many = top / "many"
    many.write_bytes(b"")
    kept = _fill(place, os.fspath(many))
    same("attributes", len(os.listxattr(many)), kept)
    for number in range(0, kept, 2):
        os.removexattr(many, f"user.number-{number}")
    many.unlink()


def _fill(place: Place, file: str) -> int:
    """Set attributes until there are enough or the filesystem has no room for more."""
    for number in range(place.count(300)):
        try:
            os.setxattr(file, f"user.number-{number}", b"v" * (number * 7 % 400))
        except OSError as error:
            if error.errno not in _FULL:
                raise
            return number
    return place.count(300)


def access_lists(place: Place) -> None:
    """Access control lists, inherited by what is made in a directory."""
    top = place.directory("lists")
    entries = [(0x01, 6, -1), *((0x02, 4, uid) for uid in range(1000, 1012))]
    entries += [(0x04, 4, -1), (0x10, 6, -1), (0x20, 0, -1)]
    value = struct.pack("<I", 2)
    value += b"".join(
        struct.pack("<HHI", tag, perm, who & 0xFFFFFFFF) for tag, perm, who in entries
    )
    try:
        os.setxattr(top, _ACL_DEFAULT, value)
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            raise NotHere("mounted without access control lists") from error
        raise
    for number in range(30):
        file = top / f"f{number}"
        file.write_bytes(b"")
        os.setxattr(file, _ACL_ACCESS, value)
    (top / "below").mkdir()
    same("inherited list", os.getxattr(top / "below", _ACL_DEFAULT), value)


def owners(place: Place) -> None:
    """Files of many users and groups, given away again: quota records come and go."""
    top = place.directory("owners")
    for number in range(place.count(200)):
        file = top / f"f{number}"
        file.write_bytes(b"o" * 2000)
        os.chown(file, 2000 + number, 3000 + number // 2)
        if number % 3 == 0:
            os.chown(file, 2000, 3000)
    for number in range(0, place.count(200), 4):
        (top / f"f{number}").unlink()


def projects(place: Place) -> None:
    """Directories that hand a project id to what is made in them."""
    top = place.directory("projects")
    for number in range(place.count(30)):
        folder = top / f"p{number}"
        folder.mkdir()
        try:
            calls.set_project(folder, 40 + number)
        except OSError as error:
            if error.errno in {errno.ENOTTY, errno.EOPNOTSUPP, errno.EINVAL}:
                raise NotHere("the filesystem has no project ids") from error
            raise
        for name in ("a", "b"):
            (folder / name).write_bytes(b"p" * 3000)


def over_quota(place: Place) -> None:
    """Write as a user with a limit until the kernel says that it is reached."""
    top = place.directory("limited")
    top.chmod(0o777)
    file = os.open(top / "file", os.O_CREAT | os.O_RDWR)
    os.fchown(file, 2001, 3001)
    child = os.fork()
    if child == 0:
        code = 0
        try:
            os.setgid(3001)
            os.setuid(2001)
            for _ in range(400):
                os.write(file, b"q" * (64 * KB))
            os.fsync(file)
        except OSError as error:
            code = 0 if error.errno in {errno.EDQUOT, errno.ENOSPC} else 1
        os._exit(code)
    _, status = os.waitpid(child, 0)
    os.close(file)
    same("writer over its limit", os.waitstatus_to_exitcode(status), 0)


def shared_blocks(place: Place) -> None:
    """Clone, write to shared blocks, dedupe, and take files apart again."""
    top = place.directory("shared")
    source = os.open(top / "source", os.O_CREAT | os.O_RDWR)
    os.pwrite(source, b"s" * (1024 * KB), 0)
    os.fsync(source)
    for number in range(place.count(12)):
        copy = os.open(top / f"copy-{number}", os.O_CREAT | os.O_RDWR)
        try:
            calls.clone(source, copy)
        except OSError as error:
            if error.errno in {errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY}:
                raise NotHere("the filesystem shares no blocks") from error
            raise
        for offset in range(0, 1024 * KB, 96 * KB):
            os.pwrite(copy, b"c" * 100, offset + number * 4 * KB)
        calls.clone_range(source, 64 * KB, 128 * KB, copy, 512 * KB)
        same("deduped", calls.dedupe(source, 0, 64 * KB, copy, 1024 * KB - 64 * KB) >= 0, True)
        os.fsync(copy)
        os.close(copy)
    calls.fallocate(source, calls.FALLOC_UNSHARE, 0, 256 * KB)
    os.close(source)
    for number in range(0, place.count(12), 2):
        (top / f"copy-{number}").unlink()
