"""Calls: of functions, of macros, whose bodies stand in place of their uses, of known helpers."""

from __future__ import annotations

from abc import abstractmethod

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.scopes.builder import Ends, Names, pasted
from convert.flow.scopes.code import ANY, DEREF, Assign, Expr, Fill, Where
from convert.flow.scopes.expressions import Expressions
from convert.flow.scopes.world import SAME_VALUE
from convert.flow.terms import arguments
from convert.source.nodes import CodeArgument, nodes_of

_EXPANDABLE = 60  # macros inside macros


class Macros(Expressions):
    """Lowers calls."""

    @abstractmethod
    def is_statement(self, node: c_ast.Node) -> bool:
        """Whether a macro's body is a statement, not an expression."""

    def expandable(self, name: str, names: Names) -> tuple[Routine, ...]:
        if not name or name in names.expanding or len(names.expanding) > _EXPANDABLE:
            return ()
        return self.world.macro(names.routine.path, name)

    def expansion(self, routine: Routine, call: c_ast.FuncCall, names: Names) -> Names:
        """What names mean in the body of a macro."""
        given = arguments(call)
        line = self.line(names, call)
        bound: dict[str, tuple[c_ast.Node | None, Names]] = {}
        for number, name in enumerate(routine.parameters):
            bound[name.removesuffix("...").strip() or "__VA_ARGS__"] = (
                given[number] if number < len(given) else None,
                names,
            )
        return Names(routine, bound, names.variables, names.expanding | {routine.key.name}, line)

    def call(self, node: c_ast.FuncCall, names: Names) -> Expr:
        if not self.ends:
            return ANY
        if not isinstance(node.name, c_ast.ID):
            return self.call_of(node, names, None, self.value(node.name, names))
        name = str(node.name.name)
        name = pasted(name, names) if "##" in name else name
        if name in names.parameters:
            inner, around = names.parameters[name]
            if not isinstance(inner, c_ast.ID):
                return self.call_of(node, names, None, self.value(inner, around))
            name = str(inner.name)
            if name in around.variables:
                return self.call_of(node, names, None, self.value(inner, around))
        elif name in names.variables:
            return self.call_of(node, names, None, self.value(node.name, names))
        special = self.special(name, node, names)
        if special is not None:
            return special
        routines = self.expandable(name, names)
        if routines:
            return self.expanded(routines, node, names)
        return self.function_or_macro(name, node, names)

    def function_or_macro(self, name: str, node: c_ast.FuncCall, names: Names) -> Expr:
        """A function; where other ``#if`` branches make it a macro, either."""
        macros = () if name in names.expanding else self.world.mixed(names.routine.path, name)
        if not macros:
            return self.call_of(node, names, name, ANY)
        line, result = self.line(names, node), Where(self.fresh())
        yes, no = self.test(line, ANY)
        self.ends, ways = yes, []
        self.emit(Assign(line, result, self.call_of(node, names, name, ANY), True))
        ways.append(self.ends)
        self.ends = no
        value = self.expanded(macros, node, names)
        if self.ends:
            self.emit(Assign(line, result, value, True))
            ways.append(self.ends)
        self.meet(line, *ways)
        return ("load", result)

    def special(self, name: str, node: c_ast.FuncCall, names: Names) -> Expr | None:
        """Helpers of the kernel whose meaning is known."""
        given = arguments(node)
        if name == "ERR_PTR" and given:
            value = self.value(given[0], names)
            return value if value[0] == "num" else ("errptr", value)
        if name in SAME_VALUE:
            return self.value(given[0], names) if given else ANY
        if name == "IS_ERR" and given:
            return ("err", self.value(given[0], names))
        if name == "IS_ERR_OR_NULL" and given:
            return ("cmp", "<=", self.value(given[0], names), ("num", 0))
        if name == "memset" and len(given) == 3:
            return self.memset(node, names)
        match self.world.effect(name):
            case "copy" if given:
                return self.copied(given, names, self.line(names, node))
            case "value":
                return self.value(given[0], names) if given else ANY
            case "warn" if given:
                yes, no = self.condition(given[0], names)
                return self.truth(yes, no, self.line(names, node))
            case "trap":
                self.ends = []
                return ANY
            case "assert" | "trap-if":
                self.perhaps(given, names, self.line(names, node))
                return ANY
        return None

    def perhaps(self, given: list[c_ast.Node], names: Names, line: int) -> None:
        """Assertions: compiled out of most kernels, so they show nothing; but they may call."""
        if not any(_calls(part) for part in given):
            return
        yes, no = self.test(line, ANY)
        self.ends = yes
        for part in given:
            self.value(part, names)
        self.meet(line, self.ends, no)

    def copied(self, given: list[c_ast.Node], names: Names, line: int) -> Expr:
        """``memcpy()``: what the first argument points to becomes anything."""
        place = self.pointed(given[0], names)
        for part in given[1:]:
            self.value(part, names)
        self.emit(Assign(line, place or Where(self.fresh(), (DEREF,)), ANY, True))
        return ANY

    def memset(self, node: c_ast.FuncCall, names: Names) -> Expr:
        target, value, size = arguments(node)
        place = self.pointed(target, names)
        zero = self.value(value, names) == ("num", 0)
        self.value(size, names)
        if place is None:
            place = Where(self.fresh(), (DEREF,))
        line = self.line(names, node)
        self.emit(Assign(line, place, ANY, True))
        if zero:
            self.emit(Fill(line, place))
        return ANY

    def expanded(self, routines: tuple[Routine, ...], node: c_ast.FuncCall, names: Names) -> Expr:
        """A macro's body in place of its use; where ``#if`` gives more than one, any of them."""
        if len(routines) == 1:
            return self.body(routines[0], node, names)
        line, result = self.line(names, node), Where(self.fresh())
        rest, ways = self.ends, []
        for number, routine in enumerate(routines):
            self.ends = rest
            if number < len(routines) - 1:
                yes, rest = self.test(line, ANY)
                self.ends = yes
            value = self.body(routine, node, names)
            if self.ends:
                self.emit(Assign(line, result, value, True))
                ways.append(self.ends)
        self.meet(line, *ways)
        return ("load", result)

    def body(self, routine: Routine, node: c_ast.FuncCall, names: Names) -> Expr:
        inner = self.expansion(routine, node, names)
        root = routine.variant.root
        if isinstance(root, (c_ast.FuncDef, c_ast.Typename, c_ast.InitList)):
            return ANY
        if isinstance(root, (c_ast.Compound, CodeArgument)):
            return self._compound(root, inner)
        if self.is_statement(root):
            self.statement(root, inner)
            return ANY
        return self.value(root, inner)

    def macro_condition(self, node: c_ast.FuncCall, names: Names) -> tuple[Ends, Ends] | None:
        found = super().macro_condition(node, names)
        if found is not None:
            return found
        routines = self.expandable(str(node.name.name), names)
        if len(routines) == 1 and isinstance(
            routines[0].variant.root, (c_ast.BinaryOp, c_ast.UnaryOp, c_ast.FuncCall)
        ):
            if str(node.name.name) in names.parameters or self.world.effect(node.name.name):
                return None
            inner = self.expansion(routines[0], node, names)
            return self.condition(routines[0].variant.root, inner)
        return None


def _calls(node: c_ast.Node) -> bool:
    return any(isinstance(one, c_ast.FuncCall) for one in nodes_of(node))
