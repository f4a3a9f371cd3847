"""The call graph: what each call of the chosen paths may run, and what starts from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.graph.model import Place, Resolution, Root, Targets
from convert.flow.graph.places import CallSite
from convert.flow.graph.program import Program
from convert.flow.graph.typing import Typing
from convert.flow.terms import TypeRef
from convert.source.parse import ParseRefusal
from convert.source.variants import Call


@dataclass(frozen=True)
class CallEdge:
    """One call of a function: who calls, where, and how the target was found."""

    caller: FunctionKey
    place: Place
    how: Resolution


@dataclass(frozen=True)
class UnresolvedCall:
    """An indirect call that may mean any function of its signature."""

    place: Place
    text: str
    signature: str
    candidates: int


@dataclass(frozen=True)
class Stored:
    """A function that a member holds.

    table: home and name of the object that an initialiser fills (the home of a local one is
    ``path:function``); None for an assignment. row: of an array, the text of its designator, or the
    number of the element.
    """

    key: FunctionKey
    place: Place
    table: tuple[str, str] | None
    row: str | None


_NONE = Targets((), (), Resolution.DIRECT, True)


@dataclass(frozen=True)
class CallGraph:
    """All that is known about calls in the paths.

    routines: functions, function-like macros, and the inlines of headers that matter, one per
    ``#if`` variant and definition. constants: macros without parameters. roots: why a function may
    start with nothing around it. initialisers: by structure tag and member, every function stored
    there. tables: by home and name of an object, the functions of its members (of an array all
    elements together). unresolved: indirect calls that were not followed. unparsed: what could not
    be read.
    """

    routines: Mapping[FunctionKey, tuple[Routine, ...]]
    constants: Mapping[FunctionKey, tuple[Routine, ...]]
    roots: Mapping[FunctionKey, tuple[Root, ...]]
    initialisers: Mapping[tuple[str, str], tuple[Stored, ...]]
    tables: Mapping[tuple[str, str], Mapping[str, tuple[FunctionKey, ...]]]
    unresolved: tuple[UnresolvedCall, ...]
    unparsed: tuple[ParseRefusal, ...]
    files: tuple[str, ...]
    _program: Program
    _typing: Typing
    _targets: Mapping[int, Targets]
    _callers: Mapping[FunctionKey, tuple[CallEdge, ...]]
    _by_node: Mapping[int, CallSite]
    _constants: Mapping[Routine, tuple[tuple[Routine, Place], ...]]

    def targets(self, routine: Routine, call: Call) -> Targets:
        """What a call of a routine may run."""
        site = self._by_node.get(id(call.node))
        return _NONE if site is None else self._targets[site.number]

    def targets_of(self, node: c_ast.FuncCall) -> Targets:
        """What a call may run, by its node."""
        site = self._by_node.get(id(node))
        return _NONE if site is None else self._targets[site.number]

    def resolve(self, routine: Routine, name: str) -> FunctionKey | None:
        """The function or macro that a name means in a routine's file: static before global.

        Macros that are only another name are followed.
        """
        keys = self._program.keys(routine.path, name)
        return keys[0] if keys else None

    def callers(self, key: FunctionKey) -> tuple[CallEdge, ...]:
        """All calls that may run a function."""
        return self._callers.get(key, ())

    def calls(self, routine: Routine) -> tuple[tuple[Call, Targets], ...]:
        """The calls of a routine in the order of the text, an outer one before its arguments'."""
        return tuple((call, self.targets(routine, call)) for call in routine.variant.calls)

    def constants_used(self, routine: Routine) -> tuple[tuple[Routine, Place], ...]:
        """Macros without parameters whose bodies call something, where the routine uses them."""
        return self._constants.get(routine, ())

    def indirect_callers(self) -> Iterator[tuple[FunctionKey, Resolution]]:
        """Every call through a pointer: in what it stands, and how its targets were found."""
        for site in self._by_node.values():
            how = self._targets[site.number].how
            if how is not Resolution.DIRECT:
                yield site.routine.key, how

    @property
    def program(self) -> Program:
        """The files, types and names that the graph was made from."""
        return self._program

    def rows(self, table: tuple[str, str]) -> Mapping[str, Mapping[str, tuple[FunctionKey, ...]]]:
        """The functions of each element of an array of tables, by row and member."""
        found: dict[str, dict[str, tuple[FunctionKey, ...]]] = {}
        for (_, member), stored in self.initialisers.items():
            for one in stored:
                if one.table == table and one.row is not None:
                    keys = found.setdefault(one.row, {}).get(member, ())
                    found[one.row][member] = (*keys, one.key)
        return found

    def type_of(self, routine: Routine, node: c_ast.Node) -> TypeRef:
        """The declared type of an expression, without typedefs; base ``?`` if it is not known."""
        return self._typing.types.plain(self._typing.type_of(routine, node))

    def members(self, tag: str) -> Mapping[str, TypeRef]:
        """The members of ``struct foo``; empty where no definition is found in the tree."""
        return self._typing.types.members(tag) or {}
