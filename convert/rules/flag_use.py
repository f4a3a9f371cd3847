"""Where flags stand: each use of a flag or of something that carries flags, understood or not.

A use is found from one token (a flag's name, a variable's name) by climbing from its node to the
largest expression that is still a flag expression, and looking at what that expression is part of.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pycparser import c_ast

from convert.rules.flag_expression import Carrier, Constant, FlagExpression, union, without
from convert.rules.flag_reading import (
    FlagReader,
    Holder,
    MacroFlags,
    NotUnderstood,
    ParameterFlags,
    Place,
    ResultFlags,
    declared_holder,
    holder_of,
)
from convert.semantics.flags import Flags
from convert.source.edits import Span
from convert.source.variants import Call


class UseKind(Enum):
    """What a flag expression is part of."""

    SLOT = "flags argument of a wrapper"
    INIT = "initialiser"
    ASSIGN = "assignment"
    CHAIN = "chained assignment"  # `a = b = flags`: the place of `a`
    ARGUMENT = "argument"
    RETURN = "return value"
    TEST = "test"
    MACRO = "macro body"


@dataclass(frozen=True)
class Use:
    """One understood use. Equal in all `#if` variants that hold it, or it is not understood.

    ``span`` is the flag expression (of ASSIGN: the whole assignment; of CHAIN: the assigned name;
    of TEST: the test with its ``!``). ``whole`` is what a reader would call the place: the call,
    declarator or statement.
    ``holders`` maps the text of each carrier in ``expression`` to what it is. ``target`` is the
    holder that the value goes to. ``flags`` and ``negated`` belong to TEST, ``operator`` to ASSIGN.
    """

    kind: UseKind
    path: str
    function: str | None
    span: Span
    whole: Span
    expression: FlagExpression
    holders: tuple[tuple[str, Holder], ...]
    target: Holder | None = None
    operator: str = "="
    flags: Flags = frozenset()
    negated: bool = False

    @property
    def linked(self) -> frozenset[Holder]:
        """All holders whose meaning this use ties together."""
        held = {holder for _, holder in self.holders}
        return frozenset(held | {self.target}) if self.target is not None else frozenset(held)


def find_use(place: Place, node: c_ast.Node) -> Use:
    """The use that a flag-valued node is part of. Raises NotUnderstood."""
    root = _climb(place, node)
    parent = place.variant.parent_of(root)
    match parent:
        case c_ast.BinaryOp(op="&") | c_ast.UnaryOp(op="!"):
            return _test(place, root, parent)
        case c_ast.Assignment(lvalue=target, rvalue=value):
            return _assignment(place, parent, target, value)
        case c_ast.Decl(init=init) if init is root:
            declarator = next(d for d in place.variant.declarators if d.node is parent)
            whole = Span(declarator.specifiers.start, place.variant.span_of(root).end)
            return _plain(place, UseKind.INIT, root, whole, declared_holder(place, declarator))
        case c_ast.Return():
            target = ResultFlags(place.item.name)
            return _plain(place, UseKind.RETURN, root, place.variant.span_of(parent), target)
        case c_ast.ExprList() if isinstance(place.variant.parent_of(parent), c_ast.FuncCall):
            return _argument(place, root, place.variant.parent_of(parent))
        case None if place.item.kind == "macro":
            return _plain(place, UseKind.MACRO, root, place.item.span, MacroFlags(place.item.name))
    raise FlagReader(place).unknown(parent or root, "a use of the flags that no rule knows")


def _climb(place: Place, node: c_ast.Node) -> c_ast.Node:
    """The largest flag expression around a node."""
    while True:
        parent = place.variant.parent_of(node)
        match parent:
            case c_ast.BinaryOp(op="|"):
                node = parent
            case c_ast.UnaryOp(op="~"):
                outer = place.variant.parent_of(parent)
                if isinstance(outer, c_ast.Assignment):
                    return parent
                if not (isinstance(outer, c_ast.BinaryOp) and outer.op == "&"):
                    raise FlagReader(place).unknown(outer or parent, "a complement of flags")
                node = outer
            case c_ast.BinaryOp(op="&", right=c_ast.UnaryOp(op="~")):
                node = parent
            case c_ast.TernaryOp(cond=condition) if condition is not node:
                node = parent
            case c_ast.Cast():
                node = parent
            case _:
                return node


def _plain(
    place: Place, kind: UseKind, root: c_ast.Node, whole: Span, target: Holder | None
) -> Use:
    reader = FlagReader(place)
    expression = reader.read(root)
    return Use(
        kind,
        place.source.path,
        place.function,
        place.variant.span_of(root),
        whole,
        expression,
        tuple(sorted(reader.holders.items())),
        target,
    )


def _argument(place: Place, root: c_ast.Node, call_node: c_ast.Node) -> Use:
    call = next(c for c in place.variant.calls if c.node is call_node)
    index = next((i for i, slot in enumerate(call.slots) if slot.node is root), None)
    if call.callee is None or index is None:
        raise FlagReader(place).unknown(call_node, "flags are passed through a function pointer")
    allocator = place.allocators.get(call.callee)
    if allocator is not None and allocator.flags_slot == index:
        return _plain(place, UseKind.SLOT, root, call.span, None)
    if place.declarators(call.callee):
        raise FlagReader(place).unknown(call_node, "flags are passed through a function pointer")
    return _plain(place, UseKind.ARGUMENT, root, call.span, ParameterFlags(call.callee, index))


def slot_use(place: Place, call: Call, index: int) -> Use:
    """The use in one argument slot of a call, whatever stands in it. Raises NotUnderstood."""
    slot = call.slots[index]
    if slot.node is None:
        raise NotUnderstood(slot.span.start, "an argument that is no expression")
    return _argument(place, slot.node, call.node)


def _assignment(place: Place, node: c_ast.Node, target: c_ast.Node, value: c_ast.Node) -> Use:
    reader = FlagReader(place)
    holder = holder_of_target(place, node, reader)
    _check_value_unused(place, node, reader)
    if node.op == "=" and isinstance(value, c_ast.Assignment):
        return _chained(place, node, target, value, holder, reader)
    own = Carrier(target.name)
    result: FlagExpression | None
    match (node.op, value):
        case ("=", _):
            result = reader.read(value)
        case ("|=", _):
            result = union(own, reader.read(value))
        case ("&=", c_ast.UnaryOp(op="~", expr=taken)):
            flags = reader.read(taken)
            result = without(own, flags.flags) if isinstance(flags, Constant) else None
        case _:
            result = None
    if result is None:
        raise reader.unknown(node, "an assignment to flags that no rule knows")
    if node.op != "=":
        reader.holders[target.name] = holder
    span = place.variant.span_of(node)
    return Use(
        UseKind.ASSIGN,
        place.source.path,
        place.function,
        span,
        span,
        result,
        tuple(sorted(reader.holders.items())),
        holder,
        node.op,
    )


def _check_value_unused(place: Place, node: c_ast.Node, reader: FlagReader) -> None:
    """The value of an assignment may only be used by another assignment of flags."""
    parent = place.variant.parent_of(node)
    if isinstance(parent, c_ast.Assignment) and parent.rvalue is node and parent.op == "=":
        holder_of_target(place, parent, reader)
        _check_value_unused(place, parent, reader)
        return
    if not any(statement.node is node for statement in place.variant.statements):
        loop = isinstance(parent, c_ast.For) and parent.cond is not node
        if not loop:
            raise reader.unknown(parent or node, "the value of the assignment is used")


def holder_of_target(place: Place, node: c_ast.Node, reader: FlagReader) -> Holder:
    """The holder that an assignment assigns to. Raises NotUnderstood."""
    if not isinstance(node.lvalue, c_ast.ID):
        raise reader.unknown(
            node.lvalue,
            "flags are stored in a structure member or array, "
            "which can be 0 without any assignment",
        )
    return holder_of(place, node.lvalue)


def _chained(
    place: Place,
    node: c_ast.Node,
    target: c_ast.ID,
    value: c_ast.Node,
    holder: Holder,
    reader: FlagReader,
) -> Use:
    """``target = other = …``: both hold the same; only the name of ``target`` stands here."""
    if value.op != "=":
        raise reader.unknown(value, "the value of the assignment is used")
    other = holder_of_target(place, value, reader)
    return Use(
        UseKind.CHAIN,
        place.source.path,
        place.function,
        place.variant.span_of(target),
        place.variant.span_of(node),
        Carrier(target.name),
        tuple(sorted({target.name: holder, value.lvalue.name: other}.items())),
        holder,
    )


def _test(place: Place, root: c_ast.Node, parent: c_ast.Node) -> Use:
    reader = FlagReader(place)
    if not isinstance(parent, c_ast.BinaryOp):
        raise reader.unknown(parent, "the flags' value as a whole is tested")
    sides = [reader.read(side) for side in (parent.left, parent.right)]
    constant = next((side for side in sides if isinstance(side, Constant)), None)
    carrier = next((side for side in sides if isinstance(side, Carrier)), None)
    if constant is None or carrier is None or not constant.flags:
        raise reader.unknown(parent, "a test of flags that is not `variable & flags`")
    outer = place.variant.parent_of(parent)
    negated = isinstance(outer, c_ast.UnaryOp) and outer.op == "!"
    tested = outer if negated else parent
    if not _is_truth(place, tested):
        raise reader.unknown(parent, "the value of the test is used as a number")
    return Use(
        UseKind.TEST,
        place.source.path,
        place.function,
        place.variant.span_of(tested),
        place.variant.span_of(tested),
        carrier,
        tuple(sorted(reader.holders.items())),
        flags=constant.flags,
        negated=negated,
    )


def _is_truth(place: Place, node: c_ast.Node) -> bool:
    """Whether only the truth of an expression matters where it stands."""
    parent = place.variant.parent_of(node)
    match parent:
        case c_ast.If(cond=cond) | c_ast.While(cond=cond) | c_ast.DoWhile(cond=cond):
            return cond is node
        case c_ast.For(cond=cond) | c_ast.TernaryOp(cond=cond):
            return cond is node
        case c_ast.BinaryOp(op="&&") | c_ast.BinaryOp(op="||") | c_ast.UnaryOp(op="!"):
            return True
        case c_ast.ExprList():
            call = place.variant.parent_of(parent)
            name = getattr(getattr(call, "name", None), "name", None)
            return name in ("likely", "unlikely")
    return False
