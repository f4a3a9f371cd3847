"""Where flags stand: each use of a flag or of something that carries flags, understood or not.

A use is found from one token (a flag's name, a variable's name) by climbing from its node to the
largest expression that is still a flag expression, and looking at what that expression is part of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

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
from convert.source.edits import Span
from convert.source.parse import Item
from convert.source.text import SourceFile
from convert.source.variants import Call, Declarator, Variant


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


class _Reader:
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
    raise _Reader(place).unknown(parent or root, "a use of the flags that no rule knows")


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
                    raise _Reader(place).unknown(outer or parent, "a complement of flags")
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
    reader = _Reader(place)
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
        raise _Reader(place).unknown(call_node, "flags are passed through a function pointer")
    allocator = place.allocators.get(call.callee)
    if allocator is not None and allocator.flags_slot == index:
        return _plain(place, UseKind.SLOT, root, call.span, None)
    if place.declarators(call.callee):
        raise _Reader(place).unknown(call_node, "flags are passed through a function pointer")
    return _plain(place, UseKind.ARGUMENT, root, call.span, ParameterFlags(call.callee, index))


def slot_use(place: Place, call: Call, index: int) -> Use:
    """The use in one argument slot of a call, whatever stands in it. Raises NotUnderstood."""
    slot = call.slots[index]
    if slot.node is None:
        raise NotUnderstood(slot.span.start, "an argument that is no expression")
    return _argument(place, slot.node, call.node)


def _assignment(place: Place, node: c_ast.Node, target: c_ast.Node, value: c_ast.Node) -> Use:
    reader = _Reader(place)
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


def _check_value_unused(place: Place, node: c_ast.Node, reader: _Reader) -> None:
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


def holder_of_target(place: Place, node: c_ast.Node, reader: _Reader) -> Holder:
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
    reader: _Reader,
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
    reader = _Reader(place)
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
