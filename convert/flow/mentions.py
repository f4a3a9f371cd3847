"""What an expression does to a pointer that may be NULL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pycparser import c_ast

from convert.source.nodes import Asm
from convert.source.text import SourceFile
from convert.source.variants import Node, Variant


@dataclass(frozen=True)
class Check:
    """Its value is compared with NULL, or its truth decides something."""


@dataclass(frozen=True)
class Use:
    """It is dereferenced or handed to something that may do so; ``how`` completes "is …"."""

    how: str


@dataclass(frozen=True)
class Copy:
    """It is stored in another place, too, by the node ``by`` (assignment, declaration, call)."""

    target: str
    by: Node


@dataclass(frozen=True)
class Leave:
    """It leaves the function, or is put where it cannot be followed; ``how`` completes "is …"."""

    how: str


@dataclass(frozen=True)
class Assigned:
    """The place ``target`` gets another value: places that are found by it are others now."""

    target: str


@dataclass(frozen=True)
class Asserted:
    """An assertion looks at it, which is compiled out of most kernels."""


@dataclass(frozen=True)
class Nothing:
    """Nothing that matters."""


Meaning = Check | Use | Copy | Leave | Assigned | Asserted | Nothing

# Macros that give their argument's value or truth (include/linux/compiler.h, rcupdate.h,
# asm-generic/bug.h).
_TRANSPARENT = frozenset(
    {
        "likely", "unlikely", "READ_ONCE", "rcu_dereference", "rcu_dereference_protected",
        "rcu_dereference_check", "rcu_dereference_raw", "rcu_access_pointer", "ACCESS_PRIVATE",
    }
)  # fmt: skip
# Macros that store their second argument in their first (include/linux/rcupdate.h, rwonce.h).
_STORES = frozenset({"rcu_assign_pointer", "RCU_INIT_POINTER", "WRITE_ONCE", "smp_store_release"})
_WARNINGS = frozenset({"WARN_ON", "WARN_ON_ONCE", "WARN", "WARN_ONCE"})
# Tests of pointers (include/linux/err.h, slab.h); the others do not see NULL.
_CHECKS = frozenset({"IS_ERR_OR_NULL", "ZERO_OR_NULL_PTR", "PTR_ERR_OR_ZERO"})
_OTHER_TESTS = frozenset({"IS_ERR", "PTR_ERR", "IS_ERR_VALUE", "__builtin_constant_p"})
_ASSERTIONS = frozenset({"ASSERT", "BUG_ON", "VM_BUG_ON"})
_PLACES = (c_ast.ID, c_ast.StructRef, c_ast.ArrayRef)
_NOT_EVALUATED = frozenset({"sizeof", "_Alignof", "__alignof__", "__alignof"})
_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">="})


class Mentions:
    """Reads what one variant of a function does to places by their text.

    ``frees``: functions that accept NULL.
    """

    def __init__(self, source: SourceFile, variant: Variant, frees: frozenset[str]) -> None:
        self.source = source
        self.variant = variant
        self.frees = frees

    def text(self, node: Node) -> str:
        """The text of a place without white space."""
        return re.sub(r"\s+", "", self.variant.span_of(node).of(self.source.text))

    def line(self, node: Node) -> int:
        """The line that a node starts on."""
        return self.source.line(self.variant.span_of(node).start)

    def callee(self, node: Node | None) -> str:
        """The name of the function or macro that a call names; empty for anything else."""
        if isinstance(node, c_ast.FuncCall) and isinstance(node.name, c_ast.ID):
            return str(node.name.name)
        return ""

    def inside(self, code: Node, places: frozenset[str]) -> Iterator[tuple[Node, Meaning]]:
        """What a piece of code does to some places, in the order of evaluation."""
        found: list[tuple[int, Node, Meaning]] = []
        waiting = [code]
        while waiting:
            node = waiting.pop()
            if isinstance(node, c_ast.TypeOf) or getattr(node, "op", None) in _NOT_EVALUATED:
                continue
            change = self._change(node, places)
            if change is not None:
                found.append((self.variant.span_of(node).end, node, change))
            if _is_place(node) and self.text(node) in places and self._is_value(node):
                found.append((self.variant.span_of(node).start, node, self.meaning(node)))
                continue
            waiting += [child for _, child in node.children()]
        for _, node, meaning in sorted(found, key=lambda row: row[0]):
            yield node, meaning

    def _is_value(self, node: Node) -> bool:
        """Whether a place is read here: it is no member's name and not assigned to."""
        parent = self.variant.parent_of(node)
        match parent:
            case c_ast.StructRef(field=field) if field is node:
                return False
            case c_ast.Assignment(op="=", lvalue=target) if target is node:
                return False
        return True

    def _change(self, node: Node, places: frozenset[str]) -> Assigned | None:
        """Whether a node gives one of the places, or what it is found by, another value."""
        match node:
            case c_ast.Assignment(lvalue=target):
                changed = self.text(target)
            case c_ast.UnaryOp(op="++" | "--" | "p++" | "p--", expr=target):
                changed = self.text(target)
            case c_ast.Decl(name=str(name), init=init) if init is not None:
                changed = name
            case c_ast.FuncCall(args=c_ast.ExprList(exprs=[target, _])) if self._stores(node):
                changed = self.text(target)
            case _:
                return None
        return Assigned(changed) if any(depends(place, changed) for place in places) else None

    def _stores(self, call: Node) -> bool:
        return self.callee(call) in _STORES

    def meaning(self, node: Node) -> Meaning:
        """What the expression around a value does with it."""
        parent = self.variant.parent_of(node)
        match parent:
            case c_ast.Cast() | c_ast.ExprList() if self._passes(parent, node):
                return self.meaning(parent)
            case c_ast.TernaryOp(cond=cond):
                return self._tested(parent) if cond is node else self.meaning(parent)
            case c_ast.BinaryOp():
                return self._operand(parent, node)
            case c_ast.UnaryOp():
                return self._unary(parent)
            case c_ast.StructRef():
                return Use("dereferenced") if parent.type == "->" else Nothing()
            case c_ast.ArrayRef(name=base):
                return Use("indexed") if base is node else Nothing()
            case c_ast.ExprList():
                return self._argument(node, self.variant.parent_of(parent))
            case c_ast.FuncCall(name=name) if name is node:
                return Use("called")
            case None:
                return Nothing()
        return self._statement(node, parent)

    def _passes(self, parent: Node, node: Node) -> bool:
        """Whether a cast or a comma operator has the value of a node."""
        if isinstance(parent, c_ast.Cast):
            return True
        outer = self.variant.parent_of(parent)
        is_call = isinstance(outer, c_ast.FuncCall) and outer.args is parent
        return not is_call and parent.exprs[-1] is node

    def _operand(self, parent: Node, node: Node) -> Meaning:
        if parent.op in ("&&", "||"):
            return self._tested(parent)
        if parent.op in _COMPARISONS:
            other = parent.right if parent.left is node else parent.left
            is_null = self.text(other) in ("NULL", "0")
            return self._tested(parent) if is_null and parent.op in ("==", "!=") else Nothing()
        return Use("used in arithmetic") if parent.op in "+-" else Nothing()

    def _unary(self, parent: Node) -> Meaning:
        match parent.op:
            case "!":
                return self._tested(parent)
            case "*":
                return Use("dereferenced")
            case "&":
                return Leave("handed out by its address")
            case "++" | "--" | "p++" | "p--":
                return Use("used in arithmetic")
        return Nothing()

    def _tested(self, node: Node) -> Meaning:
        """A truth value; in the argument of an assertion it decides nothing."""
        outer: Node | None = node
        while outer is not None:
            name = self.callee(outer)
            if name in _ASSERTIONS:
                return Asserted()
            if name in _WARNINGS and self._is_statement(outer):
                return Asserted()
            if isinstance(outer, c_ast.Compound):
                break
            outer = self.variant.parent_of(outer)
        return Check()

    def _is_statement(self, node: Node) -> bool:
        return any(statement.node is node for statement in self.variant.statements)

    def _argument(self, node: Node, call: Node | None) -> Meaning:
        name = self.callee(call)
        if call is None or isinstance(call, Asm):
            return Leave("used by assembler code")
        if name in _CHECKS:
            return self._tested(call)
        if name in _STORES:
            target, value = call.args.exprs[0], call.args.exprs[-1]
            return Copy(self.text(target), call) if value is node else Nothing()
        if name in _ASSERTIONS or (name in _WARNINGS and self._is_statement(call)):
            return Asserted()
        if name in _TRANSPARENT or name in _WARNINGS:
            return self.meaning(call)
        if name in self.frees or name in _OTHER_TESTS:
            return Nothing()
        return Use(f"passed to {name or 'a function'}()")

    def _statement(self, node: Node, parent: Node) -> Meaning:
        match parent:
            case c_ast.Assignment(op="=", lvalue=target, rvalue=value) if value is node:
                if _is_place(target):
                    return Copy(self.text(target), parent)
                return Leave("stored")
            case c_ast.Decl(name=str(name), init=init) if init is node:
                return Copy(name, parent)
            case c_ast.InitList() | c_ast.NamedInitializer() | c_ast.CompoundLiteral():
                return Leave("stored in an initialiser")
            case c_ast.Return():
                return Leave("returned")
            case c_ast.If(cond=cond) | c_ast.While(cond=cond) | c_ast.DoWhile(cond=cond):
                return Check() if cond is node else Nothing()
            case c_ast.For(cond=cond):
                return Check() if cond is node else Nothing()
            case Asm():
                return Leave("used by assembler code")
        return Nothing()


def _is_place(node: Node) -> bool:
    return isinstance(node, _PLACES) or (isinstance(node, c_ast.UnaryOp) and node.op == "*")


def depends(place: str, changed: str) -> bool:
    """Whether ``place`` is another place once ``changed`` has another value."""
    return re.search(rf"(?<![\w.>]){re.escape(changed)}(?!\w)", place) is not None
