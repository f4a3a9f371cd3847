"""The name of a lock, wait queue or work item: the structure that it is part of, and the member.

``&ip->i_vnode.i_rwsem`` and ``&inode->i_rwsem`` are the same lock, so the innermost structure names
it. Structures that are nothing but a lock (a rwsem with a counter) are looked through: the member
that holds one names it. What a function is only given the address of is named by its callers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.scopes.code import DEREF, ELEMENT, Assign, Call, Code, Expr, Where
from convert.flow.scopes.held import UNNAMED
from convert.flow.scopes.setup import Program
from convert.flow.terms import TypeRef, arguments, strip

# What a structure may be made of that is only a lock: the kernel's primitives of synchronisation.
_PRIMITIVE = re.compile(
    r"^(struct )?(mutex|rt_mutex(_base)?|semaphore|rw_semaphore|percpu_rw_semaphore|(raw_)?spinlock"
    r"(_t)?|rwlock_t|seqlock_t|seqcount_t|rcuwait|lockdep_map|lock_class_key|wait_queue_head(_t)?"
    r"|swait_queue_head|completion|atomic(64|_long)?_t|refcount_(t|struct)|work_struct|delayed_work"
    r"|kthread_work)$"
)


@dataclass
class Namer:
    """Names what synchronises, by type."""

    program: Program
    _plain: dict[str, bool] = field(default_factory=dict)

    def argument(self, code: Code, call: Call, slot: int) -> tuple[str, Where | None]:
        """The name and the place of what an argument points to."""
        place = pointed(call.arguments[slot]) if slot < len(call.arguments) else None
        name = UNNAMED if place is None else self.at(code, place)
        if place is not None and (name == UNNAMED or not place.steps):
            name = self.of_local(code, place) or name
        if name == UNNAMED:
            given = arguments(call.node)
            if slot < len(given):
                name = self.of_text(call, given[slot])
        return name, place

    def of_local(self, code: Code, place: Where) -> str:
        """The name of what a variable holds or leads to by the object that it is made for, or "".

        A wait queue may be looked up by the address of an object (bit_waitqueue()), and a
        completion on the stack may be handed to a worker in a member.
        """
        found: set[str] = set()
        for instruction in code.instructions:
            if not isinstance(instruction, Assign):
                continue
            value, target = instruction.value, instruction.target
            if place.steps == (DEREF,) and target == Where(place.var) and value[0] == "load":
                found |= {self.at(code, made) for made in self.made_for(code, value[1])}
            if not place.steps and value == ("addr", place) and target.steps:
                found.add(self.at(code, target))
        return found.pop() if len(found) == 1 else ""

    def made_for(self, code: Code, result: Where) -> Iterator[Where]:
        """The object whose address a function outside was given for its result."""
        for _, call in code.calls():
            if call.result == result.var and not result.steps and not self.program.targets(call):
                place = pointed(call.arguments[0]) if call.arguments else None
                if place is not None:
                    yield place

    def at(self, code: Code, place: Where) -> str:
        """The name of what is at a place of a function."""
        steps = place.steps
        last = max((n for n, step in enumerate(steps) if step == DEREF), default=-1)
        members = [step for step in steps[last + 1 :] if step != ELEMENT]
        if last < 0 and place.var.startswith("::"):
            return ".".join([place.var.rsplit(":", 1)[-1], *members])
        owner = self.program.shape.type_at(code, Where(place.var, steps[: last + 1]))
        if owner is None:
            return UNNAMED
        return self.inside(owner, members)

    def inside(self, owner: TypeRef, members: list[str]) -> str:
        """The name of a member of a structure."""
        types = self.program.graph.program.types
        kinds = [types.plain(owner)]
        for member in members:
            kinds.append(types.plain(types.member(TypeRef(kinds[-1].base), member)))
        holders = [
            number
            for number, kind in enumerate(kinds[:-1])
            if kind.base.startswith(("struct ", "union ")) and not self.is_lock(kind.base)
        ]
        if not holders:
            return UNNAMED
        first = holders[-1]
        rest = members[first:] if kinds[first + 1].base == "?" else members[first : first + 1]
        return ".".join([_tag(kinds[first].base), *rest])

    def of_text(self, call: Call, node: c_ast.Node) -> str:
        """The name by the declared types of the call's own text."""
        node = strip(node)
        if isinstance(node, c_ast.UnaryOp) and node.op == "&":
            node = strip(node.expr)
        members: list[str] = []
        while True:
            if isinstance(node, c_ast.ArrayRef):
                node = strip(node.name)
            elif isinstance(node, c_ast.StructRef) and node.type == ".":
                members.append(str(node.field.name))
                node = strip(node.name)
            else:
                break
        if isinstance(node, c_ast.StructRef):
            members.append(str(node.field.name))
            node = node.name
        if not members:
            return UNNAMED
        kind = self.program.graph.type_of(call.origin, node)
        return UNNAMED if kind.base == "?" else self.inside(kind, members[::-1])

    def is_lock(self, tag: str) -> bool:
        """Whether a structure is nothing but a lock: primitives of synchronisation and numbers."""
        known = self._plain.get(tag)
        if known is None:
            self._plain[tag] = False
            known = self._plain[tag] = self._is_lock(tag)
        return known

    def _is_lock(self, tag: str) -> bool:
        if _PRIMITIVE.match(tag):
            return True
        if not tag.startswith(("struct ", "union ")):
            return False
        types = self.program.graph.program.types
        members = types.members(tag)
        if not members:
            return False
        kinds = [types.plain(kind) for kind in members.values()]
        parts = [kind for kind in kinds if kind.base.startswith(("struct ", "union "))]
        if any(kind.stars and kind.base != "struct task_struct" for kind in kinds):
            return False
        whole = [kind for kind in parts if not kind.stars]
        return bool(whole) and all(self.is_lock(kind.base) for kind in whole)


def pointed(expr: Expr) -> Where | None:
    """The place that an address leads to."""
    if expr[0] == "addr":
        place: Where = expr[1]
        return place
    if expr[0] == "load":
        return expr[1].then(DEREF) if isinstance(expr[1], Where) else None
    return None


def _tag(base: str) -> str:
    return base.split(" ", 1)[-1]


__all__ = ["Namer", "pointed"]
