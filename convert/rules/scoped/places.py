"""Where a mask name stands: in the mask of a call, in a variable, or where nothing follows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pycparser import c_ast

from convert.source.edits import Span
from convert.source.parse import (
    Call,
    Disagreement,
    Item,
    ParsedFile,
    ParseRefusal,
    Slot,
    agreed_call,
)
from convert.source.variants import Node, Variant

_BITWISE = frozenset({"|", "&", "^"})
_ASSIGNS = frozenset({"=", "|=", "&=", "^="})


@dataclass(frozen=True, eq=False)
class InCall:
    """The name is part of an argument, combined with other masks bit by bit at most."""

    item: Item
    call: Call
    slot: Slot


@dataclass(frozen=True, eq=False)
class InVariable:
    """The name is part of what an automatic variable or a parameter is set to."""

    item: Item
    variable: str
    value: Span  # what it is set to, without parentheses around it


@dataclass(frozen=True)
class Elsewhere:
    """Nothing here follows the name; ``what`` is a clause. stored: the mask is kept for later."""

    what: str
    stored: bool = False


Place = InCall | InVariable | Elsewhere


def place_of(parsed: ParsedFile, offset: int) -> Place:
    """Where the identifier at an offset of code stands."""
    item = parsed.item_at(offset)
    if isinstance(item, ParseRefusal):
        return Elsewhere(f"{item.name} could not be parsed ({item.construct})")
    if item is None:
        return Elsewhere("the text around it was not parsed")
    if item.kind == "macro":
        return Elsewhere(f"it stands in the macro {item.name}, which is expanded in other places")
    if item.kind != "function":
        return Elsewhere("it stands outside of functions", stored=True)
    if not all(variant.holds(offset) for variant in item.variants):
        return Elsewhere("it stands under an #if, so not in every configuration")
    found = [_climb(item, variant, offset) for variant in item.variants]
    return _agreed(parsed, item, found)


def _agreed(parsed: ParsedFile, item: Item, found: list[Place]) -> Place:
    """The place, if all ``#if`` variants see the same one."""
    lost = next((place for place in found if isinstance(place, Elsewhere)), None)
    if lost is not None:
        return lost
    calls = [place for place in found if isinstance(place, InCall)]
    names = {(p.variable, p.value) for p in found if isinstance(p, InVariable)}
    if names and not calls and len(names) == 1:
        return InVariable(item, *names.pop())
    starts = {place.call.callee_span.start for place in calls}
    if names or len(starts) != 1:
        return Elsewhere("#if variants disagree about what is done with it")
    agreed = agreed_call(item, starts.pop())
    if agreed is None or isinstance(agreed, Disagreement):
        return Elsewhere(agreed.reason if agreed else "no call stands there")
    spans = {place.slot.span for place in calls}
    slot = next((slot for slot in agreed.slots if slot.span in spans), None)
    if len(spans) != 1 or slot is None:
        return Elsewhere("#if variants disagree about the argument that holds it")
    return InCall(item, agreed, slot)


def _climb(item: Item, variant: Variant, offset: int) -> Place:
    node = variant.identifiers.get(offset)
    if not isinstance(node, c_ast.ID):
        return Elsewhere("it is not used as a value")
    return use_of(item, variant, node)


def use_of(item: Item, variant: Variant, node: Node) -> Place:
    """What becomes of an expression of a function: followed upward through bitwise operators."""
    slots = {
        id(slot.node): (call, slot)
        for call in variant.calls
        for slot in call.slots
        if slot.node is not None
    }
    while True:
        if id(node) in slots:
            call, slot = slots[id(node)]
            return InCall(item, call, slot)
        parent = variant.parent_of(node)
        match parent:
            case c_ast.BinaryOp(op=op) if op in _BITWISE:
                node = parent
            case c_ast.UnaryOp(op="~") | c_ast.Cast():
                node = parent
            case c_ast.TernaryOp(cond=cond) if cond is not node:
                node = parent
            case c_ast.TernaryOp():
                return Elsewhere("it decides a condition")
            case c_ast.BinaryOp(op=op):
                return Elsewhere(f"it is an operand of `{op}`")
            case c_ast.Decl(init=init) if init is node:
                return _declared(item, variant, parent, node)
            case c_ast.Assignment(op=op, rvalue=value) if value is node and op in _ASSIGNS:
                return _assigned(item, variant, parent, node)
            case c_ast.Return():
                return Elsewhere("it is returned")
            case c_ast.InitList() | c_ast.NamedInitializer():
                return Elsewhere("it is stored in an object by its initialiser", stored=True)
            case _:
                return Elsewhere("what is done with it is not understood")


def _declared(item: Item, variant: Variant, node: Node, value: Node) -> Place:
    if not isinstance(node.type, c_ast.TypeDecl):
        return Elsewhere(f"it is stored in {node.name}, which is no plain variable", stored=True)
    return _local(item, variant, node.name, value)


def _assigned(item: Item, variant: Variant, node: Node, value: Node) -> Place:
    target = node.lvalue
    parent = variant.parent_of(node)
    if not isinstance(target, c_ast.ID):
        return Elsewhere("it is stored in an object", stored=True)
    if isinstance(parent, (c_ast.Assignment, c_ast.FuncCall, c_ast.ExprList, c_ast.BinaryOp)):
        return Elsewhere("the assignment is itself used as a value")
    return _local(item, variant, target.name, value)


def _local(item: Item, variant: Variant, name: str, value: Node) -> Place:
    own = [d for d in variant.declarators if d.name == name]
    if len(own) != 1:
        which = "no variable of this function" if not own else "declared more than once"
        return Elsewhere(f"it is stored in {name}, which is {which}", stored=not own)
    storage = set(own[0].node.storage or ())
    if {"static", "extern"} & storage or not isinstance(own[0].node.type, c_ast.TypeDecl):
        return Elsewhere(f"it is stored in {name}, no plain automatic variable", stored=True)
    return InVariable(item, name, variant.span_of(value))


def uses_of(item: Item, variable: str) -> Iterator[tuple[Variant, c_ast.ID, int]]:
    """Every mention of a variable in the code of a function, with its offset, in each variant."""
    for variant in item.variants:
        for offset, node in variant.identifiers.items():
            if isinstance(node, c_ast.ID) and node.name == variable:
                yield variant, node, offset


def is_target(variant: Variant, node: Node) -> bool:
    """Whether an identifier is what an understood assignment statement assigns to."""
    parent = variant.parent_of(node)
    return (
        isinstance(parent, c_ast.Assignment)
        and parent.lvalue is node
        and parent.op in _ASSIGNS
        and isinstance(use_parent := variant.parent_of(parent), c_ast.Node)
        and not isinstance(
            use_parent, (c_ast.Assignment, c_ast.FuncCall, c_ast.ExprList, c_ast.BinaryOp)
        )
    )
