"""The callers of one site as an indented tree of text."""

from __future__ import annotations

from collections.abc import Iterator

from convert.flow.scopes.results import CallerNode
from convert.rules.scoped.words import call_words

_MOST_LINES = 200


def caller_lines(top: CallerNode, most: int = _MOST_LINES) -> Iterator[str]:
    """One line a function, callers below what they call, indented by their depth.

    ``+`` marks a function in which the scope is open where it leads on, ``-`` one in which it is
    not. Raises nothing: of a large tree only the first ``most`` lines are given, and it is said.
    """
    rows = list(_rows(top, 0))
    for depth, node in rows[:most]:
        yield f"{'  ' * depth}{node_words(node)}"
    if len(rows) > most:
        yield f"... and {len(rows) - most} more"


def node_words(node: CallerNode) -> str:
    """One function of the tree: whether the scope is open, where it opens, why it is a root."""
    words = f"{'+' if node.open else '-'} {node.function}@{node.place.line}"
    if node.opened_at is not None:
        words += f", opened here by {call_words(node.opened_at.text)} at {node.opened_at.place}"
    if node.root is not None:
        detail = f" ({node.root.detail})" if node.root.detail else ""
        words += f", root: {node.root.kind.value}{detail} at {node.root.place}"
    if node.repeated:
        words += ", its callers stand elsewhere in this tree"
    return words


def _rows(node: CallerNode, depth: int) -> Iterator[tuple[int, CallerNode]]:
    stack = [(depth, node)]
    while stack:
        level, one = stack.pop()
        yield level, one
        stack += [(level + 1, caller) for caller in reversed(one.callers)]
