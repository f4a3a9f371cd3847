"""What nofail scopes mean for each mask: redundant, still needed, or failing no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from pycparser import c_ast

from convert.errors import InputError
from convert.flow.null_checks import Checked, null_check_of_item
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.results import ProvenSite, SiteUse
from convert.flow.terms import operands
from convert.nofail.ground import Ground
from convert.nofail.object_sizes import ObjectSizes
from convert.rules.calls import in_directive
from convert.rules.drafts import Draft
from convert.rules.layout import Break
from convert.rules.model import Converted, Decision, Kept
from convert.rules.replacement import Replacement
from convert.rules.scoped.equality import shape
from convert.rules.scoped.places import Elsewhere, InCall, InVariable, place_of
from convert.rules.scoped.receivers import Receivers
from convert.rules.scoped.words import call_words, evidence_lines
from convert.semantics.sizes import Exceeds, never_fail_consequence
from convert.semantics.stubs import Primitive, load_stubs
from convert.sites.model import SiteKind
from convert.sites.occurrences import Where, occurrences
from convert.source.edits import Edit, Span
from convert.source.parse import Call, Item, ParsedFile, agreed_call
from convert.source.variants import Node, Slot, Variant

NOFAIL, MAYFAIL = "__GFP_NOFAIL", "__GFP_RETRY_MAYFAIL"
DROP, KEEP_FAILING = "nofail/redundant", "nofail/mayfail"
_RULE, _RULE_FAILING = "nofail-in-scope", "fails-in-scope"
_ACCEPTS = frozenset({"kmalloc", "kvmalloc", "cache", "pages"})  # that take __GFP_RETRY_MAYFAIL

_NOT_PROVEN = {
    Verdict.MIXED: "a nofail scope is open on some of the paths only",
    Verdict.UNSCOPED: "no nofail scope is open there",
    Verdict.DEAD: "nothing that was read leads there",
    Verdict.UNKNOWN: "whether a nofail scope is open there could not be shown",
}

Failing = Literal["keep", "accept"]


@dataclass
class MaskDecider:
    """Decides the masks of a run. ``failing``: what becomes of those that may fail today."""

    ground: Ground
    sizes: ObjectSizes
    failing: Failing
    receivers: Receivers = field(init=False)
    _own: dict[str, bool] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.receivers = Receivers(self.ground.sources)
        self.stubs = load_stubs()
        self.gfp = self.ground.table.executor.gfp

    def file(self, parsed: ParsedFile) -> Iterator[Draft]:
        """One draft for each place of __GFP_NOFAIL, and for each allocation that fails no more."""
        yield from self._annotated(parsed)
        yield from self._failing(parsed)

    # -- annotations -----------------------------------------------------------------------------

    def _annotated(self, parsed: ParsedFile) -> Iterator[Draft]:
        source = parsed.source
        for found in occurrences(source, frozenset({NOFAIL})):
            if found.where not in (Where.CODE, Where.DEFINE, Where.CONDITION):
                continue
            where = f"{source.path}:{self._line(source.path, found.span.start)}"
            place = (
                place_of(parsed, found.span.start)
                if found.where is not Where.CONDITION
                else Elsewhere("it stands in a condition of the preprocessor")
            )
            match place:
                case InCall(item, call, slot):
                    decision = self._redundant(parsed, item, call, slot, found.span, where)
                    yield self._draft(parsed, item, call, found.span, decision)
                case InVariable(item, variable):
                    why = f"{where}: {NOFAIL} stays: {variable} holds it, which is not followed"
                    yield self._draft(parsed, item, None, found.span, Kept(_RULE, why))
                case Elsewhere(what):
                    why = f"{where}: {NOFAIL} stays: {what}"
                    yield self._draft(parsed, None, None, found.span, Kept(_RULE, why))

    def _redundant(
        self, parsed: ParsedFile, item: Item, call: Call, slot: Slot, token: Span, where: str
    ) -> Decision:
        """The conversion of an annotation that the scope says anyway, or why it stays."""
        proof = self.ground.proof(parsed.source.path, call.callee_span.start)
        if proof is None or proof.evidence.verdict is not Verdict.PROVEN:
            verdict = proof.evidence.verdict if proof is not None else Verdict.UNKNOWN
            return Kept(_RULE, f"{NOFAIL} stays: {_NOT_PROVEN[verdict]}")
        variant = _variant(item, call)
        beyond = self._beyond(parsed, item, call, slot)
        if beyond is not None:
            return Kept(_RULE, f"{where}: {NOFAIL} stays in the scope: {beyond}")
        text = parsed.source.text
        assert slot.node is not None
        gap = _without(text, variant, slot.node, token)
        if gap is None:
            return Kept(_RULE, f"{where}: {NOFAIL} stays: it is no plain part of an OR of flags")
        was = shape(slot.node, variant, text)
        now = shape(slot.node, variant, text, {NOFAIL: "0"})
        differs = self.ground.judge.difference(was, now)
        if differs is not None:
            return Kept(_RULE, f"{where}: {NOFAIL} stays: {differs.why}")
        names = self._names(was)
        return Converted(
            _RULE,
            DROP,
            (Edit(gap, ""),),
            "",
            "a nofail scope is always open here, so the annotation says nothing more",
            names,
            tuple(name for name in names if name != NOFAIL),
            evidence=evidence_lines(proof.evidence),
        )

    def _beyond(self, parsed: ParsedFile, item: Item, call: Call, slot: Slot) -> str | None:
        """Why the scope may not cover what a call asks for."""
        known = self.stubs.primitive(call.callee or "")
        if known is None or known.gfp is None or call.slots[known.gfp].span != slot.span:
            name = call_words(call.callee) if call.callee else "a call through a pointer"
            return f"how much {name} asks for is not known"
        looks = self.receivers.looks(call.callee or "", known.gfp)
        return looks or self.sizes.beyond(parsed.source, item, call, known)

    # -- allocations that may fail today -----------------------------------------------------------

    def _failing(self, parsed: ParsedFile) -> Iterator[Draft]:
        source = parsed.source
        for item in parsed.functions:
            starts = {call.callee_span.start for v in item.variants for call in v.calls}
            for start in sorted(starts):
                proof = self.ground.proof(source.path, start)
                if proof is None or proof.use is not SiteUse.ALLOCATES:
                    continue
                if proof.evidence.verdict not in (Verdict.PROVEN, Verdict.MIXED):
                    continue
                call = agreed_call(item, start)
                if isinstance(call, Call):
                    yield from self._one_failing(parsed, item, call, proof)

    def _one_failing(
        self, parsed: ParsedFile, item: Item, call: Call, proof: ProvenSite
    ) -> Iterator[Draft]:
        variant, text = _variant(item, call), parsed.source.text
        known = self.stubs.primitive(call.callee or "")
        slot = self._mask_slot(call, known)
        own_mask = " | ".join(known.mask) if known is not None else ""
        words = shape(slot.node, variant, text) if slot is not None and slot.node else own_mask
        if not words and self._is_own(call.callee or ""):
            return  # it hands a mask on: its own calls are looked at where they stand
        where = f"{parsed.source.path}:{self._line(parsed.source.path, call.span.start)}"
        change = self.ground.table.scopes["nofail"].change
        assert change is not None
        try:
            mask = self.gfp.evaluate(words)
        except InputError:
            told = self._not_followed(call, words, where)
            yield self._draft(parsed, item, call, call.callee_span, told)
            return
        if change.apply(mask) == mask or (known is None and self._is_own(call.callee or "")):
            return
        decision = self._decided(parsed, item, call, slot, known, words, where, proof)
        yield self._draft(parsed, item, call, call.callee_span, decision, slot)

    def _not_followed(self, call: Call, words: str, where: str) -> Decision:
        """What is told of a call whose mask is no constant."""
        named = NOFAIL if NOFAIL in words else ""
        what = "part of its mask" if named else "its mask"
        return Kept(
            _RULE_FAILING,
            f"{where}: {what} is not known: where {call_words(call.callee or '')} may block and "
            "fail today, it does not fail in a nofail scope",
        )

    def _is_own(self, callee: str) -> bool:
        """Whether a function is defined in the files that were read."""
        if callee not in self._own:
            files = self.ground.sources.holding(frozenset({callee}))
            parsed = (self.ground.sources.parsed(path, frozenset({callee})) for path in files)
            self._own[callee] = any(
                item.name == callee
                for one in parsed
                if one is not None
                for item in (*one.functions, *one.macros)
            )
        return self._own[callee]

    def _mask_slot(self, call: Call, known: Primitive | None) -> Slot | None:
        """The argument that is the mask: by the allocator, else the one that spells one out."""
        if known is not None:
            if known.gfp is None or known.gfp >= len(call.slots):
                return None
            return call.slots[known.gfp]
        spelled = [
            slot
            for slot in call.slots
            if isinstance(slot.node, (c_ast.ID, c_ast.BinaryOp))
            and all(
                isinstance(part, c_ast.ID) and part.name in self.gfp.bits
                for part in operands(slot.node, "|")
            )
        ]
        return spelled[0] if len(spelled) == 1 else None

    def _decided(
        self,
        parsed: ParsedFile,
        item: Item,
        call: Call,
        slot: Slot | None,
        known: Primitive | None,
        words: str,
        where: str,
        proof: ProvenSite,
    ) -> Decision:
        name = call_words(call.callee or "")
        often = "always" if proof.evidence.verdict is Verdict.PROVEN else "sometimes"
        accepted = (
            f"{where}: {name} {often} runs in a nofail scope and does not fail there any more"
        )
        if self.failing == "accept":
            return Kept(_RULE_FAILING, f"{accepted} (accepted, by option)")
        if known is None:
            return Kept(
                _RULE_FAILING, f"{accepted}: a function outside, which fails by its own rules"
            )
        if slot is None:
            return Kept(_RULE_FAILING, f"{accepted}: it passes its mask itself")
        if known.family not in _ACCEPTS:
            return Kept(_RULE_FAILING, f"{accepted}: {known.family} does not take {MAYFAIL}")
        if self._covered_by_size(parsed, item, call, known):
            return Kept(
                _RULE_FAILING, f"{where}: {name} is beyond what the scope covers: it may fail"
            )
        check = null_check_of_item(parsed.source, item, call, frozenset(self.stubs.deallocators))
        if not isinstance(check, Checked):
            return Kept(_RULE_FAILING, f"{accepted}: no error path was found for it")
        end = slot.span.end
        names = self._names(words)
        return Converted(
            _RULE_FAILING,
            KEEP_FAILING,
            (Edit(Span(end, end), f" | {MAYFAIL}"),),
            "",
            f"it may fail today and is handled in line {check.line}; in the scope it would not",
            names,
            tuple(sorted((*names, MAYFAIL))),
            evidence=evidence_lines(proof.evidence),
        )

    def _covered_by_size(
        self, parsed: ParsedFile, item: Item, call: Call, known: Primitive
    ) -> bool:
        """Whether a size is shown to be beyond the orders of the scope."""
        if known.family != "kmalloc" or not known.size:
            return False
        size = self.sizes.sizes.size_class(parsed.source, item, call, known.size)
        return isinstance(never_fail_consequence(size), Exceeds)

    # -- drafts ----------------------------------------------------------------------------------

    def _names(self, expression: str) -> tuple[str, ...]:
        words = re.findall(r"\w+", expression)
        return tuple(sorted({word for word in words if word in self.gfp.bits}))

    def _line(self, path: str, offset: int) -> int:
        return self.ground.places.place(path, offset)[0]

    def _draft(
        self,
        parsed: ParsedFile,
        item: Item | None,
        call: Call | None,
        token: Span,
        decision: Decision,
        slot: Slot | None = None,
    ) -> Draft:
        function = item.name if item is not None and item.kind == "function" else None
        pending = None
        if isinstance(decision, Converted):
            gap = _break(parsed, call, slot) if call is not None and slot is not None else None
            path = parsed.source.path
            pending = Replacement("", path, decision.edits, gap, decision.step)
        return Draft(
            SiteKind.NOFAIL,
            parsed.source.path,
            function,
            (call.callee if call is not None else None) or NOFAIL,
            call.span if call is not None else token,
            frozenset({token.start}),
            decision,
            replacement=pending,
        )


def _variant(item: Item, call: Call) -> Variant:
    return next(v for v in item.variants if any(c.span == call.span for c in v.calls))


def _without(text: str, variant: Variant, whole: Node, token: Span) -> Span | None:
    """The bytes of a flag in an OR with the ``|`` beside it; None if it is no such flag."""
    spans = [variant.span_of(part) for part in operands(whole, "|")]
    if token not in spans or len(spans) < 2:
        return None
    at = spans.index(token)
    gap = Span(spans[at - 1].end, token.end) if at else Span(token.start, spans[1].start)
    between = Span(gap.start, token.start) if at else Span(token.end, gap.end)
    return gap if between.of(text).strip(" \t\n") == "|" else None


def _break(parsed: ParsedFile, call: Call, slot: Slot) -> Break | None:
    """The white space before the mask, where a line that gets too long may be broken."""
    text = parsed.source.text
    comma = text.rfind(",", call.open, slot.span.start)
    gap = Span(comma + 1, slot.span.start)
    if comma < 0 or gap.of(text).strip():
        return None
    return Break(gap, call.open, call.span.start, False, in_directive(parsed.source, gap.start))
