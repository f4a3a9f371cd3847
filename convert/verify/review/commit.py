"""Reviewing one commit: its functions before and after, site by site, and what they reach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from convert.flow.code import Routine, words_of
from convert.flow.provenance.mismatch import mismatches
from convert.flow.provenance.names import Names
from convert.source.parse import ParsedFile, ParseRefusal
from convert.source.text import BrokenSource
from convert.tree.kernel import KernelTree
from convert.verify.review.callers import opened_by_callers
from convert.verify.review.compare import NOFAIL_SCOPE, Judge, Uncovered
from convert.verify.review.declared import Declared
from convert.verify.review.frees import (
    new_mismatches,
    unshown_frees,
    wrong_frees,
)
from convert.verify.review.mails import Change, Commit
from convert.verify.review.matching import (
    FunctionPair,
    Matched,
    SitePair,
    changed_functions,
    match_across,
    match_sites,
)
from convert.verify.review.model import CommitReview, Finding, Rule, Severity, ordered
from convert.verify.review.scope_changes import balance_findings, opened_kinds, removed_scopes
from convert.verify.review.sites import Site, SiteKind
from convert.verify.review.states import C_SUFFIXES, State
from convert.verify.review.wrapper_changes import mask_macro_findings, wrapper_findings


class ScopeProof(Protocol):
    """Why a line of a function is inside a scope that the function itself does not show, or a path
    on which it is not; None: not known."""

    def __call__(
        self, tree: KernelTree, path: str, function: str, line: int, scope: str = "nofs"
    ) -> str | Uncovered | None:
        """The answer; ``line`` is in the file of ``tree``."""


@dataclass(frozen=True)
class Setting:
    """What all commits of a review share."""

    names: Names
    declared: frozenset[Declared]
    base_line: Callable[[State, Site], int | None]
    proof: ScopeProof | None = None


@dataclass
class CommitReader:
    """The work of `review_commit`."""

    before: State
    after: State
    commit: Commit
    setting: Setting

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """The changed C files."""
        return tuple(c for c in self.commit.changes if c.path.endswith(C_SUFFIXES))

    def review(self, number: int) -> CommitReview:
        """All findings of the commit."""
        unread = list(self.unread())
        changed = self.function_pairs()
        pairs = [pair for pair in changed if self.concerns(pair)]
        matched = self.matched(pairs)
        sites = sum(len(self.sites_of(pair.after, self.after)) for pair in pairs)
        findings = [*unread, *self.site_findings(matched), *self.scope_findings(pairs)]
        findings += self.free_findings(matched)
        findings += self.definition_findings(changed)
        return CommitReview(
            number=number,
            name=self.commit.name,
            subject=self.commit.subject,
            files=len(self.changes),
            functions=len(pairs),
            sites=sites,
            matched=len({id(pair.after) for pair in matched.pairs}),
            findings=ordered(findings),
        )

    # -- what changed --------------------------------------------------------------------------

    def function_pairs(self) -> tuple[FunctionPair, ...]:
        paths = [change.path for change in self.changes]
        sides = [
            [routine for path in paths for routine in self.routines(state, path)]
            for state in (self.before, self.after)
        ]
        return changed_functions(sides[0], sides[1])

    def routines(self, state: State, path: str) -> tuple[Routine, ...]:
        try:
            return state.routines(path)
        except BrokenSource:
            return ()  # reported by `unread`

    def concerns(self, pair: FunctionPair) -> bool:
        """Whether a changed function holds anything that a review looks at."""
        names = self.setting.names
        for routines, state in ((pair.before, self.before), (pair.after, self.after)):
            for routine in routines:
                if any(call.callee in names.scopes for call in routine.variant.calls):
                    return True
                if state.reader.sites(routine) or _page_cache_flags(routine, names):
                    return True
        return False

    def unread(self) -> Iterator[Finding]:
        """What could not be read of the changed files, where it changed."""
        for change in self.changes:
            sides: list[ParsedFile | None] = []
            for state in (self.before, self.after):
                try:
                    sides.append(state.parsed(change.path))
                except BrokenSource as error:
                    yield _not_reviewed(change.path, error.line, None, error.construct)
                    sides.append(None)
            if sides[1] is not None:
                yield from self.refused(sides[0], sides[1])

    def refused(self, before: ParsedFile | None, after: ParsedFile) -> Iterator[Finding]:
        old = Counter(_text(before, one) for one in before.refusals) if before else Counter()
        for refusal in after.refusals:
            text = _text(after, refusal)
            if old[text]:
                old[text] -= 1
            elif self.of_interest(text):
                yield _not_reviewed(refusal.path, refusal.line, refusal.name, refusal.construct)

    def of_interest(self, words: Iterable[str]) -> bool:
        names = self.setting.names
        index = self.after.index
        return any(
            names.primitive(word) is not None
            or word in names.frees
            or word in names.scopes
            or word in names.stores
            or any(facts.allocates for facts in index.find("", word))
            for word in words
        )

    # -- sites ---------------------------------------------------------------------------------

    def sites_of(self, routines: tuple[Routine, ...], state: State) -> dict[int, Site]:
        """The sites of all ``#if`` variants of a function, by offset."""
        found: dict[int, Site] = {}
        for routine in routines:
            for site in state.reader.sites(routine):
                found.setdefault(site.offset, site)
        return dict(sorted(found.items()))

    def matched(self, pairs: Iterable[FunctionPair]) -> Matched:
        """All sites paired: inside of functions first, then across them."""
        found: list[SitePair] = []
        removed: list[Site] = []
        added: list[Site] = []
        for pair in pairs:
            old = tuple(self.sites_of(pair.before, self.before).values())
            new = tuple(self.sites_of(pair.after, self.after).values())
            inside = match_sites(old, new)
            found += inside.pairs
            removed += inside.removed
            added += inside.added
        across = match_across(removed, added)
        return Matched((*found, *across.pairs), across.removed, across.added)

    def site_findings(self, matched: Matched) -> Iterator[Finding]:
        judge = self.judge
        for pair in matched.pairs:
            yield from judge.pair(pair)
        for site in matched.added:
            yield from judge.added(site)

    @cached_property
    def judge(self) -> Judge:
        """Turns differences of this commit into findings."""
        setting = self.setting
        return Judge(
            names=setting.names,
            reader=self.after.wrappers.reader,
            sizes=self.after.sizes,
            declared=setting.declared,
            base_line=lambda site: setting.base_line(self.before, site),
            covered=self.covered,
            never_fails=self.never_fails,
        )

    def covered(self, site: Site) -> str | Uncovered | None:
        """Why a site is in a nofs scope that its function does not show, or why it is not."""
        proof = self.setting.proof
        if proof is not None:
            shown = proof(self.after.tree, site.path, site.function, site.line)
            if shown is not None:
                return shown
        return opened_by_callers(self.after, site.routine)

    def never_fails(self, site: Site) -> str | Uncovered | None:
        """Why a site is in a nofail scope, or why it is not."""
        proof = self.setting.proof
        if proof is None:
            return None
        return proof(self.after.tree, site.path, site.function, site.line, NOFAIL_SCOPE)

    # -- scopes and frees ----------------------------------------------------------------------

    def scope_findings(self, pairs: list[FunctionPair]) -> Iterator[Finding]:
        names = self.setting.names
        opened = opened_kinds((r for p in pairs for r in p.after[:1]), names)
        opened.subtract(opened_kinds((r for p in pairs for r in p.before[:1]), names))
        for pair in pairs:
            yield from balance_findings(pair, names)
            own = opened_kinds(pair.after[:1], names)
            own.subtract(opened_kinds(pair.before[:1], names))
            elsewhere = frozenset(kind for kind in opened if opened[kind] - own[kind] > 0)
            yield from removed_scopes(pair, names, self.after.index, elsewhere)
            yield from _page_cache_findings(pair, names)

    def definition_findings(self, changed: Iterable[FunctionPair]) -> Iterator[Finding]:
        """What changed wrappers and masks by name mean for all who use them."""
        names = {pair.any.key.name for pair in changed}
        if names:
            yield from wrapper_findings(names, self.before, self.after)
        for change in self.changes:
            if b"GFP_" in (change.after or b"") and self.is_read(change.path):
                yield from mask_macro_findings(change.path, self.before, self.after)

    def is_read(self, path: str) -> bool:
        """Whether a file could be split into tokens on both sides."""
        try:
            return all(state.parsed(path) is not None for state in (self.before, self.after))
        except BrokenSource:
            return False

    def free_findings(self, matched: Matched) -> Iterator[Finding]:
        names = self.setting.names
        if not self.changes:
            return
        before = mismatches(self.before.provenance, names.rejects)
        after = mismatches(self.after.provenance, names.rejects)
        touched = [change.path for change in self.commit.changes]
        yield from wrong_frees(new_mismatches(before, after), touched)
        frees = [pair for pair in matched.pairs if pair.after.kind is SiteKind.FREE]
        yield from unshown_frees(frees, self.after.provenance, names)


