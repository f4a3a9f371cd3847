"""What a filesystem needs to be booted: options, disks, tools, phases, locks. Read from TOML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from convert.errors import InputError
from convert.profiles.reading import parse_toml
from convert.verify.boot.guest.plan import Phase

HOOKS = "hooks.toml"


class _Facts(BaseModel):
    """Facts from a file: unknown keys are errors, so that a misspelt one is not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tool(_Facts):
    """A program that the guest runs, the Debian package that has it, its flag for the version."""

    command: str
    package: str
    version: str = "-V"


class Boot(_Facts):
    """One start of the kernel. memory_mb: in MB; seconds: after which it is
    killed, on a machine that does nothing else (`launch.crowding`)."""

    name: str
    phase: tuple[Phase, ...]
    memory_mb: int = Field(ge=64)
    seconds: int = Field(ge=1)


class PrimedLock(_Facts):
    """A lock that the reclaim side takes, taken once per mount so that lockdep knows it.

    when: C condition under which it exists. acquire, release: C statements without the semicolon,
    which may use the variables of `Priming.prepare` and ``sb``, the super block. reclaim: the
    functions that take it in reclaim. source: file and line of that, and the tree.
    """

    name: str
    acquire: str
    release: str
    reclaim: str
    source: str
    when: str = "1"


class Priming(_Facts):
    """Locks at stake. file: of the filesystem, to whose end the code is added; include: headers
    that it lacks, as they stand after ``#include``; prepare: C declarations that lead from
    ``struct super_block *sb`` to the locks.
    """

    file: str
    include: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    lock: tuple[PrimedLock, ...] = ()


class BootProfile(_Facts):
    """All that is known by hand about booting a filesystem.

    paths: folders of the kernel that it stands for. enable: options that the tree must accept;
    wanted: options to set where they exist. disk_mb: sizes of the disks. fsck: the command that
    checks a disk without changing it, for phases that name none. expected: regular expressions
    of kernel messages that say nothing about its health.
    """

    filesystem: str
    paths: tuple[str, ...]
    enable: tuple[str, ...]
    disk_mb: tuple[int, ...] = Field(min_length=1, max_length=8)
    fsck: tuple[str, ...]
    tool: tuple[Tool, ...]
    boot: tuple[Boot, ...]
    wanted: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()
    priming: Priming | None = None


class HookPlace(_Facts):
    """Where a hook can stand: at the start of a function; ``code`` initialises an int."""

    file: str
    function: str
    code: str


class Hook(_Facts):
    """A check of the debug patch, with the places where kernels of different age have it."""

    name: str
    place: tuple[HookPlace, ...]


class _Hooks(_Facts):
    hook: tuple[Hook, ...]


def boot_profiles() -> tuple[BootProfile, ...]:
    """All profiles that come with the tool, by name of the filesystem."""
    folder = Path(str(files("convert.verify.boot"))) / "profiles"
    return tuple(read_profile(file) for file in sorted(folder.glob("*.toml")))


def profiles_for(paths: Sequence[str], known: Sequence[BootProfile]) -> tuple[BootProfile, ...]:
    """The profiles whose folders hold one of the paths."""
    return tuple(
        profile
        for profile in known
        if any(_inside(path, folder) for path in paths for folder in profile.paths)
    )


def _inside(path: str, folder: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


def read_profile(file: Path) -> BootProfile:
    """Read a profile. Raises InputError that names the file and the key that is wrong."""
    profile = _read(file, BootProfile)
    for pattern in profile.expected:
        try:
            re.compile(pattern)
        except re.error as error:
            raise InputError(f"{file}: expected: {pattern!r}: {error}") from error
    return profile


def read_hooks() -> tuple[Hook, ...]:
    """The hooks of the debug patch."""
    return _read(Path(str(files("convert.verify.boot"))) / HOOKS, _Hooks).hook


_Shape = TypeVar("_Shape", bound=_Facts)


def _read(file: Path, shape: type[_Shape]) -> _Shape:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    return parse_toml(shape, text, file)
