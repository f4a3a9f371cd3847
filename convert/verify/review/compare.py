"""What a pair of sites promises before and after a commit, and which differences are findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pycparser import c_ast

from convert.flow.provenance.names import Names
from convert.flow.terms import arguments, operands, place_text, spelled
from convert.semantics.gfp import GfpTable
from convert.semantics.sizes import Exceeds, MayExceed
from convert.source.nodes import nodes_of
from convert.verify.review.checks import Use, UseKind, use_of
from convert.verify.review.declared import Declared
from convert.verify.review.matching import SitePair
from convert.verify.review.model import Finding, Rule, Severity
from convert.verify.review.promises import PAGE_ALLOCATOR, Promise, PromiseReader
from convert.verify.review.sites import Site, SiteKind
from convert.verify.review.sizes import SizeJudge


@dataclass(frozen=True)
class Uncovered:
    """A scope is shown not to be open on every path to a site; ``why`` names a path without."""

    why: str


CoveredBy = Callable[[Site], str | Uncovered | None]
"""Why a site is inside a nofs scope that its function does not show; None: not known."""

NOFAIL_SCOPE = "nofail"


def _not_known(site: Site) -> None:
    return None


@dataclass(frozen=True)
class Judge:
    """Turns differences into findings.

    reader: of the tree after the commit. declared: sites that the series itself declares;
    base_line: the line of a file before the series.
    """

    names: Names
    reader: PromiseReader
    sizes: SizeJudge
    declared: frozenset[Declared]
    base_line: Callable[[Site], int | None]
    covered: CoveredBy
    never_fails: CoveredBy = _not_known  # as `covered`, for the nofail scope

    def pair(self, pair: SitePair) -> Iterator[Finding]:
        """The findings about a site that is there on both sides."""
        before, after = pair.before, pair.after
        if before.kind is SiteKind.STORE:
            yield from self.stored(pair)
        if SiteKind.FREE in (before.kind, after.kind) or before.kind is SiteKind.STORE:
            return
        unread = [site for site in (before, after) if site.promise.missing]
        if unread:
            if not _same_call(before, after):
                text = _unread(unread[-1])
                yield self.finding(Rule.NOT_REVIEWED, Severity.UNKNOWN, pair, text)
            return
        yield from self.failing(pair)
        yield from self.reclaim(pair)
        yield from self.zeroing(pair)
        yield from self.small_changes(pair)
        yield from self.mask(after, before)
        yield from self.order_limit(after, before)

    def added(self, site: Site) -> Iterator[Finding]:
        """The findings about a site that has no partner before."""
        if site.kind is SiteKind.ALLOC and not site.promise.missing:
            yield from self.mask(site, None)
            yield from self.order_limit(site, None)

    # -- never fails ---------------------------------------------------------------------------

    def failing(self, pair: SitePair) -> Iterator[Finding]:
        before, after = pair.before.promise, pair.after.promise
        if not lost((c.may_fail for c in before.cases), (c.may_fail for c in after.cases)):
            return
        if pair.after.kind is SiteKind.FORWARD:
            text = f"{pair.after.callee}() is told that its allocation may fail; it was not before"
            yield self.finding(Rule.NEVER_FAIL_LOST, Severity.WARNING, pair, text)
            return
        inside = self.in_nofail_scope(pair.after)
        if isinstance(inside, str):
            text = f"the mask does not say __GFP_NOFAIL any more; {inside}"
            yield self.finding(Rule.NEVER_FAIL_LOST, Severity.NOTE, pair, text)
            return
        use = use_of(pair.after, self.names)
        severity = Severity.WARNING if use.kind is UseKind.CHECKED else Severity.ERROR
        text = f"{pair.after.callee}() may fail where it could not; {_use_text(use)}"
        text += f"; {inside.why}" if inside is not None else ""
        yield self.finding(Rule.NEVER_FAIL_LOST, severity, pair, text)

    def in_nofail_scope(self, site: Site) -> str | Uncovered | None:
        """Why a request does not fail in the scope around it, or why it may; None: not known."""
        scopes = self.reader.scopes
        if NOFAIL_SCOPE not in scopes.scopes:
            return None
        shown = self.never_fails(site)
        if not isinstance(shown, str):
            return shown
        flag = self.reader.gfp.bits["__GFP_NOFAIL"]
        for value in site.values or ():
            inside = None if value.number is None else scopes.inside(value.number, [NOFAIL_SCOPE])
            if inside is None or not inside & flag:
                return Uncovered(f"the {NOFAIL_SCOPE} scope does not cover its mask")
        size = self.sizes(site) if set(site.promise.families) & PAGE_ALLOCATOR else None
        if isinstance(size, (Exceeds, MayExceed)):
            return Uncovered(f"the {NOFAIL_SCOPE} scope may not cover its size: {size.text}")
        return shown if site.values else None

    # -- filesystem reclaim --------------------------------------------------------------------

    def reclaim(self, pair: SitePair) -> Iterator[Finding]:
        before, after = pair.before.promise, pair.after.promise
        if before.contract.sleeps is False:
            return  # what matters then is that it sleeps now, see `small_changes`
        if not lost((c.fs_reclaim for c in before.cases), (c.fs_reclaim for c in after.cases)):
            return
        covered = self.covered(pair.after)
        if isinstance(covered, str):
            text = f"the mask lets reclaim enter the filesystem; {covered}"
            yield self.finding(Rule.NOFS_LOST, Severity.NOTE, pair, text)
        elif after.contract.nolockdep and not before.contract.nolockdep:
            text = (
                "reclaim may enter the filesystem, which it could not before, and lockdep is told "
                "not to look (__GFP_NOLOCKDEP)"
            )
            yield self.finding(Rule.NOFS_LOST, Severity.WARNING, pair, text)
        else:
            gone = set(before.scopes) - set(after.scopes)
            why = (
                f"the {' and '.join(sorted(gone))} scope around it is gone"
                if gone
                else covered.why
                if covered is not None
                else "no nofs scope is open around it in this function"
            )
            text = f"reclaim may enter the filesystem, which it could not before: {why}"
            yield self.finding(Rule.NOFS_LOST, Severity.ERROR, pair, text)

    # -- zeroing and the rest ------------------------------------------------------------------

    def zeroing(self, pair: SitePair) -> Iterator[Finding]:
        before, after = pair.before.promise.contract, pair.after.promise.contract
        if not (before.zeroed and after.zeroed is False):
            return
        filled = self.filled(pair.after)
        if filled:
            text = f"the memory is no longer zeroed, but {filled}"
            yield self.finding(Rule.ZEROING_LOST, Severity.NOTE, pair, text)
        else:
            text = f"{pair.after.callee}() returns memory that is not zeroed; before, it was"
            yield self.finding(Rule.ZEROING_LOST, Severity.ERROR, pair, text)

    def filled(self, site: Site) -> str:
        """How the function writes all of the memory after the allocation; empty if it does not."""
        for call in site.routine.variant.calls:
            if call.callee not in self.names.fills or call.span.start < site.offset:
                continue
            given = arguments(call.node)
            if len(given) < 3 or place_text(given[0]) not in site.targets:
                continue
            size = "*".join(
                sorted(spelled(part, site.routine.types) for part in operands(given[2], "*"))
            )
            if size == site.size:
                return f"{call.callee}() writes all of it in line {site.routine.line(call.node)}"
        for node in nodes_of(site.routine.variant.root):
            if isinstance(node, c_ast.Assignment) and isinstance(node.lvalue, c_ast.UnaryOp):
                whole = node.lvalue.op == "*" and place_text(node.lvalue.expr) in site.targets
                if whole and site.routine.offset(node) > site.offset:
                    return f"it is assigned as a whole in line {site.routine.line(node)}"
        return ""

    def small_changes(self, pair: SitePair) -> Iterator[Finding]:
        before, after = pair.before.promise.contract, pair.after.promise.contract
        changes = []
        if before.nowarn != after.nowarn and None not in (before.nowarn, after.nowarn):
            changes.append(
                "a failure is reported no more" if after.nowarn else "a failure is now reported"
            )
        if before.nolockdep != after.nolockdep and None not in (before.nolockdep, after.nolockdep):
            changes.append(
                "lockdep does not see it any more" if after.nolockdep else "lockdep sees it now"
            )
        if changes:
            yield self.finding(Rule.MASK_CHANGED, Severity.NOTE, pair, ", ".join(changes))
        if before.sleeps is False and after.sleeps:
            text = "the call may sleep, which it did not before: is the context atomic?"
            yield self.finding(Rule.MASK_CHANGED, Severity.WARNING, pair, text)
        elif before.sleeps and after.sleeps is False:
            text = "the call does not sleep any more, so it fails sooner"
            yield self.finding(Rule.MASK_CHANGED, Severity.NOTE, pair, text)

    # -- the mask itself -----------------------------------------------------------------------

    def mask(self, site: Site, before: Site | None) -> Iterator[Finding]:
        """Masks that contradict themselves, or hold names that add nothing."""
        pair = SitePair(before or site, site)
        contradiction = self.contradiction(site)
        if contradiction and (before is None or not self.contradiction(before)):
            yield self.finding(
                Rule.CONTRADICTORY_MASK, Severity.ERROR, pair, contradiction, before is None
            )
        idle = idle_names(site, self.reader.gfp)
        if idle and (before is None or not idle_names(before, self.reader.gfp)):
            assert site.mask is not None
            text = (
                f"`{site.routine.text(site.mask)}`: {' and '.join(idle)} adds nothing to the rest"
            )
            yield self.finding(Rule.IDLE_MASK, Severity.WARNING, pair, text, before is None)

    def contradiction(self, site: Site) -> str:
        """Why a mask cannot be meant; empty if it can."""
        if site.kind is not SiteKind.ALLOC or self.names.primitive(site.callee) is None:
            return ""
        reader = self.reader
        for value in site.values or ():
            if not reader.has(value, "__GFP_NOFAIL"):
                continue
            for other in ("__GFP_NORETRY", "__GFP_RETRY_MAYFAIL"):
                if reader.has(value, other):
                    return f"the mask says __GFP_NOFAIL and {other}"
            if reader.has(value, reader.gfp.sleeping) is False:
                return f"the mask says __GFP_NOFAIL without {reader.gfp.sleeping}"
        return ""

    def order_limit(self, site: Site, before: Site | None) -> Iterator[Finding]:
        """Never-fail requests to the page allocator that may be larger than it can promise."""
        if not asks_pages(site.promise) or site.kind is not SiteKind.ALLOC:
            return
        same = before is not None and before.size == site.size and asks_pages(before.promise)
        if same:
            return
        pair, new = SitePair(before or site, site), before is None
        match self.sizes(site):
            case Exceeds(text):
                yield self.finding(Rule.NOFAIL_ORDER, Severity.ERROR, pair, text, new)
            case MayExceed(text) if self.is_declared(site, before):
                text = f"the series declares it: {text}"
                yield self.finding(Rule.NOFAIL_ORDER, Severity.NOTE, pair, text, new)
            case MayExceed(text):
                text = f"__GFP_NOFAIL is new here: {text}"
                yield self.finding(Rule.NOFAIL_ORDER, Severity.WARNING, pair, text, new)

    def is_declared(self, site: Site, before: Site | None) -> bool:
        lines = {site.line, self.base_line(before or site)}
        if before is not None:
            lines.add(before.line)
        return any(
            place.file in (site.path, before.path if before else "")
            and (place.line in lines or place.function == site.function)
            for place in self.declared
        )

    # -- stored masks --------------------------------------------------------------------------

    def stored(self, pair: SitePair) -> Iterator[Finding]:
        before, after = pair.before, pair.after
        sides = [
            {self.reader.has(value, "__GFP_FS") for value in site.values or ()}
            for site in (before, after)
        ]
        if sides[0] == {False} and True in sides[1]:
            text = (
                f"the mask stored in {after.subject or 'it'} lets reclaim enter the filesystem "
                "now; it takes effect where memory is asked for later, under whatever locks are "
                "held there"
            )
            yield self.finding(Rule.STORED_MASK, Severity.WARNING, pair, text)

    # -- findings ------------------------------------------------------------------------------

    def finding(
        self, rule: Rule, severity: Severity, pair: SitePair, message: str, new: bool = False
    ) -> Finding:
        before, after = pair.before, pair.after
        return Finding(
            rule=rule,
            severity=severity,
            file=after.path,
            line=after.line,
            line_before=None if new else before.line,
            function=after.function,
            message=message if pair.certain else f"{message} (moved from {before.function}())",
            before="" if new else _contract_text(before),
            after=_contract_text(after),
        )


def lost(before: Iterable[bool | None], after: Iterable[bool | None]) -> bool:
    """Whether a promise (False) is broken: held always and not any more, or not at all any more."""
    old, new = set(before), set(after)
    if old == {False}:
        return True in new
    return False in old and new == {True}


def asks_pages(promise: Promise) -> bool:
    """Whether the page allocator itself may be told never to fail."""
    return bool(promise.nofail) and bool(set(promise.families) & PAGE_ALLOCATOR)


def idle_names(site: Site, gfp: GfpTable) -> tuple[str, ...]:
    """The ``GFP_`` names of a mask's OR that the other names contain: ``GFP_KERNEL | GFP_NOFS``."""
    if site.mask is None:
        return ()
    names = [part.name for part in operands(site.mask, "|") if isinstance(part, c_ast.ID)]
    known = [name for name in names if name in gfp.bits]
    return tuple(name for name in gfp.idle(known) if name.startswith("GFP_"))


def _contract_text(site: Site) -> str:
    if site.kind is SiteKind.STORE:
        return f"`{site.text}`"
    return f"`{site.text}`: {site.promise.text}"


def _same_call(before: Site, after: Site) -> bool:
    """Whether two calls are equal but for the names of variables."""
    return (before.callee, before.values) == (after.callee, after.values)


def _unread(site: Site) -> str:
    return f"what {site.callee}() promises is not known: {site.promise.missing}"


def _use_text(use: Use) -> str:
    if use.kind is UseKind.CHECKED:
        return "the result is checked, so an error path that was dead is alive now"
    return f"{use.text} in line {use.line} without a check"
