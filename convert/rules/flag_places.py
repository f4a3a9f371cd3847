"""Where the names that carry flags stand: every variant around a token, and what it is there."""

from __future__ import annotations

from collections.abc import Iterator

from pycparser import c_ast

from convert.rules.flag_model import Failure
from convert.rules.flag_reading import NotUnderstood, Place
from convert.rules.flag_use import Use, find_use
from convert.sites.family import Family
from convert.sites.occurrences import Occurrence, Where, occurrences
from convert.sites.sources import Sources
from convert.source.edits import Span
from convert.source.parse import Item
from convert.source.variants import Variant


class PlaceReader:
    """Reads the places of names in the files of a run; ``wanted`` are the names parsed for."""

    def __init__(self, sources: Sources, family: Family) -> None:
        self.sources = sources
        self.family = family
        self.wanted = frozenset({*family.flags, family.flag_type, *family.profile.wrappers})
        self.allocators = family.allocators
        self.macros = self._object_macros()

    def _object_macros(self) -> frozenset[str]:
        """Names of macros, outside the family's files, whose body holds a flag."""
        names: set[str] = set()
        for path in self.sources.holding(self.family.flags):
            parsed = self.sources.parsed(path, self.wanted)
            if parsed is None:
                continue
            for item in parsed.macros:
                if self.family.piece_at(path, item.span.start) is None:
                    names.add(item.name)
        return frozenset(names)

    def _occurrences(self, path: str, names: frozenset[str]) -> Iterator[Occurrence]:
        source = self.sources.source(path)
        if source is None:
            return
        for found in occurrences(source, names):
            if found.where not in (Where.CODE, Where.DEFINE, Where.CONDITION):
                continue
            if self.family.piece_at(path, found.span.start) is None:
                yield found

    def places(self, path: str, offset: int) -> list[Place]:
        """Every variant that holds the token at an offset; empty if none was parsed."""
        parsed = self.sources.parsed(path, self.wanted)
        item = parsed.item_at(offset) if parsed is not None else None
        if parsed is None or not isinstance(item, Item):
            return []
        return [
            self._place(path, item, variant) for variant in item.variants if variant.holds(offset)
        ]

    def function_at(self, path: str, offset: int) -> str | None:
        """The name of the function around an offset, as far as it was parsed."""
        parsed = self.sources.parsed(path, self.wanted)
        item = parsed.item_at(offset) if parsed is not None else None
        return item.name if isinstance(item, Item) and item.kind == "function" else None

    def _place(self, path: str, item: Item, variant: Variant) -> Place:
        source = self.sources.source(path)
        assert source is not None
        family = self.family
        return Place(
            source,
            item,
            variant,
            family.flags,
            family.flag_type,
            self.allocators,
            self.macros,
        )

    def _fail(self, path: str, offset: int, what: str) -> Failure:
        source = self.sources.source(path)
        assert source is not None
        return Failure(path, source.line(offset), what)

    def agreed_use(self, path: str, offset: int) -> Use | Failure | None:
        """The use around the name at an offset, as all variants agree; None if in no variant."""
        found: set[Use | Failure] = set()
        for place in self.places(path, offset):
            node = place.variant.identifiers.get(offset)
            if not isinstance(node, c_ast.ID):
                found.add(self._fail(path, offset, "the name is used for something else here"))
                continue
            try:
                found.add(find_use(place, node))
            except NotUnderstood as error:
                found.add(self._fail(path, error.offset, error.what))
        if len(found) > 1:
            return self._fail(path, offset, "the #if variants of this place do not agree")
        return found.pop() if found else None

    def _role(self, place: Place, span: Span, function: str) -> str:
        if any(call.callee_span == span for call in place.variant.calls):
            return "call"
        if place.item.kind == "function" and place.item.name_span == span:
            return "definition"
        for declarator in place.variant.declarators:
            if declarator.name_span == span and isinstance(declarator.node.type, c_ast.FuncDecl):
                return "prototype"
        return "other"

    def _all(self, name: str) -> Iterator[tuple[str, Occurrence]]:
        for path in self.sources.holding({name}):
            for found in self._occurrences(path, frozenset({name})):
                yield path, found

    def _item(self, path: str, start: int) -> Item | None:
        parsed = self.sources.parsed(path, self.wanted)
        item = parsed.item_at(start) if parsed is not None else None
        return item if isinstance(item, Item) else None
