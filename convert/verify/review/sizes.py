"""How large an allocation can be, for the limit that ``__GFP_NOFAIL`` has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from convert.semantics.sizes import (
    Consequence,
    Fits,
    SizeReader,
    never_fail_consequence,
)
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree
from convert.verify.review.sites import Site

PAGE_SIZE = 4096
SizeJudge = Callable[[Site], Consequence]


@dataclass(frozen=True)
class TreeSizes:
    """Judges sizes by the headers of one state of the tree.

    files: the C files that the headers are looked for from. order: the highest order that the page
    allocator promises ``__GFP_NOFAIL`` for.
    """

    tree: KernelTree
    files: tuple[str, ...]
    dialect: Dialect
    order: int

    @cached_property
    def reader(self) -> SizeReader:
        """Made when the first size is asked for: it reads many headers."""
        return SizeReader(self.tree, self.files, self.dialect)

    def __call__(self, site: Site) -> Consequence:
        """What the size of an allocation means if it must never fail."""
        if not site.size_slots:
            return Fits("one object of a cache, or a page")
        routine = site.routine
        size = self.reader.size_class(routine.source, routine.item, site.call, site.size_slots)
        return never_fail_consequence(size, PAGE_SIZE << self.order)
