"""What code does to the context it runs in: locks that are taken and given back, sleeps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.graph.graph import CallGraph
from convert.flow.graph.model import Place
from convert.flow.provenance.handling import Handling
from convert.flow.terms import arguments, call_name
from convert.semantics.stubs import Stubs

Node = Any  # pycparser ships no types

# Masks that let an allocation sleep; "?", "&" and "~" may take that away again.
_SLEEPING = re.compile(r"\bGFP_(?:KERNEL|NOFS|NOIO|USER)\b")
_DOUBT = re.compile(r"[?&~]|GFP_(?:ATOMIC|NOWAIT)")
UNREAD = -1  # the kind of what is opened by a function that is only known by its name


@dataclass(frozen=True)
class Opens:
    """A stretch that may not sleep starts here.

    lock: as written, empty once a variable in it was assigned. key: see `lock_key`. result: the
    variable that tells whether it does, or the offset of the call that is tested itself; empty if
    it always does. again: it is a lock of the caller, which was given back before.
    """

    kind: int
    lock: str
    key: str
    text: str
    place: Place
    offset: int
    result: str = ""
    again: bool = False


@dataclass(frozen=True)
class Closes:
    """A stretch of a kind ends here; ``lock`` is what is unlocked, as written."""

    kind: int
    lock: str
    key: str


@dataclass(frozen=True)
class Sleeps:
    """The code may sleep here, whatever happens: nobody may have forbidden it."""

    place: Place


@dataclass(frozen=True)
class Runs:
    """Functions that were read are called; ``all_known``: nothing else can be meant.

    locks: for each argument the key that it has as a lock. result: as that of `Opens`.
    """

    keys: tuple[FunctionKey, ...]
    all_known: bool
    locks: tuple[str, ...]
    result: str


@dataclass(frozen=True)
class Assigns:
    """A local variable gets another value, by the code between two offsets."""

    name: str
    start: int
    end: int


Effect = Opens | Closes | Sleeps | Runs | Assigns


@dataclass(frozen=True)
class Event:
    """An effect of a call at an offset; ``sure``: whenever the expression is evaluated."""

    offset: int
    effect: Effect | None
    sure: bool


def lock_key(routine: Routine, lock: str) -> str:
    """What a lock is called across functions: ``#n`` for parameter n, else its last member."""
    bare = lock.strip("&() ")
    if bare in routine.parameters:
        return f"#{routine.parameters.index(bare)}"
    return re.split(r"->|\.", bare)[-1]


@dataclass
class EventReader:
    """Reads the events of routines; each routine is read once."""

    graph: CallGraph
    handling: Handling
    stubs: Stubs
    _known: dict[Routine, Mapping[int, tuple[Event, ...]]] = field(default_factory=dict)

    def of(self, routine: Routine) -> Mapping[int, tuple[Event, ...]]:
        """For each point of a routine's flow what happens there, in order."""
        if routine not in self._known:
            found: dict[int, tuple[Event, ...]] = {}
            for point in routine.flow.points:
                if point.code is not None:
                    found[point.index] = tuple(self._walk(routine, point.code, True))
            self._known[routine] = found
        return self._known[routine]

    def _walk(self, routine: Routine, node: Node, sure: bool) -> Iterator[Event]:
        match node:
            case c_ast.TernaryOp(cond=cond, iftrue=then, iffalse=other):
                yield from self._walk(routine, cond, sure)
                for arm in (then, other):
                    if arm is not None:
                        yield from self._walk(routine, arm, False)
                return
            case c_ast.BinaryOp(op="&&" | "||", left=left, right=right):
                yield from self._walk(routine, left, sure)
                yield from self._walk(routine, right, False)
                return
            case c_ast.UnaryOp(op="sizeof"):
                return
            case c_ast.If() | c_ast.While() | c_ast.For() | c_ast.Switch() | c_ast.DoWhile():
                sure = False  # inside of a statement expression
        for _, child in node.children():
            yield from self._walk(routine, child, sure)
        if isinstance(node, c_ast.FuncCall):
            yield Event(routine.offset(node), self._effect(routine, node), sure)
        name = _assigned(node)
        if name is not None:
            span = routine.variant.span_of(node)
            yield Event(span.start, Assigns(name, span.start, span.end), sure)

    def _effect(self, routine: Routine, node: c_ast.FuncCall) -> Effect | None:
        name = call_name(node)
        given = arguments(node)
        place = Place(routine.path, routine.line(node))
        targets = self.graph.targets_of(node)
        if name is not None and not targets.functions:
            if name in self.handling.openers or self.handling.may_lock(name):
                slot = self.handling.lock_argument(name)
                lock = routine.text(given[slot]) if slot < len(given) else ""
                kind = self.handling.openers.get(name, UNREAD)
                result = self._result(routine, node) if name in self.handling.tries else ""
                key, offset = lock_key(routine, lock), routine.offset(node)
                return Opens(kind, lock, key, f"{name}({lock})", place, offset, result)
            if name in self.handling.closers:
                lock = routine.text(given[0]) if given else ""
                return Closes(self.handling.closers[name], lock, lock_key(routine, lock))
            if name in self.handling.sleepers or self._allocates(routine, name, given):
                return Sleeps(place)
        if targets.functions:
            locks = tuple(lock_key(routine, routine.text(argument)) for argument in given)
            result = self._result(routine, node)
            return Runs(targets.functions, targets.complete, locks, result)
        return None

    @staticmethod
    def _result(routine: Routine, node: c_ast.FuncCall) -> str:
        """What tells whether a call locked: a local variable, or the call where it is tested."""
        parent = routine.variant.parent_of(node)
        target = None
        if isinstance(parent, c_ast.Assignment) and parent.op == "=" and parent.rvalue is node:
            target = parent.lvalue
        if isinstance(parent, c_ast.Decl) and parent.init is node:
            return str(parent.name)
        if isinstance(target, c_ast.ID) and routine.is_local(target.name):
            return str(target.name)
        return str(routine.offset(node))

    def _allocates(self, routine: Routine, name: str, given: list[Node]) -> bool:
        """Whether a call hands a blocking mask to one of the kernel's allocators."""
        primitive = self.stubs.primitive(name)
        if primitive is None:
            return False
        if primitive.gfp is None:
            return "GFP_KERNEL" in primitive.mask
        if primitive.gfp >= len(given):
            return False
        mask = routine.text(given[primitive.gfp])
        return bool(_SLEEPING.search(mask)) and not _DOUBT.search(mask)


def _assigned(node: Node) -> str | None:
    """The variable that a node assigns."""
    match node:
        case c_ast.Assignment(lvalue=c_ast.ID(name=name)):
            return str(name)
        case c_ast.UnaryOp(op="++" | "--" | "p++" | "p--", expr=c_ast.ID(name=name)):
            return str(name)
        case c_ast.Decl(name=name, init=init) if init is not None and name:
            return str(name)
    return None
