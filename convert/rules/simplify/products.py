"""Products of a number and a ``sizeof`` in a size, and how large they can get."""

from __future__ import annotations

from dataclasses import dataclass

from pycparser import c_ast

from convert.flow.code import Routine
from convert.rules.simplify.model import Given, Node
from convert.semantics.sizing.layout import NoLayout
from convert.semantics.sizing.locals import declared
from convert.semantics.sizing.macro_text import expansion
from convert.semantics.sizing.places import Where
from convert.source.nodes import nodes_of

_MAX_DEPTH = 16
_WORD_32, _WORD_64 = (1 << 32) - 1, (1 << 64) - 1


@dataclass(frozen=True, eq=False)
class Product:
    """``count * sizeof(…)`` as the source has it; ``first`` and ``second`` in its order."""

    count: Node
    size: Node
    first: Node
    second: Node


def is_sizeof(node: Node) -> bool:
    """Whether an expression is ``sizeof``."""
    return isinstance(node, c_ast.UnaryOp) and node.op == "sizeof"


def product_of(node: Node) -> Product | None:
    """A multiplication by exactly one ``sizeof``; None for any other expression."""
    if not isinstance(node, c_ast.BinaryOp) or node.op != "*":
        return None
    left, right = node.left, node.right
    if is_sizeof(left) == is_sizeof(right):
        return None
    count, size = (right, left) if is_sizeof(left) else (left, right)
    return Product(count, size, left, right)


def unfit_count(routine: Routine, given: Given, count: Node) -> str | None:
    """Why a count is left in a plain product; None if it is one known only at run time."""
    if any(isinstance(node, c_ast.Assignment) for node in nodes_of(count)):
        return "the number of elements is assigned there"
    if isinstance(count, c_ast.BinaryOp) and count.op == "*":
        return "three factors: one check does not cover the product"
    where = given.sizes.place(routine.source, routine.item, routine.variant)
    if is_constant(count, where, given) or _amount(count, where, given).exact:
        return "the number of elements is a compile-time constant"
    return None


def _amount(node: Node, where: Where, given: Given) -> _Bounds:
    amount = given.sizes.expressions.read(node, where)
    return _Bounds(amount.low, amount.high, amount.ctype.width)


@dataclass(frozen=True)
class _Bounds:
    low: int
    high: int
    width: int

    @property
    def exact(self) -> bool:
        return self.low == self.high

    def most(self, word: int) -> int:
        """The greatest value that multiplication sees in words of that size."""
        if self.low < 0 and (1 << self.width) - 1 >= word:
            return word  # a negative number becomes a huge one
        return self.high


def is_constant(node: Node, where: Where, given: Given, depth: int = 0) -> bool:
    """Whether an expression is made of constants, macros of constants, enumerators, ``sizeof``."""
    if depth > _MAX_DEPTH:
        return False
    match node:
        case c_ast.Constant() | c_ast.UnaryOp(op="sizeof"):
            return True
        case c_ast.UnaryOp(op="-" | "+" | "~" | "!", expr=inner) | c_ast.Cast(expr=inner):
            return is_constant(inner, where, given, depth + 1)
        case c_ast.BinaryOp(left=left, right=right):
            return all(is_constant(side, where, given, depth + 1) for side in (left, right))
        case c_ast.TernaryOp(cond=cond, iftrue=then, iffalse=other) if then is not None:
            return all(is_constant(p, where, given, depth + 1) for p in (cond, then, other))
        case c_ast.ID(name=name):
            return _constant_name(name, node, where, given, depth)
        case c_ast.FuncCall(name=c_ast.ID(name=name)):
            return _constant_call(name, node, where, given, depth)
    return False


def _constant_name(name: str, node: Node, where: Where, given: Given, depth: int) -> bool:
    index = given.sizes.types.index
    try:
        if where.frame is not None and declared(where.frame, name, node):
            return False
        if index.enums_with(name, where.path):
            return True
        macros = [m for m in index.macros(name, where.path) if m.parameters is None]
        return bool(macros) and all(
            is_constant(*given.sizes.fragments.expression(m.body, where, m.line), given, depth + 1)
            for m in macros
        )
    except NoLayout:
        return False


def _constant_call(name: str, node: Node, where: Where, given: Given, depth: int) -> bool:
    if name == "ARRAY_SIZE":
        return True
    call = where.call(node)
    macros = given.sizes.types.index.macros(name, where.path)
    if call is None or not macros or any(m.parameters is None for m in macros):
        return False
    texts = [slot.span.of(where.source.text) for slot in call.slots]
    try:
        return all(
            is_constant(
                *given.sizes.fragments.expression(expansion(m, texts), where, m.line),
                given,
                depth + 1,
            )
            for m in macros
        )
    except NoLayout:
        return False


@dataclass(frozen=True)
class Overflow:
    """Whether a product can be too large for ``size_t`` of 32 and of 64 bits."""

    on_32: bool
    on_64: bool

    def note(self, function: str, saves: str) -> tuple[str, ...]:
        """The sentence for the reviewer; nothing where the product always fits.

        ``saves`` says what ``function`` does in that case.
        """
        if not self.on_32:
            return ()
        where = "32-bit and 64-bit kernels" if self.on_64 else "32-bit kernels"
        return (
            f"the plain product could wrap around to a small size on {where}; "
            f"{function}() then {saves}",
        )


def overflow(routine: Routine, given: Given, product: Product, rest: int = 0) -> Overflow:
    """What the bounds of a product's factors say; ``rest`` bytes are added to it.

    Sizes are those of 64-bit kernels; on 32-bit ones they are not larger.
    """
    where = given.sizes.place(routine.source, routine.item, routine.variant)
    count = _amount(product.count, where, given)
    size = _amount(product.size, where, given).high
    return Overflow(
        count.most(_WORD_32) * size + rest > _WORD_32,
        count.most(_WORD_64) * size + rest > _WORD_64,
    )