def review_commit(
    before: State, after: State, commit: Commit, number: int, setting: Setting
) -> CommitReview:
    """Review one commit, given the tree before and after it."""
    return CommitReader(before, after, commit, setting).review(number)


def _text(parsed: ParsedFile, refusal: ParseRefusal) -> tuple[str, ...]:
    return words_of(parsed.source, refusal.span)


def _not_reviewed(path: str, line: int, name: str | None, construct: str) -> Finding:
    what = f"{name} was not reviewed" if name and name != "file" else "not reviewed"
    return Finding(
        rule=Rule.NOT_REVIEWED,
        severity=Severity.UNKNOWN,
        file=path,
        line=line,
        line_before=None,
        function=name if name != "file" else None,
        message=f"{what}: {construct}",
    )


def _page_cache_flags(routine: Routine, names: Names) -> Counter[str]:
    words = words_of(routine.source, routine.item.span)
    return Counter(word for word in words if word in names.page_cache_flags)


def _page_cache_findings(pair: FunctionPair, names: Names) -> Iterator[Finding]:
    if not pair.before or not pair.after:
        return
    new = pair.after[0]
    gone = _page_cache_flags(pair.before[0], names) - _page_cache_flags(new, names)
    for flag in sorted(gone):
        yield Finding(
            rule=Rule.STORED_MASK,
            severity=Severity.WARNING,
            file=new.path,
            line=new.source.line(new.item.name_span.start),
            line_before=None,
            function=new.key.name,
            message=f"{flag} is gone: the page cache may enter the filesystem when it allocates "
            "for this call",
        )
