"""Declarations of what holds flags: the bytes of the type, the name, and the place for a reader."""

from __future__ import annotations

from collections.abc import Iterator

from pycparser import c_ast

from convert.rules.flag_model import Declared, Failure
from convert.rules.flag_reading import (
    Holder,
    NotUnderstood,
    ParameterFlags,
    Place,
    ResultFlags,
    declared_holder,
)
from convert.sites.family import parameters, type_name
from convert.source.edits import Span
from convert.source.variants import Declarator


def declarations(place: Place, span: Span) -> Iterator[Declared | Failure]:
    path = place.source.path
    for declarator in place.variant.declarators:
        if span not in declarator.specifiers:
            continue
        try:
            yield declaration(place, declarator, span)
        except NotUnderstood as error:
            yield Failure(path, place.source.line(error.offset), error.what)
    yield from unnamed(place, span)


def declaration(place: Place, declarator: Declarator, type_span: Span) -> Declared:
    end = declarator.init.end if declarator.init else declarator.span.end
    whole = Span(declarator.specifiers.start, end)
    start = declarator.span.start
    if isinstance(declarator.node.type, c_ast.FuncDecl):
        holder: Holder = ResultFlags(declarator.name)
        names: tuple[Span, ...] = ()
    else:
        holder = _parameter_of_prototype(place, declarator) or declared_holder(place, declarator)
        names = _name_spans(place, declarator.name)
    return Declared(
        holder,
        place.source.path,
        place.function,
        type_span,
        start,
        whole,
        names,
        declarator.name,
    )


def _parameter_of_prototype(place: Place, declarator: Declarator) -> Holder | None:
    for function in place.variant.declarators:
        if not isinstance(function.node.type, c_ast.FuncDecl):
            continue
        for index, node in enumerate(parameters(place.item, function.name)):
            same = node is declarator.node or (
                isinstance(node, c_ast.Decl)
                and node.name == declarator.name
                and declarator.span in function.span
            )
            if declarator.is_parameter and same and function.name:
                return ParameterFlags(function.name, index)
    return None


def unnamed(place: Place, span: Span) -> Iterator[Declared]:
    """A parameter without a name in a prototype."""
    for function in place.variant.declarators:
        if not isinstance(function.node.type, c_ast.FuncDecl):
            continue
        arguments = function.node.type.args
        for index, node in enumerate(arguments.params if arguments else ()):
            if isinstance(node, c_ast.Typename) and span in place.variant.span_of(node):
                whole = place.variant.span_of(node)
                holder = ParameterFlags(function.name, index)
                yield Declared(holder, place.source.path, None, span, whole.end, whole, (), "")


def _name_spans(place: Place, name: str) -> tuple[Span, ...]:
    """Every place of a local name in its function, in any variant."""
    if place.function is None:
        return ()
    found = {d.name_span for v in place.item.variants for d in v.declarators if d.name == name}
    for variant in place.item.variants:
        for offset, node in variant.identifiers.items():
            if isinstance(node, c_ast.ID) and node.name == name:
                found.add(Span(offset, offset + len(name)))
    return tuple(sorted(found))


def type_span_of(place: Place, declarator: Declarator) -> Span | None:
    text = declarator.specifiers.of(place.source.text)
    kind = type_name(declarator.node) or ""
    at = text.find(kind)
    if at < 0 or text.count(kind) != 1:
        return None
    start = declarator.specifiers.start + at
    return Span(start, start + len(kind))
