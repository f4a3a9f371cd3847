"""Local variables: where they are declared, and all the values that a function gives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pycparser import c_ast

from convert.semantics.sizing.layout import NoLayout
from convert.semantics.sizing.places import Frame, Node, nodes_of
from convert.source.nodes import Asm, MacroBlock, MacroLoop


@dataclass(frozen=True, eq=False)
class Declared:
    """The declaration that a name of a function refers to."""

    name: str
    node: Node
    is_parameter: bool


@dataclass(frozen=True, eq=False)
class Local:
    """The expressions that a variable is set to; ``changed``: where it is changed otherwise."""

    values: tuple[Node, ...]
    is_parameter: bool
    changed: Node | None


def declared(frame: Frame, name: str, use: Node) -> Declared | None:
    """The local variable or parameter of a name; None if the function has none.

    Raises NoLayout if several are declared and which one is meant cannot be told.
    """
    found = _declarations(frame, name)
    if not found:
        return None
    if len(found) == 1:
        return found[0]
    visible = _visible(frame, found, use)
    if visible is None:
        raise NoLayout(f"{name} is declared more than once in the function")
    return visible


def _declarations(frame: Frame, name: str) -> list[Declared]:
    root = frame.variant.root
    if not isinstance(root, c_ast.FuncDef):
        return []
    function = root.decl.type
    parameters = function.args.params if function.args is not None else []
    found = [Declared(name, p, True) for p in parameters if getattr(p, "name", None) == name]
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
                found.append(Declared(name, declarator.node, False))
    return found


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


def local_values(frame: Frame, found: Declared, may_change: Callable[[str, int], bool]) -> Local:
    """All that a function does to a variable of that name (of any block).

    Taking its address, an operator that changes it, and handing it to a macro that may assign to
    its argument (``may_change(name, position)``) count as changes that are not followed.
    """
    name = found.name
    values: list[Node] = []
    changed: Node | None = None
    if "static" in (found.node.storage or []):
        changed = found.node
    for node in nodes_of(frame.variant.root.body):
        match node:
            case c_ast.Decl(init=init) if node.name == name and init is not None:
                values.append(init)
            case c_ast.Assignment(lvalue=c_ast.ID(name=target)) if target == name:
                if node.op == "=":
                    values.append(node.rvalue)
                else:
                    changed = node
            case c_ast.UnaryOp(op="&" | "++" | "--" | "p++" | "p--", expr=c_ast.ID(name=target)):
                changed = node if target == name else changed
            case MacroLoop() | MacroBlock() | Asm():
                head = node.call if isinstance(node, MacroLoop) else node
                changed = node if _mentions(head, name) else changed
            case c_ast.FuncCall(name=c_ast.ID(name=callee), args=args) if args is not None:
                for position, argument in enumerate(args.exprs):
                    passed = isinstance(argument, c_ast.ID) and argument.name == name
                    changed = node if passed and may_change(callee, position) else changed
    return Local(tuple(values), found.is_parameter, changed)


def _mentions(node: Node, name: str) -> bool:
    return any(isinstance(inner, c_ast.ID) and inner.name == name for inner in nodes_of(node))
