"""Reading a source file: its items, each parsed in every ``#if`` variant, or refused by name."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

from pycparser import c_ast

from convert.source.collection import without_collections
from convert.source.conditionals import (
    Conditionals,
    Directive,
    Group,
    bind,
    conditionals,
    directives,
    path_conditions,
    selections,
)
from convert.source.edits import Span
from convert.source.externals import External, ExternalParser
from convert.source.grammar import Node, Refused
from convert.source.macros import MacroReader
from convert.source.run import Run, run_of
from convert.source.slices import Slice, slices
from convert.source.tables import file_dialect
from convert.source.text import SourceFile
from convert.source.tokens import Kind
from convert.source.variants import (
    Call,
    Declarator,
    Disagreement,
    Slot,
    Statement,
    Variant,
    agreed_call_of,
)
from convert.source.vocabulary import Dialect

__all__ = [
    "Call", "Declarator", "Directive", "Disagreement", "FileReader", "Item", "ParseRefusal",
    "ParsedFile", "Slot", "Statement", "Variant", "agreed_call", "parse_file",
]  # fmt: skip

_P = TypeVar("_P", "Slice", "Directive")


@dataclass(frozen=True)
class ParseRefusal:
    """What could not be read. ``construct`` names what the dialect does not know, and its line.

    ``name`` is the function's or macro's, or "file"; ``line`` and ``span`` are the whole item's.
    """

    path: str
    line: int
    name: str
    span: Span
    construct: str


@dataclass(frozen=True)
class Item:
    """A function, declaration, file-level macro call ("macro-call") or #define ("macro").

    ``span`` is the item's text (of a macro the whole directive); ``line`` is that of its start.
    ``name_span`` is empty for an item without a name. A function's ``name_span`` is the one of its
    first variant.
    """

    kind: str
    name: str
    span: Span
    name_span: Span
    line: int
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class ParsedFile:
    """All that was read of a file, in order, and what was refused.

    ``dead_spans`` is the text that no variant holds: ``#if 0``, and branches whose conditions
    contradict those around them.
    """

    source: SourceFile
    functions: tuple[Item, ...]
    declarations: tuple[Item, ...]
    macros: tuple[Item, ...]
    directives: tuple[Directive, ...]
    refusals: tuple[ParseRefusal, ...]
    dead_spans: tuple[Span, ...]

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Functions, declarations and macros together, by their start."""
        return tuple(
            sorted(
                (*self.functions, *self.declarations, *self.macros),
                key=lambda item: (item.span.start, -item.span.end),
            )
        )

    def item_at(self, offset: int) -> Item | ParseRefusal | None:
        """The innermost item or refused item that holds a byte (a macro inside a function wins)."""
        things: list[Item | ParseRefusal] = [*self.items, *self.refusals]
        found = [thing for thing in things if offset in thing.span]
        return min(found, key=lambda thing: thing.span.end - thing.span.start, default=None)


def agreed_call(item: Item, offset: int) -> Call | Disagreement | None:
    """The call whose callee starts at ``offset``, or why the item's variants disagree about it.

    All variants that hold the callee's token must agree on the spans of the call, of its slots and
    of the statement around it. None if no variant has a call there.
    """
    return agreed_call_of(item.variants, offset)


def parse_file(
    source: SourceFile, dialect: Dialect, wanted: frozenset[str] | None = None
) -> ParsedFile:
    """Parse a file, or only the items whose text holds one of the ``wanted`` identifiers.

    Never raises for C that it does not know: such items are in ``refusals``.
    """
    return FileReader(source, dialect).parsed(wanted)


@dataclass
class _Part:
    """What one slice of a file, or one of its macros, gave."""

    items: list[Item] = field(default_factory=list)
    refusals: list[ParseRefusal] = field(default_factory=list)
    dead_spans: list[Span] = field(default_factory=list)


