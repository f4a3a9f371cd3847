"""The boots with failing allocations, read from a file beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from convert.errors import InputError
from convert.profiles.reading import parse_toml
from convert.verify.boot.profile import Boot, BootProfile, boot_profiles, profiles_for


@dataclass(frozen=True)
class Workload:
    """A profile whose boots are those of the file, and the folder whose allocations count."""

    folder: str
    profile: BootProfile


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: str
    boot: tuple[Boot, ...] = Field(min_length=1)


def read_workload(
    file: Path, percent: int | None = None, names: Sequence[str] | None = None
) -> Workload:
    """Read a workload. percent: replaces that of all phases in which allocations fail; names: only
    these boots.

    Raises InputError for a file that cannot be read, an unknown boot, or a folder that no boot
    profile stands for.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    read = parse_toml(_File, text, file)
    profiles = profiles_for([read.folder], boot_profiles())
    if not profiles:
        raise InputError(f"{file}: no boot profile for {read.folder}")
    known = [boot.name for boot in read.boot]
    for name in names or ():
        if name not in known:
            raise InputError(f"{file}: no boot {name}; there are {', '.join(known)}")
    boots = [boot for boot in read.boot if not names or boot.name in names]
    if percent is not None:
        boots = [_with_percent(boot, percent) for boot in boots]
    return Workload(read.folder, profiles[0].model_copy(update={"boot": tuple(boots)}))


def _with_percent(boot: Boot, percent: int) -> Boot:
    phases = tuple(
        replace(phase, percent=percent) if phase.faults else phase for phase in boot.phase
    )
    return boot.model_copy(update={"phase": phases})
