"""The cheapest set that meets each of some sets."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.flow.placement import hitting
from convert.flow.placement.hitting import Weight, cheapest_hitting


def weights(*costs: int) -> list[Weight]:
    return [(cost, 1, 1 << number) for number, cost in enumerate(costs)]


@pytest.mark.parametrize(
    ("sets", "costs", "expected"),
    [
        pytest.param([], (1,), set(), id="nothing to meet"),
        pytest.param([{0}], (5,), {0}, id="no choice"),
        pytest.param([{0, 1}], (2, 1), {1}, id="the cheaper"),
        pytest.param([{0, 1}], (1, 1), {0}, id="the first of two that cost the same"),
        pytest.param([{0, 2}, {1, 2}], (1, 1, 2), {2}, id="one rather than two at the same cost"),
        pytest.param([{0, 2}, {1, 2}], (1, 1, 3), {0, 1}, id="two cheaper than one"),
        pytest.param([{0, 1}, {1, 2}, {0, 2}], (1, 1, 1), {0, 1}, id="a triangle"),
        pytest.param([{0}, {1}, {0, 1}], (1, 1), {0, 1}, id="a set that contains another"),
    ],
)
def test_cheapest(sets: list[set[int]], costs: tuple[int, ...], expected: set[int]) -> None:
    found = cheapest_hitting([frozenset(one) for one in sets], weights(*costs))
    assert found.chosen == expected
    assert found.exact


def test_empty_set() -> None:
    with pytest.raises(ValueError, match="empty"):
        cheapest_hitting([frozenset()], weights(1))


def test_search_that_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many steps: what is found meets all sets, and says that it may not be the cheapest."""
    monkeypatch.setattr(hitting, "STEPS", 1)
    sets = [frozenset(one) for one in combinations(range(6), 2)]
    found = cheapest_hitting(sets, weights(1, 1, 1, 1, 1, 1))
    assert not found.exact
    assert all(found.chosen & one for one in sets)


@given(
    st.lists(st.frozensets(st.integers(0, 8), min_size=1, max_size=5), max_size=12),
    st.lists(st.integers(1, 6), min_size=9, max_size=9),
)
def test_best_of_all(sets: list[frozenset[int]], costs: list[int]) -> None:
    priced = weights(*costs)
    found = cheapest_hitting(sets, priced)
    all_that_meet = [
        some
        for size in range(10)
        for some in map(frozenset, combinations(range(9), size))
        if all(some & one for one in sets)
    ]
    assert found.exact
    assert found.chosen == min(
        all_that_meet,
        key=lambda some: (
            [sum(part) for part in zip(*(priced[n] for n in some), strict=True)] or [0]
        ),
    )
