"""The cheapest set that meets each of some sets: exact, by branch and bound.

Weights are tuples that are added element by element and compared from the left, so that ties are
broken by their later elements. The last element should differ in a power of two for each candidate:
then exactly one set is best, whatever order the input comes in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Weight = tuple[int, ...]
STEPS = 50_000  # of the search, for each independent part, before it keeps what it has


@dataclass(frozen=True)
class Hitting:
    """Candidates that together meet all sets. exact: nothing cheaper does."""

    chosen: frozenset[int]
    exact: bool = True


def cheapest_hitting(sets: Iterable[frozenset[int]], weights: Sequence[Weight]) -> Hitting:
    """The cheapest candidates (indexes of ``weights``) such that each set has one of them.

    All weights are positive (their first element that is not 0 is above 0). Raises ValueError for
    an empty set: nothing meets it.
    """
    chosen: set[int] = set()
    exact = True
    for part in _parts(set(sets)):
        for smaller in _parts(_reduced(part, weights)):
            one = _Search(weights, smaller).solve()
            chosen |= one.chosen
            exact = exact and one.exact
    return Hitting(frozenset(chosen), exact)


def _parts(sets: Iterable[frozenset[int]]) -> list[list[frozenset[int]]]:
    """Groups of sets that share no candidate with each other."""
    groups: list[tuple[set[int], list[frozenset[int]]]] = []
    for one in sorted(sets, key=sorted):
        if not one:
            raise ValueError("nothing meets an empty set")
        members, inside, apart = set(one), [one], []
        for others, more in groups:
            if others.isdisjoint(one):
                apart.append((others, more))
            else:
                members |= others
                inside = more + inside
        groups = [*apart, (members, inside)]
    return [inside for _, inside in groups]


def _reduced(sets: list[frozenset[int]], weights: Sequence[Weight]) -> list[frozenset[int]]:
    """Without sets that contain another, nor candidates that another one outdoes."""
    while True:
        smaller = _smallest(sets)
        met: dict[int, set[int]] = {}
        for number, inside in enumerate(smaller):
            for one in inside:
                met.setdefault(one, set()).add(number)
        outdone = {
            one
            for one in met
            if any(
                other != one
                and met[one] <= met[other]
                and all(a >= b for a, b in zip(weights[one], weights[other], strict=True))
                for other in met
            )
        }
        if not outdone:
            return smaller
        sets = [inside - outdone for inside in smaller]


@dataclass
class _Search:
    weights: Sequence[Weight]
    sets: list[frozenset[int]]
    steps: int = 0
    best: frozenset[int] = frozenset()
    price: Weight = ()

    def solve(self) -> Hitting:
        self.best = self.greedy()
        self.price = self.total(self.best)
        self.branch(self.sets, (), frozenset())
        return Hitting(self.best, self.steps <= STEPS)

    def total(self, chosen: Iterable[int]) -> Weight:
        return _sum([self.weights[one] for one in chosen], len(self.weights[0]))

    def greedy(self) -> frozenset[int]:
        """Some candidates that meet all, without one that the others make needless."""
        chosen: list[int] = []
        left = self.sets
        while left:
            count: dict[int, int] = {}
            for inside in left:
                for one in inside:
                    count[one] = count.get(one, 0) + 1
            best = min(count, key=lambda one: (self.weights[one][0] / count[one], one))
            chosen.append(best)
            left = [inside for inside in left if best not in inside]
        for one in sorted(chosen, key=lambda one: self.weights[one], reverse=True):
            rest = set(chosen) - {one}
            if all(inside & rest for inside in self.sets):
                chosen.remove(one)
        return frozenset(chosen)

    def branch(
        self, left: list[frozenset[int]], chosen: tuple[int, ...], never: frozenset[int]
    ) -> None:
        self.steps += 1
        if self.steps > STEPS:
            return
        spent = self.total(chosen)
        if not left:
            if spent < self.price:
                self.best, self.price = frozenset(chosen), spent
            return
        bound = self.bound(left, never)
        if bound is None or _sum([spent, bound], len(spent)) >= self.price:
            return
        narrow = min(left, key=lambda inside: (len(inside - never), sorted(inside)))
        for one in sorted(narrow - never, key=lambda one: self.weights[one]):
            rest = [inside for inside in left if one not in inside]
            self.branch(rest, (*chosen, one), never)
            never = never | {one}

    def bound(self, left: list[frozenset[int]], never: frozenset[int]) -> Weight | None:
        """What is spent at least: on sets that share no candidate. None if one has none left."""
        used: set[int] = set()
        prices: list[Weight] = []
        for inside in sorted(
            (inside - never for inside in left), key=lambda one: (len(one), sorted(one))
        ):
            if not inside:
                return None
            if not inside & used:
                used |= inside
                prices.append(min(self.weights[one] for one in inside))
        return _sum(prices, len(self.weights[0]))


def _smallest(sets: list[frozenset[int]]) -> list[frozenset[int]]:
    kept: list[frozenset[int]] = []
    for one in sorted(set(sets), key=lambda one: (len(one), sorted(one))):
        if not any(other <= one for other in kept):
            kept.append(one)
    return kept


def _sum(weights: Sequence[Weight], size: int) -> Weight:
    return tuple(sum(weight[place] for weight in weights) for place in range(size))
