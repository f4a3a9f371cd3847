"""Functions and macros of a file as a review looks at them: one per ``#if`` variant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from pycparser import c_ast

from convert.flow.control import Flow, flow_of
from convert.flow.terms import TypeRef, type_ref
from convert.source.edits import Span
from convert.source.parse import Item, ParsedFile
from convert.source.text import SourceFile
from convert.source.tokens import Kind
from convert.source.variants import Variant

_PARAMETERS = re.compile(r"#(?:[ \t]|\\\r?\n)*define(?:[ \t]|\\\r?\n)+\w+\(([^)]*)\)")


@dataclass(frozen=True)
class FunctionKey:
    """What a function is called by: ``home`` is its file if it is static in a ``.c`` file."""

    home: str
    name: str


@dataclass(frozen=True, eq=False)
class Routine:
    """A function, or a macro with parameters, in one ``#if`` variant."""

    key: FunctionKey
    source: SourceFile
    item: Item
    variant: Variant
    traps: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """The file."""
        return self.source.path

    @property
    def is_macro(self) -> bool:
        """Whether it is a macro: its body is an expression or statements, parameters untyped."""
        return self.item.kind == "macro"

    @property
    def declared(self) -> c_ast.Decl | None:
        """The declaration; None for a macro, and where a macro heads the function.

        What ``SYSCALL_DEFINE1(…) {`` declares is not known: no parameter, result or storage.
        """
        return _declared(self.item, self.variant)

    @cached_property
    def returns(self) -> TypeRef:
        """The declared type of the result; unknown without a declaration."""
        declared = self.declared
        return TypeRef("?") if declared is None else type_ref(declared.type.type)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        if self.is_macro:
            match = _PARAMETERS.match(self.item.span.of(self.source.text))
            return tuple(part.strip() for part in match[1].split(",")) if match else ()
        arguments = None if self.declared is None else self.declared.type.args
        given = arguments.params if arguments is not None else ()
        return tuple(str(getattr(p, "name", None) or "") for p in given)

    @cached_property
    def types(self) -> dict[str, TypeRef]:
        """The declared types of parameters and local variables; two of one name have none."""
        found: dict[str, TypeRef] = {}
        for declarator in self.variant.declarators:
            if isinstance(declarator.node.type, c_ast.FuncDecl) or not declarator.name:
                continue
            declared = type_ref(declarator.node)
            known = found.setdefault(declarator.name, declared)
            if known != declared:
                found[declarator.name] = TypeRef("?")
        for name in self.parameters if self.is_macro else ():
            found.setdefault(name, TypeRef("?"))
        return found

    @cached_property
    def statics(self) -> frozenset[str]:
        """Local variables that keep their value: they are no plain locals."""
        return frozenset(
            d.name
            for d in self.variant.declarators
            if d.node.storage and "static" in d.node.storage
        )

    def is_local(self, name: str) -> bool:
        """Whether a name is a parameter or an automatic variable."""
        return name in self.types and name not in self.statics

    @cached_property
    def flow(self) -> Flow:
        """The control flow of the body."""
        root = self.variant.root
        return flow_of(root if self.is_macro else root.body, self.traps)

    def line(self, node: c_ast.Node) -> int:
        """The 1-based line of a node; that of the item for a node without a place."""
        try:
            return self.source.line(self.variant.span_of(node).start)
        except KeyError:
            return self.item.line

    def offset(self, node: c_ast.Node) -> int:
        """The offset of a node; that of the item for a node without a place."""
        try:
            return self.variant.span_of(node).start
        except KeyError:
            return self.item.span.start

    @property
    def last_line(self) -> int:
        """The line of the closing brace."""
        return self.source.line(max(self.item.span.start, self.item.span.end - 1))

    def text(self, node: c_ast.Node) -> str:
        """The source text of a node in one line."""
        try:
            return " ".join(self.variant.span_of(node).of(self.source.text).split())
        except KeyError:
            return type(node).__name__


def routines_of(parsed: ParsedFile, traps: frozenset[str]) -> tuple[Routine, ...]:
    """All functions and function-like macros of a file, each in all its variants."""
    found = []
    for item in (*parsed.functions, *parsed.macros):
        if item.kind == "macro" and not _PARAMETERS.match(item.span.of(parsed.source.text)):
            continue
        for variant in item.variants:
            found.append(
                Routine(_key(parsed.source.path, item), parsed.source, item, variant, traps)
            )
    return tuple(found)


def _key(path: str, item: Item) -> FunctionKey:
    if item.kind == "macro" or not path.endswith(".c"):
        return FunctionKey("", item.name)
    heads = [_declared(item, variant) for variant in item.variants]
    static = any(head is not None and "static" in (head.storage or ()) for head in heads)
    return FunctionKey(path if static else "", item.name)


def _declared(item: Item, variant: Variant) -> c_ast.Decl | None:
    if item.kind == "macro":
        return None
    head = variant.root.decl
    return head if isinstance(head, c_ast.Decl) else None


def words_of(source: SourceFile, span: Span) -> tuple[str, ...]:
    """The tokens of a range without white space and comments: equal for mere layout changes."""
    tokens = source.tokens
    if not len(tokens):
        return ()
    first, last = tokens.index_at(span.start), tokens.index_at(max(span.start, span.end - 1))
    skipped = (Kind.SPACE, Kind.COMMENT)
    return tuple(
        tokens.text(index) for index in range(first, last + 1) if tokens.kinds[index] not in skipped
    )


def identifiers(routines: Iterable[Routine]) -> frozenset[str]:
    """All words of some routines."""
    return frozenset(
        word for routine in routines for word in words_of(routine.source, routine.item.span)
    )
