"""What is said about a free: the allocations that may reach it, the way, what is missing."""

from __future__ import annotations

from dataclasses import dataclass

from convert.flow.provenance.places import Alloc, At, Origin


@dataclass(frozen=True)
class Hop:
    """A place on the way of memory to a free; ``at``: the code that takes it on from there."""

    place: Origin
    at: At | None


@dataclass(frozen=True)
class Reached:
    """An allocation that may reach a free. ``way``: the places between, from the free on.

    by_type: only because both handle objects of the same type of structure.
    """

    alloc: Alloc
    way: tuple[Origin, ...]
    by_type: bool
    hops: tuple[Hop, ...] = ()


@dataclass(frozen=True)
class Missing:
    """A fact without which the allocations that were found need not be all."""

    text: str
    at: At | None

    def __str__(self) -> str:
        return f"{self.at}: {self.text}" if self.at is not None else self.text


@dataclass(frozen=True)
class Account:
    """What may reach a free. ``missing`` is empty if that is all.

    tested: code asks which kind of memory it is before it frees it.
    """

    reached: tuple[Reached, ...]
    missing: tuple[Missing, ...]
    tested: bool

    @property
    def complete(self) -> bool:
        """Whether nothing else can get there."""
        return not self.missing
