"""Values of expressions as bounds: constants, sizes, and what the types of variables allow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from pycparser import c_ast

from convert.semantics.cint import INT, UINT, ULONG, CInt, CType
from convert.semantics.constexpr import NotConstant, integer
from convert.semantics.sizing.amounts import (
    Amount,
    boolean,
    by_type,
    combined,
    constant,
    converted,
    greatest_of,
    joined,
    least_of,
    negated,
    rounded_up,
    truth,
)
from convert.semantics.sizing.definitions import Cut, MacroText
from convert.semantics.sizing.expression_types import ExpressionTypes, type_text
from convert.semantics.sizing.kconfig import Options
from convert.semantics.sizing.layout import NoLayout
from convert.semantics.sizing.locals import Declared, declared, local_values
from convert.semantics.sizing.macro_text import expansion, may_change
from convert.semantics.sizing.places import Frame, Node, TypeRef, Where, nodes_of
from convert.semantics.sizing.target import CONSTANTS
from convert.semantics.sizing.type_sizes import TypeReader

_MAX_DEPTH = 48
# Macros and functions of include/linux/overflow.h, stddef.h, kernel.h and compiler.h in terms of
# plain C: their own bodies use what interval arithmetic loses (saturation, statement expressions).
_MEANINGS = {
    "struct_size": (3, "sizeof(*({0})) + sizeof(*({0})->{1}) * (size_t)({2})"),
    "struct_size_t": (3, "sizeof({0}) + sizeof(*(({0} *)0)->{1}) * (size_t)({2})"),
    "flex_array_size": (3, "sizeof(*({0})->{1}) * (size_t)({2})"),
    "array_size": (2, "(size_t)({0}) * (size_t)({1})"),
    "size_mul": (2, "(size_t)({0}) * (size_t)({1})"),
    "size_add": (2, "(size_t)({0}) + (size_t)({1})"),
    "array3_size": (3, "(size_t)({0}) * (size_t)({1}) * (size_t)({2})"),
    "sizeof_field": (2, "sizeof((({0} *)0)->{1})"),
    "FIELD_SIZEOF": (2, "sizeof((({0} *)0)->{1})"),
    "offsetofend": (2, "offsetof({0}, {1}) + sizeof((({0} *)0)->{1})"),
    "ARRAY_SIZE": (1, "sizeof({0}) / sizeof(({0})[0])"),
    "likely": (1, "({0})"),
    "unlikely": (1, "({0})"),
    "READ_ONCE": (1, "({0})"),
    "min_t": (3, "min(({0})({1}), ({0})({2}))"),
    "max_t": (3, "max(({0})({1}), ({0})({2}))"),
    "min3": (3, "min(min({0}, {1}), {2})"),
    "max3": (3, "max(max({0}, {1}), {2})"),
}
_ROUNDED = ("roundup", "round_up", "ALIGN", "__ALIGN_KERNEL")
_OFFSETS = ("offsetof", "__builtin_offsetof")
_BYTE_ORDER = re.compile(r"_*(?:[bl]e(16|32|64)_to_cpu[ps]?|cpu_to_[bl]e(16|32|64)p?)")
_OF_BYTE_ORDER = {"16": CType(16, False), "32": UINT, "64": ULONG}
_LOGICAL = ("&&", "||")


class ExpressionReader:
    """Reads values; what cannot be shown has the bounds of its type and says why."""

    def __init__(self, types: TypeReader, options: Options) -> None:
        self.types = types
        self.kinds = ExpressionTypes(types)
        self.index = types.index
        self.fragments = types.fragments
        self._options = options
        self._depth = 0
        self._active: set[tuple[int, str]] = set()

    def typed(self, node: Node, where: Where) -> tuple[TypeRef, ...]:
        """The type of an expression, as one of several; empty if it is not known."""
        return self.kinds.typed(node, where)

    # -- values -------------------------------------------------------------------------------

    def read(self, node: Node, where: Where) -> Amount:
        """The value of an expression."""
        if self._depth > _MAX_DEPTH:
            return by_type(ULONG, f"`{where.text(node)}` is nested too deeply")
        self._depth += 1
        try:
            return self._value(node, where)
        except NoLayout as error:
            return by_type(ULONG, str(error))
        finally:
            self._depth -= 1

    def _value(self, node: Node, where: Where) -> Amount:
        match node:
            case c_ast.Constant():
                return self._constant(node, where)
            case c_ast.ID():
                return self._name(node, where)
            case c_ast.UnaryOp():
                return self._unary(node, where)
            case c_ast.BinaryOp():
                return self._binary(node, where)
            case c_ast.TernaryOp():
                return self._conditional(node, where)
            case c_ast.Cast():
                return self._cast(node, where)
            case c_ast.FuncCall():
                return self._call(node, where)
            case c_ast.ExprList() if node.exprs:
                return self.read(node.exprs[-1], where)
            case c_ast.Assignment(op="="):
                return self._as(self.read(node.rvalue, where), node.lvalue, where)
        return self._by_type(node, where)

    def _constant(self, node: Node, where: Where) -> Amount:
        try:
            value = integer(node.value)
        except NotConstant:
            return by_type(ULONG, f"`{where.text(node)}` is no integer constant")
        return _of(value)

    def _unary(self, node: Node, where: Where) -> Amount:
        if node.op == "sizeof":
            layout = self.types.layouts(self._operand_types(node.expr, where))
            return Amount(layout.low, layout.high, ULONG, (), layout.notes)
        if node.op in ("__alignof__", "_Alignof", "__alignof"):
            layout = self.types.layouts(self._operand_types(node.expr, where))
            return Amount(layout.align_low, layout.align_high, ULONG, (), layout.notes)
        if node.op in ("-", "+", "~", "!"):
            return negated(node.op, self.read(node.expr, where))
        return self._by_type(node, where)

    def _operand_types(self, node: Node, where: Where) -> tuple[TypeRef, ...]:
        if isinstance(node, c_ast.Typename):
            return (TypeRef(node, where),)
        refs = self.kinds.typed(node, where)
        if not refs and isinstance(node, c_ast.ID) and self.index.typedefs(node.name, where.path):
            return self.types.definitions.typedef_refs(node.name, where)
        if not refs:
            raise NoLayout(f"the type of `{where.text(node)}` is not known")
        return refs

    def _binary(self, node: Node, where: Where) -> Amount:
        left = self.read(node.left, where)
        if node.op in _LOGICAL:
            first, second = truth(left), truth(self.read(node.right, where))
            decisive = node.op == "||"
            if decisive in (first, second):
                return boolean(decisive)
            return boolean(None if None in (first, second) else not decisive)
        right = self.read(node.right, where)
        result = combined(node.op, left, right)
        if result.open and not left.open and not right.open:
            return replace(result, open=(f"`{where.text(node)}` may wrap around",))
        return result

    def _conditional(self, node: Node, where: Where) -> Amount:
        condition = self.read(node.cond, where)
        decided = truth(condition)
        chosen = condition if node.iftrue is None else self.read(node.iftrue, where)
        other = self.read(node.iffalse, where)
        if decided is not None and not condition.open:
            return chosen if decided else other
        return joined([chosen, other])

    def _cast(self, node: Node, where: Where) -> Amount:
        ctype = self.kinds.ctype((TypeRef(node.to_type, where),))
        value = self.read(node.expr, where)
        return value if ctype is None else converted(value, ctype)

    def _as(self, value: Amount, target: Node, where: Where) -> Amount:
        ctype = self.kinds.ctype(self.kinds.typed(target, where))
        return value if ctype is None else converted(value, ctype)

    def _by_type(self, node: Node, where: Where) -> Amount:
        """What the type of an lvalue allows."""
        refs = self.kinds.typed(node, where)
        width = self._bit_field(node, where)
        if width is not None:
            return by_type(width, _unknown(node, where, f"{width.width} bits"))
        ctype = self.kinds.ctype(refs)
        if ctype is None:
            return by_type(ULONG, f"`{where.text(node)}` is known only at run time")
        return by_type(ctype, _unknown(node, where, type_text(refs)))

    def _bit_field(self, node: Node, where: Where) -> CType | None:
        if not isinstance(node, c_ast.StructRef):
            return None
        found = self.kinds.members(node, where)
        widths = [self.read(decl.bitsize, place) for decl, place in found if decl.bitsize]
        if not widths or len(widths) != len(found) or any(not w.exact or w.open for w in widths):
            return None
        return CType(max(1, max(width.low for width in widths)), False)

    # -- names --------------------------------------------------------------------------------

    def _name(self, node: Node, where: Where) -> Amount:
        name = node.name
        if where.frame is not None:
            found = declared(where.frame, name, node)
            if found is not None:
                return self._local(found, where.frame, where)
        if name in CONSTANTS:
            return _of(CONSTANTS[name])
        macros = [m for m in self.index.macros(name, where.path) if m.parameters is None]
        if macros:
            return joined(self._expanded(macro, (), node, where) for macro in macros)
        if name.startswith("CONFIG_"):
            bounds = self._options.bounds(name.removeprefix("CONFIG_"))
            if bounds is not None:
                note = () if bounds[0] == bounds[1] else (f"{name} is at most {bounds[1]}",)
                return Amount(*bounds, INT, (), note)
        enums = self.index.enums_with(name, where.path)
        values = [value for cut in enums for value in self._enumerator(cut, name)]
        if values:
            return joined(values)
        return by_type(ULONG, f"`{name}` is known only at run time")

    def _enumerator(self, cut: Cut, name: str) -> list[Amount]:
        key = (hash((cut.path, cut.start)), name)
        if key in self._active:
            raise NoLayout(f"{cut.path}:{cut.line}: {name} is defined by itself")
        self._active.add(key)
        try:
            place = self.fragments.cut(cut, name)
            found: list[Amount] = []
            for variant in place.variants:
                for node in nodes_of(variant.root):
                    if isinstance(node, c_ast.Enum) and node.values is not None:
                        found += self._enumerated(node, name, place.of(variant))
            return found
        finally:
            self._active.discard(key)

    def _enumerated(self, node: Node, name: str, where: Where) -> list[Amount]:
        """The value of one enumerator: what it is given, or one more than the one before."""
        given, steps = None, 0
        for item in node.values.enumerators:
            if not isinstance(item, c_ast.Enumerator):
                return []
            if item.value is not None:
                given, steps = item.value, 0
            if item.name == name:
                start = constant(0) if given is None else self.read(given, where)
                return [combined("+", start, constant(steps))]
            steps += 1
        return []

    def _local(self, found: Declared, frame: Frame, where: Where) -> Amount:
        """Any of the values that a local variable is given in its function."""
        place = Where(frame.path, frame.source, (frame.variant,), frame)
        refs = (TypeRef(found.node.type, place),)
        ctype = self.kinds.ctype(refs)
        if ctype is None:
            return by_type(ULONG, f"`{found.name}` is a pointer or of unknown type")
        limit = by_type(ctype, f"`{found.name}` ({type_text(refs)}) is known only at run time")
        key = (id(frame), found.name)
        local = local_values(frame, found, partial(may_change, self.index, frame.path))
        if local.changed is not None or key in self._active:
            return limit
        self._active.add(key)
        try:
            values = [converted(self.read(node, place), ctype) for node in local.values]
        finally:
            self._active.discard(key)
        if local.is_parameter:
            values.append(
                converted(frame.bound[found.name], ctype)
                if found.name in frame.bound
                else _parameter(limit, found.name, refs)
            )
        return joined(values) if values else limit

    # -- calls --------------------------------------------------------------------------------

    def _call(self, node: Node, where: Where) -> Amount:
        call = where.call(node)
        if call is None or call.callee is None:
            return self._by_type(node, where)
        name = call.callee
        texts = [slot.span.of(where.source.text) for slot in call.slots]
        if name in _OFFSETS and len(texts) == 2:
            return self._offset(node, where)
        if name in ("min", "max", "umin", "umax") and len(texts) == 2:
            left, right = (self.read(part, where) for part in node.args.exprs)
            return (least_of if name.endswith("min") else greatest_of)(left, right)
        if name in _ROUNDED and len(texts) == 2:
            left, right = (self.read(part, where) for part in node.args.exprs)
            return rounded_up(left, right)
        meaning = _MEANINGS.get(name)
        if meaning is not None and meaning[0] == len(texts):
            inner, place = self.fragments.expression(
                meaning[1].format(*texts), where, where.line(node)
            )
            return self.read(inner, place)
        order = _BYTE_ORDER.fullmatch(name)
        if order is not None:
            ctype = _OF_BYTE_ORDER[order[1] or order[2]]
            return by_type(ctype, _unknown(node, where, f"a {ctype.width}-bit value"))
        return self._defined_call(name, texts, node, where)

    def _defined_call(self, name: str, texts: Sequence[str], node: Node, where: Where) -> Amount:
        macros = [m for m in self.index.macros(name, where.path) if m.parameters is not None]
        if macros:
            return joined(self._expanded(macro, texts, node, where) for macro in macros)
        cuts = self.index.functions(name, where.path)
        if len(cuts) == 1 and node.args is not None:
            arguments = [self.read(argument, where) for argument in node.args.exprs]
            result = self._returned(cuts[0], name, arguments)
            if result is not None:
                return result
        return by_type(ULONG, f"`{where.text(node)}` is known only at run time")

    def _expanded(
        self, macro: MacroText, arguments: Sequence[str], node: Node, where: Where
    ) -> Amount:
        text = expansion(macro, arguments)
        inner, place = self.fragments.expression(text, where, where.line(node))
        return self.read(inner, place)

    def _returned(self, cut: Cut, name: str, arguments: Sequence[Amount]) -> Amount | None:
        """Any of the values that a function returns for these arguments; None if not known."""
        place = self.fragments.cut(cut, name)
        results: list[Amount] = []
        for variant in place.variants:
            root = variant.root
            if not isinstance(root, c_ast.FuncDef):
                return None
            function = root.decl.type
            names = [
                getattr(p, "name", None) for p in (function.args.params if function.args else ())
            ]
            if len(names) != len(arguments):
                return None
            bound = {n: a for n, a in zip(names, arguments, strict=True) if n is not None}
            frame = Frame(cut.path, place.source, variant, bound)
            inside = Where(cut.path, place.source, (variant,), frame)
            ctype = self.kinds.ctype((TypeRef(function.type, inside),))
            returns = [n.expr for n in nodes_of(root.body) if isinstance(n, c_ast.Return)]
            if ctype is None or not returns or any(value is None for value in returns):
                return None
            results += [converted(self.read(value, inside), ctype) for value in returns]
        return joined(results) if results else None

    def _offset(self, node: Node, where: Where) -> Amount:
        """``offsetof(type, member)``; a member of a member adds its own offset."""
        target, member = node.args.exprs
        ref = TypeRef(target, where)
        low = high = 0
        notes: tuple[str, ...] = ()
        for name in _path(member, where):
            layout = self.types.layout(ref)
            if name not in layout.offsets:
                raise NoLayout(f"`{where.text(node)}` is not understood")
            low, high = low + layout.offsets[name][0], high + layout.offsets[name][1]
            notes += layout.notes
            found = self.types.fields(ref, name)
            if not found:
                raise NoLayout(f"`{where.text(node)}` is not understood")
            ref = TypeRef(found[0][0].type, found[0][1])
        return Amount(low, high, ULONG, (), notes)


def _of(value: CInt) -> Amount:
    number = value.number
    assert number is not None  # literals and fixed constants are exact
    return constant(number, value.ctype)


def _unknown(node: Node, where: Where, kind: str) -> str:
    """Why a value is only bounded by its type."""
    return f"`{where.text(node) or 'a value'}` ({kind}) is known only at run time"


def _parameter(limit: Amount, name: str, refs: Sequence[TypeRef]) -> Amount:
    """A parameter of the function that holds the expression: anything of its type."""
    return by_type(limit.ctype, f"the parameter `{name}` is {type_text(refs)}")


def _path(node: Node, where: Where) -> list[str]:
    """``a.b`` as names. Raises NoLayout for anything but members."""
    if isinstance(node, c_ast.ID):
        return [node.name]
    if isinstance(node, c_ast.StructRef) and node.type == ".":
        return [*_path(node.name, where), node.field.name]
    raise NoLayout(f"`{where.text(node)}` is no plain member")
