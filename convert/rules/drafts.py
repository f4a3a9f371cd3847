"""Sites on the way to their decisions, and the account of every name that was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from convert.errors import InternalCheckError
from convert.plan import PlannedSite
from convert.rules.layout import ContinuationStyle
from convert.rules.model import Converted, Decision
from convert.rules.replacement import Replacement, file_styles, lay_out
from convert.semantics.model import Contract
from convert.sites.model import Site, SiteKind
from convert.source.edits import Edit, Span, apply_edits
from convert.source.text import SourceFile


@dataclass(frozen=True)
class Draft:
    """A site with its decision; where that is `Converted`, its edits are not laid out yet.

    ``place`` comes with a conversion of a call (see `replacement.Replacement`). ``claims`` are the
    offsets of the names in the file that this site accounts for.
    """

    kind: SiteKind
    path: str
    function: str | None
    callee: str
    span: Span
    claims: frozenset[int]
    decision: Decision
    contract: Contract = field(default_factory=Contract)
    replacement: Replacement | None = None


@dataclass
class Account:
    """All drafts of a run; a name can be claimed once."""

    drafts: list[Draft] = field(default_factory=list)
    claimed: set[tuple[str, int]] = field(default_factory=set)

    def add(self, draft: Draft) -> None:
        """Take a site in. Raises InternalCheckError if one of its names has a site already."""
        for offset in sorted(draft.claims):
            if (draft.path, offset) in self.claimed:
                raise InternalCheckError(
                    f"{draft.path}: the name at byte {offset} belongs to two sites "
                    f"(the second: {draft.kind.value} {draft.callee})"
                )
            self.claimed.add((draft.path, offset))
        self.drafts.append(draft)

    def has(self, path: str, offset: int) -> bool:
        """Whether a name has a site."""
        return (path, offset) in self.claimed


def finish(
    drafts: Iterable[Draft],
    sources: dict[str, SourceFile],
    texts: dict[str, str],
    order: Sequence[str],
) -> tuple[PlannedSite, ...]:
    """Number the sites and lay out their edits. ``order`` ranks the steps by their ids.

    ``texts`` holds the files that are no C (a Makefile, documentation).
    """
    ordered = sorted(drafts, key=lambda d: (d.path, d.span, d.kind.value))
    ids = _ids(ordered)
    by_file: dict[str, list[Replacement]] = {}
    for draft, key in zip(ordered, ids, strict=True):
        if draft.replacement is not None:
            row = by_file.setdefault(draft.path, [])
            row.append(replace(draft.replacement, key=key))
    styles: Counter[ContinuationStyle] = Counter()
    for path in by_file:
        styles.update(file_styles(sources[path]))
    laid = {
        key: out
        for path, rows in by_file.items()
        for key, out in lay_out(sources[path], rows, order, styles).items()
    }
    planned = []
    for draft, key in zip(ordered, ids, strict=True):
        text = texts[draft.path] if draft.path in texts else sources[draft.path].text
        decision = draft.decision
        if isinstance(decision, Converted) and key in laid:
            out = laid[key]
            notes = decision.notes
            if out.too_wide is not None:
                notes = (*notes, f"a line is {out.too_wide} columns wide")
            decision = replace(decision, edits=out.edits, step=out.step, notes=notes)
        if isinstance(decision, Converted):
            decision = replace(decision, replacement=_after(text, draft.span, decision.edits))
        planned.append(PlannedSite(_site(draft, key, text), draft.contract, decision))
    return tuple(planned)


def _after(text: str, span: Span, edits: Sequence[Edit]) -> str:
    inside = [
        Edit(Span(e.span.start - span.start, e.span.end - span.start), e.text)
        for e in edits
        if e.span in span
    ]
    return apply_edits(span.of(text), inside)


def _ids(drafts: Sequence[Draft]) -> list[str]:
    seen: Counter[str] = Counter()
    result = []
    for draft in drafts:
        stem = f"{draft.path}:{draft.function or '-'}:{draft.kind.value}:{draft.callee}"
        seen[stem] += 1
        result.append(f"{stem}:{seen[stem]}")
    return result


def _site(draft: Draft, key: str, text: str) -> Site:
    start = draft.span.start
    return Site(
        key,
        draft.kind,
        draft.path,
        text.count("\n", 0, start) + 1,
        start - (text.rfind("\n", 0, start) + 1) + 1,
        draft.function,
        draft.callee,
        draft.span.of(text),
        draft.span,
    )
