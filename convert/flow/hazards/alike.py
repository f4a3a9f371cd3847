"""Which nodes of a graph lead to the same: one stands for all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

_N = TypeVar("_N", bound=Hashable)


def alike(
    nodes: Sequence[_N],
    own: Callable[[_N], Hashable],
    calls: Mapping[_N, Iterable[tuple[Hashable, _N]]],
) -> Mapping[_N, _N]:
    """For each node the first one that has the same ``own`` and whose calls lead to the same.

    calls: what tells a call from others, and the node to which it leads.

    The coarsest bisimulation: classes are split until the calls of all members of a class lead to
    the same classes (Kanellakis and Smolka: "CCS expressions, finite state processes, and three
    problems of equivalence", Information and Computation 86, 1990).
    """
    classes = _numbered(nodes, own)
    count = len(set(classes.values()))
    while True:
        split = _numbered(
            nodes,
            lambda node, known=classes: (  # type: ignore[misc]
                known[node],
                frozenset((label, known[target]) for label, target in calls[node]),
            ),
        )
        found = len(set(split.values()))
        if found == count:
            break
        classes, count = split, found
    first: dict[int, _N] = {}
    return {node: first.setdefault(classes[node], node) for node in nodes}


def _numbered(nodes: Iterable[_N], key: Callable[[_N], Hashable]) -> dict[_N, int]:
    """Equal numbers for nodes with equal keys."""
    numbers: dict[Hashable, int] = {}
    return {node: numbers.setdefault(key(node), len(numbers)) for node in nodes}
