"""How a mask may differ from the old one on purpose, where no scope says what it no longer says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from convert.plan import Difference

FS_RECLAIM, NO_LOCKDEP = "fs-reclaim", "nolockdep"

# The bit that a mask gains by a difference.
GAINS: Mapping[str, str] = {FS_RECLAIM: "__GFP_FS", NO_LOCKDEP: "__GFP_NOLOCKDEP"}

DIFFERENCES = (
    Difference(
        FS_RECLAIM,
        "__GFP_FS is in the mask: where no scope is open, reclaim may enter the filesystem now.",
        "docs/scopes.md",
    ),
    Difference(
        NO_LOCKDEP,
        "__GFP_NOLOCKDEP is in the mask: lockdep learns nothing from the allocation about reclaim, "
        "as it could not from GFP_NOFS.",
        "docs/scopes.md",
    ),
)


def gained(differences: Iterable[str]) -> tuple[str, ...]:
    """The bits that a mask gains by some differences. Raises KeyError for another id."""
    return tuple(GAINS[name] for name in differences)