class FileReader:
    """Parses one file as far as it is asked to, and no piece of it twice."""

    def __init__(self, source: SourceFile, dialect: Dialect) -> None:
        self._source = source
        self._given_dialect = dialect
        self._lines = directives(source)
        self._groups = conditionals(self._lines, len(source.tokens))
        self._dead = _dead_branches(self._groups)
        self._dead_spans = [self._span_of_range(piece) for piece in self._dead]
        self._parts: dict[Slice | Directive, _Part] = {}

    def parsed(self, wanted: frozenset[str] | None = None) -> ParsedFile:
        """As `parse_file`. The items of two results are the same objects."""
        with without_collections():
            parts = self._read(_occurrences(self._source.text, wanted))
        refusals = [refusal for part in parts for refusal in part.refusals]
        for line in self._groups.unmatched:
            refusals.append(self._refusal(line.span, "file", f"#{line.name} without a partner"))
        kinds: dict[str, list[Item]] = {}
        for item in (item for part in parts for item in part.items):
            kinds.setdefault(item.kind, []).append(item)
        declarations = [*kinds.get("declaration", ()), *kinds.get("macro-call", ())]
        dead = {*self._dead_spans, *(span for part in parts for span in part.dead_spans)}
        return ParsedFile(
            self._source,
            tuple(kinds.get("function", ())),
            tuple(sorted(declarations, key=lambda item: item.span)),
            tuple(kinds.get("macro", ())),
            self._lines,
            tuple(sorted(refusals, key=lambda refusal: refusal.span)),
            tuple(sorted(dead)),
        )

    def _read(self, hits: list[int] | None) -> list[_Part]:
        """The wanted parts: slices, then macros that are not in dead text."""
        if hits is not None and not hits:
            return []
        parts = [
            self._part(piece, self._slice)
            for piece in self._slices
            if _is_wanted(self._span_of_range(piece), hits)
        ]
        dead = [*self._dead_spans, *(span for part in parts for span in part.dead_spans)]
        return parts + [
            self._part(line, self._macro)
            for line in self._lines
            if line.name == "define"
            and _is_wanted(line.span, hits)
            and not any(line.span in span for span in dead)
        ]

    def _part(self, place: _P, read: Callable[[_P], _Part]) -> _Part:
        known = self._parts.get(place)
        if known is None:
            known = self._parts[place] = read(place)
        return known

    @cached_property
    def _dialect(self) -> Dialect:
        return file_dialect(self._source.text, self._given_dialect.at(self._source.path))

    @cached_property
    def _slices(self) -> tuple[Slice, ...]:
        return slices(self._source, self._dialect, self._groups, self._dead)

    @cached_property
    def _parser(self) -> ExternalParser:
        return ExternalParser(self._dialect)

    @cached_property
    def _macros(self) -> MacroReader:
        return MacroReader(self._source, self._dialect)

    def _span_of_range(self, piece: Slice) -> Span:
        starts = self._source.tokens.starts
        return Span(starts[piece.first], starts[piece.next])

    def _refusal(self, span: Span, name: str, construct: str) -> ParseRefusal:
        line = self._source.line(span.start)
        return ParseRefusal(self._source.path, line, name, span, construct)

    # Slices.

    def _slice(self, piece: Slice) -> _Part:
        inside, outer = self._conditions(piece)
        chosen, dead = selections(inside, outer)
        part = _Part(dead_spans=[self._span_of_range(Slice(*one)) for one in dead])
        skipped = tuple((one.first, one.next) for one in self._dead)
        parsed: list[tuple[External, Variant, Run]] = []
        for selection in chosen:
            run = run_of(
                self._source.tokens,
                self._dialect.word_types,
                piece.first,
                piece.next,
                (*selection.excluded, *_within(skipped, piece)),
            )
            try:
                parsed += self._variants(run, selection.conditions)
            except (Refused, RecursionError) as error:
                deep = "nested too deeply to parse"
                why = self._explain(error, run) if isinstance(error, Refused) else deep
                name = self._name_of(piece)
                part.refusals.append(self._refusal(self._span_of_range(piece), name, why))
                return part
        part.items = self._collected(parsed)
        return part

    def _conditions(self, piece: Slice) -> tuple[list[Group], dict[str, bool]]:
        """The groups inside a slice, and what holds around it."""
        inside: list[Group] = []
        outer: Mapping[str, bool] = {}
        for group in self._groups.groups:
            if group.last < piece.first or group.first >= piece.next:
                continue
            around = [
                number
                for number, branch in enumerate(group.branches)
                if branch.first <= piece.first and piece.next <= branch.next
            ]
            if around:
                outer = bind(outer, path_conditions(group, around[0])) or outer
            else:
                inside.append(group)
        return inside, dict(outer)

    def _variants(
        self, run: Run, conditions: tuple[tuple[str, bool], ...]
    ) -> list[tuple[External, Variant, Run]]:
        parser = self._parser
        parser.load(run)
        found: list[tuple[External, Variant, Run]] = []
        for external in parser.externals():
            before, after = external.records
            records = parser.records
            variant = Variant(
                conditions,
                external.node,
                self._source.text,
                run.starts,
                run.ends,
                (
                    records.calls[before[0] : after[0]],
                    records.statements[before[1] : after[1]],
                    records.declarators[before[2] : after[2]],
                ),
            )
            found.append((external, variant, run))
        return found

    def _collected(self, parsed: list[tuple[External, Variant, Run]]) -> list[Item]:
        """The items of the externals of all variants: the same kind and name are one item."""
        items: list[Item] = []
        groups: dict[tuple[str, str, int], list[tuple[External, Variant, Run]]] = {}
        counts: dict[tuple[int, str, str], int] = {}
        for external, variant, run in parsed:
            name = _external_name(external, run)
            number = counts.get((id(run), external.kind, name), 0)
            counts[(id(run), external.kind, name)] = number + 1
            groups.setdefault((external.kind, name, number), []).append((external, variant, run))
        for (kind, name, _), members in groups.items():
            span = Span(
                min(run.starts[external.extent[0]] for external, _, run in members),
                max(run.ends[external.extent[1] - 1] for external, _, run in members),
            )
            external, _, run = members[0]
            name_span = Span(span.start, span.start)
            if external.name is not None:
                name_span = Span(run.starts[external.name], run.ends[external.name])
            variants = tuple(variant for _, variant, _ in members)
            line = self._source.line(span.start)
            items.append(Item(kind, name, span, name_span, line, variants))
        return items

    # Refusals.

    def _explain(self, refused: Refused, run: Run) -> str:
        """One line: what was expected, at which token of which line."""
        if not len(run):
            return refused.message
        index = min(refused.index, len(run) - 1)
        line = self._source.line(run.starts[index])
        where = "after" if refused.index >= len(run) else "at"
        return f"{refused.message} {where} {run.values[index]!r} (line {line})"

    def _name_of(self, piece: Slice) -> str:
        """The likely name of a refused item: the first `name (` in it, or a tag, or "file"."""
        tokens = self._source.tokens
        words = [
            tokens.text(index)
            for index in range(piece.first, piece.next)
            if tokens.kinds[index] >= Kind.IDENTIFIER
        ]
        dropped = self._dialect.annotations_with_arguments
        for word, following in pairwise(words):
            if following == "(" and word.isidentifier() and word not in dropped:
                return word
            if word == "{":
                break
        for word, following in pairwise(words):
            if word in ("struct", "union", "enum") and following.isidentifier():
                return following
        return "file"

    # Macros.

    def _macro(self, line: Directive) -> _Part:
        name, name_span, result = self._macros.read(line)
        if isinstance(result, str):
            return _Part(refusals=[self._refusal(line.span, name, result)])
        return _Part([Item("macro", name, line.span, name_span, line.line, (result,))])


