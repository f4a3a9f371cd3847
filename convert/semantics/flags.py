"""Wrapper flags as gfp masks: which mask each combination of flags stands for.

A mask is a set of single gfp bits by name (``__GFP_IO``); `mask_text` prints it the way kernel
people write it. The meaning of a flag family is a total table from flag sets to masks; how a
single flag changes a mask is read off the table, and is only used where it is the same in every
row (`FlagSemantics.effect`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

Mask = frozenset[str]
Flags = frozenset[str]

# The named bases of include/linux/gfp_types.h, widest first.
_BASES: tuple[tuple[str, Mask], ...] = (
    ("GFP_KERNEL", frozenset({"__GFP_RECLAIM", "__GFP_IO", "__GFP_FS"})),
    ("GFP_NOFS", frozenset({"__GFP_RECLAIM", "__GFP_IO"})),
    ("GFP_NOIO", frozenset({"__GFP_RECLAIM"})),
)
# The order in which modifiers are written behind the base.
_ORDER = (
    "__GFP_NOLOCKDEP",
    "__GFP_NOWARN",
    "__GFP_RETRY_MAYFAIL",
    "__GFP_NORETRY",
    "__GFP_NOFAIL",
    "__GFP_ZERO",
)


def mask_names(mask: Mask) -> tuple[str, ...]:
    """The names that spell a mask, base first, e.g. ``("GFP_NOFS", "__GFP_NOFAIL")``."""
    base: tuple[str, ...] = ()
    rest = mask
    for name, bits in _BASES:
        if bits <= mask:
            base, rest = (name,), mask - bits
            break
    ranked = sorted(rest, key=lambda n: (_ORDER.index(n) if n in _ORDER else -1, n))
    return (*base, *ranked)


def mask_text(mask: Mask) -> str:
    """A mask as C, e.g. ``GFP_NOFS | __GFP_NOFAIL``; the empty mask is ``0``."""
    return " | ".join(mask_names(mask)) or "0"


def subsets(names: Flags) -> tuple[Flags, ...]:
    """All subsets of a set of flags."""
    ordered = sorted(names)
    return tuple(
        frozenset(some) for size in range(len(ordered) + 1) for some in combinations(ordered, size)
    )


@dataclass(frozen=True)
class FlagEffect:
    """What giving a flag does to any mask: bits set, bits cleared."""

    sets: Mask
    clears: Mask


@dataclass(frozen=True)
class FlagSemantics:
    """The masks of all combinations of a family's flags (``table`` is total)."""

    flags: Flags
    table: Mapping[Flags, Mask]

    def mask(self, flags: Flags) -> Mask:
        """The mask that a combination stands for."""
        return self.table[flags]

    def effect(self, flag: str) -> FlagEffect | None:
        """How one flag changes a mask, or None if that depends on the other flags."""
        others = subsets(self.flags - {flag})
        sets = {self.mask(some | {flag}) - self.mask(some) for some in others}
        clears = {self.mask(some) - self.mask(some | {flag}) for some in others}
        if len(sets) != 1 or len(clears) != 1:
            return None
        return FlagEffect(sets.pop(), clears.pop())
