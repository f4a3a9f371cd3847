"""Gfp masks as a tree defines them: names to bits and back, and what a mask promises.

Headers of all shapes are read: plain numbers (``#define ___GFP_IO 0x40u``), enumerated bits
(``BIT(___GFP_IO_BIT)``), everything in ``gfp.h`` (before ``gfp_types.h`` was split off), and
``__GFP_WAIT`` instead of ``__GFP_DIRECT_RECLAIM`` (before Linux 4.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from convert.errors import InputError
from convert.semantics.constants import Constants
from convert.semantics.constexpr import NotConstant
from convert.semantics.defines import definitions, words_of
from convert.semantics.model import Contract
from convert.source.text import read_source
from convert.source.tokens import lex_body
from convert.tree.kernel import KernelTree

GFP_HEADERS = ("include/linux/gfp_types.h", "include/linux/gfp.h")

# Bases in order of preference; where two have the same number of bits, the first is taken.
_BASES = ("GFP_KERNEL", "GFP_NOFS", "GFP_NOIO", "GFP_ATOMIC", "GFP_NOWAIT")
# The order in which kernel people write modifiers behind the base; others follow by bit.
_MODIFIERS = (
    "__GFP_NOLOCKDEP",
    "__GFP_RETRY_MAYFAIL",
    "__GFP_REPEAT",
    "__GFP_NORETRY",
    "__GFP_NOFAIL",
    "__GFP_NOWARN",
    "__GFP_ZERO",
)
# The bit without which an allocation does not sleep; renamed in Linux 4.4.
_SLEEPING = ("__GFP_DIRECT_RECLAIM", "__GFP_WAIT")
_NAME = re.compile(r"(?:__)?GFP_[A-Z0-9_]+\Z")


@dataclass(frozen=True)
class MaskText:
    """A mask in C: ``text``; ``names`` that are ORed; ``removed`` that are cleared (``& ~``)."""

    text: str
    names: tuple[str, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class GfpTable:
    """The gfp names of one tree. ``bits`` maps each public name to its mask.

    assumptions: for names whose bits depend on the configuration, the options taken as set.
    places: where each name is defined, as ``path:line``.
    """

    bits: Mapping[str, int]
    assumptions: Mapping[str, frozenset[str]]
    places: Mapping[str, str]
    constants: Constants

    def mask(self, names: Iterable[str]) -> int:
        """The union of the named masks. Raises InputError for a name that the tree lacks."""
        mask = 0
        for name in names:
            if name not in self.bits:
                raise InputError(f"the tree's gfp headers do not define {name}")
            mask |= self.bits[name]
        return mask

    def evaluate(self, expression: str) -> int:
        """The mask that a constant C expression stands for.

        Raises InputError, naming the token, for an expression that is not constant.
        """
        try:
            value = self.constants.evaluate(words_of(lex_body(expression))).number
        except NotConstant as error:
            raise InputError(f"{expression!r} is no constant gfp mask: {error}") from error
        assert value is not None  # constants are exact
        return value & 0xFFFFFFFF

    @cached_property
    def single(self) -> Mapping[int, str]:
        """The name of each single bit, by mask."""
        found: dict[int, str] = {}
        for name, bits in self.bits.items():
            if name.startswith("__") and bits and not bits & (bits - 1):
                found.setdefault(bits, name)
        return found

    def bit_names(self, mask: int) -> tuple[str, ...]:
        """The single-bit names of a mask, modifiers in canonical order; unnamed bits as hex."""
        named = [name for bit, name in self.single.items() if bit & mask]
        rest = mask & ~self.mask(named)
        ranked = sorted(named, key=self._rank)
        return (*ranked, f"{rest:#x}") if rest else tuple(ranked)

    def _rank(self, name: str) -> tuple[int, int]:
        known = _MODIFIERS.index(name) if name in _MODIFIERS else len(_MODIFIERS)
        return known, self.bits[name]

    def names(self, mask: int) -> MaskText:
        """A mask the way kernel people write it: a base, then modifiers.

        ``GFP_NOFS | __GFP_NOFAIL``; ``GFP_KERNEL & ~__GFP_DIRECT_RECLAIM`` where that is shorter;
        a plain union where no base fits.
        """
        forms = [self._union(base, mask) for base in self._bases() if self.bits[base] & ~mask == 0]
        forms.append(self._union(None, mask))
        forms += self._differences(mask)
        return min(forms, key=self._cost)

    def _cost(self, form: MaskText) -> int:
        """The number of words; bits of GFP_KERNEL that stand alone are worth avoiding."""
        own = self.bits.get("GFP_KERNEL", 0)
        loose = sum(1 for name in form.names if name not in _BASES and self.bits.get(name, 0) & own)
        return len(form.names) + len(form.removed) + loose

    def _bases(self) -> list[str]:
        bases = [name for name in _BASES if self.bits.get(name)]
        return sorted(bases, key=lambda name: -self.bits[name].bit_count())

    def _union(self, base: str | None, mask: int) -> MaskText:
        rest = mask & ~self.bits[base] if base else mask
        names = (*((base,) if base else ()), *self.bit_names(rest))
        return MaskText(" | ".join(names) or self._empty(), names)

    def _empty(self) -> str:
        """How the tree calls the empty mask, which was once ``GFP_NOWAIT``."""
        return next((name for name in _BASES if self.bits.get(name) == 0), "0")

    def _differences(self, mask: int) -> list[MaskText]:
        """The mask as a base without one of its bits."""
        forms = []
        for base in self._bases():
            missing = self.bits[base] & ~mask
            if missing not in self.single or missing == self.bits[base]:
                continue
            removed, extra = self.single[missing], self.bit_names(mask & ~self.bits[base])
            core = f"{base} & ~{removed}"
            text = " | ".join((f"({core})", *extra)) if extra else core
            forms.append(MaskText(text, (base, *extra), (removed,)))
        return forms

    def idle(self, names: Iterable[str]) -> tuple[str, ...]:
        """The names of an OR that add no bit to the others, in order of size.

        ``GFP_NOFS`` in ``GFP_KERNEL | GFP_NOFS``. Dropping all of them leaves the mask unchanged.
        """
        kept = list(names)
        found = []
        for name in sorted(kept, key=lambda n: self.mask([n]).bit_count()):
            others = list(kept)
            others.remove(name)
            if others and self.mask([name]) & ~self.mask(others) == 0:
                found.append(name)
                kept = others
        return tuple(found)

    def has(self, mask: int, name: str) -> bool:
        """Whether a mask has all bits of a name that the tree defines."""
        return bool(self.bits.get(name)) and mask & self.bits[name] == self.bits[name]

    @property
    def sleeping(self) -> str:
        """The name of the bit without which an allocation does not sleep."""
        return next(name for name in _SLEEPING if name in self.bits)

    def contract(self, mask: int) -> Contract:
        """What an allocation with this very mask promises, outside of any scope.

        ``__GFP_NOFAIL`` holds only for allocations that may sleep (mm/page_alloc.c warns and gives
        up otherwise).
        """
        sleeps = self.has(mask, self.sleeping)
        return Contract(
            zeroed=self.has(mask, "__GFP_ZERO"),
            may_fail=not (sleeps and self.has(mask, "__GFP_NOFAIL")),
            fs_reclaim=sleeps and self.has(mask, "__GFP_FS"),
            nowarn=self.has(mask, "__GFP_NOWARN"),
            nolockdep=self.has(mask, "__GFP_NOLOCKDEP"),
            sleeps=sleeps,
        )


def load_gfp(tree: KernelTree) -> GfpTable:
    """Read the gfp headers of a tree.

    Raises InputError if there are none, or if they lack what every tree has (``GFP_KERNEL``,
    ``__GFP_FS`` and a bit for sleeping).
    """
    paths = [path for path in GFP_HEADERS if tree.exists(path)]
    if not paths:
        raise InputError(f"{tree.name}: no gfp header ({' or '.join(GFP_HEADERS)})")
    found = [d for path in paths for d in definitions(read_source(path, tree.read(path)))]
    table = gfp_table(Constants(found))
    for needed in ("GFP_KERNEL", "__GFP_FS"):
        if needed not in table.bits:
            raise InputError(f"{tree.name}: {paths[-1]} does not define {needed} as a constant")
    if not any(name in table.bits for name in _SLEEPING):
        raise InputError(f"{tree.name}: {paths[-1]} defines neither {' nor '.join(_SLEEPING)}")
    return table


def gfp_table(constants: Constants) -> GfpTable:
    """The gfp names among some constants: those whose definition is made of ``gfp_t`` values."""
    bits: dict[str, int] = {}
    assumptions: dict[str, frozenset[str]] = {}
    places: dict[str, str] = {}
    for name in constants.by_name:
        value = _gfp_value(constants, name)
        if value is None:
            continue
        bits[name] = value & 0xFFFFFFFF
        assumptions[name] = constants.assumed(name)
        first = constants.definitions(name)[0]
        places[name] = f"{first.path}:{first.line}"
    return GfpTable(bits, assumptions, places, constants)


def _gfp_value(constants: Constants, name: str) -> int | None:
    found = constants.definitions(name)
    if not _NAME.match(name) or any(d.parameters is not None for d in found):
        return None
    if not all(_is_mask(d.body) for d in found):
        return None
    try:
        return constants.value(name).number
    except NotConstant:
        return None  # what the table lacks is refused where it is asked for, with the name


def _is_mask(body: tuple[str, ...]) -> bool:
    """Whether a definition is a cast to ``gfp_t`` or made of other gfp names alone."""
    words = [word for word in body if word not in ("(", ")", "|", "&", "~")]
    return "gfp_t" in words or (bool(words) and all(_NAME.match(word) for word in words))
