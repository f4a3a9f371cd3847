"""An allocation and the memset() or memcpy() that fills it: kzalloc() and kmemdup()."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.terms import arguments, call_name, strip
from convert.rules.simplify.model import Given, Node
from convert.rules.simplify.syntax import (
    blocks,
    leaves,
    null_test,
    shape,
    stripped_call,
)
from convert.source.nodes import nodes_of


@dataclass(frozen=True, eq=False)
class Filled:
    """An allocation to ``target`` and, behind it, the call that fills what ``target`` points to.

    between: the statements that stand between them in the same block, None if they stand in
    different blocks.
    """

    target: Node
    allocation: Node
    filler: Node
    between: tuple[Node, ...] | None


def filled(routine: Routine, allocators: Mapping[str, object], filler: str) -> Iterator[Filled]:
    """Each call of a filler with the nearest allocation before it to the same pointer."""
    homes = _homes(routine)
    made = sorted(
        _allocations(routine, allocators), key=lambda pair: routine.offset(pair[1]), reverse=True
    )
    for node in nodes_of(routine.variant.root):
        if call_name(node) != filler or not arguments(node):
            continue
        pointer = shape(strip(arguments(node)[0]))
        at = routine.offset(node)
        for target, allocation in made:
            if routine.offset(allocation) < at and shape(target) == pointer:
                yield Filled(target, allocation, node, _between(routine, homes, allocation, node))
                break


def _allocations(routine: Routine, allocators: Mapping[str, object]) -> Iterator[tuple[Node, Node]]:
    """What allocations are assigned to, and their calls."""
    for node in nodes_of(routine.variant.root):
        match node:
            case c_ast.Assignment(op="=", lvalue=target, rvalue=value):
                call = stripped_call(value)
            case c_ast.Decl(name=str(name), init=value) if value is not None:
                target, call = c_ast.ID(name), stripped_call(value)
            case _:
                continue
        if call is not None and call_name(call) in allocators:
            yield target, call


def _homes(routine: Routine) -> dict[int, tuple[Sequence[Node], int]]:
    """The block of each statement and its place there."""
    return {
        id(item): (block, index) for block in blocks(routine) for index, item in enumerate(block)
    }


def _between(
    routine: Routine,
    homes: Mapping[int, tuple[Sequence[Node], int]],
    allocation: Node,
    filler: Node,
) -> tuple[Node, ...] | None:
    """The statements between, if both are whole statements (or initialiser) of one block."""
    statement = routine.variant.parent_of(allocation)
    while isinstance(statement, c_ast.Cast):
        statement = routine.variant.parent_of(statement)
    first, last = homes.get(id(statement)), homes.get(id(filler))
    if first is None or last is None or first[0] is not last[0] or first[1] >= last[1]:
        return None
    return tuple(first[0][first[1] + 1 : last[1]])


def only_null_checks(pair: Filled) -> bool:
    """Whether nothing but a check that leaves for NULL stands between the two."""
    target = shape(pair.target)
    for node in pair.between or ():
        if not isinstance(node, c_ast.If) or node.iffalse is not None or not leaves(node.iftrue):
            return False
        test = null_test(node.cond)
        if test is None or test[1] or shape(test[0]) != target:
            return False
    return pair.between is not None


def size_matches(pair: Filled, positions: Sequence[int], size: Node) -> tuple[Node, ...]:
    """The factors of the allocation's size, in an order in which ``size`` may spell them."""
    given = arguments(pair.allocation)
    factors = tuple(given[at] for at in positions)
    product = isinstance(size, c_ast.BinaryOp) and size.op == "*"
    if len(factors) == 2 and product and shape(size.left) != shape(factors[0]):
        return factors[::-1]
    return factors


__all__ = ["Filled", "Given", "filled", "only_null_checks", "size_matches"]
