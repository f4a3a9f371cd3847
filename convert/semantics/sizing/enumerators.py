"""The value of an enumerator by its place among the others, over all ``#if`` variants."""

from __future__ import annotations

from dataclasses import dataclass

from pycparser import c_ast

from convert.semantics.sizing.layout import NoLayout
from convert.semantics.sizing.places import Node, Where
from convert.semantics.sizing.type_definitions import enums
from convert.source.conditionals import conditionals, directives
from convert.source.variants import Variant


@dataclass(frozen=True, eq=False)
class Position:
    """An enumerator's value: ``least`` to ``greatest`` more than ``base`` (0 if that is None)."""

    base: Node | None
    variant: Variant
    least: int
    greatest: int


def find_enumerator(where: Where, name: str) -> Position | None:
    """The position of a name in an enum; None if the enum does not have it.

    Raises NoLayout if ``#if`` makes more of a difference than the number of names before it.
    """
    entries: dict[int, tuple[Node, Variant]] = {}
    for variant in where.variants:
        for enum in enums(variant.root):
            for item in enum.values.enumerators:
                if not isinstance(item, c_ast.Enumerator):
                    raise NoLayout(f"{where.path}:{where.line(item)}: a macro makes enumerators")
                entries.setdefault(variant.span_of(item).start, (item, variant))
    ordered = sorted(entries.items())
    places = [number for number, (_, (item, _)) in enumerate(ordered) if item.name == name]
    if not places:
        return None
    if len(places) > 1:
        raise NoLayout(f"{where.path}: {name} is defined more than once")
    return _position(where, ordered, places[0])


def _position(where: Where, ordered: list[tuple[int, tuple[Node, Variant]]], at: int) -> Position:
    """Count back to the last name with a value of its own."""
    optional = _conditional(where)
    _, variant = ordered[at][1]
    least = greatest = 0
    while True:
        offset, (item, variant) = ordered[at]
        if item.value is not None:
            if greatest and _within(offset, optional):
                raise NoLayout(f"{where.path}: the value of {item.name} stands under #if")
            return Position(item.value, variant, least, greatest)
        if at == 0:
            return Position(None, variant, least, greatest)
        at -= 1
        before = ordered[at][0]
        greatest += 1
        least += not _within(before, optional)


def _conditional(where: Where) -> list[tuple[int, int]]:
    """The text under ``#if``."""
    source = where.source
    starts = source.tokens.starts
    found = conditionals(directives(source), len(source.tokens))
    return [(starts[group.first], starts[group.last]) for group in found.groups]


def _within(offset: int, ranges: list[tuple[int, int]]) -> bool:
    return any(first <= offset < last for first, last in ranges)
