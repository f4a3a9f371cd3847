"""From hazards to the smallest set of scopes at natural anchors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from convert.flow.graph.model import Place
from convert.flow.hazards.model import Danger, Hazard, HazardReport, SiteClass, SiteHazards
from convert.flow.placement.candidates import (
    Candidate,
    CandidateFinder,
    Weights,
    weigh,
)
from convert.flow.placement.cut import Chosen, Cutter
from convert.flow.placement.graph import Graph, Step, danger_key, read_graph
from convert.flow.placement.model import (
    Alternative,
    PlacedScope,
    Placement,
    Unplaced,
)
from convert.flow.placement.paths import HazardPaths, Sink, SinkKind
from convert.flow.placement.restructure import restructurings
from convert.flow.placement.sections import crossings
from convert.flow.placement.ways import SiteName, Way, Ways
from convert.flow.placement.witness import hold_through
from convert.flow.placement.wording import anchor_text, uncut_reason, unseen_reason
from convert.source.collection import without_collections

ALTERNATIVES = 3
NOT_EXACT = "the search for the cheapest scopes was cut short: they cut all ways, at a higher cost"


def place_scopes(
    report: HazardReport, paths: HazardPaths, weights: Weights | None = None
) -> Placement:
    """Place scopes for all sites of class (c), such that no hazardous way to them is left.

    A site with a way that no natural anchor cuts gets no scope and stands in ``unplaced``; sites
    without an answer are in neither list, the report says what is missing. A site that several
    scopes make needless together stands in each of them.
    """
    with without_collections():  # one search through all trees takes a second
        return _placed(report, read_graph(paths), weights or Weights())


def _placed(report: HazardReport, graph: Graph, weights: Weights) -> Placement:
    sites = {
        (one.site.path, one.site.offset): one
        for one in report.sites
        if one.answer is SiteClass.HAZARD
    }
    found = [_Placing(graph, sites, weights).placement(report.sites)]
    if any(section.handle for section in graph.sections):
        found.append(_Placing(graph, sites, weights, handles=False).placement(report.sites))
    return min(found, key=lambda one: _price(one, weights))


def _price(placement: Placement, weights: Weights) -> int:
    """What the scopes cost, and the sites for which there is none."""
    cost = sum(scope.cost for scope in placement.scopes)
    return cost + len(placement.unplaced) * weights.refused


@dataclass(frozen=True, eq=False)
class _Placing:
    graph: Graph
    sites: dict[SiteName, SiteHazards]
    weights: Weights
    handles: bool = True

    def placement(self, every: Sequence[SiteHazards]) -> Placement:
        needs = {name: _dangers(site) for name, site in self.sites.items()}
        all_ways = Ways(self.graph, needs)
        candidates = CandidateFinder(all_ways, self.weights, self.handles).candidates()
        weighed = weigh(candidates, self.weights)
        refused = self.refused(Cutter(all_ways, candidates, weighed))
        ways = Ways(self.graph, {name: one for name, one in needs.items() if name not in refused})
        cutter = Cutter(ways, candidates, weighed)
        hitting = cutter.cut()
        assert hitting is not None, "each way that is left has a candidate"
        scopes = tuple(
            self.scope(cutter, hitting.chosen, number) for number in sorted(hitting.chosen)
        )
        notes = () if hitting.exact else (NOT_EXACT,)
        return Placement(
            scopes=scopes,
            notes=notes,
            unplaced=tuple(Unplaced(self.sites[name], refused[name]) for name in sorted(refused)),
            restructurings=restructurings(self.graph, every),
        )

    # -- what no anchor cuts -------------------------------------------------------------------

    def refused(self, cutter: Cutter) -> dict[SiteName, str]:
        """Sites with a way that no candidate cuts, or a hazard that no way shows; the reasons."""
        reasons: dict[SiteName, str] = {}
        crossed = crossings(cutter.ways, self.handles)
        shortest: dict[SiteName, Way] = {}
        for way in cutter.uncut(range(len(cutter.candidates))):
            shortest.setdefault(way.site, way)  # they come by their length
        for name, way in shortest.items():
            reasons[name] = uncut_reason(cutter.ways, way, self.sites[name], crossed)
        seen: dict[SiteName, set[Danger]] = {}
        for step in self.graph.all_steps():
            if step.sink is not None:
                name = (step.sink.path, step.sink.offset)
                seen.setdefault(name, set()).update(cutter.ways.hazards(step))
        for name, site in self.sites.items():
            unseen = _dangers(site) - seen.get(name, set())
            if unseen or not _dangers(site):
                reasons.setdefault(name, unseen_reason(site, unseen))
        return reasons

    # -- what is placed ------------------------------------------------------------------------

    def scope(self, cutter: Cutter, chosen: Chosen, number: int) -> PlacedScope:
        candidate = cutter.candidates[number]
        sites = self.sites_below(cutter.ways, candidate)
        return PlacedScope(
            anchor=candidate.anchor,
            line=candidate.line,
            hazards=tuple(_witnesses(cutter.ways, candidate, sites)),
            sites=sites,
            plain=_places(self.graph.sinks_of(candidate.exposed, SinkKind.PLAIN)),
            readers=_places(self.graph.sinks_of(candidate.exposed, SinkKind.READER)),
            cost=candidate.cost,
            alternatives=tuple(_alternatives(cutter, chosen, number)),
        )

    def sites_below(self, ways: Ways, candidate: Candidate) -> tuple[SiteHazards, ...]:
        """The sites to which hazardous ways lead through an anchor, in the order of the text."""
        found = 0
        for step in _steps(self.graph, candidate):
            found |= ways.sites_ahead(step)
        return tuple(self.sites[name] for name in ways.sites(found))


def _dangers(site: SiteHazards) -> frozenset[Danger]:
    return frozenset(one.danger for one in site.hazards if one.excused is None)


def _steps(graph: Graph, candidate: Candidate) -> Iterator[Step]:
    for section in sorted(candidate.sections):
        yield from graph.within[section]
    if candidate.whole is not None:
        for node in graph.functions[candidate.whole]:
            yield from graph.steps[node]


def _places(sinks: Iterable[Sink]) -> tuple[Place, ...]:
    found = {Place(sink.path, sink.line) for sink in sinks}
    return tuple(sorted(found, key=lambda place: (place.path, place.line)))


def _witnesses(ways: Ways, candidate: Candidate, sites: Sequence[SiteHazards]) -> Iterator[Hazard]:
    """One hazard for each danger, with the shortest chain; the anchor's own dangers first.

    A danger that is not the anchor's own counts if a witness leads through the anchor's function.
    """
    own = set(ways.dangers(candidate.dangers))
    found: dict[Danger, list[Hazard]] = {}
    for hazard in (one for site in sites for one in site.hazards if one.excused is None):
        through = _leads_through(hazard, candidate)
        if through or hazard.danger in own:
            found.setdefault(hazard.danger, []).append(hazard)
    for danger in sorted(found, key=lambda one: (one not in own, danger_key(one))):
        best = min(found[danger], key=lambda one: _witness_key(one, candidate))
        if danger in own and not _leads_through(best, candidate):
            hold = hold_through(ways, sorted(candidate.sections), danger)
            best = best if hold is None else replace(best, hold=hold)
        yield best


def _leads_through(hazard: Hazard, candidate: Candidate) -> bool:
    return any(
        frame.function == candidate.anchor.function and frame.place.path == candidate.anchor.path
        for frame in hazard.hold.chain.frames
    )


def _witness_key(hazard: Hazard, candidate: Candidate) -> tuple[bool, int, str, int]:
    frames = hazard.hold.chain.frames
    last = frames[-1].place
    return not _leads_through(hazard, candidate), len(frames), last.path, last.line


def _alternatives(cutter: Cutter, chosen: Chosen, number: int) -> Iterator[Alternative]:
    """The next best places for one scope while the others stay, cheapest first."""
    others = chosen - {number}
    never = frozenset({number})
    found: list[Alternative] = []
    while len(found) < ALTERNATIVES:
        hitting = cutter.cut(given=others, never=never)
        if hitting is None or not hitting.chosen:
            break
        members = [cutter.candidates[one] for one in sorted(hitting.chosen)]
        first = members[0]
        found.append(
            Alternative(
                place=Place(first.anchor.path, first.line),
                text="; and ".join(
                    anchor_text(one.anchor, cutter.ways.dangers(one.dangers)) for one in members
                ),
                cost=sum(one.cost for one in members),
            )
        )
        never = never | hitting.chosen
    yield from sorted(found, key=lambda one: (one.cost, one.place.path, one.place.line, one.text))
