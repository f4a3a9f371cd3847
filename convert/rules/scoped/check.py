"""The dropped masks read again: the final text is parsed anew and every mask compared.

Nothing here trusts the rules that made the edits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convert.errors import InternalCheckError
from convert.plan import PlannedSite, Step
from convert.rules.model import Converted
from convert.rules.scoped.declared import gained
from convert.rules.scoped.equality import MaskJudge, shape
from convert.source.edits import Edit, apply_edits
from convert.source.parse import Item, ParsedFile, parse_file
from convert.source.text import SourceFile, read_source
from convert.source.variants import Call, Slot, Variant
from convert.source.vocabulary import Dialect


def masks_checked(
    sites: Sequence[PlannedSite],
    steps: Sequence[Step],
    sources: Mapping[str, SourceFile],
    dialect: Dialect,
    judge: MaskJudge,
) -> tuple[int, int]:
    """How many conversions were read again and mean the same in the scope, and how many more.

    The second number is of masks that allow more, as they declare. Raises InternalCheckError, with
    the place, for anything else that changed.
    """
    same = widened = 0
    for path in sorted({change.path for step in steps for change in step.changes}):
        edits = [e for step in steps for c in step.changes if c.path == path for e in c.edits]
        own = [
            planned
            for planned in sites
            if planned.site.file == path and isinstance(planned.decision, Converted)
        ]
        _File(sources[path], edits, own, dialect, judge).check()
        for planned in own:
            widened += bool(_gains(planned))
            same += not _gains(planned)
    return same, widened


class _File:
    def __init__(
        self,
        source: SourceFile,
        edits: Sequence[Edit],
        sites: Sequence[PlannedSite],
        dialect: Dialect,
        judge: MaskJudge,
    ) -> None:
        self.sites = sites
        self.judge = judge
        self.gains = {planned.site.span: _gains(planned) for planned in sites}
        names = frozenset(planned.site.function or "" for planned in sites)
        text = apply_edits(source.text, edits)
        self.before = parse_file(source, dialect, names)
        self.after = parse_file(read_source(source.path, text.encode("latin-1")), dialect, names)

    def check(self) -> None:
        """Compare every function that holds a converted site, call by call."""
        touched = [self._item(planned) for planned in self.sites]
        for item in {item.span.start: item for item in touched}.values():
            twin = self._twin(item)
            if len(twin.variants) != len(item.variants):
                raise self._wrong(item, "has other #if variants afterwards")
            for old, new in zip(item.variants, twin.variants, strict=True):
                if len(old.calls) != len(new.calls) or len(old.declarators) != len(new.declarators):
                    raise self._wrong(item, "makes other calls afterwards")
                for was, now in zip(old.calls, new.calls, strict=True):
                    self._call(item, was, now, old, new)

    def _item(self, planned: PlannedSite) -> Item:
        item = self.before.item_at(planned.site.span.start)
        if not isinstance(item, Item):
            raise InternalCheckError(f"{planned.site.id}: not inside of a function")
        return item

    def _twin(self, item: Item) -> Item:
        """The function in the new text: the same among those of its name."""
        old = [other for other in self.before.functions if other.name == item.name]
        new = [other for other in self.after.functions if other.name == item.name]
        if len(old) != len(new):
            raise self._wrong(item, "does not parse afterwards")
        return new[old.index(item)]

    def _call(self, item: Item, was: Call, now: Call, old: Variant, new: Variant) -> None:
        """The same call with the same arguments, but for masks that mean the same."""
        if was.callee != now.callee or len(was.slots) != len(now.slots):
            raise self._wrong(item, f"calls {now.callee} instead of {was.callee}")
        for first, second in zip(was.slots, now.slots, strict=True):
            texts = self._shape(first, old, self.before), self._shape(second, new, self.after)
            if texts[0] == texts[1]:
                continue
            own = _own_text(first, old, self.before), _own_text(second, new, self.after)
            if own[0] is not None and own[0] == own[1]:
                continue  # what differs stands in a call inside, which is compared on its own
            gains = self.gains.get(was.span, ())
            judge = self.judge
            differs = judge.widening(*texts, gains) if gains else judge.difference(*texts)
            if differs is not None:
                raise self._wrong(item, differs.why)

    def _shape(self, slot: Slot, variant: Variant, parsed: ParsedFile) -> str:
        text = parsed.source.text
        if slot.node is None:
            return " ".join(slot.span.of(text).split())
        return shape(slot.node, variant, text)

    def _wrong(self, item: Item, what: str) -> InternalCheckError:
        return InternalCheckError(
            f"{self.before.source.path}:{item.line}: a dropped mask was found wrong: "
            f"{item.name} {what}"
        )


def _gains(planned: PlannedSite) -> tuple[str, ...]:
    """The bits that a converted mask gains, as it declares."""
    decision = planned.decision
    return gained(decision.differences) if isinstance(decision, Converted) else ()


def _own_text(slot: Slot, variant: Variant, parsed: ParsedFile) -> str | None:
    """An argument's text without what the calls inside of it are given; None without calls."""
    inner = [call for call in variant.calls if call.span in slot.span]
    if not inner:
        return None
    text, done, pieces = parsed.source.text, slot.span.start, []
    for call in inner:
        if call.open >= done:
            pieces.append(text[done : call.open])
            done = call.close
    return " ".join("".join([*pieces, text[done : slot.span.end]]).split())
