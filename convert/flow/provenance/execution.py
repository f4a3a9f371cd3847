"""Executing private wrappers: what memory a function returns, by running its own body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convert.errors import InputError
from convert.flow.provenance.facts import FunctionFacts
from convert.flow.provenance.index import Index
from convert.flow.provenance.names import Names
from convert.semantics.contracts import Interpretation, WrapperContract
from convert.semantics.execution import CannotRun, Executor
from convert.semantics.gfp import GFP_HEADERS, GfpTable
from convert.semantics.interpreter.build import Reading, build_program
from convert.semantics.interpreter.values import CannotExecute
from convert.semantics.scopes import ScopeTable
from convert.semantics.signature import signature_of
from convert.source.dialect import Dialect
from convert.tree.kernel import KernelTree

_SMALL_FILE = 8192  # bytes; such a file is read whole
_MOST_READ = 40  # functions that one wrapper may rest on


@dataclass(frozen=True)
class Wrapper:
    """An allocation wrapper of the directory: where it is, and which argument is its flags."""

    name: str
    path: str
    slot: int | None
    executor: Executor
    rests_on: frozenset[str]  # the functions and macros that were read for it


@dataclass(frozen=True)
class WrapperBuilder:
    """Builds what is needed to run a wrapper: its body and the functions that it rests on."""

    tree: KernelTree
    dialect: Dialect
    names: Names
    gfp: GfpTable
    index: Index

    def built(self, facts: FunctionFacts) -> Wrapper | CannotRun:
        """A function, ready to be run."""
        names = self.closure(facts)
        paths: dict[str, None] = {facts.path: None}
        for name in sorted(names):
            for other in self.index.find(facts.path, name):
                paths[other.path] = None
        readings = [self.reading(path, names) for path in paths]
        headers = (*self.names.stubs.scope.headers, *GFP_HEADERS)
        readings += [Reading(path) for path in headers if self.tree.exists(path)]
        try:
            program = build_program(
                self.tree, self.dialect, readings, self.names.stubs.scope.constants
            )
            executor = Executor(program, self.names.stubs, self.gfp)
            signature = signature_of(executor, facts.key.name)
            if signature.unclear:
                return CannotRun(facts.path, facts.line, f"{facts.key.name}(): {signature.unclear}")
        except CannotExecute as error:
            return CannotRun(error.where.path, error.where.line, error.what)
        except InputError as error:
            return CannotRun(facts.path, facts.line, str(error))
        return Wrapper(facts.key.name, facts.path, signature.slot, executor, names)

    def reading(self, path: str, names: frozenset[str]) -> Reading:
        """A file with the functions of some names, and the types that they speak of."""
        if len(self.tree.read(path)) <= _SMALL_FILE:
            return Reading(path, own=True)
        functions = [facts for name in names for facts in self.index.find(path, name)]
        types = {kind.base for facts in functions for kind in (*facts.parameters, facts.returns)}
        return Reading(path, own=True, wanted=names | types)

    def closure(self, facts: FunctionFacts) -> frozenset[str]:
        """The functions that a wrapper rests on: helpers of headers, and whatever allocates."""
        found = {facts.key.name}
        waiting = [facts]
        while waiting and len(found) < _MOST_READ:
            current = waiting.pop()
            for name in sorted(current.callees - found):
                for other in self.index.find(current.path, name)[:1]:
                    if other.path.endswith(".h") or other.allocates:
                        found.add(name)
                        waiting.append(other)
        return frozenset(found)


@dataclass
class FamilyRunner:
    """The family of the memory that private wrappers return, whatever mask they are given."""

    builder: WrapperBuilder
    scopes: ScopeTable
    refused: dict[str, CannotRun] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)

    def __call__(self, facts: FunctionFacts) -> str | None:
        """The family; None if the function cannot be run or the memory has no one family."""
        built = self.builder.built(facts)
        if isinstance(built, CannotRun):
            self.refused[facts.key.name] = built
            return None
        given = Interpretation(built.executor, self.scopes)
        result = given.result(built.name, frozenset(), None, built.slot)
        if not isinstance(result, WrapperContract):
            return None
        return joined_family(frozenset(result.families))


_JOINED: Mapping[frozenset[str], str] = {
    frozenset({"kmalloc", "vmalloc"}): "kvmalloc",
    frozenset({"kmalloc", "kvmalloc"}): "kvmalloc",
    frozenset({"vmalloc", "kvmalloc"}): "kvmalloc",
    frozenset({"kmalloc", "vmalloc", "kvmalloc"}): "kvmalloc",
}


def joined_family(families: frozenset[str]) -> str | None:
    """The one family that fits the memory of several."""
    if len(families) == 1:
        return next(iter(families))
    return _JOINED.get(families)