def _is_wanted(span: Span, hits: list[int] | None) -> bool:
    """Whether one of the wanted identifiers stands in a span; None: everything is wanted."""
    if hits is None:
        return True
    at = bisect_left(hits, span.start)
    return at < len(hits) and hits[at] < span.end


def _occurrences(text: str, wanted: frozenset[str] | None) -> list[int] | None:
    """Where the wanted identifiers stand, in code or not; None if everything is wanted."""
    if wanted is None:
        return None
    if not wanted:
        return []
    pattern = r"\b(?:" + "|".join(re.escape(name) for name in sorted(wanted)) + r")\b"
    return [match.start() for match in re.finditer(pattern, text, re.ASCII)]


def _dead_branches(groups: Conditionals) -> list[Slice]:
    """The branches that no assignment takes; those inside a dead one are left out."""
    found: list[Slice] = []
    for group in groups.groups:
        for number, branch in enumerate(group.branches):
            inside = found and branch.first >= found[-1].first and branch.next <= found[-1].next
            if not inside and bind({}, path_conditions(group, number)) is None:
                found.append(Slice(branch.first, branch.next))
    return found


def _within(ranges: Sequence[tuple[int, int]], piece: Slice) -> list[tuple[int, int]]:
    return [part for part in ranges if part[0] >= piece.first and part[1] <= piece.next]


def _external_name(external: External, run: Run) -> str:
    """The item's name; for a type without one, its kind of specifier."""
    if external.name is not None:
        return run.values[external.name]
    node: Node = external.node
    if isinstance(node, c_ast.Decl) and isinstance(node.type, (c_ast.Struct, c_ast.Union)):
        return type(node.type).__name__.lower()
    return type(node).__name__.lower()
