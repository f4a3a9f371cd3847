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
from convert.flow.scopes.code import (
    DEREF,
    ELSE,
    HANDLE,
    KINDS,
    POINTER,
    TASK,
    Call,
    Code,
    Where,
)
from convert.flow.scopes.contexts import Function
from convert.flow.scopes.effects import Shape, captured
from convert.flow.scopes.fields import field_sets
from convert.flow.scopes.interest import interesting
from convert.flow.scopes.lowering import lower
from convert.flow.scopes.machine import Machine
from convert.flow.scopes.memory import Fields
from convert.flow.scopes.summary import Summary, summarise
from convert.flow.scopes.values import Store
from convert.flow.scopes.world import ScopeFunctions, World
from convert.flow.terms import TypeRef
from convert.semantics.constants import Constants
from convert.semantics.constexpr import NotConstant
from convert.semantics.defines import Definition, definitions
from convert.semantics.scopes import ScopeTable, scope_table
from convert.semantics.stubs import Stubs, load_stubs
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
        self._members: dict[str, frozenset[str]] = {}
        self._tags: set[str] = set()
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

    # -- members -------------------------------------------------------------------------------

    @cached_property
    def _fields(self) -> tuple[Fields, set[str]]:
        return field_sets(self.codes, self.scopes.saves, self.handle_members, self.is_handle)

    @property
    def fields(self) -> Fields:
        """The members that facts are kept about."""
        return self._fields[0]

    def is_handle(self, code: Code, name: str) -> bool:
        """Whether a variable points to a structure that holds a cookie."""
        kind = code.types.get(name)
        if kind is None:
            return False
        plain = self.graph.program.types.plain(kind)
        return plain.stars == 1 and plain.base in self._tags

    def type_at(self, code: Code, place: Where) -> TypeRef | None:
        """The type of what is at a place, without typedefs; None if it is not known."""
        types = self.graph.program.types
        kind = code.types.get(place.var)
        for step in place.steps:
            if kind is None:
                return None
            if step in ("*", "[]"):
                plain = types.plain(kind)  # without stars, it is an array
                kind = TypeRef(plain.base, max(plain.stars - 1, 0))
            else:
                kind = types.member(kind, step)
                kind = None if kind.base == "?" else kind
        if kind is None or kind.base == "?":
            return None
        # An untyped member points to data, but an untyped parameter to whatever callers hand over.
        is_parameter = place.var in code.parameters and len(place.steps) == 1
        untyped = kind.base == "void" and not kind.stars
        return None if untyped and is_parameter else types.plain(kind)

    def kind(self, code: Code, place: Where) -> Iterable[str]:
        """What is at a place that a pointer leads to: a pointer to a handle, to another object, a
        number; more than one if the type does not say."""
        plain = self.type_at(code, place)
        if plain is None:
            return KINDS
        if not plain.stars:
            return (POINTER, ELSE) if plain.base.startswith(("struct ", "union ")) else (ELSE,)
        if plain.base == "void":
            return (HANDLE, POINTER)
        return (HANDLE,) if plain.stars == 1 and plain.base in self._tags else (POINTER,)

    def whole(self, code: Code, place: Where) -> frozenset[str]:
        """The tracked members that an assignment of what is at a place changes."""
        plain = self.type_at(code, place)
        if plain is None:
            return self.fields.tracked - self.fields.task
        return self.members_of(plain)

    def members_of(self, plain: TypeRef) -> frozenset[str]:
        """The tracked members of a structure."""
        if plain.stars or not plain.base.startswith(("struct ", "union ")):
            return frozenset()
        known = self._members.get(plain.base)
        if known is None:
            found = self.graph.program.types.members(plain.base)
            known = self.fields.tracked if found is None else self.fields.tracked & set(found)
            self._members[plain.base] = known
        return known

    def handle_members(self, cookies: set[str]) -> set[str]:
        """The members that point to a structure that holds a cookie."""
        types = self.graph.program.types
        for code in self.codes:  # make the structures known that stand in other headers
            for kind in code.types.values():
                if kind.base.startswith("struct ") and kind.base not in types.structs:
                    types.members(kind.base)
        tags = {tag for tag, members in types.structs.items() if cookies & set(members)}
        self._tags = tags
        return {
            name
            for members in list(types.structs.values())
            for name, kind in members.items()
            if kind.stars == 1 and types.plain(kind).base in tags
        }

    def members(self, code: Code, name: str) -> Iterable[str]:
        """The tracked members of what a variable points to; with ``*``, whether it leads to a
        structure through two pointers."""
        types = self.graph.program.types
        kind = code.types.get(name.removesuffix("*"))
        if kind is None:
            return self.fields.tracked
        plain = types.plain(kind)
        if name.endswith("*"):
            return ("*",) if plain.stars == 2 and plain.base.startswith("struct ") else ()
        return self.members_of(TypeRef(plain.base, plain.stars - 1))

    # -- functions -----------------------------------------------------------------------------

    def matters(self, call: Call) -> bool:
        """Whether a call opens or closes the scope."""
        return call.name in self.scopes.saves or call.name in self.scopes.restores

    def is_site(self, call: Call) -> bool:
        """Whether a call is one that the proofs are about."""
        return self.matters(call) or self.is_extra_site(call)

    @cached_property
    def summary(self) -> Summary:
        """Effects and interests."""
        return summarise(
            self.codes,
            self.targets,
            Shape(self.fields, self.members, self.kind, self.whole),
            self.matters,
            self.is_site,
        )

    @cached_property
    def functions(self) -> list[Function]:
        """What the engine runs."""
        found = []
        for number, code in enumerate(self.codes):
            kept_addresses = captured(code, self.targets, self.summary.effects)
            pointees = {
                name: frozenset(self.kind(code, Where(name, (DEREF,)))) for name in code.types
            }
            machine = Machine(self.store, self.fields, code.signed, kept_addresses, pointees)
            interest = self.summary.interests[number]

            def kept(place: Where, code: Code = code) -> bool:
                return self.kept(code, place)

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
                        name: frozenset(KINDS if kind.base == "?" else self.kind(code, Where(name)))
                        for name, kind in code.types.items()
                    },
                    pointees,
                )
            )
        return found

    def kept(self, code: Code, place: Where) -> bool:
        """Whether a caller hands over facts about a place."""
        if place.var == TASK:
            return len(place.steps) == 2 and place.steps[1] in self.fields.tracked
        if place.var not in code.parameters:
            return False
        if not place.steps:
            return True
        if place.steps == ("*",):
            return bool(list(self.members(code, place.var + "*")))
        return place.steps[-1] in self.fields.tracked

    def place(self, number: int, index: int) -> Place:
        """The line of an instruction."""
        code = self.codes[number]
        return Place(code.routine.path, code.instructions[index].line)


def _enums(node: c_ast.Node) -> Iterable[c_ast.Enum]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, c_ast.Enum) and one.values is not None:
            yield one
        elif not isinstance(one, (c_ast.FuncDecl, c_ast.InitList)):
            waiting += [child for _, child in one.children()]


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
