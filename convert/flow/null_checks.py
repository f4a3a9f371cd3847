"""Whether the result of an allocation is compared with NULL before it is used.

The function is followed in the order of its text from the call on, branches that exclude the call
left out: the first mention of where the result was put decides. That is right for the idioms of
kernel code (`p = alloc(); if (!p)`) and says `Unknown` where it cannot be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pycparser import c_ast

from convert.source.edits import Span
from convert.source.text import SourceFile
from convert.source.variants import Call, Variant


@dataclass(frozen=True)
class Checked:
    """The result is compared with NULL in this line, before any use."""

    line: int


@dataclass(frozen=True)
class Unchecked:
    """The result is used in this line without a check before it; ``how`` says as what."""

    line: int
    how: str


@dataclass(frozen=True)
class Escapes:
    """The result leaves the sight of the function in this line; ``how`` says where to."""

    line: int
    how: str


@dataclass(frozen=True)
class Unknown:
    """Nothing can be said, and why."""

    why: str


NullCheck = Checked | Unchecked | Escapes | Unknown

# Conditions in which only truth matters, or comparison (include/linux/compiler.h, err.h).
_TRANSPARENT = frozenset({"likely", "unlikely"})
_CHECKS = frozenset({"IS_ERR_OR_NULL", "ZERO_OR_NULL_PTR"})
# Looked at by debugging code only: no check, as it is compiled away.
_ASSERTIONS = frozenset({"ASSERT", "BUG_ON", "WARN_ON", "WARN_ON_ONCE", "VM_BUG_ON"})


def null_check(
    source: SourceFile, variant: Variant, call: Call, frees: frozenset[str]
) -> NullCheck:
    """What becomes of the result of ``call``. ``frees``: functions that accept NULL and free."""
    return _Follower(source, variant, call, frees).result()


class _Follower:
    def __init__(
        self, source: SourceFile, variant: Variant, call: Call, frees: frozenset[str]
    ) -> None:
        self.source = source
        self.variant = variant
        self.call = call
        self.frees = frees

    def result(self) -> NullCheck:
        targets, node = self._targets()
        if node is not None:
            direct = self._direct(node)
            if direct is not None:
                return direct
        if not targets:
            return Unknown("the result is not stored in a variable or field")
        for mention in self._mentions(targets):
            verdict = self._verdict(mention)
            if verdict is not None:
                return verdict
        line = self.source.line(self.call.span.start)
        return Escapes(line, f"stored in {targets[0]} and not looked at again here")

    def _text(self, node: c_ast.Node) -> str:
        return " ".join(self.variant.span_of(node).of(self.source.text).split())

    def _line(self, node: c_ast.Node) -> int:
        return self.source.line(self.variant.span_of(node).start)

    def _targets(self) -> tuple[list[str], c_ast.Node | None]:
        """Where the result is stored, and the largest expression that is the result."""
        targets: list[str] = []
        node = self.call.node
        while True:
            parent = self.variant.parent_of(node)
            match parent:
                case c_ast.Cast(expr=inner) if inner is node:
                    node = parent
                case c_ast.Assignment(op="=", lvalue=left, rvalue=right) if right is node:
                    targets.append(self._text(left))
                    node = parent
                case c_ast.Decl(name=name, init=init) if init is node:
                    return [*targets, name], None
                case _:
                    return targets, node

    def _direct(self, node: c_ast.Node) -> NullCheck | None:
        """What the expression that holds the result is itself used for, if for anything."""
        if any(statement.node is node for statement in self.variant.statements):
            return None
        if self._is_check(node):
            return Checked(self._line(node))
        parent = self.variant.parent_of(node)
        match parent:
            case c_ast.Return():
                return Escapes(self._line(node), "returned")
            case c_ast.ExprList():
                return Escapes(self._line(node), "passed to a function")
            case c_ast.StructRef() | c_ast.ArrayRef() | c_ast.UnaryOp(op="*"):
                return Unchecked(self._line(node), "dereferenced at once")
            case c_ast.TernaryOp():
                return Unknown("the result is one arm of a conditional expression")
        return None

    def _is_check(self, node: c_ast.Node) -> bool:
        parent = self.variant.parent_of(node)
        match parent:
            case c_ast.UnaryOp(op="!"):
                return True
            case c_ast.BinaryOp(op="==" | "!=", left=left, right=right):
                other = right if left is node else left
                return self._text(other) in ("NULL", "0")
            case c_ast.BinaryOp(op="&&" | "||"):
                return True
            case c_ast.If(cond=cond) | c_ast.While(cond=cond) | c_ast.DoWhile(cond=cond):
                return cond is node
            case c_ast.For(cond=cond) | c_ast.TernaryOp(cond=cond):
                return cond is node
            case c_ast.ExprList():
                outer = self.variant.parent_of(parent)
                name = self._callee(outer)
                return name in _CHECKS or (name in _TRANSPARENT and self._is_check(outer))
        return False

    @staticmethod
    def _callee(node: c_ast.Node | None) -> str:
        return str(getattr(getattr(node, "name", None), "name", "")) if node is not None else ""

    def _mentions(self, targets: list[str]) -> Iterator[c_ast.Node]:
        """Expressions that spell a target, behind the call, in the order of the text."""
        excluded = tuple(self._other_branches())
        found = []
        pending = [self.variant.root]
        while pending:
            node = pending.pop()
            pending += [child for _, child in node.children()]
            if not isinstance(node, (c_ast.ID, c_ast.StructRef, c_ast.ArrayRef)):
                continue
            span = self.variant.span_of(node)
            if span.start < self.call.span.end or any(span in other for other in excluded):
                continue
            if self._text(node) in targets and not self._is_member(node):
                found.append((span.start, node))
        yield from (node for _, node in sorted(found, key=lambda row: row[0]))

    def _is_member(self, node: c_ast.Node) -> bool:
        parent = self.variant.parent_of(node)
        return isinstance(parent, c_ast.StructRef) and parent.field is node

    def _other_branches(self) -> Iterator[Span]:
        """Branches that are not taken when the call is made: the other arm of each `if`."""
        node = self.call.node
        while (parent := self.variant.parent_of(node)) is not None:
            choice = isinstance(parent, (c_ast.If, c_ast.TernaryOp)) and parent.iftrue is node
            if choice and parent.iffalse is not None:
                yield self.variant.span_of(parent.iffalse)
            node = parent

    def _verdict(self, node: c_ast.Node) -> NullCheck | None:
        """What one mention says; None if it says nothing and the next one has to."""
        if self._says_nothing(node):
            return None
        if self._is_check(node):
            return Checked(self._line(node))
        parent = self.variant.parent_of(node)
        line = self._line(node)
        match parent:
            case c_ast.StructRef(name=base, type=kind) if base is node:
                return Unchecked(line, "dereferenced") if kind == "->" else None
            case c_ast.ArrayRef(name=base) if base is node:
                return Unchecked(line, "indexed")
            case c_ast.UnaryOp(op="*"):
                return Unchecked(line, "dereferenced")
            case c_ast.Assignment(lvalue=left) if left is node:
                return Unknown(f"assigned again in line {line} before any check")
            case c_ast.Assignment() | c_ast.Decl():
                return Escapes(line, "copied to another variable")
            case c_ast.Return():
                return Escapes(line, "returned")
            case c_ast.ExprList():
                return self._passed(self.variant.parent_of(parent), line)
        return Unknown(f"the use in line {line} is not understood")

    def _passed(self, call: c_ast.Node | None, line: int) -> NullCheck | None:
        name = self._callee(call)
        if name in self.frees:
            return None
        return Unchecked(line, f"passed to {name or 'a function'}()")

    def _says_nothing(self, node: c_ast.Node | None) -> bool:
        """Whether a mention stands in an assertion, or in a sizeof, which evaluates nothing."""
        while node is not None:
            if isinstance(node, c_ast.UnaryOp) and node.op == "sizeof":
                return True
            if isinstance(node, c_ast.FuncCall) and self._callee(node) in _ASSERTIONS:
                return True
            node = self.variant.parent_of(node)
        return False
