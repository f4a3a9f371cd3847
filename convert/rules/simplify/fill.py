"""``kmalloc()`` and ``memset()`` are ``kzalloc()``, with ``memcpy()`` they are ``kmemdup()``."""

from __future__ import annotations

from collections.abc import Iterator

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.terms import arguments, call_name
from convert.rules.calls import in_directive
from convert.rules.layout import Break
from convert.rules.model import Kept, Refused
from convert.rules.simplify.model import Found, Given, Node, Rewrite
from convert.rules.simplify.pairs import Filled, filled, only_null_checks, size_matches
from convert.rules.simplify.syntax import (
    call_of,
    evaluates,
    has_effects,
    in_the_way,
    is_zero,
    own_lines,
    same_size,
    statement_span,
)
from convert.semantics.sizing.layout import NoLayout
from convert.source.edits import Edit, Span
from convert.source.nodes import nodes_of
from convert.source.variants import Call

# What allocates, the positions of its size, and what does the same and zeroes.
_ZEROING: dict[str, tuple[tuple[int, ...], str]] = {
    "kmalloc": ((0,), "kzalloc"),
    "kmalloc_node": ((0,), "kzalloc_node"),
    "kmalloc_array": ((0, 1), "kcalloc"),
    "kvmalloc": ((0,), "kvzalloc"),
    "kvmalloc_node": ((0,), "kvzalloc_node"),
    "kvmalloc_array": ((0, 1), "kvcalloc"),
    "vmalloc": ((0,), "vzalloc"),
}
_COPYING = {"kmalloc": "kmemdup", "kvmalloc": "kvmemdup"}


class Zalloc:
    """An allocation whose whole memory is set to zero before anything else happens to it."""

    name = "zalloc"
    words = frozenset({"memset"})
    writes = frozenset(zeroing for _, zeroing in _ZEROING.values())

    def find(self, routine: Routine, given: Given) -> Iterator[Found]:
        """All memsets to zero of memory that the function has allocated."""
        for pair in filled(routine, _ZEROING, "memset"):
            values = arguments(pair.filler)
            if len(values) == 3 and is_zero(values[1]):
                yield _found(routine, pair, self._verdict(routine, given, pair, values[2]))

    def _verdict(
        self, routine: Routine, given: Given, pair: Filled, size: Node
    ) -> Rewrite | Kept | Refused:
        callee = str(call_name(pair.allocation))
        positions, zeroing = _ZEROING[callee]
        if (why := _not_together(routine, pair, positions, size)) is not None:
            return Kept(self.name, why)
        if (missing := _missing(routine, given, zeroing)) is not None:
            return Refused(self.name, missing, False)
        call = call_of(routine, pair.allocation)
        gone = _removed(routine, pair)
        if call is None or isinstance(gone, str):
            return Refused(self.name, gone if isinstance(gone, str) else "no plain call", False)
        new = c_ast.FuncCall(c_ast.ID(zeroing), pair.allocation.args)
        return Rewrite(
            text=(Edit(call.callee_span, zeroing),),
            fixed=(gone,),
            tree={id(pair.allocation): new, id(pair.filler): None},
            nodes=(new, pair.filler),
            reason=f"nothing happens between {callee}() and the memset() of all of it",
            names=(zeroing,),
            place=last_gap(routine, call),
        )


class Memdup:
    """An allocation that becomes a copy of other memory before anything else happens to it."""

    name = "memdup"
    words = frozenset({"memcpy"})
    writes = frozenset(_COPYING.values())

    def find(self, routine: Routine, given: Given) -> Iterator[Found]:
        """All copies of one piece of memory into memory of the same size."""
        for pair in filled(routine, _COPYING, "memcpy"):
            values = arguments(pair.filler)
            if len(values) != 3:
                continue
            sizes = size_matches(pair, (0,), values[2])
            if same_size(sizes[0], values[2], routine):
                yield _found(routine, pair, self._verdict(routine, given, pair))

    def _verdict(self, routine: Routine, given: Given, pair: Filled) -> Rewrite | Kept | Refused:
        callee = str(call_name(pair.allocation))
        copying = _COPYING[callee]
        _, origin, size = arguments(pair.filler)
        if (why := _not_together(routine, pair, (0,), size)) is not None:
            return Kept(self.name, why)
        line = f"{routine.path}:{routine.line(pair.filler)}"
        if has_effects(origin) or evaluates(origin, pair.target):
            return Kept(self.name, "what is copied is not known before the allocation")
        if (moving := _moving(routine, given, origin)) is not None:
            why = f"`{moving}` is read after the allocation, which may sleep: that it is the"
            return Refused(self.name, f"{line}: {why} same before is not shown", False)
        if (missing := _missing(routine, given, copying)) is not None:
            return Refused(self.name, missing, False)
        call, copy = call_of(routine, pair.allocation), call_of(routine, pair.filler)
        gone = _removed(routine, pair)
        if call is None or copy is None or isinstance(gone, str):
            return Refused(self.name, gone if isinstance(gone, str) else "no plain call", False)
        text = " ".join(copy.slots[1].span.of(routine.source.text).split())
        if in_the_way(routine.source, copy.slots[1].span) is not None:
            return Refused(self.name, f"{line}: a comment stands in what is copied", False)
        at = call.slots[0].span.start
        values = [origin, *arguments(pair.allocation)]
        new = c_ast.FuncCall(c_ast.ID(copying), c_ast.ExprList(values))
        return Rewrite(
            text=(Edit(call.callee_span, copying), Edit(Span(at, at), f"{text}, ")),
            fixed=(gone,),
            tree={id(pair.allocation): new, id(pair.filler): None},
            nodes=(new, pair.filler),
            reason=f"nothing happens between {callee}() and the memcpy() of all of it",
            names=(copying,),
            place=last_gap(routine, call),
        )


