"""Local variables: where they are declared, and all the values that a function gives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pycparser import c_ast

from convert.semantics.sizing.layout import NoLayout
from convert.semantics.sizing.places import Frame, Node
from convert.source.nodes import Asm, MacroBlock, MacroLoop, nodes_of
from convert.source.variants import Variant


@dataclass(frozen=True, eq=False)
class Declared:
    """A declaration that a name of a function may refer to, and the variant that has it."""

    name: str
    node: Node
    is_parameter: bool
    variant: Variant


@dataclass(frozen=True, eq=False)
class Local:
    """The expressions that a variable is set to, with their variants; whether it is changed
    otherwise."""

    values: tuple[tuple[Node, Variant], ...]
    changed: bool


def declared(frame: Frame, name: str, use: Node) -> tuple[Declared, ...]:
    """The local variable or parameter of a name, as one of several if ``#if`` makes it so.

    Empty if the function has none. Raises NoLayout if one variant declares several and which one
    is meant cannot be told.
    """
    found: dict[int, Declared] = {}
    for variant in frame.variants:
        candidates = _declarations(frame.of(variant), name)
        if len(candidates) > 1:
            visible = _visible(frame.of(variant), candidates, use)
            if visible is None:
                raise NoLayout(f"{name} is declared more than once in the function")
            candidates = [visible]
        for candidate in candidates:
            found.setdefault(variant.span_of(candidate.node).start, candidate)
    return tuple(found.values())


def _declarations(frame: Frame, name: str) -> list[Declared]:
    root = frame.variant.root
    if not isinstance(root, c_ast.FuncDef):
        return []
    function = getattr(root.decl, "type", None)  # a function that a macro heads has none
    arguments = getattr(function, "args", None)
    parameters = arguments.params if arguments is not None else []
    found = [
        Declared(name, p, True, frame.variant)
        for p in parameters
        if getattr(p, "name", None) == name
    ]
    for declarator in frame.variant.declarators:
        if (
            declarator.name == name
            and not declarator.is_parameter
            and declarator.node is not root.decl
        ):
            parent = frame.variant.parent_of(declarator.node)
            if isinstance(
                parent, (c_ast.Compound, c_ast.DeclList, c_ast.For, c_ast.Case, c_ast.Label)
            ):
                found.append(Declared(name, declarator.node, False, frame.variant))
    return found


def parameter_names(function: Node) -> list[str | None]:
    """The names of a function's parameters; none for ``(void)``."""
    parameters = function.args.params if function.args is not None else []
    names = [getattr(parameter, "name", None) for parameter in parameters]
    if names == [None] and getattr(parameters[0].type.type, "names", None) == ["void"]:
        return []
    return names


def _visible(frame: Frame, found: list[Declared], use: Node) -> Declared | None:
    """The innermost declaration whose block holds the use."""
    holders: list[Node] = []
    node = frame.variant.parent_of(use)
    while node is not None:
        holders.append(node)
        node = frame.variant.parent_of(node)
    for holder in holders:
        for candidate in found:
            parent = frame.variant.parent_of(candidate.node)
            if isinstance(parent, c_ast.DeclList):
                parent = frame.variant.parent_of(parent)
            if parent is holder and isinstance(holder, (c_ast.Compound, c_ast.For)):
                return candidate
    parameters = [candidate for candidate in found if candidate.is_parameter]
    return parameters[0] if holders and parameters else None


def local_values(frame: Frame, name: str, may_change: Callable[[str, int | None], bool]) -> Local:
    """All that a function does to a variable of that name (of any block, in any variant).

    Taking its address, an operator that changes it, and a macro that may assign to it count as
    changes that are not followed. ``may_change(callee, position)`` tells that of a macro that gets
    it as an argument, ``may_change(callee, None)`` of one that may use it by its name.
    """
    values: dict[tuple[int, int], tuple[Node, Variant]] = {}
    changed = False
    for variant in frame.variants:
        for node in nodes_of(variant.root.body):
            given = _value_given(node, name)
            if given is not None:
                span = variant.span_of(given)
                values.setdefault((span.start, span.end), (given, variant))
            changed = changed or _is_change(node, name, may_change)
    return Local(tuple(values.values()), changed)


def _value_given(node: Node, name: str) -> Node | None:
    match node:
        case c_ast.Decl(init=init) if node.name == name:
            return init
        case c_ast.Assignment(op="=", lvalue=c_ast.ID(name=target)) if target == name:
            return node.rvalue
    return None


def _is_change(node: Node, name: str, may_change: Callable[[str, int | None], bool]) -> bool:
    match node:
        case c_ast.Decl():
            return node.name == name and "static" in (node.storage or [])
        case c_ast.Assignment(lvalue=c_ast.ID(name=target)):
            return bool(target == name and node.op != "=")
        case c_ast.UnaryOp(op="&" | "++" | "--" | "p++" | "p--", expr=c_ast.ID(name=target)):
            return bool(target == name)
        case MacroLoop() | MacroBlock() | Asm():
            return _mentions(node.call if isinstance(node, MacroLoop) else node, name)
        case c_ast.FuncCall(name=c_ast.ID(name=callee)):
            arguments = node.args.exprs if node.args is not None else []
            return may_change(callee, None) or any(
                isinstance(argument, c_ast.ID)
                and argument.name == name
                and may_change(callee, position)
                for position, argument in enumerate(arguments)
            )
    return False


def _mentions(node: Node, name: str) -> bool:
    return any(isinstance(inner, c_ast.ID) and inner.name == name for inner in nodes_of(node))
