"""Opening nofail scopes beside nofs scopes whose cookie is a local variable.

Only where the section is work of its own that nothing can fail for: a function that a workqueue or
a thread runs, or one that a profile names, such as log recovery. Other sections protect something
else, and are told and left. What is understood is a variable with one save and its restores, each a
statement of its own; anything else refuses the section.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pycparser import c_ast

from convert.nofail.layout import Found, NoTwin, calls, declared_beside, stated_beside
from convert.nofail.moves import LocalScope, Move
from convert.semantics.scopes import Scope
from convert.sites.sources import Sources
from convert.source.parse import Item, ParsedFile
from convert.source.variants import Node, Variant


@dataclass(frozen=True)
class Runners:
    """Functions whose sections are work of their own. takers: what such functions are given to;
    named: functions that a profile names."""

    takers: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()

    def functions(self, sources: Sources) -> frozenset[str]:
        """The names of all of them in some files."""
        return self.named | frozenset(self._given(sources))

    def _given(self, sources: Sources) -> Iterator[str]:
        for path in sorted(sources.holding(self.takers)):
            parsed = sources.parsed(path, self.takers)
            for item in parsed.functions if parsed is not None else ():
                for variant in item.variants:
                    for call in variant.calls:
                        if call.callee in self.takers:
                            yield from _names(slot.node for slot in call.slots)


def _names(nodes: Iterable[Node | None]) -> Iterator[str]:
    """The plain names among some expressions, with or without an & before them."""
    for node in nodes:
        inner = node.expr if isinstance(node, c_ast.UnaryOp) and node.op == "&" else node
        if isinstance(inner, c_ast.ID):
            yield inner.name


@dataclass(frozen=True)
class SectionFinder:
    """Makes the twins of sections. model: the scope that is there; new: the one beside it."""

    sources: Sources
    model: Scope
    new: Scope

    def moves(self, scope: LocalScope) -> tuple[Move, ...]:
        """The moves of a section's cookie; one without an edit if the section is refused."""
        parsed = self.sources.parsed_whole(scope.path)
        item = parsed.item_at(scope.span.start) if parsed is not None else None
        assert parsed is not None
        line = parsed.source.line(scope.span.start)
        name = f"{scope.variable} of {scope.function}()"
        try:
            if not isinstance(item, Item) or len(item.variants) != 1 or not scope.variable:
                raise NoTwin("#if variants or an assignment that is not understood")
            return tuple(self._moves(parsed, item, item.variants[0], scope, name))
        except NoTwin as why:
            text = f"{scope.path}:{line}: the section of {name} has no twin: {why}"
            return (Move(scope.path, scope.span, scope.function, name, "", None, text, True),)

    def twin_name(self, variable: str) -> str:
        """The name of the new variable."""
        if self.model.name in variable:
            return variable.replace(self.model.name, self.new.name)
        return f"{self.new.name}_{variable}"

    def _moves(
        self, parsed: ParsedFile, item: Item, variant: Variant, scope: LocalScope, name: str
    ) -> Iterator[Move]:
        names = {
            self.model.save: self.new.save,
            self.model.restore: self.new.restore,
            scope.variable: self.twin_name(scope.variable),
        }
        text = item.span.of(parsed.source.text)
        if re.search(rf"\b{names[scope.variable]}\b", text):
            raise NoTwin(f"{names[scope.variable]} is the name of something else there")
        found = [*self._declarations(parsed, variant, scope.variable, names)]
        if len(found) != 1:
            raise NoTwin("its variable is not declared once, in the function")
        found += self._uses(parsed, variant, scope.variable, names)
        whats = [what for _, what, _ in found]
        saves = whats.count("save")
        if saves != 1 or "restore" not in whats:
            raise NoTwin("it is not saved once and restored")
        for span, what, edit in found:
            yield Move(scope.path, span, scope.function, name, what, edit, "", True)

    def _declarations(
        self, parsed: ParsedFile, variant: Variant, variable: str, names: Mapping[str, str]
    ) -> Iterator[Found]:
        for declarator in variant.declarators:
            if declarator.name_span.of(parsed.source.text) != variable or declarator.is_parameter:
                continue
            yield declared_beside(parsed.source, declarator.name_span, names, self.model.save)

    def _uses(
        self, parsed: ParsedFile, variant: Variant, variable: str, names: Mapping[str, str]
    ) -> Iterator[Found]:
        for start, node in sorted(variant.identifiers.items()):
            if not isinstance(node, c_ast.ID) or node.name != variable:
                continue
            parent = variant.parent_of(node)
            if isinstance(parent, c_ast.StructRef) and parent.field is node:
                continue  # a member of the same name
            if isinstance(parent, c_ast.ExprList):
                parent = variant.parent_of(parent)
            if calls(parent, self.model.restore):
                yield stated_beside(parsed.source, variant, parent, "restore", names)
            elif (
                isinstance(parent, c_ast.Assignment)
                and parent.op == "="
                and parent.lvalue is node
                and calls(parent.rvalue, self.model.save)
            ):
                yield stated_beside(parsed.source, variant, parent, "save", names)
            else:
                line = parsed.source.line(start)
                raise NoTwin(f"what line {line} does with it is not understood")
