"""Hand-made hazards of a toy filesystem: one site of every answer, placed and unplaced ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from convert.flow.graph.model import Place, Root, RootKind
from convert.flow.hazards.model import (
    Danger,
    DangerKind,
    Fact,
    Hazard,
    HazardReport,
    Hold,
    Missing,
    SiteClass,
    SiteHazards,
    Wait,
)
from convert.flow.placement.model import (
    Alternative,
    Anchor,
    AnchorKind,
    HandleEnd,
    PlacedScope,
    Placement,
    Restructuring,
    Unplaced,
)
from convert.flow.scopes.model import Chain, Frame, Verdict
from convert.flow.scopes.results import ProvenSite, ScopeProofs, SiteUse, Statistics, UsedAxiom
from convert.report.hazards.view import HazardsView, hazards_view
from tests.rules.scoped.fakes import PATH, evidence

LOCK = Danger("toy_inode.i_lock", what="rwsem")
OTHER = Danger("toy_sb.s_sem", what="semaphore")
IDLE = Danger("toy_sb.s_idle", what="mutex")
WORKER = Danger("toy_push_work", DangerKind.WORKER, "work item")
FACT = Fact("toy-unreferenced", "reclaim locks what nobody refers to", "fs/toy/README, line 4")
SHRINKER = Root(RootKind.SHRINKER, Place(PATH, 300), "toy_shrinker.scan_objects")
CREATE = Root(RootKind.TABLE, Place(PATH, 301), "toy_operations.create")
QUEUED = Root(RootKind.WORK, Place(PATH, 302), "toy_push_work")


def chain(root: Root, *steps: str, open_: bool = False) -> Chain:
    """A chain from ``f@1 g@2`` words, all in one file."""
    frames = []
    for step in steps:
        function, line = step.split("@")
        frames.append(Frame(function, Place(PATH, int(line))))
    return Chain(root, tuple(frames), open_)


def wait(danger: Danger, line: int, behind: tuple[Wait, ...] = ()) -> Wait:
    root, first = (QUEUED, "toy_push_work@120") if behind else (SHRINKER, "toy_scan@100")
    call = "flush_work(&sb->s_push)" if danger.kind is DangerKind.WORKER else "down_write"
    return Wait(danger, chain(root, first, f"toy_evict@{line}"), call, behind)


def hold(danger: Danger, site: int) -> Hold:
    if danger.kind is DangerKind.WORKER:
        at = chain(QUEUED, "toy_push_work@121", f"f@{site}")
        return Hold(danger, at, 0, Place(PATH, 140), "queue_work")
    at = chain(CREATE, "toy_create@200", "toy_grab@210", f"f@{site}")
    return Hold(danger, at, 1, Place(PATH, 209), "down_write(&ip->i_lock)")


def hazard(danger: Danger, site: int, excused: Fact | None = None) -> Hazard:
    return Hazard(danger, hold(danger, site), WAITS[danger], excused)


WAITS = {
    LOCK: wait(LOCK, 110),
    WORKER: wait(WORKER, 111),
    OTHER: wait(OTHER, 112, (wait(WORKER, 111),)),
    IDLE: wait(IDLE, 113),
}


def proven_site(line: int, verdict: Verdict = Verdict.UNSCOPED) -> ProvenSite:
    told = evidence(verdict, PATH, line)
    mask = ("GFP_NOFS",)
    return ProvenSite(PATH, 10 * line, line, "f", "kmalloc", mask, SiteUse.ALLOCATES, True, told)


def told(
    line: int,
    answer: SiteClass | None,
    hazards: Iterable[Hazard] = (),
    missing: tuple[Missing, ...] = (),
    reason: str = "",
) -> SiteHazards:
    verdict = Verdict.PROVEN if answer is SiteClass.IN_SCOPE else Verdict.UNSCOPED
    facts = (FACT,) if answer is SiteClass.EXCUSED else ()
    return SiteHazards(proven_site(line, verdict), answer, tuple(hazards), missing, facts, reason)


IN_SCOPE = told(1, SiteClass.IN_SCOPE)
EXCUSED = told(2, SiteClass.EXCUSED, [hazard(LOCK, 2, FACT)], reason=f"{PATH}:2: excused")
PLACED = told(3, SiteClass.HAZARD, [hazard(LOCK, 3), hazard(OTHER, 3)], reason=f"{PATH}:3: held")
IN_WORKER = told(4, SiteClass.HAZARD, [hazard(WORKER, 4)])
UNPLACED = told(5, SiteClass.HAZARD, [hazard(LOCK, 5)])
REFLEX = told(6, SiteClass.REFLEX, reason=f"{PATH}:6: nothing is held")
REFUSED = told(
    7,
    None,
    [hazard(LOCK, 7)],
    (Missing(Place(PATH, 77), "which lock toy_pick() returns"),),
    f"{PATH}:7: a lock is not known",
)
SITES = (IN_SCOPE, EXCUSED, PLACED, IN_WORKER, UNPLACED, REFLEX, REFUSED)


def plain(line: int, *hazards: Hazard) -> SiteHazards:
    one = told(line, None, hazards, (Missing(Place(PATH, line), "nothing"),))
    return replace(one, site=replace(one.site, mask=("GFP_KERNEL",), forbids=False))


PLAIN = (plain(20, hazard(LOCK, 20)), plain(21))


def proofs(sites: Iterable[SiteHazards]) -> ScopeProofs:
    return ScopeProofs(
        "nofs",
        tuple(one.site for one in sites),
        (),
        (),
        (UsedAxiom("toy-roll", "rolling keeps the scope", "fs/toy/README", "3 parameters"),),
        Statistics(12, 34, 56, 7, 0),
        (),
        (),
        ("known to the proofs",),
    )


def report(sites: tuple[SiteHazards, ...] = SITES) -> HazardReport:
    waits = tuple(WAITS.values()) if sites else ()
    others = PLAIN if sites else ()
    facts = (FACT,) if sites else ()
    return HazardReport(
        proofs((*sites, *others)),
        sites,
        others,
        waits,
        facts,
        ("something to know", "known to the proofs"),
        {"reading": 1.25, "judging": 2.5},
    )


AROUND = PlacedScope(
    Anchor(AnchorKind.LOCK, PATH, "toy_grab", 2080, (2090,), (2150, 2200)),
    208,
    PLACED.hazards,
    (PLACED, EXCUSED),
    (Place(PATH, 20), Place(PATH, 22)),
    (Place(PATH, 23),),
    4,
    (Alternative(Place(PATH, 200), "around the call in toy_create()", 9),),
)
WHOLE = PlacedScope(
    Anchor(AnchorKind.WORKER, PATH, "toy_push_work", 1190),
    119,
    IN_WORKER.hazards,
    (IN_WORKER,),
    (),
    (),
    2,
)
HANDLE = replace(
    WHOLE,
    anchor=Anchor(
        AnchorKind.HANDLE,
        PATH,
        "toy_begin",
        1500,
        structure="struct toy_trans",
        member="t_pflags",
        ends=(
            HandleEnd(PATH, 1500, "toy_begin", True, "tp", (1520,), ()),
            HandleEnd(PATH, 1700, "toy_end", False, "tp", (), (1740,)),
        ),
    ),
    line=150,
)
PHASE = replace(WHOLE, anchor=Anchor(AnchorKind.PHASE, PATH, "toy_mount", 1600), line=160)


def placement() -> Placement:
    return Placement(
        (AROUND, WHOLE),
        (Unplaced(UNPLACED, f"{PATH}:5: the lock is released in toy_drop()"),),
        (Restructuring(Place(PATH, 90), "an empty transaction around the walk"),),
        ("the search for the cheapest scopes was cut short",),
    )


def line_of(path: str, offset: int) -> int:
    """Lines of ten bytes."""
    assert path == PATH
    return offset // 10


def view(
    sites: tuple[SiteHazards, ...] = SITES,
    scopes: Placement | None = None,
    paths: tuple[str, ...] = ("fs/toy",),
) -> HazardsView:
    given = placement() if scopes is None else scopes
    return hazards_view("toys", None, paths, report(sites), given, line_of)


def empty_view() -> HazardsView:
    return view((), Placement((), ()))
