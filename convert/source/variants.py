"""What a parsed item offers: calls, statements and declarators of each variant, by exact spans."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from pycparser import c_ast

from convert.source.edits import Span
from convert.source.grammar import CallRecord, DeclaratorRecord, StatementRecord
from convert.source.tokens import Kind, lex_body

Node = Any  # pycparser ships no types


@dataclass(frozen=True)
class Slot:
    """The place of one argument: exact, without white space around it, with its parentheses.

    ``node`` is None for an argument that is no expression: a type, statements, nothing, or opaque.
    """

    span: Span
    node: Node | None


@dataclass(frozen=True)
class Call:
    """A call or macro invocation. ``open`` and ``close`` are the offsets of its parentheses.

    ``callee`` is None when it is no plain identifier.
    """

    node: Node
    callee: str | None
    span: Span
    callee_span: Span
    open: int
    close: int
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class Statement:
    """A statement; ``span`` ends after its ``;`` or ``}``.

    ``kind`` is the name of the node's class, "Expression", or "Decl" (the node is the first Decl).
    """

    span: Span
    kind: str
    node: Node


@dataclass(frozen=True)
class Declarator:
    """One declared name of a declaration, a parameter, or a member.

    ``specifiers`` (storage, qualifiers, type) is shared by all declarators of a declaration;
    ``span`` has the stars, arrays and parameters, not the initialiser.
    """

    node: Node
    name: str
    name_span: Span
    specifiers: Span
    span: Span
    init: Span | None
    is_parameter: bool


@dataclass(frozen=True)
class Disagreement:
    """Variants that do not agree about a call; ``reason`` is one line."""

    reason: str


class Variant:
    """One item under one consistent truth assignment of its ``#if`` conditions.

    ``root`` is a pycparser tree (with the nodes of `convert.source.nodes`): FuncDef, Decl, Typedef,
    DeclList, FuncCall, or for a macro whatever its body is. Where it differs from pycparser's own:
    a macro as a function's head (``SYSCALL_DEFINE1(…) {``) is a FuncDef whose ``decl`` is a
    FuncCall; GNU ``a ?: b`` is a TernaryOp without ``iftrue``; ``({…})`` is a Compound among
    expressions.

    ``starts`` and ``ends`` are the offsets of the variant's tokens; nodes refer to them by index.
    """

    __slots__ = (
        "__dict__", "_calls", "_declarators", "_ends", "_starts", "_statements", "_text",
        "conditions", "root",
    )  # fmt: skip

    def __init__(
        self,
        conditions: tuple[tuple[str, bool], ...],
        root: Node,
        text: str,
        starts: array[int],
        ends: array[int],
        records: tuple[Sequence[CallRecord], Sequence[StatementRecord], Sequence[DeclaratorRecord]],
    ) -> None:
        self.conditions = conditions
        self.root = root
        self._text = text
        self._starts = starts
        self._ends = ends
        self._calls, self._statements, self._declarators = records

    def _span(self, extent: tuple[int, int]) -> Span:
        first, following = extent
        if first >= following:  # nothing: an omitted name or argument
            at = self._starts[first] if first < len(self._starts) else self._ends[-1]
            return Span(at, at)
        return Span(self._starts[first], self._ends[following - 1])

    def _slot_span(self, first: int, following: int) -> Span:
        """A slot's bytes, with the annotations at its edges that the token list lacks."""
        span = self._span((first, following))
        before = Span(self._ends[first - 1], span.start)
        after = Span(span.end, self._starts[following])
        start = span.start - len(_code(before.of(self._text)))
        return Span(start, span.end + len(_code(after.of(self._text), True)))

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """All calls, by their start; an outer call before those in its arguments."""
        found = [
            Call(
                record.node,
                _plain_name(record),
                self._span(record.extent),
                self._span(record.callee),
                self._starts[record.open],
                self._starts[record.close],
                tuple(
                    Slot(self._slot_span(first, following), node)
                    for first, following, node in record.slots
                ),
            )
            for record in self._calls
        ]
        return tuple(sorted(found, key=lambda call: (call.span.start, -call.span.end)))

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """All statements, by their start; an outer statement before those in it."""
        found = [
            Statement(self._span(record.extent), record.kind, record.node)
            for record in self._statements
        ]
        return tuple(sorted(found, key=lambda item: (item.span.start, -item.span.end)))

    @cached_property
    def declarators(self) -> tuple[Declarator, ...]:
        """All declared names, in order: of the item itself, parameters, variables, members."""
        found = [
            Declarator(
                record.node,
                record.node.name,
                self._span((record.name, record.name + 1)),
                self._span(record.specifiers),
                self._span(record.extent),
                None if record.init is None else self._span(record.init),
                record.is_parameter,
            )
            for record in self._declarators
        ]
        return tuple(sorted(found, key=lambda item: item.name_span.start))

    def span_of(self, node: Node) -> Span:
        """The bytes of a node of this variant's tree.

        An expression's parentheses are not part of it; a parenthesised argument's slot has them.
        Raises KeyError for a node without a place in the text.
        """
        if not isinstance(node.coord, tuple):
            raise KeyError(f"{type(node).__name__} has no place in the text")
        return self._span(node.coord)

    @cached_property
    def _parents(self) -> dict[int, Node]:
        parents: dict[int, Node] = {}
        open_nodes = [self.root]
        while open_nodes:
            node = open_nodes.pop()
            for _, child in node.children():
                if id(child) not in parents:
                    parents[id(child)] = node
                    open_nodes.append(child)
        return parents

    def parent_of(self, node: Node) -> Node | None:
        """The node that holds a node; None for the root (and for nodes of another tree)."""
        return self._parents.get(id(node))

    @cached_property
    def identifiers(self) -> Mapping[int, Node]:
        """The uses of names, by the offset of the name: ID nodes, members, designators."""
        found: dict[int, Node] = {}
        open_nodes = [self.root]
        while open_nodes:
            node = open_nodes.pop()
            if type(node) is c_ast.ID:
                found[self._starts[node.coord[0]]] = node
            open_nodes += [child for _, child in node.children()]
        return MappingProxyType(dict(sorted(found.items())))

    @cached_property
    def _statement_starts(self) -> list[int]:
        return [statement.span.start for statement in self.statements]

    def statement_at(self, offset: int) -> Statement | None:
        """The innermost statement that holds the byte at an offset."""
        at = bisect_right(self._statement_starts, offset) - 1
        while at >= 0:
            statement = self.statements[at]
            if offset < statement.span.end:
                return statement
            at -= 1
        return None

    def holds(self, offset: int) -> bool:
        """Whether a token that starts at an offset is in this variant."""
        at = bisect_left(self._starts, offset)
        return at < len(self._starts) and self._starts[at] == offset


