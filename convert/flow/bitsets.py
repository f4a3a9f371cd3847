"""Sets as numbers: each member is a bit, so that large sets are joined at once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_M = TypeVar("_M", bound=Hashable)


@dataclass
class Bitsets(Generic[_M]):
    """Gives each member of some sets a bit, in the order in which they are asked for."""

    members: list[_M] = field(default_factory=list)
    _numbers: dict[_M, int] = field(default_factory=dict)

    def bit(self, member: _M) -> int:
        """The bit of a member."""
        if member not in self._numbers:
            self._numbers[member] = 1 << len(self.members)
            self.members.append(member)
        return self._numbers[member]

    def bits(self, members: Iterable[_M]) -> int:
        """The bits of some members."""
        found = 0
        for member in members:
            found |= self.bit(member)
        return found

    def of(self, bits: int) -> Iterator[_M]:
        """The members of a set."""
        return (self.members[one.bit_length() - 1] for one in singly(bits))


def singly(bits: int) -> Iterator[int]:
    """The bits of a number, the lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest
        bits ^= lowest
