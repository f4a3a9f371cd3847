"""Hazards and placed scopes in words, a line each; lines that belong to another are indented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from convert.flow.graph.model import Place, RootKind
from convert.flow.hazards.model import (
    Danger,
    DangerKind,
    Fact,
    Hazard,
    Hold,
    SiteClass,
    SiteHazards,
    Wait,
)
from convert.flow.placement.model import AnchorKind, PlacedScope, Unplaced
from convert.flow.scopes.model import Chain, Frame
from convert.flow.scopes.results import ProvenSite, SiteUse
from convert.report.display import count
from convert.report.hazards.view import DangerView, EndView, PlacedView
from convert.rules.scoped.words import root_words

_WIDTH = 88  # columns of a chain; lines are indented by some more
_INDENT = "  "
REFUSED = "refused"
MEANINGS: dict[SiteClass | None, str] = {
    SiteClass.IN_SCOPE: "a scope is open on every path",
    SiteClass.EXCUSED: "reclaim only takes the lock of what nobody holds",
    SiteClass.HAZARD: "reclaim waits for what is held: a scope belongs there",
    SiteClass.REFLEX: "nothing is held that reclaim waits for",
    None: "something is not known: the flag stays",
}


def answer_name(answer: SiteClass | None) -> str:
    """The letter of a class, or that there is none."""
    return REFUSED if answer is None else answer.value


def danger_words(danger: Danger) -> str:
    """A lock or worker with its kind."""
    return f"{danger} ({danger.what})" if danger.what else str(danger)


def call_text(text: str) -> str:
    """What is called, in one line; parentheses are added to a mere name."""
    joined = " ".join(text.split())
    return joined if "(" in joined else f"{joined}()"


def mask_words(site: ProvenSite) -> str:
    """Today's flags."""
    mask = " | ".join(site.mask) or "a mask that is not known"
    return f"{mask}, stored for others" if site.use is SiteUse.STORES else mask


def site_words(site: ProvenSite) -> str:
    """A site in one line, without its answer."""
    inside = f" in {site.function}()" if site.function else ""
    return f"{site.path}:{site.line}: {site.callee}{inside}, {mask_words(site)}"


def step_lines(frames: Sequence[Frame], width: int = _WIDTH) -> Iterator[str]:
    """``f@1 > g@2`` in lines of at most ``width`` columns; no step is broken."""
    line = ""
    for number, frame in enumerate(frames):
        step = f"{frame}" if not number else f"> {frame}"
        if line and len(line) + 1 + len(step) > width:
            yield line
            line = step
        else:
            line = f"{line} {step}".lstrip()
    if line:
        yield line


def chain_lines(chain: Chain) -> Iterator[str]:
    """A chain: why the outside can start it, then its steps."""
    yield f"{start_words(chain)}:"
    yield from indented(step_lines(chain.frames))


def start_words(chain: Chain) -> str:
    """Why the outside can start a chain; for the member of a table, its name says it."""
    root = chain.root
    if root.kind is RootKind.TABLE and root.detail:
        return f"{root.detail} at {root.place}"
    return root_words(chain)


def wait_lines(wait: Wait) -> Iterator[str]:
    """Where reclaim waits, with the workers that it waits for on the way."""
    for before in wait.behind:
        yield from _one_wait("reclaim" if before is wait.behind[0] else "that", before)
    yield from _one_wait("that" if wait.behind else "reclaim", wait)


def _one_wait(who: str, wait: Wait) -> Iterator[str]:
    verb = "waits for" if wait.danger.kind is DangerKind.WORKER else "blocks on"
    at = f" at {wait.chain.frames[-1].place}" if wait.chain.frames else ""
    yield f"{who} {verb} {wait.danger} in {call_text(wait.call)}{at}:"
    yield from indented(chain_lines(wait.chain))


def hold_words(hold: Hold) -> str:
    """Since where a lock is held, or which worker runs."""
    if hold.danger.kind is DangerKind.WORKER:
        return f"runs in {hold.danger}, started at {hold.taken}"
    frame = hold.chain.frames[hold.frame : hold.frame + 1]
    inside = f" in {frame[0].function}()" if frame else ""
    return f"held since {call_text(hold.call)} at {hold.taken}{inside}"


def hold_lines(hold: Hold, whole: bool) -> Iterator[str]:
    """How something is held at an allocation: from where it is taken, or the whole chain."""
    yield f"{hold_words(hold)}:"
    yield from indented(hold_chain(hold, whole))


def hold_chain(hold: Hold, whole: bool) -> Iterator[str]:
    """The steps to an allocation from where a lock is taken, or those from the root."""
    return chain_lines(hold.chain) if whole else step_lines(hold.chain.frames[hold.frame :])


def excuse_words(fact: Fact) -> str:
    """The fact that excuses hazards."""
    return f"excused by {fact.id}: {fact.statement}"


def kind_words(view: DangerView) -> str:
    """What kind of thing it is, and whether it is no hazard after all."""
    return f"{view.danger.what}, excused" if view.excused is not None else view.danger.what


def answer_words(told: SiteHazards) -> str:
    """A site with its answer; of one whose mask forbids nothing, there is nothing to answer."""
    if not told.site.forbids:
        return site_words(told.site)
    return f"{answer_name(told.answer)}: {site_words(told.site)}"


