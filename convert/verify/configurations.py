"""The kernel configurations that a series is built under.

Two are found from the tree: ``full``, with everything that the touched directories can switch on,
and ``small``, with as little of it as still builds them. Code behind an option is compiled with it
and without it, whatever filesystem it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.verify.kconfig import Family, Option

_SET = re.compile(r"^(?:CONFIG_)?(\w+)=(.+)$")
_UNSET = re.compile(r"^# CONFIG_(\w+) is not set$")
# A warning is to be seen and named, not to stop the compiler.
_NEVER = ("WERROR",)
_VALUES = ("y", "m", "n")


@dataclass(frozen=True)
class KernelConfig:
    """A kernel configuration: a named one of the tree, then options (without ``CONFIG_``).

    name: what a reader calls it. enable: options that are asked for; disable: that are switched
    off. required: those without which nothing would be built; the tree has to accept them.
    values: options that are given another value than y.
    """

    name: str = "default"
    base: str = "defconfig"
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        parts = [self.base]
        if self.enable:
            parts.append("with " + " ".join(self.enable))
        if self.values:
            parts.append("with " + " ".join(f"{name}={value}" for name, value in self.values))
        if self.disable:
            parts.append("without " + " ".join(self.disable))
        return ", ".join(parts)


def two_configurations(family: Family) -> tuple[KernelConfig, ...]:
    """``full`` and ``small``; only one if the touched directories have nothing to switch.

    Raises InputError if nothing that kbuild builds is touched.
    """
    if not family.directories:
        raise InputError("the series touches no directory that kbuild builds")
    own = {option.name: option for option in family.options}
    roots = tuple(name for name in _roots(family) if name not in own or own[name].switch)
    optional = tuple(
        option.name for option in family.options if option.switch and option.name not in roots
    )
    enabled = _accepted(optional, own)
    outer = _outer((*roots, *enabled), own)
    full = KernelConfig(
        "full", enable=(*outer, *roots, *enabled), disable=_NEVER, required=_required(family, own)
    )
    if not optional:
        return (full,)
    small = KernelConfig(
        "small",
        enable=(*_outer(roots, own), *roots),
        disable=(*optional, *_NEVER),
        required=full.required,
    )
    return full, small


def _roots(family: Family) -> tuple[str, ...]:
    """What has to be on for any of the directories: the switches, and what other options stand on.

    A switch that nobody can set is selected by another option, which stands in some Kconfig file of
    the series as an option of three states.
    """
    settable = {option.name for option in family.options if option.switch}
    drivers = [o.name for o in family.options if o.switch and o.type == "tristate"]
    unset = [name for name in family.switches if name not in settable]
    chosen = [name for name in family.switches if name in settable]
    outside = [name for name in unset if all(o.name != name for o in family.options)]
    return tuple(dict.fromkeys((*chosen, *(outside if chosen else (*outside, *drivers)))))


def _accepted(names: Iterable[str], own: dict[str, Option]) -> tuple[str, ...]:
    """Options that can be on together: one that bars another gives way, of two the second."""
    wanted = list(names)
    return tuple(
        name
        for place, name in enumerate(wanted)
        if not any(
            bar in wanted[:place] or (bar in wanted and name not in own[bar].bars)
            for bar in own[name].bars
        )
    )


def _outer(names: Iterable[str], own: dict[str, Option]) -> tuple[str, ...]:
    """Options of other parts of the kernel that these depend on."""
    needs = [need for name in names if name in own for need in own[name].needs]
    return tuple(dict.fromkeys(need for need in needs if need not in own and need not in _VALUES))


def _required(family: Family, own: dict[str, Option]) -> tuple[str, ...]:
    return tuple(name for name in family.switches if name not in own or own[name].switch)


def read_fragment(file: Path) -> KernelConfig:
    """A configuration fragment: lines ``CONFIG_X=y`` and ``# CONFIG_X is not set`` over defconfig.

    Raises InputError for a file that cannot be read, or holds another line.
    """
    enable: list[str] = []
    disable: list[str] = []
    values: list[tuple[str, str]] = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        if unset := _UNSET.match(line.strip()):
            disable.append(unset[1])
        elif line.strip() and not line.lstrip().startswith("#"):
            found = _SET.match(line.strip())
            if found is None:
                raise InputError(f"{file}:{number}: neither CONFIG_X=value nor a comment: {line}")
            name, value = found[1], found[2]
            if value in "ym":
                enable.append(name)
            elif value == "n":
                disable.append(name)
            else:
                values.append((name, value))
    disable += [name for name in _NEVER if name not in (*enable, *disable)]
    return KernelConfig(
        file.stem,
        enable=tuple(enable),
        disable=tuple(disable),
        required=tuple(enable),
        values=tuple(values),
    )
