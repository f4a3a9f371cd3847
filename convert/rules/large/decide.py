"""Which never-fail allocations can become kvmalloc(), with the frees that follow them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from convert.flow.provenance.escapes import Escapes
from convert.flow.provenance.evidence import Missing
from convert.flow.provenance.handling import Handling
from convert.flow.provenance.places import Alloc, At, Free
from convert.rules.large.candidates import Candidate
from convert.rules.large.context import Contexts
from convert.rules.large.tree_facts import TreeFacts
from convert.rules.simplify.headers import Reach
from convert.semantics.gfp import GfpTable
from convert.semantics.stubs import Stubs
from convert.sites.sources import Sources
from convert.source.parse import Item
from convert.source.variants import Call

_NOFAIL = "__GFP_NOFAIL"


@dataclass(frozen=True, eq=False)
class FreeCall:
    """A free in the text: the call that every ``#if`` variant agrees about."""

    free: Free
    item: Item
    call: Call
    twin: str


@dataclass(frozen=True, eq=False)
class Becomes:
    """The allocation becomes ``twin``; ``frees`` are all that can get its memory."""

    twin: str
    frees: tuple[FreeCall, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Stays:
    """Why not: missing facts, the first one is told first."""

    why: tuple[Missing, ...]


@dataclass
class Decider:
    """Decides one allocation at a time.

    contexts: made when the first free is asked for. in_scope: whether a file may be edited.
    """

    sources: Sources
    escapes: Escapes
    handling: Handling
    stubs: Stubs
    gfp: GfpTable
    facts: TreeFacts
    reach: Reach
    declared: Mapping[str, str | None]
    contexts: Callable[[], Contexts]
    in_scope: Callable[[str], bool]

    def decide(self, candidate: Candidate) -> Becomes | Stays:
        """Convert it with its frees, or say why not."""
        why = tuple(dict.fromkeys(self._about_call(candidate)))
        if why:
            return Stays(why)
        alloc = self._alloc(candidate)
        holders = self.escapes.forward.holders(alloc)
        why = tuple(dict.fromkeys(self.escapes.of(alloc, holders)))
        if why:
            return Stays(why)
        reached = self.escapes.forward.reached(holders)
        if not reached:
            return Stays((self._at(candidate, "no free of this memory was found"),))
        frees: list[FreeCall] = []
        lacks: list[Missing] = []
        for free in reached:
            found = self._free(free)
            if isinstance(found, Missing):
                lacks.append(found)
            else:
                frees.append(found)
        if not lacks:
            lacks = [lack for one in frees for lack in self._context(one)]
        if lacks:
            return Stays(tuple(dict.fromkeys(lacks)))
        return Becomes(
            self.handling.allocators[candidate.callee], tuple(frees), self._evidence(candidate)
        )

    # -- the allocation ------------------------------------------------------------------------

    def _about_call(self, candidate: Candidate) -> Iterator[Missing]:
        """Why the call itself cannot be changed, or would promise something else."""
        if candidate.item.kind == "macro":
            yield self._at(candidate, "it stands in the body of a macro")
            return
        if not candidate.agreed:
            yield self._at(candidate, "the #if variants of the function disagree about it")
        if not candidate.masks:
            yield self._at(candidate, "which masks it asks with is known only at run time")
        for mask in sorted(candidate.masks):
            answer = self.facts.takes(mask)
            if answer.value is not True:
                where = answer.evidence[0] if answer.evidence else None
                at = None if where is None else At(where.path, "", where.line)
                text = self.gfp.names(mask).text
                yield Missing(f"kvmalloc() does not do what kmalloc() does for {text}: "
                              f"{answer.note or 'that is not known'}", at)  # fmt: skip
        twin = self.handling.allocators[candidate.callee]
        yield from self._sees(candidate.path, candidate.line, twin)

    def _sees(self, path: str, line: int, name: str) -> Iterator[Missing]:
        """Why a file cannot call a function."""
        header = self.declared.get(name)
        if header is None:
            yield Missing(f"this tree declares no {name}()", At(path, "", line))
        elif not self.reach.sees(path, header):
            shown = header.removeprefix("include/")
            text = f"the file does not include <{shown}>, which declares {name}()"
            yield Missing(text, At(path, "", line))

    def _alloc(self, candidate: Candidate) -> Alloc:
        function = candidate.item.name
        primitive = self.stubs.primitive(candidate.callee)
        assert primitive is not None
        return Alloc(candidate.path, function, candidate.line, candidate.callee, primitive.family)

    @staticmethod
    def _at(candidate: Candidate, text: str) -> Missing:
        return Missing(text, At(candidate.path, candidate.item.name, candidate.line))

    def _evidence(self, candidate: Candidate) -> tuple[str, ...]:
        """What the promise rests on: the lines of the tree's kvmalloc() that were executed."""
        rows = [f"size: {candidate.size.text}"]
        for mask in sorted(candidate.masks):
            places = ", ".join(str(where) for where in self.facts.takes(mask).evidence)
            text = self.gfp.names(mask).text
            rows.append(f"kvmalloc() keeps what kmalloc() promises for {text}: {places}")
        return tuple(rows)

    # -- frees ---------------------------------------------------------------------------------

    def _free(self, free: Free) -> FreeCall | Missing:
        """The call to change for a free, or why that cannot be done."""
        at = At(free.path, free.function, free.line)
        twin = self.handling.frees.get(free.deallocator)
        text = f"{free.deallocator}({free.text})"
        if twin is None:
            return Missing(f"{text} may free it, which takes no vmalloc memory", at)
        if twin.later and self.facts.takes_both(free.deallocator) is None:
            file = self.handling.deferred.file
            return Missing(f"{text} may free it, and {file} does not say that it takes both", at)
        found = self._calls(free)
        if isinstance(found, Missing):
            return found
        if twin.twin != free.deallocator:
            if not self.in_scope(free.path):
                return Missing(f"{text} may free it, outside of the paths to convert", at)
            for lack in self._sees(free.path, free.line, twin.twin):
                return lack
        return FreeCall(free, *found, twin.twin)

    def _calls(self, free: Free) -> tuple[Item, Call] | Missing:
        """The call of a free, if all ``#if`` variants agree and it stands in a function."""
        at = At(free.path, free.function, free.line)
        parsed = self.sources.parsed_whole(free.path)
        item = parsed.item_at(free.offset) if parsed is not None else None
        if not isinstance(item, Item):
            return Missing("the code around the free was not read", at)
        calls = [
            call for v in item.variants for call in v.calls
            if call.span.start == free.offset and call.callee == free.deallocator
        ]  # fmt: skip
        holding = sum(variant.holds(free.offset) for variant in item.variants)
        if item.kind == "macro" and self.handling.frees[free.deallocator].twin != free.deallocator:
            return Missing(f"{free.deallocator}() stands in the body of the macro {item.name}", at)
        if len({call.span for call in calls}) != 1 or len(calls) != holding:
            return Missing("the #if variants of the function disagree about the free", at)
        return item, calls[0]

    def _context(self, one: FreeCall) -> Sequence[Missing]:
        """Why the free may stand where the code may not sleep."""
        if self.handling.frees[one.free.deallocator].later:
            return ()
        free = one.free
        text = f"{free.deallocator}({free.text}) at {free.path}:{free.line} may run where vfree()"
        return [
            Missing(f"{text} may not sleep: {lack.text}", At(lack.place.path, "", lack.place.line))
            for lack in self.contexts().lacks(free.path, free.offset)
        ]
