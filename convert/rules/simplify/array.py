"""``kmalloc(n * sizeof(T), …)`` is ``kmalloc_array(n, sizeof(T), …)``, which checks the product."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.terms import arguments, call_name
from convert.rules.model import Kept, Refused
from convert.rules.simplify.fill import last_gap
from convert.rules.simplify.model import Found, Given, Node, Rewrite
from convert.rules.simplify.products import Product, is_sizeof, overflow, product_of, unfit_count
from convert.rules.simplify.syntax import call_of, in_the_way
from convert.source.edits import Edit, Span
from convert.source.nodes import nodes_of
from convert.source.variants import Call

# What takes a size first, and what takes a number and a size in its place.
_ARRAYS = {
    "kmalloc": "kmalloc_array",
    "kzalloc": "kcalloc",
    "kmalloc_node": "kmalloc_array_node",
    "kzalloc_node": "kcalloc_node",
    "kvmalloc": "kvmalloc_array",
    "kvzalloc": "kvcalloc",
    "vmalloc": "vmalloc_array",
    "vzalloc": "vcalloc",
}


class Array:
    """An allocation of as many elements as a variable says."""

    name = "array"
    words = frozenset(_ARRAYS)
    writes = frozenset(_ARRAYS.values())

    def find(self, routine: Routine, given: Given) -> Iterator[Found]:
        """All allocations whose size is a product with ``sizeof`` in it."""
        for node in nodes_of(routine.variant.root):
            name = call_name(node)
            if name not in _ARRAYS or not arguments(node) or not _multiplies(arguments(node)[0]):
                continue
            call = call_of(routine, node)
            if call is not None:
                yield Found(call.span, str(name), self._verdict(routine, given, call))

    def _verdict(self, routine: Routine, given: Given, call: Call) -> Rewrite | Kept | Refused:
        product = product_of(arguments(call.node)[0])
        if product is None:
            return Kept(self.name, "no product of one number and one sizeof")
        if (why := unfit_count(routine, given, product.count)) is not None:
            return Kept(self.name, why)
        new = _ARRAYS[str(call.callee)]
        line = f"{routine.path}:{routine.source.line(call.span.start)}"
        if given.declared.get(new) is None:
            return Refused(self.name, f"{line}: this tree has no {new}()", False)
        edits = _argument(routine, call.slots[0].span, product)
        if isinstance(edits, str):
            return Refused(self.name, f"{line}: {edits}", False)
        values = [product.count, product.size, *arguments(call.node)[1:]]
        node = c_ast.FuncCall(c_ast.ID(new), c_ast.ExprList(values))
        found = overflow(routine, given, product)
        saves = "returns NULL"
        if "__GFP_NOFAIL" in call.slots[-1].span.of(routine.source.text):
            saves += ", also with __GFP_NOFAIL"
        fits = () if found.on_32 else ("the product fits into 32 bits",)
        return Rewrite(
            text=(Edit(call.callee_span, new), *edits),
            fixed=(),
            tree={id(call.node): node},
            nodes=(node, call.node),
            reason=f"{new}() multiplies with a check",
            names=(new,),
            place=last_gap(routine, call),
            notes=found.note(new, saves),
            evidence=fits,
        )


def _multiplies(size: Node) -> bool:
    return (
        isinstance(size, c_ast.BinaryOp)
        and size.op == "*"
        and any(is_sizeof(side) or _multiplies(side) for side in (size.left, size.right))
    )


def _argument(routine: Routine, slot: Span, product: Product) -> tuple[Edit, ...] | str:
    """The edits that make two arguments of a product, or what stands in their way."""
    text, span_of = routine.source.text, routine.variant.span_of
    first, second = span_of(product.first), span_of(product.second)
    gaps = (
        Span(slot.start, first.start),
        Span(first.end, second.start),
        Span(second.end, slot.end),
    )
    for gap in gaps:
        if (obstacle := in_the_way(routine.source, gap)) is not None:
            return obstacle
    count, size = (span_of(node).of(text) for node in (product.count, product.size))
    broken = re.search(r"\n[ \t]*", gaps[1].of(text).replace("\r", ""))
    if broken is None and "\n" not in slot.of(text):
        return (Edit(slot, f"{count}, {size}"),)
    if "\n" in count + size or "\n" in gaps[0].of(text) + gaps[2].of(text) or broken is None:
        return "the size is spread over lines in a way that is better rewritten by hand"
    # One break between the factors: it stays between the arguments.
    middle = first.end + gaps[1].of(text).index("\n")
    ends = middle - 1 if text[middle - 1] == "\r" else middle
    starts = middle + 1 + len(re.match(r"[ \t]*", text[middle + 1 :])[0])  # type: ignore[index]
    return (Edit(Span(slot.start, ends), f"{count},"), Edit(Span(starts, slot.end), size))
