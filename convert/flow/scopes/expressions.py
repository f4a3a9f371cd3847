"""Lowering of expressions: calls come first, in order; what is left has no effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pycparser import c_ast

from convert.flow.scopes.builder import Names, member_name, negated, pasted
from convert.flow.scopes.code import (
    ANY,
    DEREF,
    ELEMENT,
    Assign,
    Call,
    Expr,
    Fill,
    TaskFlags,
    Where,
)
from convert.flow.scopes.conditions import Conditions
from convert.flow.scopes.world import binary, literal, unary
from convert.flow.terms import arguments, type_ref
from convert.source.nodes import Asm, has_effects

_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">="})
_NARROW = frozenset(
    {"char", "signed char", "unsigned char", "short", "unsigned short", "u8", "s8", "u16", "s16"}
    | {"__u8", "__u16", "uint8_t", "uint16_t", "__le16", "__be16", "umode_t"}
)
SIGNED = frozenset(
    {"int", "long", "long long", "ssize_t", "loff_t", "s32", "s64", "int32_t", "int64_t"}
    | {"signed int", "long int", "__s32", "__s64", "ptrdiff_t"}
)


class Expressions(Conditions):
    """Lowers expressions. Statements inside of them are lowered by the subclass."""

    def statement(self, node: c_ast.Node | None, names: Names) -> Names:
        raise NotImplementedError

    # -- values --------------------------------------------------------------------------------

    def value(self, node: c_ast.Node | None, names: Names) -> Expr:
        """The value of an expression, after what is called for it."""
        if node is None:
            return ANY
        method = _VALUES.get(type(node).__name__)
        if method is not None:
            return method(self, node, names)
        return self.call(node, names) if isinstance(node, c_ast.FuncCall) else ANY

    def _id(self, node: c_ast.ID, names: Names) -> Expr:
        name = str(node.name)
        if "##" in name:
            name = pasted(name, names)
        if name in names.parameters:
            inner, around = names.parameters[name]
            return self.value(inner, around)
        if name in names.variables:
            return ("load", Where(names.variables[name]))
        number = self.world.number(names.routine.path, name)
        if number is not None:
            return ("num", number)
        if name == "current":
            return ("load", Where("current"))
        if self.world.keys(names.routine.path, name):
            return ("fn", name, names.routine.path)
        definitions = self.world.constant(names.routine.path, name)
        if len(definitions) == 1 and name not in names.expanding:
            around = Names(
                names.routine,
                expanding=names.expanding | {name},
                line=self.line(names, node),
                variables=names.variables,
            )
            return self.value(definitions[0].variant.root, around)
        return ("load", Where(f"::{name}"))

    def _constant(self, node: c_ast.Constant, names: Names) -> Expr:
        if node.type == "string":
            return ("addr", Where("::string"))
        number = literal(node.type, node.value)
        return ANY if number is None else ("num", number)

    def _string(self, node: c_ast.Node, names: Names) -> Expr:
        return ("addr", Where("::string"))

    def _place_value(self, node: c_ast.Node, names: Names) -> Expr:
        place = self.place(node, names)
        return ANY if place is None else ("load", place)

    def _cast(self, node: c_ast.Cast, names: Names) -> Expr:
        value = self.value(node.expr, names)
        kind = type_ref(node.to_type)
        if not kind.stars and kind.base in _NARROW and value[0] != "num":
            return ANY
        return value

    def _unary(self, node: c_ast.UnaryOp, names: Names) -> Expr:
        match node.op:
            case "sizeof" | "_Alignof" | "__alignof__" | "__alignof" | "&&":
                return ANY
            case "&":
                return self.address(node.expr, names)
            case "*":
                return self._place_value(node, names)
            case "!":
                return negated(self.value(node.expr, names))
            case "++" | "--" | "p++" | "p--":
                place = self.place(node.expr, names)
                if place is None:
                    return ANY
                step: Expr = ("bin", node.op[-1], ("load", place), ("num", 1))
                if node.op[0] == "p":
                    before = self.fresh()
                    self.assign(node, names, Where(before), ("load", place))
                    self.assign(node, names, place, step)
                    return ("load", Where(before))
                self.assign(node, names, place, step)
                return ("load", place)
        value = self.value(node.expr, names)
        if value[0] == "num" and node.op in ("-", "~", "+"):
            return ("num", unary(node.op, value[1]))
        return value if node.op == "+" else ANY

    def _binary(self, node: c_ast.BinaryOp, names: Names) -> Expr:
        if node.op in ("&&", "||"):
            return self.truth(*self.condition(node, names), self.line(names, node))
        left = self.steady(node.left, node.right, names)
        right = self.value(node.right, names)
        if left[0] == "num" and right[0] == "num":
            number = binary(node.op, left[1], right[1])
            if number is not None:
                return ("num", number)
        if node.op in _COMPARISONS:
            return ("cmp", node.op, left, right)
        return ("bin", node.op, left, right)

    def steady(self, node: c_ast.Node, other: c_ast.Node, names: Names) -> Expr:
        """A value that what is evaluated next cannot change."""
        value = self.value(node, names)
        if value[0] in ("num", "any", "fn", "addr") or not has_effects(other):
            return value
        before = self.fresh()
        self.assign(node, names, Where(before), value)
        return ("load", Where(before))

    def _ternary(self, node: c_ast.TernaryOp, names: Names) -> Expr:
        result, line = Where(self.fresh()), self.line(names, node)
        if node.iftrue is None:
            value = self.value(node.cond, names)
            self.emit(Assign(line, result, value))
            yes, no = self.test(line, ("load", result))
            ways = [yes]
        else:
            yes, no = self.condition(node.cond, names)
            self.ends, ways = yes, []
            if yes:
                value = self.value(node.iftrue, names)
                if self.ends:
                    self.emit(Assign(line, result, value, True))
                ways.append(self.ends)
        self.ends = no
        if no:
            value = self.value(node.iffalse, names)
            if self.ends:
                self.emit(Assign(line, result, value, True))
            ways.append(self.ends)
        self.meet(line, *ways)
        return ("load", result)

    def _list(self, node: c_ast.ExprList, names: Names) -> Expr:
        value = ANY
        for part in node.exprs:
            value = self.value(part, names)
        return value

    def _assignment(self, node: c_ast.Assignment, names: Names) -> Expr:
        if is_task_flags(node.lvalue):
            value = self.value(node.rvalue, names)
            self.emit(TaskFlags(self.line(names, node), node.op, value))
            return ANY
        value = self.value(node.rvalue, names)
        if value[0] in ("load", "cmp", "bin", "not") and has_effects(node.lvalue):
            before = Where(self.fresh())
            self.assign(node, names, before, value)
            value = ("load", before)
        place = self.place(node.lvalue, names)
        if place is None:
            place = Where(self.fresh(), (DEREF,))  # somewhere
        if node.op != "=":
            value = ("bin", node.op[:-1], ("load", place), value)
        self.assign(node, names, place, value)
        return ("load", place)

    def assign(self, node: c_ast.Node, names: Names, place: Where, value: Expr) -> None:
        """Emit an assignment."""
        self.emit(Assign(self.line(names, node), place, value, place.steps[-1:] == (DEREF,)))

    def _compound_literal(self, node: c_ast.CompoundLiteral, names: Names) -> Expr:
        place = Where(self.fresh())
        self.code.types[place.var] = type_ref(node.type)
        self.initialise(place, node.init, names, self.line(names, node))
        return ("load", place)

    def initialise(self, place: Where, init: c_ast.Node, names: Names, line: int) -> None:
        """``= value`` or ``= { … }`` of a declaration or a compound literal."""
        if not isinstance(init, c_ast.InitList):
            value = self.value(init, names)
            self.emit(Assign(line, place, value, True))
            return
        self.emit(Fill(line, place))
        for number, part in enumerate(init.exprs or ()):
            if isinstance(part, c_ast.NamedInitializer):
                fields = [f.name for f in part.name if isinstance(f, c_ast.ID)]
                if len(fields) == len(part.name):
                    self.initialise(place.then(*fields), part.expr, names, line)
                    continue
                value = self.value(part.expr, names)
            elif isinstance(part, c_ast.InitList):
                value = ("num", 0) if not part.exprs else ANY
            else:
                value = self.value(part, names)
            if number == 0 and value == ("num", 0) and len(init.exprs) == 1:
                self.emit(Assign(line, place.then("<first>"), value))  # {0}, (T *){NULL}
                continue
            if value != ("num", 0):
                self.emit(Assign(line, place, ANY, True))

    def _compound(self, node: c_ast.Node, names: Names) -> Expr:
        items = node.block_items if isinstance(node, c_ast.Compound) else node.parts
        items = list(items or ())
        inner = names
        for item in items[:-1]:
            inner = self.statement(item, inner)
        if not items:
            return ANY
        last = items[-1]
        is_value = isinstance(last, c_ast.FuncCall) or type(last).__name__ in _VALUES
        if is_value and not isinstance(last, c_ast.Compound):
            return self.value(last, inner)
        self.statement(items[-1], inner)
        return ANY

    def _asm(self, node: Asm, names: Names) -> Expr:
        for part in node.parts:
            place = self.place(part, names) if type(part) is c_ast.ID else None
            if place is not None:
                self.assign(node, names, place, ANY)
        return ANY

    # -- places --------------------------------------------------------------------------------

    def place(self, node: c_ast.Node, names: Names) -> Where | None:
        """The place that an lvalue names, after what is called for it."""
        match node:
            case c_ast.StructRef(name=base, type=access, field=field_node):
                name = member_name(field_node, names)
                inner = self.pointed(base, names) if access == "->" else self.place(base, names)
                return None if inner is None else inner.then(*self.member(name, names))
            case c_ast.UnaryOp(op="*", expr=base):
                return self.pointed(base, names)
            case c_ast.ArrayRef(name=base, subscript=index):
                self.value(index, names)
                inner = self.place(base, names)
                return None if inner is None else inner.then(ELEMENT)
            case c_ast.Cast(expr=inner_node):
                return self.place(inner_node, names)
        value = self.value(node, names)
        if value[0] == "load":
            return value[1]  # type: ignore[no-any-return]
        if value[0] == "any":
            return None
        result = Where(self.fresh())
        self.emit(Assign(self.line(names, node), result, value))
        return result

    def member(self, name: str, names: Names) -> tuple[str, ...]:
        """The way to a member: a macro may name one as a member of another."""
        definitions = self.world.constant(names.routine.path, name)
        if len(definitions) != 1:
            return (name,)
        found: list[str] = []
        node = definitions[0].variant.root
        while isinstance(node, c_ast.StructRef):
            follows = (DEREF,) if node.type == "->" else ()
            found[:0] = [*follows, member_name(node.field, names)]
            node = node.name
        return (str(node.name), *found) if found and isinstance(node, c_ast.ID) else (name,)

    def pointed(self, node: c_ast.Node, names: Names) -> Where | None:
        """The place that an expression points to."""
        value = self.value(node, names)
        if value[0] == "addr":
            return value[1]  # type: ignore[no-any-return]
        if value[0] == "load":
            place: Where = value[1]
            return place.then(DEREF)
        while value[0] == "bin":
            value = value[2]
            if value[0] == "load":
                return value[1].then(ELEMENT)  # type: ignore[no-any-return]
        return None

    def address(self, node: c_ast.Node, names: Names) -> Expr:
        """``&node``."""
        if type(node) is c_ast.ID:
            value = self.value(node, names)
            if value[0] == "fn":
                return value
        place = self.place(node, names)
        if place is None:
            return ANY
        if place.steps[-1:] == (DEREF,) and len(place.steps) >= 1:
            return ("load", Where(place.var, place.steps[:-1]))
        if DEREF not in place.steps:
            self.code.escaping.add(place.var)
        return ("addr", place)

    # -- calls -----------------------------------------------------------------------------------

    def call(self, node: c_ast.FuncCall, names: Names) -> Expr:
        raise NotImplementedError

    def call_of(self, node: c_ast.FuncCall, names: Names, name: str | None, pointer: Expr) -> Expr:
        """Emit a call."""
        given = tuple(self.value(part, names) for part in arguments(node))
        result = self.fresh()
        line = self.line(names, node)
        kinds = {r.returns for r in self.world.functions_of(names.routine.path, name)}
        if len(kinds) == 1:
            self.code.types[result] = kinds.pop()
        self.emit(Call(line, name, pointer, given, result, names.routine, node))
        return ("load", Where(result))


def is_task_flags(node: c_ast.Node) -> bool:
    """``current->flags``."""
    return (
        isinstance(node, c_ast.StructRef)
        and node.field.name == "flags"
        and isinstance(node.name, c_ast.ID)
        and node.name.name == "current"
    )


_VALUES: Mapping[str, Callable[[Expressions, c_ast.Node, Names], Expr]] = {
    "ID": Expressions._id,
    "Constant": Expressions._constant,
    "StringConcat": Expressions._string,
    "StructRef": Expressions._place_value,
    "ArrayRef": Expressions._place_value,
    "Cast": Expressions._cast,
    "UnaryOp": Expressions._unary,
    "BinaryOp": Expressions._binary,
    "TernaryOp": Expressions._ternary,
    "ExprList": Expressions._list,
    "Assignment": Expressions._assignment,
    "CompoundLiteral": Expressions._compound_literal,
    "Compound": Expressions._compound,
    "CodeArgument": Expressions._compound,
    "Asm": Expressions._asm,
}
