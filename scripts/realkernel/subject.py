"""What is converted and checked: read from a TOML file beside this module."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Hazards:
    """What is known of a filesystem's hazards.

    workers: those for which a scope has to be placed. excused: functions with an allocation for
    which lockdep alone is the reason.
    """

    workers: tuple[str, ...]
    excused: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """One filesystem. ``allocations`` and ``frees`` are function names, ``home`` the files that
    define them, ``flags`` the prefix of their flags.
    """

    path: str
    package: str
    allocations: tuple[str, ...]
    frees: tuple[str, ...]
    home: tuple[str, ...]
    flags: str
    hazards: Hazards | None = None

    @property
    def wrappers(self) -> tuple[str, ...]:
        """All functions that are to go."""
        return self.allocations + self.frees


def read_subject(file: Path) -> Subject:
    """Read such a file. Raises KeyError or TOMLDecodeError if it is wrong."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    wrappers = table["wrappers"]
    known = table.get("hazards")
    return Subject(
        path=table["path"],
        package=table["package"],
        allocations=tuple(wrappers["allocations"]),
        frees=tuple(wrappers["frees"]),
        home=tuple(wrappers["home"]),
        flags=wrappers["flags"],
        hazards=Hazards(**{name: tuple(found) for name, found in known.items()}) if known else None,
    )
