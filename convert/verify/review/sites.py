"""The sites of a function that a review compares: allocations, frees, stored masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.terms import UNKNOWN_TYPE, TypeRef, operands, place_text, spelled
from convert.source.variants import Call
from convert.verify.review.promises import NO_PROMISE, Promise
from convert.verify.review.values import Values


class SiteKind(Enum):
    """What stands at a site."""

    ALLOC = "allocation"
    FORWARD = "call that passes a mask on"
    FREE = "free"
    STORE = "stored mask"


@dataclass(frozen=True, eq=False)
class Site:
    """One site in one ``#if`` variant.

    targets: the places that get the result, outermost first; target_type: the declared type of the
    first. size: what is asked for, spelled so that equal sizes are equal texts; size_slots: the
    arguments whose product it is. subject: what is freed, or whose mask is stored. values: the
    masks that may be passed. deallocators: of a free.
    """

    kind: SiteKind
    routine: Routine
    call: Call
    callee: str
    targets: tuple[str, ...] = ()
    target_type: TypeRef = UNKNOWN_TYPE
    size: str = ""
    size_slots: tuple[int, ...] = ()
    subject: str = ""
    mask: c_ast.Node | None = None
    values: Values | None = None
    promise: Promise = NO_PROMISE
    deallocators: frozenset[str] = frozenset()

    @property
    def offset(self) -> int:
        """Where the callee's name starts."""
        return self.call.callee_span.start

    @property
    def line(self) -> int:
        """The 1-based line of the call."""
        return self.routine.source.line(self.offset)

    @property
    def path(self) -> str:
        """The file."""
        return self.routine.path

    @property
    def function(self) -> str:
        """The function."""
        return self.routine.key.name

    @property
    def text(self) -> str:
        """The call as it is written, in one line."""
        return " ".join(self.call.span.of(self.routine.source.text).split())


def targets_of(routine: Routine, node: c_ast.Node) -> tuple[tuple[str, ...], TypeRef]:
    """The places that an expression's value goes to, and the type of the first of them.

    ``return`` stands for the function's own result; an argument is named after the call.
    """
    found: list[str] = []
    kind = UNKNOWN_TYPE
    for parent, child in _upwards(routine, node):
        match parent:
            case c_ast.Assignment(op="=", lvalue=target, rvalue=value) if value is child:
                place = place_text(target)
                if place is not None:
                    found.insert(0, place)
                kind = routine.types.get(place or "", kind)
                continue
            case c_ast.Decl(name=name):
                found.insert(0, str(name))
                kind = routine.types.get(str(name), kind)
            case c_ast.Return():
                found.insert(0, "return")
                kind = routine.returns
            case c_ast.Cast():
                continue
            case c_ast.TernaryOp(cond=cond) if cond is not child:
                continue
        break
    return tuple(found), kind


def _upwards(routine: Routine, node: c_ast.Node) -> Iterator[tuple[c_ast.Node, c_ast.Node]]:
    child = node
    while (parent := routine.variant.parent_of(child)) is not None:
        yield parent, child
        child = parent


def size_text(routine: Routine, nodes: tuple[c_ast.Node, ...]) -> str:
    """The product of some arguments: sorted factors, so that ``n * size`` equals ``n, size``."""
    factors = [factor for node in nodes for factor in operands(node, "*")]
    return "*".join(sorted(spelled(factor, routine.types) for factor in factors))
