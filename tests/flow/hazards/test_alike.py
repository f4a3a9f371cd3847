"""Nodes that lead to the same: no way is lost or made when one stands for several."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.flow.hazards.alike import alike

Calls = Mapping[int, list[tuple[str, int]]]


@pytest.mark.parametrize(
    ("calls", "own", "classes"),
    [
        pytest.param({1: [], 2: []}, {1: "a", 2: "a"}, {1: 1, 2: 1}, id="two ends"),
        pytest.param({1: [], 2: []}, {1: "a", 2: "b"}, {1: 1, 2: 2}, id="other work"),
        pytest.param(
            {1: [("x", 3)], 2: [("x", 4)], 3: [], 4: []},
            {1: "f", 2: "f", 3: "g", 4: "g"},
            {1: 1, 2: 1, 3: 3, 4: 3},
            id="the same further on",
        ),
        pytest.param(
            {1: [("x", 3)], 2: [("y", 4)], 3: [], 4: []},
            {1: "f", 2: "f", 3: "g", 4: "g"},
            {1: 1, 2: 2, 3: 3, 4: 3},
            id="another call",
        ),
        pytest.param(
            {1: [("x", 2)], 2: [("x", 1)]}, {1: "f", 2: "f"}, {1: 1, 2: 1}, id="a recursion"
        ),
        pytest.param(
            {1: [("x", 2)], 2: [("x", 1), ("x", 3)], 3: []},
            {1: "f", 2: "f", 3: "g"},
            {1: 1, 2: 2, 3: 3},
            id="a recursion with a way out",
        ),
    ],
)
def test_alike(calls: Calls, own: Mapping[int, str], classes: Mapping[int, int]) -> None:
    assert alike(sorted(calls), own.__getitem__, calls) == classes


graphs = st.integers(1, 6).flatmap(
    lambda size: st.tuples(
        st.fixed_dictionaries(
            {
                node: st.lists(
                    st.tuples(st.sampled_from("xy"), st.integers(0, size - 1)), max_size=3
                )
                for node in range(size)
            }
        ),
        st.fixed_dictionaries({node: st.sampled_from("fg") for node in range(size)}),
    )
)


def words(start: int, calls: Calls, own: Mapping[int, str]) -> set[tuple[str, ...]]:
    """All ways from a node, of at most seven calls."""
    ways: set[tuple[tuple[str, ...], int]] = {((own[start],), start)}
    found = {way for way, _ in ways}
    for _ in range(7):
        ways = {
            ((*way, label, own[target]), target)
            for way, node in ways
            for label, target in calls[node]
        }
        found |= {way for way, _ in ways}
    return found


@given(graphs)
def test_the_ways_stay_the_same(graph: tuple[Calls, Mapping[int, str]]) -> None:
    calls, own = graph
    stands = alike(sorted(calls), own.__getitem__, calls)
    less = {
        node: [(label, stands[target]) for label, target in calls[node]]
        for node in set(stands.values())
    }
    for node in calls:
        assert words(stands[node], less, own) == words(node, calls, own)
