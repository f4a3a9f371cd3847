"""Reading one flag expression: what may stand in it, and what each name in it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pycparser import c_ast

from convert.rules.flag_expression import (
    Carrier,
    Constant,
    FlagExpression,
    Retyped,
    union,
    without,
)
from convert.rules.flag_expression import Choice as Chosen
from convert.semantics.flags import Flags
from convert.sites.family import AllocatorShape
from convert.source.parse import Item
from convert.source.text import SourceFile
from convert.source.variants import Declarator, Variant


@dataclass(frozen=True, order=True)
class LocalFlags:
    """A local variable of one function."""

    path: str
    function: str
    item_start: int
    name: str


@dataclass(frozen=True, order=True)
class ParameterFlags:
    """A function's parameter, by 0-based position."""

    function: str
    index: int


@dataclass(frozen=True, order=True)
class ResultFlags:
    """What a function returns."""

    function: str


@dataclass(frozen=True, order=True)
class MacroFlags:
    """An object-like macro that stands for flags."""

    name: str


Holder = LocalFlags | ParameterFlags | ResultFlags | MacroFlags


class NotUnderstood(Exception):
    """A use that no rule knows: ``offset`` in the file and what stands there."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(what)
        self.offset = offset
        self.what = what


@dataclass(frozen=True)
class Place:
    """One variant of one item of one file, and the names that mean something there."""

    source: SourceFile
    item: Item
    variant: Variant
    flags: Flags
    flag_type: str
    allocators: Mapping[str, AllocatorShape]
    macros: frozenset[str]  # object-like macros of the run's files

    def text(self, node: c_ast.Node) -> str:
        """The source text of a node."""
        return self.variant.span_of(node).of(self.source.text)

    @property
    def function(self) -> str | None:
        """The function's name, None outside functions."""
        return self.item.name if self.item.kind == "function" else None

    def declarators(self, name: str) -> tuple[Declarator, ...]:
        """All declarators of a name in this variant (the function's own one left out)."""
        return tuple(
            d
            for d in self.variant.declarators
            if d.name == name and not isinstance(d.node.type, c_ast.FuncDecl)
        )


def holder_of(place: Place, node: c_ast.ID) -> Holder:
    """What a name that carries flags is. Raises NotUnderstood if it is no plain holder."""
    offset = place.variant.span_of(node).start
    found = place.declarators(node.name)
    if len(found) > 1:
        raise NotUnderstood(offset, f"{node.name} is declared more than once in {place.item.name}")
    if found:
        return declared_holder(place, found[0])
    if node.name in place.macros:
        return MacroFlags(node.name)
    raise NotUnderstood(
        offset, f"{node.name} is no local variable, parameter or macro of the files read"
    )


def declared_holder(place: Place, declarator: Declarator) -> Holder:
    """The holder that a declarator makes. Raises NotUnderstood for arrays, pointers, statics."""
    offset = declarator.name_span.start
    if not isinstance(declarator.node.type, c_ast.TypeDecl):
        raise NotUnderstood(offset, f"{declarator.name} is a pointer or an array of flags")
    if "static" in (declarator.node.storage or []) and not declarator.is_parameter:
        raise NotUnderstood(offset, f"{declarator.name} is static: it is 0 until it is assigned")
    root = place.variant.root
    if declarator.is_parameter:
        index = parameter_index(root, declarator.node)
        if index is None:
            raise NotUnderstood(
                offset, f"{declarator.name} is a parameter of another function type"
            )
        return ParameterFlags(place.item.name, index)
    if not isinstance(root, c_ast.FuncDef):
        raise NotUnderstood(
            offset,
            f"{declarator.name} is a structure member or file-level variable: it can be 0 "
            "without any assignment, and 0 means something else in a gfp mask",
        )
    return LocalFlags(place.source.path, place.item.name, place.item.span.start, declarator.name)


def parameter_index(root: c_ast.Node, node: c_ast.Node) -> int | None:
    """The position of a parameter declaration in a function definition or prototype."""
    function = root.decl.type if isinstance(root, c_ast.FuncDef) else getattr(root, "type", None)
    if not isinstance(function, c_ast.FuncDecl) or function.args is None:
        return None
    for index, parameter in enumerate(function.args.params):
        if parameter is node:
            return index
    return None


class FlagReader:
    """Reads one expression; remembers the holders met."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.holders: dict[str, Holder] = {}

    def read(self, node: c_ast.Node) -> FlagExpression:
        match node:
            case c_ast.ID(name=name) if name in self.place.flags and not self.place.declarators(
                name
            ):
                return Constant(frozenset({name}))
            case c_ast.ID(name=name):
                self.holders[name] = holder_of(self.place, node)
                return Carrier(name)
            case c_ast.Constant(value=value) if value.rstrip("uUlL") in ("0", "0x0"):
                return Constant(frozenset())
            case c_ast.BinaryOp(op="|", left=left, right=right):
                both = union(self.read(left), self.read(right))
                if both is None:
                    raise self.unknown(node, "two values that are not constant are combined")
                return both
            case c_ast.BinaryOp(op="&", left=left, right=c_ast.UnaryOp(op="~", expr=taken)):
                flags = self.read(taken)
                if not isinstance(flags, Constant):
                    raise self.unknown(taken, "what is taken away is not constant")
                return without(self.read(left), flags.flags)
            case c_ast.TernaryOp(cond=condition, iftrue=then, iffalse=other):
                return Chosen(self.condition(condition), self.read(then), self.read(other))
            case c_ast.Cast(to_type=target, expr=inner):
                return self.cast(node, target, inner)
            case c_ast.FuncCall(name=c_ast.ID(name=name)) if name not in self.place.allocators:
                text = self.place.text(node)
                self.holders[text] = ResultFlags(name)
                return Carrier(text)
        raise self.unknown(node, "no expression over the wrappers' flags")

    def condition(self, node: c_ast.Node) -> str:
        text = self.place.text(node)
        if any(flag in text for flag in self.place.flags):
            raise self.unknown(node, "the condition itself uses the wrappers' flags")
        return f"({text})" if isinstance(node, (c_ast.Assignment, c_ast.ExprList)) else text

    def cast(self, node: c_ast.Node, target: c_ast.Node, inner: c_ast.Node) -> FlagExpression:
        text = self.place.text(target)
        if text.split()[-1:] != [self.place.flag_type]:
            raise self.unknown(node, f"flags are cast to {text}")
        start = self.place.variant.span_of(node).start
        written = self.place.source.text[start : self.place.variant.span_of(inner).start]
        end = written.find(")") + 1
        return Retyped(written[:end].replace(self.place.flag_type, "gfp_t"), self.read(inner))

    def unknown(self, node: c_ast.Node, what: str) -> NotUnderstood:
        text = " ".join(self.place.text(node).split())
        return NotUnderstood(self.place.variant.span_of(node).start, f"{what}: `{text}`")
