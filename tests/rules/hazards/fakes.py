"""Toy files whose comments state what an analysis would say, and a writer of scopes for them.

A line's comment is about its first call: ``proven``, ``reflex``, ``excused``, ``hazard``, ``lost``
(something is missing), ``partly`` (a hazard on one path, another one holds nothing), ``stores``.
Between a line with ``memalloc_nofs_save()`` and one with the restore a scope is open, which the
analysis of the edited text sees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

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
    PlacedScope,
    Placement,
    Restructuring,
    Unplaced,
)
from convert.flow.scopes.model import Chain, Frame, Opener, ScopeEvidence, Verdict
from convert.flow.scopes.results import ProvenSite, ScopeProofs, SiteUse, Statistics
from convert.plan import Plan
from convert.rules.hazards.recipe import Choice, Means, with_hazards
from convert.rules.placing.model import NotPlaced, Placed
from convert.rules.scoped.stage import Ground
from convert.source.edits import Edit, Span
from convert.tree.kernel import KernelTree
from convert.tree.overlay import OverlayTree
from tests.rules.scoped.fakes import PATH, dialect, empty_plan, scopes, toy_tree

SAVE, RESTORE = "memalloc_nofs_save", "memalloc_nofs_restore"
LOCK = Danger("toy.lock", DangerKind.LOCK, "mutex")
WORKER = Danger("toy_work", DangerKind.WORKER, "work item")
FACT = Fact(
    "toy-fact", "reclaim takes toy.lock of unreferenced toys alone", "Documentation/toy.rst"
)
_WORDS = "proven|reflex|excused|hazard|lost|partly|stores"
_SITE = re.compile(rf"\b(?!if\b)(\w+)\s*\([^\n]*/\* ({_WORDS}) \*/")
_HEAD = re.compile(r"^\w[^\n;]*?\b(\w+)\([^\n;]*\)\n\{", re.MULTILINE)


def chain(function: str, path: str, line: int, opened: bool = False) -> Chain:
    root = Root(RootKind.TABLE, Place(path, 90), "toy_operations.create")
    frames = (Frame("toy_create", Place(path, 91)), Frame(function, Place(path, line)))
    return Chain(root, frames, opened)


def hazard(function: str, path: str, line: int, danger: Danger = LOCK) -> Hazard:
    root = Root(RootKind.SHRINKER, Place(path, 95), "toy_shrinker")
    frames = (Frame("toy_scan", Place(path, 96)), Frame("toy_drop", Place(path, 97)))
    wait = Wait(danger, Chain(root, frames, False), "mutex_lock")
    held = chain(function, path, line)
    frame = 0 if danger.kind is DangerKind.WORKER else len(held.frames) - 1
    hold = Hold(danger, held, frame, Place(path, line - 1), "mutex_lock")
    return Hazard(danger, hold, wait)


def function_at(text: str, offset: int) -> tuple[str, int]:
    """Name and start of the function that an offset stands in."""
    found = [head for head in _HEAD.finditer(text) if head.start() <= offset]
    return (found[-1][1], found[-1].start()) if found else ("f", 0)


def opened_at(text: str, offset: int) -> int | None:
    """The line of the save whose scope is open at an offset."""
    _, start = function_at(text, offset)
    save = text.rfind(f"{SAVE}(", start, offset)
    if save < 0 or text.rfind(f"{RESTORE}(", save, offset) >= 0:
        return None
    return text.count("\n", 0, save) + 1


def _site(path: str, text: str, found: re.Match[str]) -> SiteHazards:
    function, _ = function_at(text, found.start())
    line = text.count("\n", 0, found.start()) + 1
    word, opened = found[2], opened_at(text, found.start())
    outside = chain(function, path, line)
    openers: tuple[Opener, ...] = ()
    verdict = Verdict.UNSCOPED
    if word == "proven":
        verdict, openers = Verdict.PROVEN, (Opener("toy_create", Place(path, 92), "toy_begin"),)
    elif opened is not None:
        verdict, openers = Verdict.PROVEN, (Opener(function, Place(path, opened), SAVE),)
    if opened is not None and word == "partly":
        verdict = Verdict.MIXED
    proven = verdict is Verdict.PROVEN
    told = ScopeEvidence(
        verdict,
        "nofs",
        None if proven else outside,
        chain(function, path, line, True) if openers else None,
        openers,
        (),
        "" if proven else f"{path}:{line}: a reason",
    )
    use = SiteUse.STORES if word == "stores" else SiteUse.ALLOCATES
    site = ProvenSite(
        path, found.start(1), line, function, found[1], ("GFP_NOFS",), use, True, told
    )
    return _answered(site, word, opened is not None)


def _answered(site: ProvenSite, word: str, opened: bool) -> SiteHazards:
    danger = hazard(site.function, site.path, site.line)
    reason = f"{site.path}:{site.line}: what decides"
    empty = SiteHazards(site, SiteClass.REFLEX, (), (), (FACT,), reason)
    if site.evidence.verdict is Verdict.PROVEN:
        return replace(empty, answer=SiteClass.IN_SCOPE)
    match word:
        case "excused":
            excused = replace(danger, excused=FACT)
            return replace(empty, answer=SiteClass.EXCUSED, hazards=(excused,))
        case "hazard":
            return replace(empty, answer=SiteClass.HAZARD, hazards=(danger,))
        case "partly" if not opened:
            return replace(empty, answer=SiteClass.HAZARD, hazards=(danger,))
        case "lost":
            missing = (Missing(Place(site.path, site.line), "what (*p)() takes"),)
            return replace(empty, answer=None, missing=missing)
    return empty


def analyse(tree: KernelTree, paths: Sequence[str] = ("fs/toy",)) -> HazardReport:
    """What the comments state, and the scopes that are in the text."""
    sites: list[SiteHazards] = []
    for path in (path for under in paths for path in tree.files(under)):
        text = tree.read(path).decode("latin-1")
        for found in _SITE.finditer(text):
            sites.append(_site(path, text, found))
    proofs = ScopeProofs(
        "nofs", tuple(one.site for one in sites), (), (), (), Statistics(1, 1, 1, 0, 0), (), ()
    )
    return HazardReport(proofs, tuple(sites), (), (), (), (), {})


def place(tree: KernelTree, report: HazardReport, paths: Sequence[str] = ("fs/toy",)) -> Placement:
    """A scope for each function that calls ``lock()`` and has hazards; the rest is not placed."""
    groups: dict[tuple[str, str, int], list[SiteHazards]] = {}
    for one in report.sites:
        if one.answer is SiteClass.HAZARD:
            text = tree.read(one.site.path).decode("latin-1")
            key = (one.site.path, *function_at(text, one.site.offset))
            groups.setdefault(key, []).append(one)
    placed: list[PlacedScope] = []
    unplaced: list[Unplaced] = []
    for (path, function, start), sites in groups.items():
        text = tree.read(path).decode("latin-1")
        end = text.index("\n}", start)
        calls = {
            word: tuple(
                found.start()
                for found in re.finditer(rf"\b(?:mutex_)?{word}\(", text)
                if start < found.start() < end
            )
            for word in ("lock", "unlock")
        }
        opens, closes = calls["lock"], calls["unlock"]
        if not opens:
            unplaced += [Unplaced(one, "no natural anchor cuts the way") for one in sites]
            continue
        line = text.count("\n", 0, opens[0]) + 1
        placed.append(
            PlacedScope(
                Anchor(AnchorKind.LOCK, path, function, start, opens, closes),
                line,
                tuple(hazard for one in sites for hazard in one.hazards),
                tuple(sites),
                (Place(path, 70), Place(path, 71)),
                (Place(path, 80),),
                3,
                (Alternative(Place(path, 99), "the whole of toy_create()", 9),),
            )
        )
    other = (Restructuring(Place("fs/toy/toy.c", 5), "walk inside of an empty transaction"),)
    return Placement(tuple(placed), tuple(unplaced), other)


@dataclass(frozen=True)
class ToyEditor:
    """Writes scopes around ``lock()`` and ``unlock()``; ``bad``: functions that it refuses."""

    bad: frozenset[str] = frozenset()
    useless: bool = False  # closes at once

    def scope(self, tree: KernelTree, scope: PlacedScope) -> Placed | NotPlaced:
        anchor = scope.anchor
        text = tree.read(anchor.path).decode("latin-1")
        if anchor.function in self.bad:
            line = text.count("\n", 0, anchor.start) + 1
            return NotPlaced(anchor.path, line, "the lock is released elsewhere")
        assert _HEAD.match(text, anchor.start), "the anchor's function moved"
        body = text.index("\n{\n", anchor.start) + 3
        pieces = {body: "\tunsigned int nofs_flag;\n"}
        for offset in anchor.opens:
            assert text.startswith("lock(", offset), text[offset : offset + 9]
            at = text.index("\n", offset) + 1
            pieces[at] = pieces.get(at, "") + f"\tnofs_flag = {SAVE}();\n"
            if self.useless:
                pieces[at] += f"\t{RESTORE}(nofs_flag);\n"
        for offset in anchor.closes:
            assert text.startswith("unlock(", offset)
            at = text.rfind("\n", 0, offset) + 1
            pieces[at] = pieces.get(at, "") + f"\t{RESTORE}(nofs_flag);\n"
        edits = tuple(Edit(Span(at, at), new) for at, new in sorted(pieces.items()))
        return Placed({anchor.path: edits}, "nofs_flag", len(anchor.closes), 0, False)

    def placeholders(
        self, tree: KernelTree, place: tuple[str, str, int], calls: Sequence[int]
    ) -> Placed | NotPlaced:
        path, function, start = place
        text = tree.read(path).decode("latin-1")
        assert _HEAD.match(text, start), "the function moved"
        for offset in calls:
            assert re.match(r"k.alloc", text[offset:])
            if function in self.bad:
                line = text.count("\n", 0, offset) + 1
                return NotPlaced(path, line, "the call is in a condition")
        pieces = {text.index("\n{\n", start) + 3: "\tunsigned int nofs_flag;\n"}
        for offset in calls:
            first, last = text.rfind("\n", 0, offset) + 1, text.index("\n", offset) + 1
            pieces[first] = pieces.get(first, "") + f"\tnofs_flag = {SAVE}();\n"
            if self.useless:
                pieces[first] += f"\t{RESTORE}(nofs_flag);\n"
            pieces[last] = f"\t{RESTORE}(nofs_flag);\n"
        edits = tuple(Edit(Span(at, at), new) for at, new in sorted(pieces.items()))
        return Placed({path: edits}, "nofs_flag", 1, 0, False)


def hazard_plan(
    files: Mapping[str, str] | str,
    choice: Choice | None = None,
    editor: ToyEditor | None = None,
    analysed: Callable[[KernelTree], HazardReport] = analyse,
) -> Plan:
    """The plan of the recipe scoped for toy files, behind a conversion that had nothing to do."""
    tree = toy_tree({PATH: files} if isinstance(files, str) else files)
    report = analyse(tree)
    chosen = choice or Choice()
    recipe = "upstream" if chosen.excused else "scoped"
    ground = Ground(
        replace(empty_plan(tree), recipe=recipe), tree, report.proofs, scopes(), dialect
    )
    means = Means(analysed, editor or ToyEditor())
    return with_hazards(ground, report, place(tree, report), means, chosen)


def after(plan: Plan, path: str = PATH) -> str:
    text = plan.snapshot(len(plan.steps)).get(path)
    assert text is not None
    return text


def again(files: Mapping[str, str] | str, plan: Plan, **more: object) -> Plan:
    """A second run on what the first one left."""
    given = dict({PATH: files} if isinstance(files, str) else files)
    for path, text in plan.snapshot(len(plan.steps)).items():
        if text is not None:
            given[path] = text
    return hazard_plan(given, **more)  # type: ignore[arg-type]


__all__ = ["FACT", "LOCK", "PATH", "WORKER", "OverlayTree"]
