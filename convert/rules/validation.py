"""Translation validation: what was written is read again and held against the derived contracts.

Nothing here trusts the rules that made the edits. The final text of each file is lexed and parsed
anew; every call that was there has to be there still, in order, renamed only where a site says so;
and each written mask is evaluated with the tree's own gfp headers and compared, as a contract, with
what the wrapper promised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pycparser import c_ast

from convert.errors import InternalCheckError
from convert.plan import PlannedSite, Step, Validation
from convert.rules.frees import wrong_choice
from convert.rules.model import Converted
from convert.semantics.contracts import FreeContract
from convert.semantics.derived import Meaning, joined
from convert.semantics.model import Contract
from convert.sites.model import SiteKind
from convert.sites.sources import C_SUFFIXES, Sources
from convert.source.edits import Edit, apply_edits
from convert.source.parse import Item, parse_file
from convert.source.text import read_source
from convert.source.variants import Call, Variant


def validate(
    sources: Sources,
    wanted: frozenset[str],
    meaning: Meaning,
    sites: Sequence[PlannedSite],
    steps: Sequence[Step],
) -> Validation:
    """Check every conversion of a run; ``wanted`` are the names that items were parsed for.

    Raises InternalCheckError with the place and both contracts where something does not fit.
    """
    edits: dict[str, list[Edit]] = {}
    for step in steps:
        for change in step.changes:
            edits.setdefault(change.path, []).extend(change.edits)
    deleted = {change.path for step in steps for change in step.changes if change.delete}
    by_file: dict[str, list[PlannedSite]] = {}
    for planned in sites:
        if isinstance(planned.decision, Converted):
            by_file.setdefault(planned.site.file, []).append(planned)
    equal = declared = by_table = 0
    for path, own in sorted(by_file.items()):
        if path in deleted or not path.endswith(C_SUFFIXES):
            continue
        checker = _File(sources, path, wanted, meaning, own, edits.get(path, []))
        for verdict in checker.verdicts():
            equal += verdict == "equal"
            declared += verdict == "declared"
            by_table += verdict == "table"
    result = Validation(equal, declared, by_table)
    expected = sum(
        1
        for path, own in by_file.items()
        for planned in own
        if path not in deleted and _is_converted_call(planned)
    )
    if result.edits != expected:
        raise InternalCheckError(f"{expected} calls converted, but {result.edits} validated")
    return result


def _is_converted_call(planned: PlannedSite) -> bool:
    kinds = (SiteKind.ALLOC, SiteKind.FREE)
    return planned.site.kind in kinds and planned.site.text.endswith(")")


class _File:
    """The text of one file before and after, and where each site's call went."""

    def __init__(
        self,
        sources: Sources,
        path: str,
        wanted: frozenset[str],
        meaning: Meaning,
        sites: Sequence[PlannedSite],
        edits: Sequence[Edit],
    ) -> None:
        before = sources.parsed(path, wanted)
        assert before is not None  # a site of it was converted
        self.path = path
        self.meaning = meaning
        self.before = before
        self.edits = tuple(sorted(set(edits)))
        text = apply_edits(before.source.text, self.edits)
        self.source = read_source(path, text.encode("latin-1"))
        self.sites = {planned.site.span.start: planned for planned in sites}
        renamed = {word for p in sites for word in self._words(p)}
        self.after = parse_file(self.source, sources.tables(), wanted | renamed)

    @staticmethod
    def _words(planned: PlannedSite) -> Iterator[str]:
        decision = planned.decision
        if isinstance(decision, Converted):
            yield decision.replacement.split("(")[0].strip()

    def moved(self, offset: int) -> int:
        """Where an offset of the old text is in the new one."""
        shift = 0
        for edit in self.edits:
            if edit.span.end <= offset and edit.span.start < offset:
                shift += len(edit.text) - (edit.span.end - edit.span.start)
        return offset + shift

    def verdicts(self) -> Iterator[str]:
        """ "equal", "declared" or "table" for each converted call."""
        for item in (*self.before.functions, *self.before.macros):
            touched = [e for e in self.edits if e.span in item.span]
            if not touched:
                continue
            twin = self._twin(item)
            for old, new in zip(item.variants, twin.variants, strict=True):
                self._same_calls(item, old, new)
            yield from self._calls(item, twin)

    def _twin(self, item: Item) -> Item:
        start = self.moved(item.span.start)
        for other in (*self.after.functions, *self.after.macros):
            if other.span.start == start and other.name == item.name:
                if len(other.variants) != len(item.variants):
                    self._fail(item.span.start, f"{item.name} has other #if variants afterwards")
                return other
        why = next((r.construct for r in self.after.refusals if r.name == item.name), "not found")
        raise self._error(item.span.start, f"{item.name} does not parse afterwards: {why}")

    def _same_calls(self, item: Item, old: Variant, new: Variant) -> None:
        """The calls of a variant are the same in number and order, renamed where a site says so."""
        names = [self._expected(call) for call in old.calls]
        found = [call.callee for call in new.calls]
        if names != found:
            self._fail(item.span.start, f"{item.name} makes other calls afterwards")

    def _expected(self, call: Call) -> str | None:
        planned = self.sites.get(call.span.start)
        if planned is None or planned.site.kind not in (SiteKind.ALLOC, SiteKind.FREE):
            return call.callee
        if planned.site.callee != call.callee or not isinstance(planned.decision, Converted):
            return call.callee
        return planned.decision.replacement.split("(")[0].strip()

    def _calls(self, item: Item, twin: Item) -> Iterator[str]:
        done: set[int] = set()
        for old, new in zip(item.variants, twin.variants, strict=True):
            for before, after in zip(old.calls, new.calls, strict=True):
                planned = self.sites.get(before.span.start)
                if planned is None or before.callee != planned.site.callee:
                    continue
                if before.span.start in done:
                    continue
                done.add(before.span.start)
                if planned.site.kind is SiteKind.ALLOC:
                    yield self._allocation(planned, before, after, new)
                elif planned.site.kind is SiteKind.FREE:
                    yield self._free(planned, after)

    def _allocation(self, planned: PlannedSite, before: Call, after: Call, variant: Variant) -> str:
        primitive = self.meaning.stubs.primitive(after.callee or "")
        if primitive is None or primitive.gfp is None or len(after.slots) != len(before.slots):
            raise self._error(before.span.start, f"{after.callee} is no known allocator")
        node = after.slots[primitive.gfp].node
        masks = None if node is None else self._masks(node, variant)
        if masks is None:
            return "table"
        written = joined(
            contract_of_mask(mask, primitive.zeroes, self.meaning.gfp.bits) for mask in masks
        )
        if written == planned.contract:
            return "equal"
        decision = planned.decision
        assert isinstance(decision, Converted)
        allowed = allowed_change(planned.contract, self.meaning)
        if written == allowed and "nowarn" in decision.differences:
            return "declared"
        raise self._error(
            before.span.start,
            f"{planned.site.text!r} promised {planned.contract}, "
            f"but {decision.replacement!r} promises {written}",
        )

    def _masks(self, node: c_ast.Node, variant: Variant) -> tuple[int, ...] | None:
        """The masks that a written argument can have; None if it holds anything but gfp names."""
        if isinstance(node, c_ast.TernaryOp):
            first, second = (self._masks(arm, variant) for arm in (node.iftrue, node.iffalse))
            return None if first is None or second is None else (*first, *second)
        text = variant.span_of(node).of(self.source.text).replace("\\\n", " ")
        if not all(name in self.meaning.gfp.bits for name in re.findall(r"[A-Za-z_]\w*", text)):
            return None
        return (self.meaning.gfp.evaluate(text),)

    def _free(self, planned: PlannedSite, after: Call) -> str:
        result = self.meaning.table.get(planned.site.callee)
        decision = planned.decision
        assert isinstance(decision, Converted)
        wrong: str | None = f"{after.callee} is not what was executed"
        if isinstance(result, FreeContract) and len(result.deallocators) == 1:
            executed = result.deallocators[0]
            wrong = wrong_choice(after.callee or "", executed, decision.provenance)
        if wrong is not None:
            raise self._error(planned.site.span.start, wrong)
        return "equal"

    def _error(self, offset: int, what: str) -> InternalCheckError:
        line = self.before.source.line(offset)
        return InternalCheckError(f"{self.path}:{line}: a conversion was found wrong: {what}")

    def _fail(self, offset: int, what: str) -> None:
        raise self._error(offset, what)


def contract_of_mask(mask: int, zeroes: bool, bits: Mapping[str, int]) -> Contract:
    """What a plain allocation promises by its mask (include/linux/gfp_types.h)."""

    def has(name: str) -> bool:
        return name in bits and mask & bits[name] == bits[name] and bits[name] != 0

    direct = has("__GFP_DIRECT_RECLAIM")
    return Contract(
        zeroed=zeroes or has("__GFP_ZERO"),
        may_fail=not (has("__GFP_NOFAIL") and direct),
        fs_reclaim=direct and has("__GFP_FS"),
        nowarn=has("__GFP_NOWARN"),
        nolockdep=has("__GFP_NOLOCKDEP"),
        sleeps=direct,
    )


def allowed_change(contract: Contract, meaning: Meaning) -> Contract:
    """The contract with the declared differences made: a dropped ``__GFP_NOWARN``."""
    if "__GFP_NOWARN" not in meaning.dropped:
        return contract
    return Contract(
        contract.zeroed,
        contract.may_fail,
        contract.fs_reclaim,
        False,
        contract.nolockdep,
        contract.sleeps,
    )
