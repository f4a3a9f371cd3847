"""From a call graph to what the engine runs: lowered functions, constants, effects, interests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pycparser import c_ast

from convert.flow.code import FunctionKey
from convert.flow.graph.graph import CallGraph
from convert.flow.graph.model import Place, Resolution
from convert.flow.scopes.code import DEREF, KINDS, Call, Code, Where
from convert.flow.scopes.contexts import Function
from convert.flow.scopes.effects import captured
from convert.flow.scopes.fields import shape_of
from convert.flow.scopes.interest import interesting
from convert.flow.scopes.lowering import lower
from convert.flow.scopes.machine import Machine
from convert.flow.scopes.shape import Shape
from convert.flow.scopes.summary import Summary, summarise
from convert.flow.scopes.values import Store
from convert.flow.scopes.world import ScopeFunctions, World
from convert.semantics.constants import Constants
from convert.semantics.constexpr import NotConstant
from convert.semantics.defines import Definition, definitions
from convert.semantics.scopes import ScopeTable, scope_table
from convert.semantics.stubs import Stubs, load_stubs
from convert.source.nodes import nodes_of
from convert.source.text import read_source
from convert.tree.kernel import KernelTree

# Names that the files use without reading these headers: error numbers and the task's flags.
_HEADERS = (
    "include/uapi/asm-generic/errno-base.h",
    "include/uapi/asm-generic/errno.h",
    "include/linux/errno.h",
    "include/linux/sched.h",
)

_MACRO = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)\(", re.MULTILINE)


@dataclass
class Program:
    """The lowered functions of a call graph."""

    tree: KernelTree
    graph: CallGraph
    scope: str
    store: Store = field(default_factory=Store)
    stubs: Stubs = field(default_factory=load_stubs)

    @cached_property
    def table(self) -> ScopeTable:
        """The tree's scopes, by execution."""
        return scope_table(self.tree, self.graph.program.sources.tables(), self.stubs)

    @cached_property
    def scopes(self) -> ScopeFunctions:
        """The scope that is asked for, and the kinds that forbid at least as much."""
        found = self.table.scopes
        asked = found[self.scope]
        kinds = [self.scope]
        for name, other in found.items():
            if name == self.scope or other.change is None or asked.change is None:
                continue
            covers = asked.change.cleared & ~other.change.cleared == 0
            if covers and asked.change.cleared and not asked.change.added & ~other.change.added:
                kinds.append(name)
        kinds = [kind for kind in kinds if kind == self.scope or self.is_used(found[kind].save)]
        return ScopeFunctions(
            tuple(kinds),
            {found[kind].save: number for number, kind in enumerate(kinds)},
            {found[kind].restore: number for number, kind in enumerate(kinds)},
            tuple(found[kind].bit for kind in kinds),
            tuple(found[kind].cookie.value != "newly set bits" for kind in kinds),
        )

    def is_used(self, name: str) -> bool:
        """Whether any function calls a name."""
        return any(name in text for text in self._texts)

    @cached_property
    def _texts(self) -> list[str]:
        """The files that any function stands in."""
        found = self.graph.routines.values()
        return list({r.source.path: r.source.text for routines in found for r in routines}.values())

    @cached_property
    def world(self) -> World:
        """What names mean."""
        program = self.graph.program
        return World(
            keys=program.keys,
            routines=self.graph.routines,
            constant=program.constant,
            stubs=self.stubs,
            functions=self.scopes,
            enumerators=self.enumerators,
            outer=self.outer,
            zero=self.table.executor.gfp.bits.get("__GFP_ZERO", 0),
            nofail=self.table.executor.gfp.bits.get("__GFP_NOFAIL", 0),
        )

    @cached_property
    def outer(self) -> Mapping[str, int]:
        """Values of names of the kernel's headers: masks, error numbers, the task's flags."""
        found: dict[str, int] = dict(self.table.executor.gfp.bits)
        texts: list[Definition] = []
        for path in _HEADERS:
            if self.tree.exists(path):
                texts += definitions(read_source(path, self.tree.read(path)))
        constants = Constants(texts)
        for name in constants.by_name:
            try:
                number = constants.value(name).number
            except NotConstant:
                continue
            if number is not None:
                found.setdefault(name, number)
        return found

    @cached_property
    def enumerators(self) -> Mapping[str, int | None]:
        """The enumerators of the paths; None where two enums disagree."""
        found: dict[str, int | None] = {}
        program = self.graph.program
        bare = World(program.keys, {}, program.constant, self.stubs, self.scopes, found)
        for path, parsed in program.files.items():
            for item in parsed.declarations:
                for variant in item.variants:
                    for node in _enums(variant.root):
                        _enumerate(node, path, bare, found)
        return found

    @cached_property
    def codes(self) -> list[Code]:
        """All functions, each in all its ``#if`` variants."""
        world = self.world
        return [
            lower(routine, world)
            for routines in self.graph.routines.values()
            for routine in routines
            if not routine.is_macro and isinstance(routine.variant.root, c_ast.FuncDef)
        ]

    @cached_property
    def numbers(self) -> Mapping[FunctionKey, tuple[int, ...]]:
        """The codes of a function."""
        found: dict[FunctionKey, list[int]] = {}
        for number, code in enumerate(self.codes):
            found.setdefault(code.routine.key, []).append(number)
        return {key: tuple(numbers) for key, numbers in found.items()}

    def __post_init__(self) -> None:
        self._targets: dict[int, tuple[int, ...]] = {}
        self._outer_macros: frozenset[str] | None = None
        self.is_extra_site: Callable[[Call], bool] = lambda _: False

    def targets(self, call: Call) -> tuple[int, ...]:
        """The functions that a call may run, by number."""
        known = self._targets.get(id(call))
        if known is None:
            if call.name is not None:
                keys: Iterable[FunctionKey] = self.world.keys(call.origin.path, call.name)
            else:
                keys = self.graph.targets_of(call.node).functions
            known = tuple(number for key in keys for number in self.numbers.get(key, ()))
            self._targets[id(call)] = known
        return known

    def is_guess(self, call: Call) -> bool:
        """Whether what a call runs is guessed from its type."""
        if call.name is not None:
            return False
        return self.graph.targets_of(call.node).how is Resolution.SIGNATURE

    def by_function(self, function: tuple[str, str]) -> tuple[int, ...]:
        """The functions that a name means in a file."""
        name, path = function
        return tuple(n for key in self.world.keys(path, name) for n in self.numbers.get(key, ()))

    def is_outer_macro(self, name: str) -> bool:
        """Whether a name that was not read is a macro, which may assign its arguments."""
        if self._outer_macros is None:
            self._outer_macros = frozenset(self._macros_of_headers())
        return name in self._outer_macros

    def _macros_of_headers(self) -> Iterable[str]:
        for path in self.tree.files("include/linux") if self.tree.exists("include/linux") else ():
            if path.endswith(".h"):
                for match in _MACRO.finditer(self.tree.read(path)):
                    yield match[1].decode()

    # -- functions -----------------------------------------------------------------------------

    def matters(self, call: Call) -> bool:
        """Whether a call opens or closes the scope."""
        return call.name in self.scopes.saves or call.name in self.scopes.restores

    def is_site(self, call: Call) -> bool:
        """Whether a call is one that the proofs are about."""
        return self.matters(call) or self.is_extra_site(call)

    @cached_property
    def shape(self) -> Shape:
        """What the types say, and the members that facts are kept about."""
        return shape_of(self.codes, self.scopes.saves, self.graph.program.types)

    @cached_property
    def summary(self) -> Summary:
        """Effects and interests."""
        return summarise(
            self.codes,
            self.targets,
            self.shape,
            self.matters,
            self.is_site,
        )

    @cached_property
    def functions(self) -> list[Function]:
        """What the engine runs."""
        found, shape = [], self.shape
        for number, code in enumerate(self.codes):
            kept_addresses = captured(code, self.targets, self.summary.effects)
            pointees = {
                name: frozenset(shape.kind(code, Where(name, (DEREF,)))) for name in code.types
            }
            machine = Machine(self.store, shape.fields, code.signed, kept_addresses, pointees)
            interest = self.summary.interests[number]

            def kept(place: Where, code: Code = code) -> bool:
                return shape.kept(code, place)

            places = interesting(interest, kept)
            found.append(
                Function(
                    number,
                    code,
                    machine,
                    self.summary.effects[number],
                    places,
                    tuple(
                        place
                        for place in self.summary.effects[number].places
                        if place not in places and kept(place)
                    ),
                    frozenset(interest.exact),
                    frozenset(interest.signs),
                    {
                        name: frozenset(
                            KINDS if kind.base == "?" else shape.kind(code, Where(name))
                        )
                        for name, kind in code.types.items()
                    },
                    pointees,
                )
            )
        return found

    def place(self, number: int, index: int) -> Place:
        """The line of an instruction."""
        code = self.codes[number]
        return Place(code.routine.path, code.instructions[index].line)


def _enums(node: c_ast.Node) -> Iterable[c_ast.Enum]:
    """The enums that a declaration defines."""
    for one in nodes_of(node, _below_types):
        if isinstance(one, c_ast.Enum) and one.values is not None:
            yield one


def _below_types(node: c_ast.Node) -> Iterable[c_ast.Node]:
    return () if isinstance(node, (c_ast.FuncDecl, c_ast.InitList)) else node


def _enumerate(node: c_ast.Enum, path: str, world: World, found: dict[str, int | None]) -> None:
    following: int | None = 0
    for one in node.values.enumerators:
        if not isinstance(one, c_ast.Enumerator):
            following = None
            continue
        number = following if one.value is None else world.evaluated(path, one.value)
        if one.name in found and found[one.name] != number:
            number = None
        found[one.name] = number
        following = None if number is None else number + 1