def site_lines(told: SiteHazards) -> Iterator[str]:
    """One site whole: its answer, each hazard with both witnesses, what is missing."""
    yield answer_words(told)
    if told.site.forbids:
        yield from indented([f"{answer_name(told.answer)}: {MEANINGS[told.answer]}"])
    yield from indented(_inner_lines(told))


def reason_lines(told: SiteHazards) -> Iterator[str]:
    """The reason of an answer, unless it is what is missing."""
    if told.reason and not any(told.reason.endswith(one.text) for one in told.missing):
        yield told.reason


def _inner_lines(told: SiteHazards) -> Iterator[str]:
    yield from reason_lines(told)
    for hazard in told.hazards:
        yield f"hazard: {danger_words(hazard.danger)}"
        yield from indented(hold_lines(hazard.hold, whole=True))
        yield from indented(wait_lines(hazard.wait))
        if hazard.excused is not None:
            yield from indented([excuse_words(hazard.excused)])
    yield from missing_lines(told)
    for fact in told.facts:
        yield f"rests on {fact.id}: {fact.statement} (source: {fact.source})"


def unplaced_reason(one: Unplaced) -> str:
    """Why there is no scope, without the place of the site, which stands before it."""
    site = one.site.site
    return one.reason.removeprefix(f"{site.path}:{site.line}: ")


def missing_lines(told: SiteHazards) -> Iterator[str]:
    """What would have to be known."""
    for one in told.missing:
        where = "" if one.text.startswith(f"{one.place}:") else f"{one.place}: "
        yield f"missing: {where}{one.text}"


def anchor_words(placed: PlacedView) -> str:
    """What a scope is tied to, and where."""
    scope, anchor = placed.scope, placed.scope.anchor
    where = f"{anchor.function}() at {placed.place}"
    match anchor.kind:
        case AnchorKind.LOCK:
            locks = dict.fromkeys(str(hazard.danger) for hazard in scope.hazards)
            return f"around {', '.join(locks) or 'a lock'} in {where}"
        case AnchorKind.WORKER:
            return f"the whole worker {where}"
        case AnchorKind.PHASE:
            return f"the whole function {where}"
        case AnchorKind.HANDLE:
            opened = _ends([end for end in placed.ends if end.end.opens])
            closed = _ends([end for end in placed.ends if not end.end.opens])
            bare = anchor.structure.removeprefix("struct ")
            cookie = f"the cookie in struct {bare}, new member {anchor.member}"
            return f"from the handle's opener {opened} to its closer {closed}; {cookie}"


def _ends(ends: Sequence[EndView]) -> str:
    return " or ".join(f"{end.end.function}() at {end.place}" for end in ends)


def ends_words(placed: PlacedView) -> str:
    """Where a scope opens and closes within its function."""
    if placed.ends:
        taken = f"after {_lines(placed.opens)}, where the lock is handed out"
        return f"opens {taken}; closes before {_lines(placed.closes)}"
    opens = f"behind {_lines(placed.opens)}" if placed.opens else "at the top of the body"
    closes = f"before {_lines(placed.closes)}" if placed.closes else "at every way out"
    return f"opens {opens}; closes {closes}"


def cost_words(scope: PlacedScope) -> str:
    """The cost of a scope and what it is made of."""
    plain = count(len(scope.plain), "allocation") + " newly covered"
    return f"cost {scope.cost}: {plain}, {count(scope.cost - len(scope.plain), 'way')} out to patch"


def scope_lines(placed: PlacedView, verbose: bool = False) -> Iterator[str]:
    """One scope that would be added: ends, hazards, what it covers, cost, alternatives."""
    yield f"{placed.number}. {anchor_words(placed)}"
    yield from indented(_scope_inside(placed, verbose), 2)


def _scope_inside(placed: PlacedView, verbose: bool) -> Iterator[str]:
    scope = placed.scope
    yield ends_words(placed)
    for hazard in scope.hazards if verbose else _one_each(scope.hazards):
        yield f"ends the hazard {danger_words(hazard.danger)}:"
        yield from indented(hold_lines(hazard.hold, whole=verbose))
        yield from indented(wait_lines(hazard.wait))
    yield f"makes {count(len(scope.sites), 'mask')} needless:"
    for told in scope.sites:
        yield f"{_INDENT}{site_words(told.site)}"
    yield cost_words(scope)
    if scope.plain:
        yield f"newly covered: {_places(scope.plain)}"
    if scope.readers:
        yield f"looks at the task's flag inside: {_places(scope.readers)}"
    for other in scope.alternatives:
        yield f"instead, at cost {other.cost}: {other.place}: {other.text}"


def _one_each(hazards: Iterable[Hazard]) -> Iterable[Hazard]:
    """The first hazard of each danger."""
    found: dict[Danger, Hazard] = {}
    for hazard in hazards:
        found.setdefault(hazard.danger, hazard)
    return found.values()


def _places(places: Sequence[Place]) -> str:
    """Places by file: ``a.c:1, 2; b.c:3``."""
    by_file: dict[str, list[str]] = {}
    for place in places:
        by_file.setdefault(place.path, []).append(str(place.line))
    return "; ".join(f"{path}:{', '.join(lines)}" for path, lines in by_file.items())


def _lines(places: Sequence[Place]) -> str:
    """The lines of one file."""
    noun = "line" if len(places) == 1 else "lines"
    return f"{noun} {', '.join(str(place.line) for place in places)}"


def indented(lines: Iterable[str], levels: int = 1) -> Iterator[str]:
    """Lines that belong to the one before them."""
    return (f"{_INDENT * levels}{line}" for line in lines)