def _plain_name(record: CallRecord) -> str | None:
    """The callee's name; None for an expression, also for a name in parentheses."""
    first, following = record.callee
    callee = record.node.name
    return callee.name if type(callee) is c_ast.ID and following == first + 1 else None


def _code(gap: str, at_start: bool = False) -> str:
    """The part of a gap between tokens from its first code on (or up to its last code).

    Code there is an annotation that was dropped. A gap with a directive is another variant's.
    """
    if not gap or gap.isspace() or "#" in gap:
        return ""
    tokens = lex_body(gap)
    code = [index for index in range(len(tokens)) if tokens.kinds[index] > Kind.COMMENT]
    if not code:
        return ""
    return gap[: tokens.starts[code[-1] + 1]] if at_start else gap[tokens.starts[code[0]] :]


def agreed_call_of(variants: Sequence[Variant], offset: int) -> Call | Disagreement | None:
    """The call whose callee starts at an offset, if all variants that hold it agree.

    They must agree on the spans of the call, its slots and its enclosing statement. None if no
    variant has a call there.
    """
    seen: dict[tuple[object, ...], Call] = {}
    without = 0
    for variant in variants:
        if not variant.holds(offset):
            continue
        calls = [call for call in variant.calls if call.callee_span.start == offset]
        if not calls:
            without += 1
            continue
        call = calls[-1]  # the innermost: `f` of `f(x)(y)`
        statement = variant.statement_at(offset)
        key = (
            call.span,
            tuple(slot.span for slot in call.slots),
            None if statement is None else (statement.span, statement.kind),
        )
        seen.setdefault(key, call)
    if not seen:
        return None
    if len(seen) > 1 or without:
        return Disagreement("#if variants disagree about the extent of the call or its statement")
    return next(iter(seen.values()))
