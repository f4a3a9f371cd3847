"""Layout of C aggregates: sizes, alignments and offsets as ranges over all configurations.

Rules of the System V psABI for x86-64 (3.1.2, "Aggregates and Unions", "Bit-Fields"). Each member
is placed by a function of the end of what stands before it, and these functions never decrease. So
the greatest (least) end of an ``#if`` group bounds the end of the whole in every configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from convert.semantics.sizing.amounts import united

BYTE = 8


class NoLayout(ValueError):
    """A type's size cannot be shown; the message says why."""


@dataclass(frozen=True)
class Layout:
    """Size and alignment in bytes, each from a least to a greatest value.

    ``notes`` say why they are not one value. ``offsets``: of the members of a struct or union, by
    name, those of anonymous members included.
    """

    low: int
    high: int
    align_low: int
    align_high: int
    notes: tuple[str, ...] = ()
    offsets: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Whether the size is one value."""
        return self.low == self.high


@dataclass(frozen=True)
class Attributes:
    """What attributes of a type or member say.

    ``packed_low``: packed in some configuration; ``packed_high``: in every one. ``aligned_low`` and
    ``aligned_high``: the alignment asked for, 1 if none. ``random``: members may be reordered.
    """

    packed_low: bool = False
    packed_high: bool = False
    aligned_low: int = 1
    aligned_high: int = 1
    random: bool = False


@dataclass(frozen=True)
class Member:
    """One member. ``bits`` is the width of a bit-field; ``name`` is None for an anonymous one."""

    name: str | None
    layout: Layout
    attributes: Attributes = Attributes()
    bits: int | None = None


@dataclass(frozen=True)
class Choice:
    """An ``#if`` group among members: one of the branches is there (maybe an empty one)."""

    branches: tuple[tuple[Part, ...], ...]


Part = Member | Choice


def scalar(size: int, align: int | None = None) -> Layout:
    """A type of one fixed size, aligned to it."""
    return Layout(size, size, align or size, align or size)


def either(layouts: Iterable[Layout]) -> Layout:
    """One of several layouts. Raises ValueError for none."""
    given = list(layouts)
    if len(given) == 1:
        return given[0]
    offsets: dict[str, tuple[int, int]] = {}
    for layout in given:
        _merge(offsets, layout.offsets)
    return Layout(
        min(layout.low for layout in given),
        max(layout.high for layout in given),
        min(layout.align_low for layout in given),
        max(layout.align_high for layout in given),
        united(*(layout.notes for layout in given)),
        offsets,
    )


def array_of(element: Layout, least: int, greatest: int) -> Layout:
    """An array of ``least`` to ``greatest`` elements."""
    return replace(element, low=element.low * least, high=element.high * greatest, offsets={})


def aligned(layout: Layout, attributes: Attributes) -> Layout:
    """A type with the alignment that attributes of a typedef or variable ask for."""
    return replace(
        layout,
        align_low=max(layout.align_low, attributes.aligned_low),
        align_high=max(layout.align_high, attributes.aligned_high),
    )


def _merge(into: dict[str, tuple[int, int]], more: Mapping[str, tuple[int, int]]) -> None:
    for name, (low, high) in more.items():
        before = into.get(name, (low, high))
        into[name] = min(before[0], low), max(before[1], high)


def _up(number: int, step: int) -> int:
    return -(-number // step) * step


@dataclass(frozen=True)
class _Side:
    """One of the two computations: the least (``high`` False) or the greatest layout."""

    high: bool
    union: bool
    packed: bool

    def size(self, layout: Layout) -> int:
        return layout.high if self.high else layout.low

    def is_packed(self, member: Member) -> bool:
        own = member.attributes
        return self.packed or (own.packed_high if self.high else own.packed_low)

    def align(self, member: Member) -> int:
        layout, own = member.layout, member.attributes
        natural = layout.align_high if self.high else layout.align_low
        asked = own.aligned_high if self.high else own.aligned_low
        return max(1 if self.is_packed(member) else natural, asked)

    def choose(self, ends: Iterable[tuple[int, int]]) -> tuple[int, int]:
        """The end and alignment after an ``#if`` group."""
        given = list(ends)
        pick = max if self.high else min
        return pick(end for end, _ in given), pick(align for _, align in given)

    def place(self, member: Member, end: int, align: int) -> tuple[int, int, int]:
        """The member's offset, the end after it, and the aggregate's alignment; all but the last
        in bits."""
        if self.union:
            _, size, align = self._placed(member, 0, align)
            return 0, max(end, size), align
        return self._placed(member, end, align)

    def _placed(self, member: Member, end: int, align: int) -> tuple[int, int, int]:
        own = self.align(member)
        if member.bits is None:
            start = _up(end, own * BYTE)
            return start, start + self.size(member.layout) * BYTE, max(align, own)
        unit = self.size(member.layout) * BYTE
        if member.bits == 0:
            return end, _up(end, unit), align
        start = end
        if not self.is_packed(member) and start // unit != (start + member.bits - 1) // unit:
            start = _up(start, unit)
        if member.attributes.aligned_high > 1:
            start = _up(start, own * BYTE)
        return start, start + member.bits, max(align, own) if member.name else align


class _Placer:
    def __init__(self, side: _Side) -> None:
        self.side = side
        self.offsets: dict[str, tuple[int, int]] = {}

    def run(self, parts: Sequence[Part], end: int, align: int) -> tuple[int, int]:
        for part in parts:
            if isinstance(part, Choice):
                branches = [self.run(branch, end, align) for branch in part.branches]
                end, align = self.side.choose(branches)
                continue
            start, end, align = self.side.place(part, end, align)
            base = start // BYTE
            if part.name is not None:
                _merge(self.offsets, {part.name: (base, base)})
            else:
                inner = part.layout.offsets.items()
                moved = {name: (base + low, base + high) for name, (low, high) in inner}
                _merge(self.offsets, moved)
        return end, align


def aggregate(
    parts: Sequence[Part], attributes: Attributes, union: bool, notes: Iterable[str] = ()
) -> Layout:
    """The layout of a struct or union with these members."""
    sizes: dict[bool, tuple[int, int]] = {}
    offsets: dict[str, tuple[int, int]] = {}
    for high in (False, True):
        packed = attributes.packed_high if high else attributes.packed_low
        placer = _Placer(_Side(high, union, packed))
        end, align = placer.run(parts, 0, 1)
        align = max(align, attributes.aligned_high if high else attributes.aligned_low)
        sizes[high] = _up(_up(end, BYTE) // BYTE, align), align
        _merge(offsets, placer.offsets)
    (low, align_low), (high_size, align_high) = sizes[False], sizes[True]
    if attributes.random and not union:
        low = min(low, _up(_total(parts, False, 1), align_low))
        high_size = max(high_size, _total(parts, True, align_high))
        offsets = dict.fromkeys(offsets, (0, high_size))
    said = united(notes, *(member.layout.notes for member in _members(parts)))
    return Layout(low, high_size, align_low, align_high, said if low != high_size else (), offsets)


def _members(parts: Sequence[Part]) -> Iterable[Member]:
    for part in parts:
        if isinstance(part, Member):
            yield part
        else:
            for branch in part.branches:
                yield from _members(branch)


def _total(parts: Sequence[Part], high: bool, align: int) -> int:
    """The members' sizes in any order: each with the most (or no) padding."""
    total = 0
    for part in parts:
        if isinstance(part, Choice):
            pick = max if high else min
            total += pick(_total(branch, high, align) for branch in part.branches)
        elif part.bits is None or high:
            total += _up(part.layout.high if high else part.layout.low, align)
    return total
