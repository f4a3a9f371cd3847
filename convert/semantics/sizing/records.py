"""The members of structs and unions, over all ``#if`` variants of their text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pycparser import c_ast

from convert.semantics.sizing.definitions import branch_truth
from convert.semantics.sizing.layout import NoLayout
from convert.semantics.sizing.places import Node, Where
from convert.source.conditionals import Conditionals, Group, conditionals, directives
from convert.source.edits import Span
from convert.source.nodes import nodes_of
from convert.source.text import SourceFile
from convert.source.variants import Variant


@dataclass(frozen=True, eq=False)
class Record:
    """A struct or union with members: its node in each variant that has it."""

    nodes: tuple[Node, ...]
    where: Where
    variants: tuple[Variant, ...]  # of the nodes, in the same order

    @property
    def is_union(self) -> bool:
        """Whether it is a union."""
        return isinstance(self.nodes[0], c_ast.Union)

    @property
    def span(self) -> Span:
        """From its keyword to its closing brace, all variants together."""
        spans = [v.span_of(node) for node, v in zip(self.nodes, self.variants, strict=True)]
        return Span(min(s.start for s in spans), max(s.end for s in spans))


@dataclass(frozen=True, eq=False)
class Field:
    """A member's declaration (or a macro call among the members) in each variant that has it."""

    name: str | None
    span: Span
    nodes: tuple[Node, ...]
    wheres: tuple[Where, ...]


@dataclass(frozen=True)
class Branches:
    """An ``#if`` group among the members: what each way through it holds."""

    ways: tuple[tuple[Field | Branches, ...], ...]


class RecordReader:
    """Reads the members of records; results are kept."""

    def __init__(self) -> None:
        self._groups: dict[int, tuple[SourceFile, Conditionals]] = {}
        self._aggregates: dict[int, tuple[Variant, dict[int, Node]]] = {}

    def record(self, node: Node, where: Where) -> Record:
        """The record of a struct node, joined with the same text in the other variants."""
        start = where.variant.span_of(node).start
        nodes, variants = [node], [where.variant]
        for variant in where.variants[1:]:
            other = self._aggregates_of(variant).get(start)
            if other is not None:
                nodes.append(other)
                variants.append(variant)
        return Record(tuple(nodes), where, tuple(variants))

    def _aggregates_of(self, variant: Variant) -> dict[int, Node]:
        """The structs and unions with members of a variant, by their offset."""
        if id(variant) not in self._aggregates:
            found = {
                variant.span_of(node).start: node
                for node in nodes_of(variant.root)
                if isinstance(node, (c_ast.Struct, c_ast.Union)) and node.decls is not None
            }
            self._aggregates[id(variant)] = variant, found
        return self._aggregates[id(variant)][1]

    def members(self, record: Record) -> tuple[Field | Branches, ...]:
        """The members in order, those in ``#if`` groups as `Branches`. Raises NoLayout."""
        fields = _fields(record)
        groups = self._inside(record)
        return _nested(record, fields, groups, None, record.span)

    def fields(self, record: Record) -> tuple[Field, ...]:
        """All members, whatever ``#if`` they stand under."""
        return _fields(record)

    def _inside(self, record: Record) -> Sequence[Group]:
        """The ``#if`` groups inside a record. Raises NoLayout if one crosses its braces."""
        source = record.where.source
        if id(source) not in self._groups:
            found = conditionals(directives(source), len(source.tokens))
            self._groups[id(source)] = source, found
        span = record.span
        inside: list[Group] = []
        for group in self._groups[id(source)][1].groups:
            start = source.tokens.starts[group.first]
            end = source.tokens.starts[min(group.last, len(source.tokens))]
            if end <= span.start or start >= span.end or (start < span.start and end >= span.end):
                continue
            if start < span.start or end >= span.end:
                raise NoLayout(f"{source.path}:{source.line(start)}: #if across a struct's braces")
            inside.append(group)
        return inside


def _fields(record: Record) -> tuple[Field, ...]:
    found: dict[tuple[int, str | None], list[tuple[Node, Where]]] = {}
    for node, variant in zip(record.nodes, record.variants, strict=True):
        where = record.where.of(variant)
        for member in node.decls or ():
            if isinstance(member, (c_ast.StaticAssert, c_ast.Pragma)):
                continue
            name = getattr(member, "name", None)
            key = variant.span_of(member).start, name if isinstance(name, str) else None
            found.setdefault(key, []).append((member, where))
    fields = []
    for (start, name), pairs in found.items():
        end = max(where.variant.span_of(node).end for node, where in pairs)
        nodes = tuple(node for node, _ in pairs)
        fields.append(Field(name, Span(start, end), nodes, tuple(where for _, where in pairs)))
    return tuple(sorted(fields, key=lambda item: item.span.start))


def _nested(
    record: Record,
    fields: Sequence[Field],
    groups: Sequence[Group],
    holder: tuple[Group, int] | None,
    span: Span,
) -> tuple[Field | Branches, ...]:
    """The members and groups of one level, in the order of the text."""
    source = record.where.source
    starts = source.tokens.starts
    own = [group for group in groups if _parent(group, groups) == _key(holder)]
    parts: list[tuple[int, Field | Branches]] = []
    left = [item for item in fields if item.span.start in span]
    for group in own:
        first, last = starts[group.first], starts[group.last]
        inside = [item for item in left if first <= item.span.start < last]
        if not inside:
            _check_whole(record, left, group)
            continue
        left = [item for item in left if not first <= item.span.start < last]
        parts.append((first, _branches(record, inside, groups, group)))
    for item in left:
        parts.append((item.span.start, item))
    return tuple(part for _, part in sorted(parts, key=lambda pair: pair[0]))


def _key(holder: tuple[Group, int] | None) -> tuple[int, int] | None:
    return None if holder is None else (id(holder[0]), holder[1])


def _parent(group: Group, groups: Sequence[Group]) -> tuple[int, int] | None:
    """The group and branch around a group, if that is inside the record too."""
    if group.parent is None or all(group.parent[0] is not other for other in groups):
        return None
    return id(group.parent[0]), group.parent[1]


def _branches(
    record: Record, fields: Sequence[Field], groups: Sequence[Group], group: Group
) -> Branches:
    starts = record.where.source.tokens.starts
    truths = [branch_truth(group.branches, number) for number in range(group.choices)]
    ways: list[tuple[Field | Branches, ...]] = []
    for number, truth in enumerate(truths):
        if truth is False:
            continue
        if number == len(group.branches):
            ways.append(())
            continue
        branch = group.branches[number]
        span = Span(starts[branch.first], starts[branch.next])
        for item in fields:
            if item.span.start in span and item.span.end > span.end:
                raise NoLayout(_crossing(record, item))
        ways.append(_nested(record, fields, groups, (group, number), span))
    return Branches(tuple(ways))


def _check_whole(record: Record, fields: Iterable[Field], group: Group) -> None:
    """A group without members of its own may only stand inside a nested struct, or hold nothing."""
    source = record.where.source
    start = source.tokens.starts[group.first]
    for item in fields:
        if start in item.span and not any(_has_members(node) for node in item.nodes):
            raise NoLayout(_crossing(record, item))


def _has_members(node: Node) -> bool:
    return any(
        isinstance(inner, (c_ast.Struct, c_ast.Union, c_ast.Enum)) for inner in nodes_of(node)
    )


def _crossing(record: Record, item: Field) -> str:
    source = record.where.source
    return f"{source.path}:{source.line(item.span.start)}: #if inside the declaration of a member"
