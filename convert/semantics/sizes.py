"""How much an allocation asks for: a constant, something bounded, or known only at run time.

The page allocator warns for ``__GFP_NOFAIL`` above order 1, two pages (``WARN_ON_ONCE(order > 1)``
in mm/page_alloc.c). So a never-fail allocation that may be larger should be kvmalloc'ed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convert.semantics.cint import ULONG
from convert.semantics.sizing.amounts import Amount, by_type, combined, converted, joined
from convert.semantics.sizing.definitions import DefinitionIndex
from convert.semantics.sizing.expressions import ExpressionReader
from convert.semantics.sizing.kconfig import Options
from convert.semantics.sizing.places import Fragments, Frame, Node, Where
from convert.semantics.sizing.target import PAGE_SIZE
from convert.semantics.sizing.type_sizes import TypeReader
from convert.source.parse import Item
from convert.source.text import SourceFile
from convert.source.variants import Call, Variant
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree

NEVER_FAIL_ORDER = 1
NEVER_FAIL_LIMIT = PAGE_SIZE << NEVER_FAIL_ORDER


@dataclass(frozen=True)
class Constant:
    """The same number of bytes in every configuration."""

    bytes: int


@dataclass(frozen=True)
class Bounded:
    """From ``at_least`` to ``at_most`` bytes. ``why``: what the bounds rest on."""

    at_most: int
    why: str
    at_least: int = 0


@dataclass(frozen=True)
class RunTime:
    """Known only at run time. ``expression``: the size as written; ``why``: what is unbounded."""

    expression: str
    why: str


SizeClass = Constant | Bounded | RunTime
"""The size of an allocation on 64-bit little-endian kernels with pages of 4096 bytes."""


@dataclass(frozen=True)
class Fits:
    """At most two pages in every configuration: kmalloc is right for a never-fail site."""

    text: str


@dataclass(frozen=True)
class Exceeds:
    """More than two pages in every configuration: a finding, kvmalloc is advised."""

    text: str


@dataclass(frozen=True)
class MayExceed:
    """Not shown to fit: a note."""

    text: str


Consequence = Fits | Exceeds | MayExceed


def never_fail_consequence(size: SizeClass, limit: int = NEVER_FAIL_LIMIT) -> Consequence:
    """What a size means for an allocation with ``__GFP_NOFAIL``; ``limit`` in bytes.

    The texts are one sentence each, to be put behind the place of the site.
    """
    order = (limit // PAGE_SIZE).bit_length() - 1
    warns = f"the page allocator warns for __GFP_NOFAIL above order {order} ({limit} bytes)"
    advice = "kvmalloc() would be safe if the frees are kvfree()"
    match size:
        case Constant(count):
            if count <= limit:
                return Fits(f"{count} bytes")
            return Exceeds(f"{count} bytes: {warns}; {advice}")
        case Bounded(at_most, why, at_least):
            if at_most <= limit:
                return Fits(f"at most {at_most} bytes ({why})")
            if at_least > limit:
                return Exceeds(f"at least {at_least} bytes ({why}): {warns}; {advice}")
            return MayExceed(f"shown only to be at most {at_most} bytes ({why}): {warns}; {advice}")
        case RunTime(expression, why):
            return MayExceed(
                f"size known only at run time (`{expression}`: {why}): {warns}; {advice}"
            )


class SizeReader:
    """Reads the sizes of allocations in the files of a run; what it has read is kept.

    ``roots``: the C files of the run; ``read`` gives a file's bytes (``tree.read`` by default).
    """

    def __init__(
        self,
        tree: KernelTree,
        roots: Sequence[str],
        dialect: Dialect,
        read: Callable[[str], bytes] | None = None,
    ) -> None:
        index = DefinitionIndex(tree, roots, read or tree.read)
        self.fragments = Fragments(dialect, lambda path: index.file(path).text)
        self.types = TypeReader(index, self.fragments)
        self.expressions = ExpressionReader(self.types, Options(tree))
        self.types.expressions = self.expressions

    def place(self, source: SourceFile, item: Item, variant: Variant) -> Where:
        """Where the nodes of an item's variant stand, to ask for single types and values."""
        frame = None
        if item.kind == "function":
            frame = Frame(source.path, source, variant, item.variants)
        others = tuple(other for other in item.variants if other is not variant)
        return Where(source.path, source, (variant, *others), frame)

    def size_class(
        self, source: SourceFile, item: Item, call: Call, positions: Sequence[int] = (0,)
    ) -> SizeClass:
        """The size that an allocation call asks for, whatever ``#if`` variant is compiled.

        ``positions``: of the arguments whose product is the size (one, or ``n`` and ``size``).
        """
        texts = [" ".join(call.slots[at].span.of(source.text).split()) for at in positions]
        text = " * ".join(texts)
        amounts = [
            self._product(
                [other.slots[at].node for at in positions], self.place(source, item, variant)
            )
            for variant in item.variants
            for other in variant.calls
            if other.callee_span == call.callee_span and len(other.slots) > max(positions)
        ]
        if not amounts:
            return RunTime(text, "the call is in no variant of its function")
        return _class_of(joined(amounts), text)

    def _product(self, factors: Sequence[Node | None], where: Where) -> Amount:
        total = Amount(1, 1, ULONG)
        for node in factors:
            if node is None:
                return by_type(ULONG, "an argument that is no expression")
            value = self.expressions.read(node, where)
            if value.low < 0 and not value.open:
                return by_type(ULONG, f"`{where.text(node)}` may be negative")
            value = converted(value, ULONG)
            total = combined("*", total, value)
        return total


def _class_of(total: Amount, text: str) -> SizeClass:
    if total.open and total.high > NEVER_FAIL_LIMIT:
        return RunTime(text, "; ".join(total.open))
    if total.exact:
        return Constant(total.low)
    why = "; ".join(total.notes) or "; ".join(total.open) or "by the ranges of its operands"
    return Bounded(total.high, why, total.low)
