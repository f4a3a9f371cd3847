"""How flags flow: from every flag and every holder to all their uses, until nothing new is met.

The result ties holders and uses into groups. A group is converted as a whole or not at all: were
one use of a variable left, it would read a gfp mask as wrapper flags.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from pycparser import c_ast

from convert.rules.flag_declarations import declaration, declarations, type_span_of
from convert.rules.flag_model import Declared, Failure, FlagFlow
from convert.rules.flag_places import PlaceReader
from convert.rules.flag_reading import (
    Holder,
    LocalFlags,
    MacroFlags,
    NotUnderstood,
    ParameterFlags,
    Place,
    ResultFlags,
)
from convert.rules.flag_use import Use, find_use, slot_use
from convert.sites.family import AllocatorShape, Family, parameters, type_name
from convert.sites.occurrences import Occurrence, Where
from convert.sites.sources import Sources
from convert.source.edits import Span
from convert.source.parse import Item
from convert.source.variants import Call, Declarator

_INTEGERS = frozenset(
    {"int", "unsigned", "unsigned int", "long", "unsigned long", "u32", "uint32_t", "__u32", "uint"}
)


class FlowReader(PlaceReader):
    """Follows flags through the files of a run; `run` gives all uses, and what was lost."""

    def __init__(
        self, sources: Sources, family: Family, distrusted: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sources, family)
        self.distrusted = distrusted or {}
        self.flow = FlagFlow()
        self._pending: list[Holder] = []
        self._seen: set[Holder] = set()

    def run(self) -> FlagFlow:
        """Start from every flag, flag type and wrapper call; then follow the holders."""
        start = frozenset({*self.family.flags, self.family.flag_type})
        for path in self.sources.holding(start | frozenset(self.allocators)):
            for found in self._occurrences(path, start):
                self._start(path, found)
            self._wrapper_slots(path)
        while self._pending:
            holder = self._pending.pop()
            try:
                self._follow(holder)
            except NotUnderstood as error:  # raised with the path already told apart
                self.flow.failures.setdefault(holder, Failure("?", 0, error.what))
        return self.flow

    def _add(self, use: Use) -> None:
        self.flow.uses.add(use)
        if use.path in self.distrusted:
            source = self.sources.source(use.path)
            assert source is not None
            what = self.distrusted[use.path]
            for holder in use.linked:
                failure = Failure(use.path, source.line(use.span.start), what)
                self.flow.failures.setdefault(holder, failure)
        for holder in use.linked:
            self._meet(holder)

    def _meet(self, holder: Holder) -> None:
        if holder not in self._seen:
            self._seen.add(holder)
            self._pending.append(holder)

    def _start(self, path: str, found: Occurrence) -> None:
        offset = found.span.start
        if found.where is Where.CONDITION:
            self.flow.lost[path, found] = self._fail(
                path, offset, "used by a preprocessor condition"
            )
            return
        if not self.places(path, offset):
            self._not_parsed(path, found)
            return
        if found.name == self.family.flag_type:
            self._declared_at(path, found)
            return
        use = self.agreed_use(path, offset)
        if isinstance(use, Use):
            self._add(use)
        elif use is not None:
            self.flow.lost[path, found] = use

    def _not_parsed(self, path: str, found: Occurrence) -> None:
        offset = found.span.start
        parsed = self.sources.parsed(path, self.wanted)
        assert parsed is not None
        if any(offset in span for span in parsed.dead_spans):
            self.flow.dead.add((path, found))
            return
        item = parsed.item_at(offset)
        what = "is not inside anything that could be parsed"
        if item is not None and not isinstance(item, Item):
            what = f"{item.name} was not parsed: {item.construct}"
        self.flow.lost[path, found] = self._fail(path, offset, what)

    def _wrapper_slots(self, path: str) -> None:
        """The flags slot of every wrapper call, also where it names no flag (``0``, a variable)."""
        for found in self._occurrences(path, frozenset(self.allocators)):
            for place in self.places(path, found.span.start):
                for call in place.variant.calls:
                    if call.callee_span != found.span:
                        continue
                    # A slot that is not understood is reported by the call's own rule.
                    with suppress(NotUnderstood):
                        self._wrapper_slot(place, call, self.allocators[found.name])

    def _wrapper_slot(self, place: Place, call: Call, fact: AllocatorShape) -> None:
        wanted = fact.arguments
        if fact.flags_slot >= len(call.slots):
            return
        use = slot_use(place, call, fact.flags_slot)
        if len(call.slots) == wanted:
            self._add(use)
            return
        what = f"{fact.name} has {len(call.slots)} arguments here, not {wanted}"
        for holder in use.linked:
            failure = self._fail(place.source.path, call.span.start, what)
            self.flow.failures.setdefault(holder, failure)

    # -- declarations -------------------------------------------------------------------------

    def _declared_at(self, path: str, found: Occurrence) -> None:
        """A flag type in code: the holders that it declares."""
        results: set[Declared | Failure] = set()
        for place in self.places(path, found.span.start):
            results |= set(declarations(place, found.span))
        for result in results:
            if isinstance(result, Declared):
                self.flow.declared.add(result)
                self._meet(result.holder)
            else:
                self.flow.lost[path, found] = result

    # -- holders ------------------------------------------------------------------------------

    def _follow(self, holder: Holder) -> None:
        match holder:
            case LocalFlags(path, _, start, name):
                self._follow_variable(holder, path, start, name)
            case ParameterFlags(function, index):
                self._follow_parameter(holder, function, index)
            case ResultFlags(function):
                self._follow_result(holder, function)
            case MacroFlags(name):
                self._follow_macro(holder, name)

    def _record(self, holder: Holder, found: Use | Failure | None) -> None:
        if isinstance(found, Use):
            self._add(found)
        elif found is not None:
            self.flow.failures.setdefault(holder, found)

    def _follow_variable(self, holder: Holder, path: str, start: int, name: str) -> None:
        item = self._item(path, start)
        if item is None:
            return
        offsets: set[int] = set()
        for variant in item.variants:
            place = self._place(path, item, variant)
            for declarator in place.declarators(name):
                self._declare(holder, place, declarator)
            for offset, node in variant.identifiers.items():
                if isinstance(node, c_ast.ID) and node.name == name:
                    offsets.add(offset)
        for offset in sorted(offsets):
            self._record(holder, self.agreed_use(path, offset))

    def _declare(self, holder: Holder, place: Place, declarator: Declarator) -> None:
        """The type of a holder becomes gfp_t: it must be the flag type or a plain integer."""
        path, start = place.source.path, declarator.specifiers.start
        kind = type_name(declarator.node)
        if kind != self.family.flag_type and kind not in _INTEGERS:
            failure = self._fail(
                path, start, f"{declarator.name} has the type {kind or 'of a pointer'}"
            )
            self.flow.failures.setdefault(holder, failure)
            return
        sharing = [
            other.name
            for other in place.variant.declarators
            if other.specifiers == declarator.specifiers and other.name != declarator.name
        ]
        if kind != self.family.flag_type and sharing:
            failure = self._fail(
                path, start, f"{declarator.name} shares its declaration with {', '.join(sharing)}"
            )
            self.flow.failures.setdefault(holder, failure)
            return
        type_span = type_span_of(place, declarator)
        if type_span is None:
            failure = self._fail(path, start, f"the type of {declarator.name} is not one word")
            self.flow.failures.setdefault(holder, failure)
            return
        try:
            self.flow.declared.add(declaration(place, declarator, type_span))
        except NotUnderstood as error:
            self.flow.failures.setdefault(holder, self._fail(path, error.offset, error.what))
        if declarator.init is not None:
            self._follow_initialiser(holder, place, declarator)

    def _follow_initialiser(self, holder: Holder, place: Place, declarator: Declarator) -> None:
        init = declarator.node.init
        try:
            self._add(find_use(place, init))
        except NotUnderstood as error:
            failure = self._fail(place.source.path, error.offset, error.what)
            self.flow.failures.setdefault(holder, failure)

    def _follow_parameter(self, holder: Holder, function: str, index: int) -> None:
        self.wanted = self.wanted | {function}
        defined = False
        for path, found in self._all(function):
            for place in self.places(path, found.span.start):
                role = self._role(place, found.span, function)
                if role == "call":
                    self._call_argument(holder, place, found.span, index)
                elif role in ("definition", "prototype"):
                    defined |= role == "definition"
                    self._signature(holder, place, function, index)
                else:
                    failure = self._fail(
                        path, found.span.start, f"the address of {function} is taken"
                    )
                    self.flow.failures.setdefault(holder, failure)
        if not defined:
            failure = Failure(self.family.header, 1, f"no body of {function} in the files read")
            self.flow.failures.setdefault(holder, failure)

    def _call_argument(self, holder: Holder, place: Place, span: Span, index: int) -> None:
        call = next(c for c in place.variant.calls if c.callee_span == span)
        path = place.source.path
        if index >= len(call.slots):
            failure = self._fail(
                path, span.start, f"{call.callee} is called with too few arguments"
            )
            self.flow.failures.setdefault(holder, failure)
            return
        try:
            self._add(slot_use(place, call, index))
        except NotUnderstood as error:
            self.flow.failures.setdefault(holder, self._fail(path, error.offset, error.what))

    def _signature(self, holder: Holder, place: Place, function: str, index: int) -> None:
        given = parameters(place.item, function)
        if index >= len(given):
            return
        node = given[index]
        for declarator in place.variant.declarators:
            if declarator.node is node:
                self._declare(holder, place, declarator)
                if place.function == function:
                    self._body_uses(holder, place, declarator.name)

    def _body_uses(self, holder: Holder, place: Place, name: str) -> None:
        for offset, node in sorted(place.variant.identifiers.items()):
            if isinstance(node, c_ast.ID) and node.name == name:
                self._record(holder, self.agreed_use(place.source.path, offset))

    def _follow_result(self, holder: Holder, function: str) -> None:
        self.wanted = self.wanted | {function}
        for path, found in self._all(function):
            for place in self.places(path, found.span.start):
                role = self._role(place, found.span, function)
                if role == "definition":
                    self._returns(holder, place)
                elif role == "call":
                    call = next(c for c in place.variant.calls if c.callee_span == found.span)
                    self._try_use(holder, place, call.node)
                elif role == "other":
                    failure = self._fail(
                        path, found.span.start, f"the address of {function} is taken"
                    )
                    self.flow.failures.setdefault(holder, failure)

    def _try_use(self, holder: Holder, place: Place, node: c_ast.Node) -> None:
        try:
            self._add(find_use(place, node))
        except NotUnderstood as error:
            failure = self._fail(place.source.path, error.offset, error.what)
            self.flow.failures.setdefault(holder, failure)

    def _returns(self, holder: Holder, place: Place) -> None:
        for statement in place.variant.statements:
            if isinstance(statement.node, c_ast.Return) and statement.node.expr is not None:
                self._try_use(holder, place, statement.node.expr)

    def _follow_macro(self, holder: Holder, name: str) -> None:
        self.wanted = self.wanted | {name}
        for path, found in self._all(name):
            offset = found.span.start
            parsed = self.sources.parsed(path, self.wanted)
            assert parsed is not None
            defining = next((m for m in parsed.macros if m.name_span == found.span), None)
            if defining is not None:
                for variant in defining.variants:
                    self._try_use(holder, self._place(path, defining, variant), variant.root)
                continue
            use = self.agreed_use(path, offset)
            if use is None:
                use = self._fail(path, offset, f"{name} is used where nothing was parsed")
            self._record(holder, use)
