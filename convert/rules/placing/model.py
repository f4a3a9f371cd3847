"""What goes into the placing of a scope, and what comes out: edits, or the missing fact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convert.source.edits import Edit
from convert.source.vocabulary import Dialect

COOKIE_NAMES = ("nofs_flags", "nofs_flag", "nofs_saved")


@dataclass(frozen=True)
class ScopeNames:
    """The functions of a tree that open and close a scope.

    header: as it is written between angle brackets. cookie: the type that ``save`` returns.
    """

    save: str = "memalloc_nofs_save"
    restore: str = "memalloc_nofs_restore"
    header: str = "linux/sched/mm.h"
    cookie: str = "unsigned int"


@dataclass(frozen=True)
class Surroundings:
    """What is known about the files around.

    traps: functions and macros that never return. jumping: macros whose bodies return or jump (see
    `convert.rules.placing.hidden`). with_header: the paths of files that get to see the header of
    the scope's functions without a new line. cookies: what the filesystem calls its cookies, the
    best first.
    """

    dialect: Dialect
    traps: frozenset[str] = frozenset()
    jumping: frozenset[str] = frozenset()
    with_header: frozenset[str] = frozenset()
    cookies: tuple[str, ...] = ()
    scope: ScopeNames = field(default_factory=ScopeNames)


@dataclass(frozen=True)
class Placed:
    """A scope in the text.

    edits: by path. cookie: the variable, or the member. restores: how many closing calls were
    added. gotos: early returns that became jumps. include: whether a header is included anew.
    notes: what a reviewer should look at, a sentence each.
    """

    edits: Mapping[str, tuple[Edit, ...]]
    cookie: str
    restores: int
    gotos: int
    include: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotPlaced:
    """No edits, because of what stands in a line, or is not known there."""

    path: str
    line: int
    missing: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.missing}"


class Unplaceable(Exception):
    """Raised inside of this package where a scope cannot be placed; `NotPlaced` is made of it."""

    def __init__(self, line: int, missing: str, path: str = "") -> None:
        super().__init__(missing)
        self.line = line
        self.missing = missing
        self.path = path
