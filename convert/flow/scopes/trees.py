"""Trees of callers, made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from convert.flow.scopes.results import CallerNode
from convert.flow.scopes.sites import FoundSite
from convert.flow.scopes.verdicts import Judge


class LazyTrees(Mapping[tuple[str, int], CallerNode]):
    """The tree of callers of each site, by path and offset."""

    def __init__(self, judge: Judge, sites: Mapping[tuple[str, int], FoundSite]) -> None:
        self._judge = judge
        self._sites = sites
        self._made: dict[tuple[str, int], CallerNode | None] = {}

    def __getitem__(self, place: tuple[str, int]) -> CallerNode:
        if place not in self._made:
            self._made[place] = self._judge.tree(self._sites[place])
        found = self._made[place]
        if found is None:
            raise KeyError(place)
        return found

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self._sites)

    def __len__(self) -> int:
        return len(self._sites)
