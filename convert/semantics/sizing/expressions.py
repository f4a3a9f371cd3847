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
    logarithm,
    negated,
    power_of_two,
    rounded_up,
    truth,
)
from convert.semantics.sizing.definitions import Cut, MacroText
from convert.semantics.sizing.enumerators import find_enumerator
from convert.semantics.sizing.expression_types import ExpressionTypes, type_text
from convert.semantics.sizing.kconfig import Options
from convert.semantics.sizing.layout import NoLayout
from convert.semantics.sizing.locals import Declared, declared, local_values, parameter_names
from convert.semantics.sizing.macro_text import expansion, may_change, uses_name
from convert.semantics.sizing.meanings import MEANINGS
from convert.semantics.sizing.places import Frame, Node, TypeRef, Where
from convert.semantics.sizing.target import CONSTANTS
from convert.semantics.sizing.type_sizes import TypeReader
from convert.source.nodes import nodes_of

_MAX_DEPTH = 48
_ROUNDED = ("roundup", "round_up", "ALIGN", "__ALIGN_KERNEL")
_TESTS = ("IS_ENABLED", "IS_BUILTIN", "IS_MODULE", "IS_REACHABLE", "__builtin_constant_p")
_BY_LOGARITHM = {"ilog2": logarithm, "roundup_pow_of_two": power_of_two}
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
            if found:
                return self._local(found, where.frame)
        if name in CONSTANTS:
            return _of(CONSTANTS[name])
        values = [self._expanded(macro, (), node, where) for macro in self._macros(name, where)]
        if name.startswith("CONFIG_"):
            # A header may have a #define for where the option does not exist; the option wins.
            values.append(self._option(name))
        enums = self.index.enums_with(name, where.path)
        values += [value for cut in enums for value in self._enumerator(cut, name)]
        if values:
            return joined(values)
        return by_type(ULONG, f"`{name}` is known only at run time")

    def _macros(self, name: str, where: Where) -> list[MacroText]:
        """The object-like macros of a name, but for those that only say that the name exists."""
        found = self.index.macros(name, where.path)
        return [macro for macro in found if macro.parameters is None and macro.body != name]

    def _option(self, name: str) -> Amount:
        bounds = self._options.bounds(name.removeprefix("CONFIG_"))
        if bounds is None:
            return by_type(ULONG, f"{name} has no known range")
        note = () if bounds[0] == bounds[1] else (f"{name} is at most {bounds[1]}",)
        return Amount(*bounds, INT, (), note)

    def _enumerator(self, cut: Cut, name: str) -> list[Amount]:
        """The value of one enumerator: what it is given, or one more than the one before."""
        key = (hash((cut.path, cut.start)), name)
        if key in self._active:
            raise NoLayout(f"{cut.path}:{cut.line}: {name} is defined by itself")
        self._active.add(key)
        try:
            place = self.fragments.cut(cut, name)
            found = find_enumerator(place, name)
            if found is None:
                return []
            start = constant(0)
            if found.base is not None:
                start = self.read(found.base, place.of(found.variant))
            return [combined("+", start, Amount(found.least, found.greatest))]
        finally:
            self._active.discard(key)

    def _local(self, found: Sequence[Declared], frame: Frame) -> Amount:
        """Any of the values that a local variable is given in its function."""
        name = found[0].name
        refs = [TypeRef(d.node.type, frame.place(d.variant)) for d in found]
        ctype = self.kinds.ctype(refs)
        if ctype is None:
            return by_type(ULONG, f"`{name}` is known only at run time")
        limit = by_type(ctype, f"`{name}` ({type_text(refs)}) is known only at run time")
        key = (frame.owner, name)
        local = local_values(frame, name, partial(self._may_change, frame.path, name))
        if local.changed or key in self._active:
            return limit
        self._active.add(key)
        try:
            values = [
                converted(self.read(node, frame.place(variant)), ctype)
                for node, variant in local.values
            ]
        finally:
            self._active.discard(key)
        if any(d.is_parameter for d in found):
            given = frame.bound.get(name)
            why = f"the parameter `{name}` is {type_text(refs)}"
            values.append(by_type(ctype, why) if given is None else converted(given, ctype))
        return joined(values) if values else limit

    def _may_change(self, path: str, name: str, callee: str, position: int | None) -> bool:
        if position is None:
            return uses_name(self.index, path, callee, name)
        return may_change(self.index, path, callee, position)

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
        if name in _TESTS:
            return boolean(None)
        if name in _BY_LOGARITHM and len(texts) == 1:
            return _BY_LOGARITHM[name](self.read(node.args.exprs[0], where))
        if name in _ROUNDED and len(texts) == 2:
            left, right = (self.read(part, where) for part in node.args.exprs)
            return rounded_up(left, right)
        meaning = MEANINGS.get(name)
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
        """Any of what the definitions of a name give, macros and functions alike."""
        macros = self.index.macros(name, where.path)
        values = [self._expanded(m, texts, node, where) for m in macros if m.parameters is not None]
        for alias in {macro.body for macro in self._macros(name, where)}:
            text = f"{alias}({', '.join(texts)})"
            values.append(self.read(*self.fragments.expression(text, where, where.line(node))))
        cuts = self.index.functions(name, where.path)
        arguments = node.args.exprs if node.args is not None else []
        given = [self.read(argument, where) for argument in arguments] if cuts else []
        results = [self._returned(cut, name, given) for cut in cuts]
        values += [result for result in results if result is not None]
        if not values or None in results or self.index.is_elsewhere(name, cuts):
            return by_type(ULONG, f"`{where.text(node)}` is known only at run time")
        return joined(values)

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
            names = parameter_names(function)
            if len(names) != len(arguments):
                return None
            bound = {n: a for n, a in zip(names, arguments, strict=True) if n is not None}
            frame = Frame(cut.path, place.source, variant, place.variants, bound)
            inside = frame.place(variant)
            ctype = self.kinds.ctype((TypeRef(function.type, inside),))
            returns = [n.expr for n in nodes_of(root.body) if isinstance(n, c_ast.Return)]
            if ctype is None or not returns or any(value is None for value in returns):
                return None
            results += [converted(self.read(value, inside), ctype) for value in returns]
        return joined(results) if results else None

    def _offset(self, node: Node, where: Where) -> Amount:
        """``offsetof(type, member)``; a member of a member, or an element, adds its own offset."""
        target, member = node.args.exprs
        total, _ = self._offset_in((TypeRef(target, where),), member, where)
        return total

    def _offset_in(
        self, base: tuple[TypeRef, ...], member: Node, where: Where
    ) -> tuple[Amount, tuple[TypeRef, ...]]:
        """The offset of a designator in a type, and the designator's type. Raises NoLayout."""
        match member:
            case c_ast.ID(name=name):
                return self._offset_of(base, name)
            case c_ast.StructRef(type="."):
                start, refs = self._offset_in(base, member.name, where)
                inner, refs = self._offset_of(refs, member.field.name)
                return combined("+", start, inner), refs
            case c_ast.ArrayRef():
                start, refs = self._offset_in(base, member.name, where)
                elements = self.kinds.pointed(refs)
                layout = self.types.layouts(elements)
                size = Amount(layout.low, layout.high, ULONG, (), layout.notes)
                index = converted(self.read(member.subscript, where), ULONG)
                return combined("+", start, combined("*", size, index)), elements
        raise NoLayout(f"`{where.text(member)}` is no member")

    def _offset_of(
        self, base: tuple[TypeRef, ...], name: str
    ) -> tuple[Amount, tuple[TypeRef, ...]]:
        layout = self.types.layouts(base)
        found = [pair for ref in base for pair in self.types.fields(ref, name)]
        if name not in layout.offsets or not found:
            raise NoLayout(f"the member {name} is not known")
        low, high = layout.offsets[name]
        refs = tuple(TypeRef(decl.type, place) for decl, place in found)
        return Amount(low, high, ULONG, (), layout.notes), refs


def _of(value: CInt) -> Amount:
    number = value.number
    assert number is not None  # literals and fixed constants are exact
    return constant(number, value.ctype)


def _unknown(node: Node, where: Where, kind: str) -> str:
    """Why a value is only bounded by its type."""
    return f"`{where.text(node) or 'a value'}` ({kind}) is known only at run time"
