"""Deciding every place of a scope's mask name in one file, from the proofs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from convert.errors import InputError, InternalCheckError
from convert.flow.hazards.model import SiteHazards
from convert.flow.scopes.results import ProvenSite
from convert.rules.calls import in_directive
from convert.rules.drafts import Draft
from convert.rules.layout import Break
from convert.rules.model import Converted, Decision, Kept, Refused
from convert.rules.replacement import Replacement
from convert.rules.scoped.answers import Answer, Answers, Change, Stays, together
from convert.rules.scoped.declared import gained
from convert.rules.scoped.equality import MaskJudge, shape
from convert.rules.scoped.places import (
    Elsewhere,
    InCall,
    InVariable,
    Place,
    is_target,
    place_of,
    use_of,
    uses_of,
)
from convert.rules.scoped.receivers import Receivers
from convert.rules.scoped.remarks import remark_above
from convert.rules.scoped.rewrite import CannotRewrite, idle_edits, plain_edits
from convert.rules.scoped.words import call_words
from convert.semantics.model import Contract
from convert.sites.model import SiteKind
from convert.sites.occurrences import Where, occurrences
from convert.source.edits import Span
from convert.source.parse import Call, Item, ParsedFile, Slot
from convert.source.variants import Node, Variant

IDLE = "proven/idle-masks"
_RULE = "scope-mask"
_RULE_IDLE = "idle-mask"


@dataclass(frozen=True)
class ScopeMask:
    """The mask name that a scope makes needless, and what stands in its place inside of it."""

    forbids: str
    plain: str


SCOPE_MASKS: Mapping[str, ScopeMask] = {
    "nofs": ScopeMask("GFP_NOFS", "GFP_KERNEL"),
    "noio": ScopeMask("GFP_NOIO", "GFP_KERNEL"),
}


@dataclass(frozen=True)
class Decided:
    """A draft, and what decided it (for a variable: about its first deciding use)."""

    draft: Draft
    proof: ProvenSite | None = None
    hazards: SiteHazards | None = None


@dataclass
class FileDecider:
    """Decides one file.

    mask: the name that is looked for. order: the steps that answers may name. before: callee
    offsets of this text to those of the tree as given, None if it is that text. line: the line of
    the tree as given that an offset of this text comes from. receivers: tells which functions look
    at a mask.
    """

    parsed: ParsedFile
    mask: ScopeMask
    answers: Answers
    order: Sequence[str]
    judge: MaskJudge
    before: Mapping[int, int] | None
    line: Callable[[int], int]
    receivers: Receivers
    _done: set[int] = field(default_factory=set)

    def decide(self) -> list[Decided]:
        """One draft a call or definition that holds the name, and one for each other place.

        Raises InternalCheckError if a place of the name in code is left without a decision.
        """
        found: list[Decided] = []
        source = self.parsed.source
        tokens = [
            one
            for one in occurrences(source, frozenset({self.mask.forbids}))
            if one.where in (Where.CODE, Where.DEFINE, Where.CONDITION)
        ]
        for token in tokens:
            if token.span.start in self._done:
                continue
            place: Place
            if token.where is Where.CONDITION:
                place = Elsewhere("it stands in a condition of the preprocessor")
            else:
                place = place_of(self.parsed, token.span.start)
            decided = self._place(token.span, place)
            self._done |= decided.draft.claims
            found.append(decided)
        left = [token for token in tokens if token.span.start not in self._done]
        if left:
            raise InternalCheckError(
                f"{source.path}:{source.line(left[0].span.start)}: {self.mask.forbids} was found "
                "but not decided"
            )
        return found

    def _place(self, token: Span, place: Place) -> Decided:
        match place:
            case InCall():
                return self._call(place)
            case InVariable():
                return self._variable(token, place)
            case Elsewhere(what, stored):
                return Decided(
                    self._draft(None, token, "", (token,), self._out(token, what, stored))
                )

    def _out(self, token: Span, what: str, stored: bool) -> Decision:
        where = f"{self.parsed.source.path}:{self.line(token.start)}"
        if stored:
            return Kept(
                "stored-mask", f"{what}: others allocate with the mask, where no proof holds"
            )
        return Refused(_RULE, f"{where}: {self.mask.forbids} stays: {what}", blocks_removal=False)

    # -- calls -----------------------------------------------------------------------------------

    def _call(self, place: InCall) -> Decided:
        call, slot = place.call, place.slot
        tokens = self._tokens(slot.span)
        variant = self._variant(place.item, call)
        assert slot.node is not None  # `use_of` found the slot by its node
        draft = self._draft(place.item, call.span, call.callee or "", tokens, None)
        idle = self._idle(variant, slot.node, tokens)
        if idle is not None:
            return Decided(self._with(draft, idle, place, variant))
        answer = self._answer(call, slot)
        decision: Decision
        if isinstance(answer, Stays):
            decision = self._stays(slot.span.start, answer)
        else:
            decision = self._converted(answer, variant, slot.node, tokens)
        draft = self._with(draft, decision, place, variant)
        return Decided(draft, answer.proof, answer.hazards)

    def _answer(self, call: Call, slot: Slot) -> Answer:
        """What is known about a call's mask, and whether the called function allows a change."""
        start = call.callee_span.start
        given = start if self.before is None else self.before.get(start)
        answer = self.answers(self.parsed.source.path, start, given)
        if answer is None:
            name = call_words(call.callee) if call.callee else "a call through a pointer"
            return Stays(_RULE, f"no proof is known for {name}, which is given the mask")
        if isinstance(answer, Stays):
            return answer
        looks = self.receivers.looks(call.callee or "", call.slots.index(slot))
        if looks is None:
            return answer
        return Stays(answer.rule, looks, proof=answer.proof, hazards=answer.hazards)

    def _stays(self, offset: int, answer: Stays) -> Kept | Refused:
        """The decision about a mask that stays; ``offset``: of what the reason is about."""
        if answer.kept:
            return Kept(answer.rule, answer.why)
        where = f"{self.parsed.source.path}:{self.line(offset)}"
        return self._refused(where, answer.why, answer.rule)

    def _refused(self, where: str, why: str, rule: str = _RULE) -> Refused:
        return Refused(rule, f"{where}: {self.mask.forbids} stays: {why}", blocks_removal=False)

    def _converted(
        self, change: Change, variant: Variant, node: Node, tokens: tuple[Span, ...]
    ) -> Decision:
        """The conversion of one mask, if the new one differs as the change declares at most."""
        text = self.parsed.source.text
        try:
            edits = plain_edits(text, variant, node, tokens, change.plain)
        except CannotRewrite as why:
            return self._refused(
                f"{self.parsed.source.path}:{self.line(tokens[0].start)}", str(why)
            )
        was = shape(node, variant, text)
        plain = change.plain[0] if len(change.plain) == 1 else f"({' | '.join(change.plain)})"
        now = shape(node, variant, text, {self.mask.forbids: plain})
        if change.differences:
            differs = self.judge.widening(was, now, gained(change.differences))
        else:
            differs = self.judge.difference(was, now)
        if differs is not None:
            raise InternalCheckError(
                f"{self.parsed.source.path}:{self.line(tokens[0].start)}: {differs.why}"
            )
        return Converted(
            change.rule,
            change.step,
            edits,
            "",
            change.reason,
            self._gfp_names(was),
            self._gfp_names(now),
            differences=change.differences,
            notes=self._remarks(tokens[0].start),
            evidence=change.evidence,
            site_class=change.site_class.value,
            rests_on=change.rests_on,
        )

    def _remarks(self, offset: int) -> tuple[str, ...]:
        """What a reviewer should read: a comment above that may explain the old mask."""
        start = remark_above(self.parsed.source, offset)
        if start is None:
            return ()
        return (f"the comment from line {self.line(start)} on may explain the old mask",)

    def _gfp_names(self, expression: str) -> tuple[str, ...]:
        bits = self.judge.table.executor.gfp.bits
        words = expression.replace("(", " ").replace(")", " ").replace("~", " ").split()
        return tuple(sorted({word for word in words if word in bits}))

    def _idle(self, variant: Variant, node: Node, tokens: tuple[Span, ...]) -> Decision | None:
        """The decision about a name whose bits the rest of the mask holds anyway."""
        text, gfp = self.parsed.source.text, self.judge.table.executor.gfp
        try:
            edits = idle_edits(text, variant, node, tokens, gfp)
        except CannotRewrite as why:
            return self._refused(
                f"{self.parsed.source.path}:{self.line(tokens[0].start)}", str(why)
            )
        if edits is None:
            return None
        names = self._gfp_names(shape(node, variant, text))
        rest = tuple(name for name in names if name != self.mask.forbids)
        if gfp.mask(names) != gfp.mask(rest):
            raise InternalCheckError(f"{self.parsed.source.path}: {names} is not {rest}")
        reason = f"{' | '.join(names)} is {' | '.join(rest)}: {self.mask.forbids} adds nothing"
        return Converted(_RULE_IDLE, IDLE, edits, "", reason, names, rest)

    # -- variables -------------------------------------------------------------------------------

    def _variable(self, token: Span, place: InVariable) -> Decided:
        """One definition of a variable; all of its definitions are decided alike."""
        tokens = self._tokens(place.value) or (token,)
        draft = self._draft(place.item, place.value, place.variable, tokens, None)
        answer, offset = self._uses(place)
        if isinstance(answer, Stays):
            draft = replace(draft, decision=self._stays(offset, answer))
            return Decided(draft, answer.proof, answer.hazards)
        variant = next(v for v in place.item.variants if v.holds(token.start))
        node = _valued(variant, place.value)
        decision = self._converted(answer, variant, node, tokens)
        if isinstance(decision, Converted):
            note = (
                f"every use of {place.variable} is a call that allows it; for example "
                f"{call_words(answer.proof.callee)} in line {answer.proof.line}"
            )
            decision = replace(decision, evidence=(note, *decision.evidence))
        draft = self._with(draft, decision, None, variant)
        return Decided(draft, answer.proof, answer.hazards)

    def _uses(self, place: InVariable) -> tuple[Answer, int]:
        """What is known of a variable's uses: why it stays, with the offset of that; else a change.

        All of its uses have to allow the same.
        """
        changes: list[Change] = []
        name, at = place.variable, place.value.start
        for variant, node, offset in uses_of(place.item, name):
            if is_target(variant, node):
                continue
            use = use_of(place.item, variant, node)
            if isinstance(use, InVariable) and use.variable == name:
                continue
            if not isinstance(use, InCall):
                what = use.what if isinstance(use, Elsewhere) else f"copied to {use.variable}"
                return Stays(_RULE, f"{name} holds it, and there {what}"), offset
            answer = self._answer(use.call, use.slot)
            if isinstance(answer, Stays):
                return answer, use.slot.span.start
            changes.append(answer)
        if not changes:
            return Stays(_RULE, f"{name} is given to no call that is known"), at
        change = together(changes, self.order)
        if change is None:
            words = " and ".join(dict.fromkeys(" | ".join(one.plain) for one in changes))
            return Stays(_RULE, f"the calls that are given {name} would need {words}"), at
        return change, at

    # -- drafts ----------------------------------------------------------------------------------

    def _tokens(self, inside: Span) -> tuple[Span, ...]:
        return tuple(
            one.span
            for one in occurrences(self.parsed.source, frozenset({self.mask.forbids}))
            if one.span in inside and one.where is Where.CODE
        )

    def _variant(self, item: Item, call: Call) -> Variant:
        return next(v for v in item.variants if any(c.span == call.span for c in v.calls))

    def _draft(
        self,
        item: Item | None,
        span: Span,
        callee: str,
        tokens: tuple[Span, ...],
        decision: Decision | None,
    ) -> Draft:
        around = item or self.parsed.item_at(span.start)
        function = around.name if isinstance(around, Item) and around.kind == "function" else None
        return Draft(
            SiteKind.MASK,
            self.parsed.source.path,
            function,
            callee or self.mask.forbids,
            span,
            frozenset(token.start for token in tokens),
            decision or Kept(_RULE, "not decided yet"),
        )

    def _with(
        self, draft: Draft, decision: Decision, place: InCall | None, variant: Variant
    ) -> Draft:
        if not isinstance(decision, Converted):
            return replace(draft, decision=decision)
        gap = self._break(place, variant) if place is not None else None
        pending = Replacement("", draft.path, decision.edits, gap, decision.step)
        contract = Contract()
        if place is not None and place.slot.node is not None:
            contract = self._contract(shape(place.slot.node, variant, self.parsed.source.text))
        return replace(draft, decision=decision, replacement=pending, contract=contract)

    def _contract(self, expression: str) -> Contract:
        """What a constant mask promises; nothing for one that holds other names."""
        gfp = self.judge.table.executor.gfp
        try:
            return replace(gfp.contract(gfp.evaluate(expression)), zeroed=None)
        except InputError:
            return Contract()

    def _break(self, place: InCall, variant: Variant) -> Break | None:
        """The white space before the mask, where a line that gets too long may be broken."""
        call, slot, text = place.call, place.slot, self.parsed.source.text
        comma = text.rfind(",", call.open, slot.span.start)
        gap = Span(comma + 1, slot.span.start)
        if comma < 0 or gap.of(text).strip():
            return None
        declared = any(d.init is not None and call.span in d.init for d in variant.declarators)
        directive = in_directive(self.parsed.source, slot.span.start)
        return Break(gap, call.open, call.span.start, declared, directive)


def _valued(variant: Variant, value: Span) -> Node:
    """The expression with a span, which a definition of a variable was found with."""
    stack = [variant.root]
    while stack:
        node = stack.pop()
        if isinstance(node.coord, tuple) and variant.span_of(node) == value:
            return node
        stack += [child for _, child in node.children()]
    raise InternalCheckError(f"no expression stands at {value}")
