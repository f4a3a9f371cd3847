"""Random programs: all ways are cut, at the cost of the best of all sets of anchors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from convert.flow.hazards.model import Danger
from convert.flow.placement.candidates import Candidate, CandidateFinder, Weights
from convert.flow.placement.graph import read_graph
from convert.flow.placement.model import Anchor, AnchorKind, PlacedScope, Placement
from convert.flow.placement.paths import Call, Node, Sink, SinkKind
from convert.flow.placement.place import place_scopes
from convert.flow.placement.sections import anchor_of
from convert.flow.placement.ways import Ways
from tests.flow.placement.programs import Toy

NAMES = ("a", "b", "c", "d", "e", "f")
Way = tuple[tuple[Node, Call], ...]


@st.composite
def bodies(draw: st.DrawFn, callees: tuple[str, ...], name: str) -> str:
    """A body that calls functions behind its own, with sections that may be left open."""
    words: list[str] = []
    for place in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["call", "call", "call", "site", "plain"]))
        if kind == "call" and callees:
            words.append(draw(st.sampled_from(callees)))
        else:
            words.append(f"{'%' if kind == 'plain' else '$'}{name}{place}")
    for lock in draw(st.lists(st.sampled_from("LLMN"), max_size=2)):
        opens = draw(st.integers(0, len(words) - 1))
        words.insert(opens, f"{lock}+")
        words.insert(draw(st.integers(opens + 2, len(words))), f"{lock}-")
    match draw(st.sampled_from([*[""] * 8, "keep", "free", "scope", "handle"])):
        case "keep":
            words.insert(draw(st.integers(0, len(words))), "N+")
        case "free":
            words.append("N-")
        case "scope":
            words = ["(", *words, ")"]
        case "handle":
            words = [*words[:1], "start", *words[1:], "stop"]
    return " ".join(words)


@st.composite
def programs(draw: st.DrawFn) -> Toy:
    """Up to six functions without recursion."""
    names = NAMES[: draw(st.integers(2, len(NAMES)))]
    texts = {name: draw(bodies(names[index + 1 :], name)) for index, name in enumerate(names)}
    workers = draw(st.lists(st.sampled_from(names[:2]), max_size=1))
    given = draw(st.dictionaries(st.sampled_from(names[:2]), st.just("N"), max_size=1))
    ways_out = draw(st.dictionaries(st.sampled_from(names), st.integers(1, 3)))
    handle = {"start": "H+", "stop": "H-"}
    return Toy(
        {**texts, **handle},
        workers=workers,
        given=given,
        ways_out=ways_out,
        handles={"H": ("start", "stop")},
    )


def hazardous_ways(toy: Toy) -> Iterator[Way]:
    """All ways to a site under a danger, one by one."""
    waiting: list[tuple[Node, Way]] = [(start.node, ()) for start in toy.starts()]
    while waiting:
        node, before = waiting.pop()
        for call in toy.calls(node):
            way = (*before, (node, call))
            if isinstance(call.target, Node):
                waiting.append((call.target, way))
            elif call.target.kind is SinkKind.SITE and call.held and not call.open:
                yield way


def end(way: Way) -> Sink:
    target = way[-1][1].target
    assert isinstance(target, Sink)
    return target


def cuts(anchor: Anchor, way: Way) -> bool:
    """Whether a scope at an anchor is open at the end of a way."""
    if anchor.kind in (AnchorKind.LOCK, AnchorKind.HANDLE):
        return any(anchor_of(one) == anchor for _, call in way for one in call.inside)
    return any(node.function.name == anchor.function for node, _ in way)


def weight(candidate: Candidate, weights: Weights) -> int:
    phase = candidate.anchor.kind is AnchorKind.PHASE
    return candidate.cost + (weights.phase if phase else 0)


def answer(toy: Toy, weights: Weights) -> tuple[Placement, list[list[Candidate]]]:
    """What is placed, and the candidates that it was chosen from: handles first, or locks."""
    report = toy.report()
    needs: dict[tuple[str, int], frozenset[Danger]] = {
        (one.site.path, one.site.offset): frozenset(hazard.danger for hazard in one.hazards)
        for one in report.sites
    }
    ways = Ways(read_graph(toy), needs)
    finders = (CandidateFinder(ways, weights, handles) for handles in (True, False))
    return place_scopes(report, toy, weights), [list(one.candidates()) for one in finders]


def uncut(toy: Toy, candidates: list[Candidate]) -> set[int]:
    """The sites with a hazardous way that no candidate cuts."""
    return {
        end(way).offset
        for way in hazardous_ways(toy)
        if not any(cuts(one.anchor, way) for one in candidates)
    }


def cheapest(toy: Toy, candidates: list[Candidate], weights: Weights) -> int:
    """The least price for all sites that can be had, found by trying all sets."""
    refused = uncut(toy, candidates)
    ways = [way for way in hazardous_ways(toy) if end(way).offset not in refused]
    return min(
        sum(weight(one, weights) for one in some)
        for size in range(len(candidates) + 1)
        for some in combinations(candidates, size)
        if all(any(cuts(one.anchor, way) for one in some) for way in ways)
    )


@settings(max_examples=400, deadline=None)
@given(programs(), st.sampled_from([Weights(), Weights(phase=0), Weights(plain=3, way_out=2)]))
def test_cheapest(toy: Toy, weights: Weights) -> None:
    placement, both = answer(toy, weights)
    refused = {one.site.site.offset for one in placement.unplaced}
    anchors = [scope.anchor for scope in placement.scopes]
    for way in hazardous_ways(toy):
        assert end(way).offset in refused or any(cuts(anchor, way) for anchor in anchors)
    fitting = []
    for candidates in both:
        chosen = [one for one in candidates if one.anchor in anchors]
        if len(chosen) == len(anchors) and uncut(toy, candidates) == refused:
            fitting.append((sum(weight(one, weights) for one in chosen), candidates))
    assert any(price == cheapest(toy, candidates, weights) for price, candidates in fitting)


@settings(max_examples=200, deadline=None)
@given(programs())
def test_refused_only_if_nothing_cuts(toy: Toy) -> None:
    """Of handles and locks that cross, those have scopes that leave fewer sites without one."""
    placement, both = answer(toy, Weights(plain=0, way_out=0, phase=0))
    refused = [uncut(toy, candidates) for candidates in both]
    found = {one.site.site.offset for one in placement.unplaced}
    assert found in refused
    assert len(found) == min(map(len, refused))


@settings(max_examples=200, deadline=None)
@given(programs(), st.integers(0, 10**6))
def test_order_of_the_input_changes_nothing(toy: Toy, seed: int) -> None:
    other = Toy(
        toy.bodies, toy.workers, toy.given, toy.ways_out, toy.unfit, toy.handles, shuffle=seed
    )
    one, two = place_scopes(toy.report(), toy), place_scopes(other.report(), other)
    assert one == two
    assert repr(one) == repr(two)


@settings(max_examples=200, deadline=None)
@given(programs())
def test_scopes_close_in_turn(toy: Toy) -> None:
    """Two scopes of one function are apart: neither is open where the other one is."""
    placement = place_scopes(toy.report(), toy)
    for one, other in combinations(placement.scopes, 2):
        if one.anchor.function == other.anchor.function:
            assert not shared(toy, one, other)


def shared(toy: Toy, one: PlacedScope, other: PlacedScope) -> bool:
    """Whether both scopes are open at some call on a hazardous way."""
    return any(
        cuts(one.anchor, (step,)) and cuts(other.anchor, (step,))
        for way in hazardous_ways(toy)
        for step in way
    )
