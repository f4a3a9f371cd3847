"""The never-fail allocations that may ask for more than two pages, as the text spells them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pycparser import c_ast

from convert.errors import InputError
from convert.flow.provenance.handling import Handling
from convert.plan import FileRefusal, Plan
from convert.rules.large.places import Places
from convert.semantics.gfp import GfpTable
from convert.semantics.sizes import Consequence, Fits, SizeReader, never_fail_consequence
from convert.semantics.stubs import Primitive, Stubs
from convert.sites.model import SiteKind
from convert.sites.sources import Sources
from convert.source.parse import Item, ParsedFile
from convert.source.text import SourceFile
from convert.source.variants import Call, Variant

Node = Any  # pycparser ships no types
_WORD = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, eq=False)
class Candidate:
    """One allocation. ``masks``: the masks it can ask with; empty if they are not known.

    calls: the call in each ``#if`` variant that holds it; ``agreed``: they are one.
    """

    source: SourceFile
    item: Item
    call: Call
    variants: tuple[Variant, ...]
    masks: frozenset[int]
    agreed: bool
    size: Consequence

    @property
    def path(self) -> str:
        """The file."""
        return self.source.path

    @property
    def line(self) -> int:
        """The line of the call in the text that is converted."""
        return self.source.line(self.call.span.start)

    @property
    def callee(self) -> str:
        """The allocator."""
        assert self.call.callee is not None
        return self.call.callee


@dataclass
class CandidateFinder:
    """Reads the files of a plan's paths."""

    plan: Plan
    places: Places
    sources: Sources
    handling: Handling
    stubs: Stubs
    gfp: GfpTable
    sizes: SizeReader
    unread: list[FileRefusal] = field(init=False, default_factory=list)
    _never: frozenset[tuple[str, int]] = field(init=False)

    def __post_init__(self) -> None:
        self._never = frozenset(
            (planned.site.file, planned.site.span.start)
            for planned in self.plan.sites
            if planned.site.kind is SiteKind.ALLOC
            and planned.stage == 0
            and not planned.contract.may_fail  # where it is not known, it may be such a one
        )

    def find(self) -> Iterator[Candidate]:
        """All of them, in the order of the files."""
        own = {path for under in self._existing() for path in self.places.after.files(under)}
        for path in self.sources.holding(self.handling.allocators):
            if path not in own:
                continue
            parsed = self.sources.parsed_whole(path)
            if parsed is None:
                continue
            self._refused(parsed)
            found: dict[int, Candidate] = {}
            for item in (*parsed.functions, *parsed.macros):
                for start in self._starts(item):
                    one = self._candidate(parsed.source, item, start)
                    if one is not None:
                        found[start] = one
            yield from (found[start] for start in sorted(found))

    def _refused(self, parsed: ParsedFile) -> None:
        """Note code that could not be parsed and may hold such an allocation."""
        for refusal in parsed.refusals:
            words = set(_WORD.findall(refusal.span.of(parsed.source.text)))
            if "__GFP_NOFAIL" in words and words & self.handling.allocators.keys():
                line = self.places.line(refusal.path, refusal.line)
                self.unread.append(FileRefusal(refusal.path, line, refusal.name, refusal.construct))

    def _existing(self) -> list[str]:
        return [path for path in self.plan.paths if self.places.after.exists(path)]

    def _starts(self, item: Item) -> list[int]:
        found = {
            call.callee_span.start: call.span.start
            for variant in item.variants
            for call in variant.calls
            if call.callee in self.handling.allocators
        }
        return sorted(found.values())

    def _candidate(self, source: SourceFile, item: Item, start: int) -> Candidate | None:
        calls: Mapping[Variant, Call] = {
            variant: call
            for variant in item.variants
            for call in variant.calls
            if call.span.start == start and call.callee in self.handling.allocators
        }
        call = next(iter(calls.values()))
        primitive = self.stubs.primitive(call.callee or "")
        if primitive is None or primitive.gfp is None or len(call.slots) <= primitive.gfp:
            return None
        masks = self._masks_of(source, calls, primitive)
        if not self._never_fails(source, start, masks):
            return None
        size = never_fail_consequence(self.sizes.size_class(source, item, call, primitive.size))
        if isinstance(size, Fits):
            return None
        shapes = {(one.span, tuple(slot.span for slot in one.slots)) for one in calls.values()}
        holding = sum(variant.holds(start) for variant in item.variants)
        agreed = len(shapes) == 1 and holding == len(calls)
        return Candidate(source, item, call, tuple(calls), masks or frozenset(), agreed, size)

    def _masks_of(
        self, source: SourceFile, calls: Mapping[Variant, Call], primitive: Primitive
    ) -> frozenset[int] | None:
        """The masks that the call can ask with; None if one is not written out."""
        found: set[int] = set()
        for variant, call in calls.items():
            assert primitive.gfp is not None
            node = call.slots[primitive.gfp].node
            masks = None if node is None else self._masks(source, variant, node)
            if masks is None:
                return None
            found |= masks
        return frozenset(found)

    def _masks(self, source: SourceFile, variant: Variant, node: Node) -> set[int] | None:
        if isinstance(node, c_ast.TernaryOp) and node.iftrue is not None:
            arms = [self._masks(source, variant, arm) for arm in (node.iftrue, node.iffalse)]
            return None if None in arms else {mask for arm in arms for mask in arm or ()}
        text = variant.span_of(node).of(source.text).replace("\\\n", " ")
        words = _WORD.findall(text)
        if not words or not all(word in self.gfp.bits for word in words):
            return None
        try:
            return {self.gfp.evaluate(text)}
        except InputError:
            return None

    def _never_fails(self, source: SourceFile, start: int, masks: frozenset[int] | None) -> bool:
        """Whether some call of it promises memory; for a variable mask the conversion knows."""
        if masks is not None:
            return any(self.gfp.contract(mask).may_fail is False for mask in masks)
        return (source.path, self.places.given(source.path, start)) in self._never
