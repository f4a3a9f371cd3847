"""``sizeof(*p) + n * sizeof(p->flex[0])`` is ``struct_size(p, flex, n)``, which checks.

struct_size() (include/linux/overflow.h) adds to ``sizeof(*p)`` as the plain sum does, padding
behind the last member included: the two are equal unless the plain one wraps around.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.terms import arguments, call_name, strip, type_ref
from convert.rules.model import Kept, Refused
from convert.rules.simplify.layout import rewritten_call
from convert.rules.simplify.model import Found, Given, Node, Rewrite
from convert.rules.simplify.products import (
    Product,
    is_sizeof,
    overflow,
    product_of,
    unfit_count,
)
from convert.rules.simplify.syntax import call_of, has_effects, in_the_way, shape
from convert.semantics.sizing.layout import NoLayout
from convert.semantics.sizing.places import TypeRef, Where
from convert.semantics.sizing.records import Field, Record
from convert.source.edits import Edit, Span
from convert.source.nodes import nodes_of
from convert.source.variants import Call

_ALLOCATORS = frozenset(
    {
        "kmalloc", "kzalloc", "kmalloc_node", "kzalloc_node", "kvmalloc", "kvzalloc", "vmalloc",
        "vzalloc",
    }
)  # fmt: skip
_MACRO = "struct_size"


@dataclass(frozen=True, eq=False)
class _Sum:
    """The size of a struct and of the elements behind it, as the source adds them up."""

    head: Node  # a sizeof
    product: Product


class StructSize:
    """An allocation of a struct with a flexible array at its end."""

    name = "struct-size"
    words = _ALLOCATORS
    writes = frozenset({_MACRO})

    def find(self, routine: Routine, given: Given) -> Iterator[Found]:
        """All allocations of the size of a struct and a number of elements."""
        for node in nodes_of(routine.variant.root):
            if call_name(node) not in _ALLOCATORS or not arguments(node):
                continue
            total, call = _sum_of(arguments(node)[0]), call_of(routine, node)
            if total is not None and call is not None:
                verdict = _Judge(routine, given, call, total).verdict()
                yield Found(call.span, str(call.callee), verdict)


def _sum_of(size: Node) -> _Sum | None:
    if not isinstance(size, c_ast.BinaryOp) or size.op != "+":
        return None
    for head, rest in ((size.left, size.right), (size.right, size.left)):
        product = product_of(rest)
        if is_sizeof(head) and product is not None:
            return _Sum(head, product)
    return None


class _Unfit(Exception):
    """Why a sum is left as it is."""


@dataclass(frozen=True, eq=False)
class _Judge:
    routine: Routine
    given: Given
    call: Call
    total: _Sum

    def verdict(self) -> Rewrite | Kept | Refused:
        rule, routine = StructSize.name, self.routine
        count = self.total.product.count
        if (why := unfit_count(routine, self.given, count)) is not None:
            return Kept(rule, why)
        line = f"{routine.path}:{routine.source.line(self.call.span.start)}"
        try:
            pointer, member = self._pointer_and_member()
        except _Unfit as unfit:
            return Kept(rule, str(unfit))
        except NoLayout as error:
            return Refused(rule, f"{line}: {error}", False)
        slot = self.call.slots[0].span
        if has_effects(count):
            return Refused(rule, f"{line}: the number of elements is made by a call", False)
        if (obstacle := in_the_way(routine.source, slot)) is not None:
            return Refused(rule, f"{line}: {obstacle}", False)
        if self.given.declared.get(_MACRO) is None:
            return Refused(rule, f"{line}: this tree has no {_MACRO}()", False)
        return self._rewrite(pointer, member)

    def _rewrite(self, pointer: Node, member: str) -> Rewrite:
        routine, count = self.routine, self.total.product.count
        text, slot = routine.source.text, self.call.slots[0].span
        name = pointer.name if isinstance(pointer, c_ast.ID) else routine.text(pointer)
        new = f"{_MACRO}({name}, {member}, {routine.text(count)})"
        size = c_ast.FuncCall(c_ast.ID(_MACRO), c_ast.ExprList([pointer, c_ast.ID(member), count]))
        old = arguments(self.call.node)[0]
        found = overflow(routine, self.given, self.total.product, self._head_size())
        whole = "\n" in slot.of(text)
        edits = (
            (rewritten_call(routine.source, self.call, new, self.given.style.get(routine.path)),)
            if whole
            else (Edit(Span(slot.start, slot.end), new),)
        )
        return Rewrite(
            text=() if whole else edits,
            fixed=edits if whole else (),
            tree={id(old): size},
            nodes=(size, old),
            reason=f"{member} is the flexible array at the end of what is allocated",
            names=(_MACRO,),
            notes=found.note(_MACRO, "gives a size that no allocation can have"),
        )

    def _where(self) -> Where:
        return self.given.sizes.place(self.routine.source, self.routine.item, self.routine.variant)

    def _head_size(self) -> int:
        return self.given.sizes.expressions.read(self.total.head, self._where()).high

    def _pointer_and_member(self) -> tuple[Node, str]:
        """The pointer and the member to name. Raises _Unfit and NoLayout."""
        pointer, struct = self._pointer()
        types = self.given.sizes.types
        records = tuple(r for ref in struct for r in types.records_of(ref))
        if len(records) != 1:
            raise NoLayout("which struct is allocated is not known")
        field = self._flexible(records[0])
        self._check_element(pointer, field)
        return pointer, str(field.name)

    def _pointer(self) -> tuple[Node, tuple[TypeRef, ...]]:
        measured = self.total.head.expr
        expressions = self.given.sizes.expressions
        if isinstance(measured, c_ast.UnaryOp) and measured.op == "*":
            if has_effects(measured.expr):
                raise _Unfit("the pointer is made by a call or an assignment")
            return measured.expr, expressions.typed(measured, self._where())
        target = self._target()
        if not isinstance(measured, c_ast.Typename) or target is None:
            raise _Unfit("no pointer to the struct stands at the allocation")
        wanted = type_ref(measured)
        pointed = expressions.kinds.pointed(expressions.typed(target, self._where()))
        if not pointed or any(type_ref(ref.node) != wanted for ref in pointed):
            raise _Unfit("the pointer that is assigned has another type than the struct")
        return target, (TypeRef(measured, self._where()),)

    def _target(self) -> Node | None:
        """What the allocation is assigned to."""
        variant = self.routine.variant
        holder = variant.parent_of(self.call.node)
        while isinstance(holder, c_ast.Cast):
            holder = variant.parent_of(holder)
        match holder:
            case c_ast.Assignment(op="=", lvalue=target) if not has_effects(target):
                return target
            case c_ast.Decl(name=str(name)):
                return c_ast.ID(name)
        return None

    def _flexible(self, record: Record) -> Field:
        """The flexible array member at the end of a struct. Raises _Unfit and NoLayout."""
        members = self.given.sizes.types.records.members(record)
        if record.is_union or not members:
            raise _Unfit("what is allocated is no struct with members")
        last = members[-1]
        if not isinstance(last, Field) or last.name is None:
            raise _Unfit("the struct does not end with one array in every configuration")
        for node in last.nodes:
            array = node.type if isinstance(node, c_ast.Decl) else None
            if not isinstance(array, c_ast.ArrayDecl):
                raise _Unfit(f"the last member, {last.name}, is no array")
            if array.dim is not None:
                raise _Unfit(f"the last member, {last.name}, is no flexible array: it has a size")
        return last

    def _check_element(self, pointer: Node, field: Field) -> None:
        """Raises _Unfit unless the product counts the elements of the flexible array."""
        measured = self.total.product.size.expr
        member = c_ast.StructRef(pointer, "->", c_ast.ID(field.name))
        match measured:
            case c_ast.ArrayRef(name=array) | c_ast.UnaryOp(op="*", expr=array):
                if shape(array) == shape(member):
                    return
            case c_ast.Typename():
                element = TypeRef(field.nodes[0].type.type, field.wheres[0])
                if self._same_type(TypeRef(strip(measured), self._where()), element):
                    return
        raise _Unfit(f"the product counts something else than the elements of {field.name}")

    def _same_type(self, left: TypeRef, right: TypeRef) -> bool:
        first, second = type_ref(left.node), type_ref(right.node)
        if first == second and first.base != "?":
            return True
        if first.stars or second.stars:
            return False
        types = self.given.sizes.types
        ours, theirs = types.records_of(left), types.records_of(right)
        places = [[(r.where.path, r.span) for r in records] for records in (ours, theirs)]
        return len(ours) == 1 and places[0] == places[1]
