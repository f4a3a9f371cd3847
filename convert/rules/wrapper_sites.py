"""The sites of wrapper names in code: calls, callbacks, and other things of the same name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pycparser import c_ast

from convert.errors import InternalCheckError
from convert.flow.null_checks import Checked, Unchecked, null_check_of_item
from convert.rules.calls import CallRefused, Given, convert_allocation, directive_in
from convert.rules.drafts import Account, Draft
from convert.rules.flag_flow import FlowReader
from convert.rules.flag_model import lost_in
from convert.rules.flag_reading import NotUnderstood, Place
from convert.rules.flag_use import slot_use
from convert.rules.flag_writing import FlagWriter
from convert.rules.frees import AS_VALUE, RULE, FreeJudge, convert_free, step_of
from convert.rules.model import Converted, Kept, Refused
from convert.rules.replacement import Replacement
from convert.semantics.derived import NotDerived, PlainAllocation, PlainFree
from convert.semantics.model import Contract
from convert.semantics.sizes import Exceeds, Fits, MayExceed
from convert.sites.family import AllocatorShape, Family
from convert.sites.model import SiteKind
from convert.sites.occurrences import Occurrence, occurrences
from convert.sites.sources import Sources
from convert.source.edits import Edit, Span
from convert.source.text import SourceFile
from convert.source.variants import Call

_RULE_ALLOC = "plain-allocation"
_RULE_FREE = RULE

# What a reviewer has to know about __GFP_NOFAIL and large requests (mm/page_alloc.c, rmqueue()).
RUN_TIME = (
    "never-fail allocation whose size is known only at run time: the page allocator warns for "
    "__GFP_NOFAIL above order 1, where the wrapper's loop did not"
)
DEAD_CHECK = (
    "the result is compared with NULL although the allocation never fails, as before: that branch "
    "is dead"
)
EXCEEDS = (
    "never-fail allocation of more than two pages: the page allocator warns for __GFP_NOFAIL above "
    "order 1; kvmalloc() is advised"
)


@dataclass(frozen=True)
class WrapperSites:
    """Decides one wrapper name at a time; ``account`` tells which names have a site already."""

    sources: Sources
    family: Family
    given: Given
    reader: FlowReader
    writer: FlagWriter
    account: Account
    frees_judge: FreeJudge

    def draft(self, source: SourceFile, found: Occurrence) -> Draft:
        """The site of one wrapper name in code: a call, a callback, or something else."""
        kind = SiteKind.ALLOC if found.name in self.family.profile.allocating else SiteKind.FREE
        rule = _RULE_ALLOC if kind is SiteKind.ALLOC else _RULE_FREE
        blank = Draft(
            kind,
            source.path,
            self.reader.function_at(source.path, found.span.start),
            found.name,
            found.span,
            frozenset({found.span.start}),
            Refused(rule, ""),
        )
        if source.path in self.reader.distrusted:
            why = self.reader.distrusted[source.path]
            return replace(blank, decision=Refused(rule, why))
        places = self.reader.places(source.path, found.span.start)
        if not places:
            return self._unparsed(source, found, blank, rule)
        calls = {self._shape(call): (p, call) for p in places for call in self._calls(p, found)}
        if not calls:
            return self._no_call(source, found, blank, places)
        if any(directive_in(source, call.span) for _, call in calls.values()):
            what = "a preprocessor line stands inside the call"
            return self._refuse(blank, source, found.span.start, rule, what)
        missing = sum(1 for p in places if not self._calls(p, found))
        if len(calls) > 1 or missing:
            return self._refuse(blank, source, found.span.start, rule, "the #if variants disagree")
        place, call = next(iter(calls.values()))
        blank = replace(blank, span=call.span)
        if place.declarators(found.name):
            what = f"{found.name} is a local name here, not the wrapper"
            return replace(blank, decision=Kept(rule, self._at(source, found.span.start, what)))
        if kind is SiteKind.ALLOC:
            return self._allocation(source, blank, place, call)
        return self._free(source, blank, call)

    def _calls(self, place: Place, found: Occurrence) -> list[Call]:
        return [call for call in place.variant.calls if call.callee_span == found.span]

    @staticmethod
    def _shape(call: Call) -> tuple[Span, int, int, tuple[Span, ...]]:
        return call.span, call.open, call.close, tuple(slot.span for slot in call.slots)

    def _at(self, source: SourceFile, offset: int, what: str) -> str:
        return f"{source.path}:{source.line(offset)}: {what}"

    def _refuse(self, draft: Draft, source: SourceFile, offset: int, rule: str, what: str) -> Draft:
        return replace(draft, decision=Refused(rule, self._at(source, offset, what)))

    def _unparsed(self, source: SourceFile, found: Occurrence, blank: Draft, rule: str) -> Draft:
        parsed = self.sources.parsed(source.path, self.reader.wanted)
        offset = found.span.start
        if parsed is not None and any(offset in span for span in parsed.dead_spans):
            reason = self._at(source, offset, "inside `#if 0`, which is never compiled")
            return replace(blank, decision=Refused(rule, reason, blocks_removal=False))
        item = parsed.item_at(offset) if parsed is not None else None
        what = "this place could not be parsed"
        if item is not None:
            construct = getattr(item, "construct", "its text holds no expression here")
            what = f"{item.name} was not parsed: {construct}"
        return self._refuse(blank, source, offset, rule, what)

    def _no_call(
        self, source: SourceFile, found: Occurrence, blank: Draft, places: Sequence[Place]
    ) -> Draft:
        """A wrapper's name that is no callee: a callback, or another thing of the same name."""
        offset = found.span.start
        rule = _RULE_FREE if found.name in self.family.profile.freeing else _RULE_ALLOC
        if all(self._is_other_thing(place, found) or is_label(source, found) for place in places):
            what = f"{found.name} names a member, label or local here, not the wrapper"
            return replace(blank, decision=Kept(rule, self._at(source, offset, what)))
        as_value = all(
            isinstance(place.variant.identifiers.get(offset), c_ast.ID) for place in places
        )
        free = self.given.meaning.forms.get(found.name)
        if not as_value or not isinstance(free, PlainFree):
            what = f"the name {found.name} is used other than in a call"
            return self._refuse(blank, source, offset, rule, what)
        edit = Edit(found.span, free.plain)
        decision = Converted(
            _RULE_FREE,
            step_of(free.plain),
            (),
            "",
            f"{free.plain}() has the same type and does the same",
            notes=(AS_VALUE,) if free.plain == "kvfree" else (),
        )
        return replace(
            blank,
            decision=decision,
            replacement=Replacement("", source.path, (edit,), None, step_of(free.plain)),
        )

    def _is_other_thing(self, place: Place, found: Occurrence) -> bool:
        offset = found.span.start
        if any(d.name_span == found.span for d in place.variant.declarators):
            return place.item.kind == "function" or not self._declares_function(place, found)
        node = place.variant.identifiers.get(offset)
        if node is None or not isinstance(node, c_ast.ID):
            return node is not None
        parent = place.variant.parent_of(node)
        if isinstance(parent, c_ast.StructRef) and parent.field is node:
            return True
        return bool(place.declarators(found.name))

    def _declares_function(self, place: Place, found: Occurrence) -> bool:
        return any(
            d.name_span == found.span and isinstance(d.node.type, c_ast.FuncDecl)
            for d in place.variant.declarators
        )

    def _allocation(self, source: SourceFile, blank: Draft, place: Place, call: Call) -> Draft:
        shape = self.family.allocators.get(blank.callee)
        form = self.given.meaning.forms.get(blank.callee)
        if shape is None or not isinstance(form, PlainAllocation):
            why = form.reason if isinstance(form, NotDerived) else "it is not declared"
            return replace(blank, decision=Refused(_RULE_ALLOC, why))
        if len(call.slots) != shape.arguments:
            what = f"{shape.name} has {len(call.slots)} arguments here, not {shape.arguments}"
            return self._refuse(blank, source, call.span.start, _RULE_ALLOC, what)
        use = self.writer.slots.get((source.path, call.span))
        if use is None:
            try:
                slot_use(place, call, shape.flags_slot)
            except NotUnderstood as error:
                draft = self._claim_slot(source, blank, call.slots[shape.flags_slot].span)
                return self._refuse(draft, source, error.offset, _RULE_ALLOC, error.what)
            raise InternalCheckError(f"{source.path}: a flags slot was read twice, differently")
        blank = self._claim_slot(source, blank, use.span)
        failure = self.writer.failure_of(use) or lost_in(self.writer.flow, source.path, [use.span])
        if failure is not None:
            return replace(blank, decision=Refused(_RULE_ALLOC, str(failure)))
        names = self.writer.names_for(use)
        change = convert_allocation(
            source,
            call,
            shape.flags_slot,
            form,
            use,
            self.given,
            names,
            in_declaration=any(
                d.init is not None and call.span in d.init for d in place.variant.declarators
            ),
        )
        if isinstance(change, CallRefused):
            draft = replace(blank, contract=change.contract)
            return self._refuse(draft, source, change.offset, _RULE_ALLOC, change.what)
        notes, size = self._size(source, place, call, shape, change.contract)
        notes = (*notes, *self._null_check(source, place, call, change.contract))
        decision = Converted(
            _RULE_ALLOC,
            change.step,
            (),
            "",
            f"{change.plain}() with the same contract",
            change.before,
            change.after,
            change.differences,
            notes=notes,
            evidence=(*change.evidence, *size),
        )
        pending = Replacement("", source.path, change.edits, change.place, change.step)
        return replace(blank, contract=change.contract, decision=decision, replacement=pending)

    def _size(
        self,
        source: SourceFile,
        place: Place,
        call: Call,
        shape: AllocatorShape,
        contract: Contract,
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Note and evidence about the size of a never-fail allocation."""
        size = next((at for at in range(len(call.slots)) if at != shape.flags_slot), None)
        if contract.may_fail or size is None:
            return (), ()
        match self.given.sizes(source, place.item, call, size):
            case Fits(text):
                return (), (f"size: {text}",)
            case Exceeds(text):
                return (EXCEEDS,), (f"size: {text}",)
            case MayExceed(text):
                return (RUN_TIME,), (f"size: {text}",)

    def _null_check(
        self, source: SourceFile, place: Place, call: Call, contract: Contract
    ) -> tuple[str, ...]:
        """What a reviewer should know about the checks of the result."""
        if contract.may_fail is None:
            return ()
        found = null_check_of_item(source, place.item, call, self._frees)
        if contract.may_fail and isinstance(found, Unchecked):
            return (f"may fail, but the result is {found.how} in line {found.line} unchecked",)
        if not contract.may_fail and isinstance(found, Checked):
            return (DEAD_CHECK,)
        return ()

    @property
    def _frees(self) -> frozenset[str]:
        """Functions that accept NULL and free."""
        known = self.given.meaning.stubs.deallocators
        return frozenset(known) | self.family.profile.freeing

    def _claim_slot(self, source: SourceFile, blank: Draft, slot: Span) -> Draft:
        names = frozenset({*self.family.flags, self.family.flag_type})
        inside = {
            found.span.start
            for found in occurrences(source, names)
            if found.span in slot and not self.account.has(source.path, found.span.start)
        }
        return replace(blank, claims=blank.claims | inside)

    def _free(self, source: SourceFile, blank: Draft, call: Call) -> Draft:
        form = self.given.meaning.forms.get(blank.callee)
        if not isinstance(form, PlainFree):
            why = form.reason if isinstance(form, NotDerived) else "it is not declared"
            return replace(blank, decision=Refused(_RULE_FREE, why))
        if len(call.slots) != 1:
            what = f"{blank.callee} has {len(call.slots)} arguments here, not 1"
            return self._refuse(blank, source, call.span.start, _RULE_FREE, what)
        return convert_free(blank, call, form, self.frees_judge, self.given.meaning)


def is_label(source: SourceFile, found: Occurrence) -> bool:
    """Whether a name in a function is a label, or the target of a goto."""
    before = source.text[: found.span.start].rstrip()
    behind = source.text[found.span.end :].lstrip()
    if re.search(r"\bgoto$", before):
        return True
    return behind.startswith(":") and before.endswith((";", "{", "}", ":", "*/", ")"))
