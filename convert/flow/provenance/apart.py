"""Frees that code tells apart: one pointer, freed by other functions in other branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.provenance.names import Names
from convert.flow.provenance.places import Apart
from convert.flow.terms import arguments, call_name, place_text

_JUMPS = (c_ast.Return, c_ast.Goto, c_ast.Continue, c_ast.Break)


def apart_of(
    routine: Routine, node: c_ast.Node, name: str, freed: c_ast.Node, names: Names
) -> tuple[Apart, ...]:
    """The frees of the same pointer, by other functions, that never run together with one.

    A private function is taken for a free by its name; that only keeps the checker silent.
    """
    text = place_text(freed)
    if text is None:
        return ()
    found: dict[Apart, None] = {}
    for other in _never_together(routine, node):
        for call in _calls(other):
            callee = call_name(call)
            slot = names.frees.get(callee or "")
            given = arguments(call)
            if slot is None and "free" in (callee or ""):
                slot = 0  # a private function
            if callee is None or callee == name or slot is None or slot >= len(given):
                continue
            if place_text(given[slot]) == text:
                found[Apart(callee, routine.line(call))] = None
    return tuple(found)


def _never_together(routine: Routine, node: c_ast.Node) -> Iterator[c_ast.Node]:
    """The code in other branches of the tests around a node, and behind those that leave."""
    child, parent = node, routine.variant.parent_of(node)
    while parent is not None:
        if isinstance(parent, c_ast.If) and child is not parent.cond:
            other = parent.iffalse if child is parent.iftrue else parent.iftrue
            if other is not None:
                yield other
        if isinstance(parent, c_ast.Compound):
            yield from _siblings(parent.block_items or (), child)
        child, parent = parent, routine.variant.parent_of(parent)


def _siblings(items: Sequence[c_ast.Node], child: c_ast.Node) -> Iterator[c_ast.Node]:
    """Branches before a statement that leave; what follows a test whose branch leaves."""
    at = next((i for i, item in enumerate(items) if item is child), None)
    if at is None:
        return
    for item in items[:at]:
        if isinstance(item, c_ast.If) and item.iffalse is None and _leaves(item.iftrue):
            yield item.iftrue
    if isinstance(child, c_ast.If) and child.iffalse is None and _leaves(child.iftrue):
        yield from items[at + 1 :]


def _leaves(node: c_ast.Node | None) -> bool:
    """Whether a branch ends in a jump."""
    if isinstance(node, c_ast.Compound):
        return bool(node.block_items) and _leaves(node.block_items[-1])
    return isinstance(node, _JUMPS)


def _calls(node: c_ast.Node) -> Iterator[c_ast.FuncCall]:
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, c_ast.FuncCall):
            yield inner
        waiting += [child for _, child in inner.children()]
