"""Which function fits a free, by the memory that can reach it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from convert.flow.provenance.evidence import Account, Missing, Reached
from convert.flow.provenance.places import Free
from convert.flow.provenance.search import Provenance
from convert.flow.provenance.wording import alloc_text, kind_text, steps_text

_VMALLOC = frozenset({"vmalloc", "kvmalloc"})
_MOST_TOLD = 4  # facts of one kind that a sentence names


class Kind(Enum):
    """What is known of the memory of a free; the values are those of the JSON report."""

    KMALLOC = "kmalloc"  # kmalloc memory only, and nothing else can get there
    VMALLOC = "vmalloc"  # memory that may come from vmalloc gets there
    MIXED = "mixed"  # memory that neither kmalloc nor vmalloc gave may get there, too
    DOUBTFUL = "doubtful"  # not all memory that may get there is known


@dataclass(frozen=True)
class Verdict:
    """What a free is given. ``reached``: in the order of how much they matter.

    apart: allocations that code gives to another function in another branch.
    """

    kind: Kind
    reached: tuple[Reached, ...]
    apart: tuple[Reached, ...]
    missing: tuple[Missing, ...]

    @property
    def plain(self) -> str:
        """The function that fits: ``kvfree`` unless all is kmalloc memory."""
        return "kfree" if self.kind is Kind.KMALLOC else "kvfree"

    @property
    def complete(self) -> bool:
        """Whether all allocations that can reach the free are known."""
        return not self.missing

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        match self.kind:
            case Kind.KMALLOC:
                calls = sorted({f"{r.alloc.callee}()" for r in self.reached})
                return f"only kmalloc memory can get here, from {_listed(calls)}"
            case Kind.VMALLOC:
                worst = next(r for r in self.reached if r.alloc.family in _VMALLOC)
                return f"{kind_text(worst.alloc.family)} gets here: {alloc_text(worst.alloc)}"
            case Kind.MIXED:
                other = next(r for r in self.reached if r.alloc.family != "kmalloc")
                return f"{kind_text(other.alloc.family)} gets here: {alloc_text(other.alloc)}"
        if not self.missing:
            return "code asks which kind of memory it is before it frees it"
        what = str(self.missing[0])
        more = f", and {len(self.missing) - 1} more" if len(self.missing) > 1 else ""
        return f"that only kmalloc memory gets here is not known: {what}{more}"

    def lines(self) -> Iterator[str]:
        """The evidence, a line each: allocations with the way between, and what is missing."""
        for reached in self.reached:
            way = steps_text(reached)
            yield f"memory from {alloc_text(reached.alloc)}" + (
                f", through {', '.join(way)}" if way else ""
            )
        for reached in self.apart:
            yield f"told apart: {alloc_text(reached.alloc)} is freed in another branch"
        for missing in self.missing:
            yield f"not known: {missing}"


def judge(provenance: Provenance, free: Free) -> Verdict:
    """Which function fits a free."""
    account = provenance.account(free.origins)
    others = frozenset(apart.deallocator for apart in free.apart)
    apart = tuple(
        reached
        for reached in account.reached
        if reached.alloc.family == "cache" and "kmem_cache_free" in others
    )
    reached = tuple(sorted((r for r in account.reached if r not in apart), key=_weight))
    return Verdict(_kind(account, reached), reached, apart, account.missing)


def _kind(account: Account, reached: tuple[Reached, ...]) -> Kind:
    families = {r.alloc.family for r in reached}
    if families & _VMALLOC:
        return Kind.VMALLOC
    if account.missing or account.tested or not reached:
        return Kind.DOUBTFUL
    if families - {"kmalloc"}:
        return Kind.MIXED
    return Kind.KMALLOC


def _weight(reached: Reached) -> tuple[object, ...]:
    alloc = reached.alloc
    rank = 0 if alloc.family in _VMALLOC else 1 if alloc.family != "kmalloc" else 2
    return (rank, len(reached.hops), alloc.path, alloc.line, alloc.callee)


def _listed(words: list[str]) -> str:
    shown = words[:_MOST_TOLD]
    more = f" and {len(words) - len(shown)} more" if len(words) > len(shown) else ""
    return ", ".join(shown) + more
