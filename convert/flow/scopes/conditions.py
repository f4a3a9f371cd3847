"""Lowering of conditions: where control goes on if they hold, and where if not."""

from __future__ import annotations

from abc import abstractmethod

from pycparser import c_ast

from convert.flow.scopes.builder import Builder, Ends, Names
from convert.flow.scopes.code import Assign, Expr, Where
from convert.flow.scopes.world import SAME_VALUE
from convert.flow.terms import arguments


class Conditions(Builder):
    """Lowers conditions. The values in them are lowered by the subclass."""

    @abstractmethod
    def value(self, node: c_ast.Node | None, names: Names) -> Expr:
        """The value of an expression, after what is called for it."""

    def condition(self, node: c_ast.Node, names: Names) -> tuple[Ends, Ends]:
        """The loose ends where the condition holds, and where it does not."""
        match node:
            case c_ast.UnaryOp(op="!", expr=inner):
                yes, no = self.condition(inner, names)
                return no, yes
            case c_ast.BinaryOp(op="&&" | "||" as op, left=left, right=right):
                yes, no = self.condition(left, names)
                self.ends = yes if op == "&&" else no
                if not self.ends:
                    return yes, no
                right_yes, right_no = self.condition(right, names)
                if op == "&&":
                    return right_yes, no + right_no
                return yes + right_yes, right_no
            case c_ast.ID(name=name) if name in names.parameters:
                inner, around = names.parameters[name]
                if inner is not None:
                    return self.condition(inner, around)
            case c_ast.FuncCall(name=c_ast.ID(name=name)):
                found = self.macro_condition(node, names)
                if found is not None:
                    return found
            case c_ast.ExprList(exprs=[*first, last]):
                for part in first:
                    self.value(part, names)
                return self.condition(last, names)
        value = self.value(node, names)
        if not self.ends:
            return [], []
        return self.test(self.line(names, node), value)

    def macro_condition(self, node: c_ast.FuncCall, names: Names) -> tuple[Ends, Ends] | None:
        """The condition that a macro with one reading stands for; None if it is no such macro."""
        given = arguments(node)
        name = str(node.name.name)
        if (name in SAME_VALUE or self.world.effect(name) == "value") and len(given) >= 1:
            return self.condition(given[0], names)
        if self.world.effect(name) == "warn" and given and not name.startswith("VM_"):
            return self.condition(given[0], names)
        return None

    def truth(self, yes: Ends, no: Ends, line: int) -> Expr:
        """One where a condition holds, zero where not."""
        result, ways = Where(self.fresh()), []
        for ends, number in ((yes, 1), (no, 0)):
            self.ends = ends
            if ends:
                self.emit(Assign(line, result, ("num", number)))
                ways.append(self.ends)
        self.meet(line, *ways)
        return ("load", result)
