"""From the roots to the sites: in which state of the scope each function instance is entered.

The search is breadth first, so the first way that is found is a shortest one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from convert.flow.bitsets import Bitsets
from convert.flow.code import FunctionKey
from convert.flow.graph.model import Place, Root
from convert.flow.scopes.code import Call, Code
from convert.flow.scopes.contexts import Instance
from convert.flow.scopes.held import Locks
from convert.flow.scopes.model import Chain, Frame, Opener
from convert.flow.scopes.values import Bits, Key

CLOSED, OPEN, UNKNOWN = 0, 1, 2


class Node(NamedTuple):
    """A function instance, and whether the scope was open when it was entered."""

    instance: Instance
    entry: int


@dataclass
class Reach:
    """All nodes that a root reaches, with the call that reached them first.

    callers: of each node, all (node, instruction) that enter it. without: calls that are left out.
    """

    codes: Sequence[Code]
    opened: Key
    roots: Mapping[FunctionKey, Sequence[Root]]
    first: dict[Node, tuple[Node, int] | Root] = field(default_factory=dict)
    callers: dict[Node, list[tuple[Node, int]]] = field(default_factory=dict)
    nodes: dict[int, list[Node]] = field(default_factory=dict)  # by number of the function
    without: Callable[[Call], bool] | None = None
    marks: Bitsets[tuple[int, int]] = field(default_factory=Bitsets)
    _marks_at: dict[tuple[Node, int], tuple[int, bool]] = field(default_factory=dict)

    def run(self, starts: Iterable[tuple[Instance, Root]]) -> None:
        """Search from the roots, all of which start with the scope closed."""
        waiting: deque[Node] = deque()
        for instance, root in starts:
            node = Node(instance, CLOSED)
            if node not in self.first:
                self.first[node] = root
                waiting.append(node)
        while waiting:
            node = waiting.popleft()
            self.nodes.setdefault(node.instance.function.number, []).append(node)
            for index in sorted(node.instance.calls):
                if self.left_out(node, index):
                    continue
                for bits, callee in node.instance.calls[index]:
                    following = Node(callee, after(bits, node.entry))
                    self.callers.setdefault(following, []).append((node, index))
                    if following not in self.first:
                        self.first[following] = (node, index)
                        waiting.append(following)

    def left_out(self, node: Node, index: int) -> bool:
        """Whether a call is not followed."""
        if self.without is None:
            return False
        call = self.codes[node.instance.function.number].instructions[index]
        return isinstance(call, Call) and self.without(call)

    # -- chains --------------------------------------------------------------------------------

    def chain(self, node: Node, index: int, opened: bool) -> Chain:
        """The shortest chain to an instruction of a node."""
        frames = [self.frame(node, index)]
        while True:
            step = self.first[node]
            if isinstance(step, Root):
                return Chain(step, tuple(reversed(frames)), opened)
            node, index = step
            frames.append(self.frame(node, index))

    def length(self, node: Node) -> int:
        """The number of calls from the root."""
        count = 0
        step = self.first[node]
        while not isinstance(step, Root):
            count += 1
            step = self.first[step[0]]
        return count

    def frame(self, node: Node, index: int) -> Frame:
        """A function and a line in it."""
        code = self.codes[node.instance.function.number]
        line = code.instructions[index].line
        return Frame(code.routine.key.name, Place(code.routine.path, line))

    # -- openers -------------------------------------------------------------------------------

    def openers(self, starts: Iterable[tuple[Node, int]]) -> tuple[Opener, ...]:
        """The calls that opened what is open at some instructions, here or in callers."""
        found = 0
        for node, index in starts:
            own, entered = self.marks_at(node, index)
            found |= own | (self._entered.get(node, 0) if entered else 0)
        openers = {self.opener(*mark) for mark in self.marks.of(found)}
        return tuple(sorted(openers, key=lambda one: (one.place.path, one.place.line, one.text)))

    def marks_at(self, node: Node, index: int) -> tuple[int, bool]:
        """The calls of a function itself that opened what is open at an instruction, as bits.

        And whether what its callers opened may be open there, too.
        """
        key = (node, index)
        if key not in self._marks_at:
            own, entered = 0, False
            for bits, facts in node.instance.at(index).items():
                if after(bits, node.entry) == OPEN:
                    value = facts.get(self.opened)
                    if "1" not in bits:
                        entered |= node.entry == OPEN
                    elif value is not None and value.marks:
                        number = node.instance.function.number
                        own |= self.marks.bits((number, mark) for mark in value.marks)
            self._marks_at[key] = own, entered
        return self._marks_at[key]

    @cached_property
    def _entered(self) -> Mapping[Node, int]:
        """By node, the calls in its callers that opened what is open when it is entered."""
        found: dict[Node, int] = {}
        further: dict[Node, set[Node]] = {}
        for node, callers in self.callers.items():
            for caller, index in callers:
                own, entered = self.marks_at(caller, index)
                found[node] = found.get(node, 0) | own
                if entered:
                    further.setdefault(caller, set()).add(node)
        waiting = deque(node for node, bits in found.items() if bits)
        while waiting:
            node = waiting.popleft()
            for callee in further.get(node, ()):
                if found[node] & ~found[callee]:
                    found[callee] |= found[node]
                    waiting.append(callee)
        return found

    def opener(self, number: int, index: int) -> Opener:
        """The call at an instruction of a function, as an opener."""
        code = self.codes[number]
        call = code.instructions[index]
        place = Place(code.routine.path, call.line)
        text = called(code, call) if isinstance(call, Call) else "current->flags"
        return Opener(code.routine.key.name, place, text)


def called(code: Code, call: Call) -> str:
    """What a call names: a function, or the expression that leads to one."""
    if call.name is not None:
        return call.name
    inside = call.origin is code.routine  # what a macro makes has no text of its own
    return code.routine.text(call.node.name) if inside else "a function pointer"


def after(bits: Bits, entry: int) -> int:
    """Whether a scope is open: one kind is enough."""
    found = [_state(bit, entry) for bit in bits if not isinstance(bit, (int, Locks))]
    if OPEN in found:
        return OPEN
    return UNKNOWN if UNKNOWN in found else CLOSED


def _state(bit: object, entry: int) -> int:
    if bit == "1":
        return OPEN
    if bit == "0":
        return CLOSED
    return entry if bit == "E" else UNKNOWN