def _found(routine: Routine, pair: Filled, verdict: Rewrite | Kept | Refused) -> Found:
    variant = routine.variant
    start, end = variant.span_of(pair.allocation).start, variant.span_of(pair.filler).end
    return Found(Span(start, end), str(call_name(pair.allocation)), verdict)


def _not_together(
    routine: Routine, pair: Filled, positions: tuple[int, ...], size: Node
) -> str | None:
    """Why an allocation and a filler are no pair; None if they are."""
    filler = call_name(pair.filler)
    if len(arguments(pair.allocation)) <= max(positions):
        return "the allocation is called in another way"
    if not isinstance(pair.filler, c_ast.FuncCall) or not only_null_checks(pair):
        return f"more than a check for NULL stands between the allocation and {filler}()"
    own = size_matches(pair, positions, size)
    sides = (
        (size,) if len(own) == 1 else (getattr(size, "left", None), getattr(size, "right", None))
    )
    product = len(own) == 1 or (isinstance(size, c_ast.BinaryOp) and size.op == "*")
    if not product or not all(
        other is not None and same_size(mine, other, routine)
        for mine, other in zip(own, sides, strict=True)
    ):
        return f"{filler}() gets another size than was allocated"
    if any(has_effects(part) for part in own) or has_effects(pair.target):
        return "the size or the pointer is made by a call or an assignment"
    if any(evaluates(part, pair.target) for part in own):
        return "the size is read through the pointer that is assigned"
    return None


def _missing(routine: Routine, given: Given, name: str) -> str | None:
    if given.declared.get(name) is None:
        return f"{routine.path}:{routine.item.line}: this tree has no {name}()"
    return None


def _removed(routine: Routine, pair: Filled) -> Edit | str:
    """The edit that removes the filler's lines, or what stands in the way."""
    source = routine.source
    span = statement_span(routine, pair.filler)
    line = f"{routine.path}:{routine.line(pair.filler)}"
    lines = None if span is None else own_lines(source.text, span)
    if span is None or lines is None:
        return f"{line}: it shares its line with other code or a comment"
    whole = Span(routine.variant.span_of(pair.allocation).start, span.end)
    if (obstacle := in_the_way(source, span)) is not None:
        return f"{line}: {obstacle}"
    if any(d.start in whole for d in source.tokens.directives()):
        return f"{line}: a preprocessor line stands between"
    return Edit(lines, "")


def last_gap(routine: Routine, call: Call) -> Break | None:
    """The white space before the last argument, where a line may be broken."""
    text = routine.source.text
    slot = call.slots[-1].span
    comma = text.rfind(",", call.open, slot.start)
    if comma < 0 or text[comma + 1 : slot.start].strip():
        return None
    node = routine.variant.statement_at(call.span.start)
    declares = node is not None and node.kind == "Decl"
    directive = in_directive(routine.source, slot.start)
    return Break(Span(comma + 1, slot.start), call.open, call.span.start, declares, directive)


def _moving(routine: Routine, given: Given, origin: Node) -> str | None:
    """The part of an expression that another task could change; None if there is none.

    Local variables whose address is never taken, and addresses computed from them, stay.
    """
    match origin:
        case c_ast.Constant() | c_ast.UnaryOp(op="sizeof"):
            return None
        case c_ast.ID(name=name):
            stays = routine.is_local(name) and not _address_taken(routine, name)
            return None if stays or _is_array(routine, given, origin) else str(name)
        case c_ast.Cast(expr=inner):
            return _moving(routine, given, inner)
        case c_ast.BinaryOp(left=left, right=right):
            return _moving(routine, given, left) or _moving(routine, given, right)
        case c_ast.UnaryOp(op="&", expr=inner):
            return _address(routine, given, inner)
        case c_ast.StructRef() | c_ast.ArrayRef() if _is_array(routine, given, origin):
            return _address(routine, given, origin)
    return routine.text(origin)


def _address(routine: Routine, given: Given, place: Node) -> str | None:
    """What of the address of a place could change."""
    match place:
        case c_ast.ID():
            return None
        case c_ast.StructRef(type=".", name=base):
            return _address(routine, given, base)
        case c_ast.StructRef(name=base):
            return _moving(routine, given, base)
        case c_ast.ArrayRef(name=base, subscript=index):
            return _moving(routine, given, base) or _moving(routine, given, index)
        case c_ast.UnaryOp(op="*", expr=inner):
            return _moving(routine, given, inner)
    return routine.text(place)


def _is_array(routine: Routine, given: Given, node: Node) -> bool:
    where = given.sizes.place(routine.source, routine.item, routine.variant)
    try:
        refs = given.sizes.expressions.typed(node, where)
    except NoLayout:
        return False
    types = [ref.node for ref in refs]
    while any(isinstance(t, (c_ast.Decl, c_ast.TypeDecl, c_ast.Typename)) for t in types):
        types = [
            t.type if isinstance(t, (c_ast.Decl, c_ast.TypeDecl, c_ast.Typename)) else t
            for t in types
        ]
    return bool(types) and all(isinstance(t, c_ast.ArrayDecl) for t in types)


def _address_taken(routine: Routine, name: str) -> bool:
    return any(
        isinstance(node, c_ast.UnaryOp)
        and node.op == "&"
        and isinstance(node.expr, c_ast.ID)
        and node.expr.name == name
        for node in nodes_of(routine.variant.root)
    )
