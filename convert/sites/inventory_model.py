"""What an inventory holds: where code asks for memory under reclaim rules, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Place:
    """A place in code. ``function`` is the function that holds it, or the macro if ``in_macro``.

    Lines and columns count from 1; a column counts bytes.
    """

    file: str
    line: int
    column: int
    function: str | None
    in_macro: bool = False


@dataclass(frozen=True)
class WrapperNames:
    """The wrappers to count. ``flag_slots`` maps a wrapper to its flags' argument (from 0).

    A wrapper without flags has None. ``own_files``: the files, by their paths in the tree, that
    define the family; uses in them are left out, as they go away with it.
    """

    flag_slots: Mapping[str, int | None]
    flags: frozenset[str]
    own_files: frozenset[str] = frozenset()


class WrapperForm(Enum):
    """How a wrapper's name stands in code."""

    CALL = "call"
    DECLARATION = "declaration"  # outside of functions, followed by a parameter list
    REFERENCE = "reference"  # without parentheses, such as a function pointer


@dataclass(frozen=True)
class WrapperUse:
    """A wrapper's name in code.

    ``flags``: the flags of a call, sorted; None if they are computed, and ``argument`` then says
    from what. A wrapper without flags has ``()``.
    """

    place: Place
    wrapper: str
    form: WrapperForm
    flags: tuple[str, ...] | None
    argument: str

    @property
    def combination(self) -> str:
        """The flags in words: ``KM_A | KM_B``, ``0`` for none, ``computed`` if not literal."""
        if self.flags is None:
            return "computed"
        return " | ".join(self.flags) or ("0" if self.argument else "-")


class Form(Enum):
    """What code does with a mask or flag where it stands."""

    ARGUMENT = "argument"  # of the call ``target``
    ASSIGNED = "assigned"  # to ``target``, also by initialisation
    RETURNED = "returned"
    TESTED = "tested"  # in a condition or comparison
    OTHER = "other"  # such as the body of a macro


@dataclass(frozen=True)
class MaskUse:
    """A mask or flag by its name in code; ``target`` is the callee or what is assigned."""

    place: Place
    name: str
    form: Form
    target: str


class ScopeAction(Enum):
    """What a scope call does."""

    OPEN = "open"
    CLOSE = "close"
    GUARD = "guard"  # opens, and closes at the end of the block


@dataclass(frozen=True)
class ScopeUse:
    """A call that opens or closes an allocation scope; ``argument`` as written, often empty."""

    place: Place
    name: str
    scope: str
    action: ScopeAction
    argument: str


class Storage(Enum):
    """Where a mask is kept for later allocations."""

    CALL = "call"  # an interface that keeps it, such as INIT_RADIX_TREE
    PRELOAD = "preload"  # an interface that allocates for a later insertion
    MEMBER = "member"  # assigned to a structure's member
    PAGE_CACHE = "page-cache-flag"  # a flag that changes the mapping's mask


@dataclass(frozen=True)
class StoredMask:
    """A mask that takes effect elsewhere. ``name``: the interface, the member, or the flag.

    ``mask`` as written; for a member that is changed by ``|=`` or the like, with that operator.
    """

    place: Place
    storage: Storage
    name: str
    mask: str


class Access(Enum):
    """What code does with a task flag."""

    READ = "read"  # ``target``: the call that holds the test, such as WARN_ON_ONCE, or empty
    WRITTEN = "written"  # to ``target``, a task's flags
    COMBINED = "combined"  # put into ``target``, a variable
    PASSED = "passed"  # to the function ``target``


@dataclass(frozen=True)
class TaskFlagUse:
    """A task flag of the allocation scopes by its name in code."""

    place: Place
    name: str
    access: Access
    target: str


@dataclass(frozen=True)
class Unread:
    """A file that holds names of interest but could not be split into tokens."""

    file: str
    line: int
    construct: str


@dataclass(frozen=True)
class Inventory:
    """All uses found below some paths, each list in the order of file and place."""

    tree: str
    revision: str | None
    paths: tuple[str, ...]
    files_read: int
    left_out: tuple[str, ...]
    wrappers: tuple[WrapperUse, ...]
    masks: tuple[MaskUse, ...]
    never_fails: tuple[MaskUse, ...]
    scopes: tuple[ScopeUse, ...]
    stored: tuple[StoredMask, ...]
    task_flags: tuple[TaskFlagUse, ...]
    unread: tuple[Unread, ...]
