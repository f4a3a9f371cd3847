"""What a user can choose for a plan. Light to import: the command line needs it at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError

PROVEN = "proven"  # exact, and masks dropped where a scope is proven to be open
SCOPED = "scoped"  # proven, and scopes added at hazards, masks dropped where nothing is held
UPSTREAM = "upstream"  # scoped, and __GFP_NOLOCKDEP where only lockdep objects
HAZARDOUS = (SCOPED, UPSTREAM)  # those that ask what would deadlock
RECIPES = ("exact", PROVEN, *HAZARDOUS)  # each begins with the steps of `exact`

LARGE_SIZES = ("kvmalloc",)
NOFAIL_SCOPES = ("api", "open", "convert")  # each with those before it
NOFAIL_FAILING = ("keep", "accept")
SIMPLIFICATIONS = ("needless-if", "zalloc", "memdup", "struct-size", "array")  # as their steps
ALL = "all"


@dataclass(frozen=True)
class Options:
    """What a user can choose: see ``kmem-convert report --help``.

    ``cache_dir`` is None for no cache. ``keep_nowarn`` keeps ``__GFP_NOWARN`` in every mask.
    ``simplify`` names simplifications to make behind the recipe's steps. ``large_sizes``: what
    large allocations that must not fail become ("kvmalloc"); None leaves them.
    ``placeholder_scopes``: of a recipe of `HAZARDOUS`, scopes around single calls for the rest.
    ``nofail_scopes``:
    how far to go with scopes in which allocations do not fail; None for not at all.
    ``nofail_failing``: what becomes of allocations that may fail today and would not in such a
    scope: "keep" (they go on failing, where that is handled) or "accept".
    """

    recipe: str = "exact"
    profile: str = "xfs"
    prefix: str | None = None
    keep_nowarn: bool = False
    cache_dir: Path | None = None
    simplify: tuple[str, ...] = ()
    large_sizes: str | None = None
    placeholder_scopes: bool = False
    nofail_scopes: str | None = None
    nofail_failing: str = "keep"


def simplifications(words: Iterable[str]) -> tuple[str, ...]:
    """The simplifications that a user names, in the order of their steps; ``all`` means each.

    A word may be a list with commas. Raises InputError for a name that there is not.
    """
    names = [name.strip() for word in words for name in word.split(",") if name.strip()]
    for name in names:
        if name not in (*SIMPLIFICATIONS, ALL):
            there = ", ".join((*SIMPLIFICATIONS, ALL))
            raise InputError(f"no simplification {name!r}; there are: {there}")
    return tuple(name for name in SIMPLIFICATIONS if name in names or ALL in names)
