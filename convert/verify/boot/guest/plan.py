"""What the host tells the guest to do: one boot's phases, written and read as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

MARK = "kmem-convert-boot:"  # starts every line that the guest writes into the kernel's log


# For pydantic, which reads the profiles on the host: unknown keys are errors.
_STRICT = {"extra": "forbid"}


@dataclass(frozen=True)
class Evidence:
    """A counter of the kernel that must grow in a phase, or the phase showed nothing.

    file: in /proc or /sys. line: first word of the line ("" = the file holds one number). field:
    number of the word, from 0. at_least: by how much it must grow.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    name: str
    file: str
    line: str = ""
    field: int = 0
    at_least: int = 1


@dataclass(frozen=True)
class Phase:
    """A part of the workload with a result of its own: mkfs, mount, works, unmount, fsck.

    mkfs: the whole command, empty to keep what is on the device. works: names of works, each with
    an amount behind a colon if it has one, or "$ command" with {device} and {mount} to be filled
    in; a question mark before either: its failure is only noted. fsck: the command that checks
    the disk after unmounting, None for the profile's, empty for none. settings: files to write
    before and to restore after. evidence: counters that must grow. kill: works go on until the
    host kills the kernel. faults: let allocations fail, those that may not sleep ("atomic") or all
    ("all"), which may stop a filesystem; works may then see errors. percent: of these allocations
    that fail, pages of any order among them; 0: few, and no single pages. random: messages may
    differ from run to run, so that only reports (warnings, lockdep, …) count. seconds: by the
    clock, after which the phase has failed.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = _STRICT

    name: str
    mkfs: tuple[str, ...] = ()
    mount: str = ""
    works: tuple[str, ...] = ()
    fsck: tuple[str, ...] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    kill: bool = False
    faults: Literal["", "atomic", "all"] = ""
    percent: int = 0
    random: bool = False
    seconds: int = 600


@dataclass(frozen=True)
class GuestPlan:
    """All phases of one boot, on one device; ``mount`` is a directory of the host."""

    filesystem: str
    device: str
    mount: str
    phases: tuple[Phase, ...]

    def save(self, file: Path) -> None:
        """Write the plan for the guest."""
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, file: Path) -> GuestPlan:
        """Read what `save` wrote."""
        raw = json.loads(file.read_text(encoding="utf-8"))
        phases = tuple(_phase(row) for row in raw.pop("phases"))
        return cls(phases=phases, **raw)


def _phase(row: dict[str, object]) -> Phase:
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in row.items()}
    rows = row["evidence"]
    assert isinstance(rows, list)
    values["evidence"] = tuple(Evidence(**entry) for entry in rows)
    return Phase(**values)  # type: ignore[arg-type]
