"""The contracts of a tree's own wrappers, by executing them in one state of the tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from convert.flow.code import FunctionKey
from convert.flow.provenance.execution import Wrapper, WrapperBuilder
from convert.flow.provenance.facts import FunctionFacts
from convert.flow.provenance.index import Index
from convert.flow.provenance.names import Names
from convert.flow.provenance.places import Result
from convert.flow.provenance.search import Provenance
from convert.flow.terms import TypeRef
from convert.semantics.cint import UINT, CType
from convert.semantics.constants import KERNEL_TYPEDEFS, Constants
from convert.semantics.constexpr import BASIC_TYPES, NotConstant
from convert.semantics.contracts import Interpretation, WrapperContract
from convert.semantics.defines import definitions
from convert.semantics.execution import CannotRun
from convert.semantics.gfp import GfpTable
from convert.semantics.model import Contract
from convert.semantics.scopes import ScopeTable
from convert.source.dialect import Dialect
from convert.source.text import BrokenSource, read_source
from convert.tree.kernel import KernelTree
from convert.verify.review.promises import Promise, PromiseReader
from convert.verify.review.values import Values

_VOID = TypeRef("void", 1)


@dataclass
class Wrappers:
    """The wrappers of one state of the tree; runs are kept, so that each is made once."""

    tree: KernelTree
    dialect: Dialect
    names: Names
    gfp: GfpTable
    scopes: ScopeTable
    index: Index
    provenance: Provenance
    _found: dict[FunctionKey, Wrapper | CannotRun | None] = field(default_factory=dict)
    _runs: dict[tuple[str, str, int | None, int], WrapperContract | CannotRun] = field(
        default_factory=dict
    )

    @cached_property
    def reader(self) -> PromiseReader:
        """Reads promises off masks."""
        return PromiseReader(self.gfp, self.scopes)

    def find(self, path: str, name: str) -> Wrapper | CannotRun | None:
        """The wrapper that a name means in a file; CannotRun if it is one that cannot be executed.

        A wrapper returns ``void *`` (or is a macro), and what it returns is fresh memory.
        """
        facts = self.index.find(path, name)
        if not facts or name in self.names.stubs.deallocators or self.names.primitive(name):
            return None
        key = facts[0].key
        if key not in self._found:
            self._found[key] = self.builder.built(facts[0]) if self.is_wrapper(facts[0]) else None
        return self._found[key]

    def is_candidate(self, facts: FunctionFacts) -> bool:
        """Whether a function could be a wrapper by its declaration."""
        return facts.is_macro or self.index.plain(facts.returns) == _VOID

    def is_wrapper(self, facts: FunctionFacts) -> bool:
        """Whether a function returns fresh memory."""
        if not self.is_candidate(facts):
            return False
        reached = self.provenance.sources([Result(facts.key)])
        fresh = [r for r in reached if all(isinstance(place, Result) for place in r.way)]
        return bool(fresh)

    @cached_property
    def builder(self) -> WrapperBuilder:
        """Reads what a wrapper rests on."""
        return WrapperBuilder(self.tree, self.dialect, self.names, self.gfp, self.index)

    # -- promises ------------------------------------------------------------------------------

    def promise(self, wrapper: Wrapper, values: Values | None, kinds: Iterable[str]) -> Promise:
        """What a call of a wrapper promises for the flags that it may be given."""
        open_kinds = [kind for kind in kinds if kind in self.scopes.scopes]
        task = self.scopes.bits(open_kinds)
        given = _bits(wrapper, values)
        results = [self.run(wrapper, bits, task) for bits in given]
        refused = [result for result in results if isinstance(result, CannotRun)]
        if refused:
            return Promise(Contract(), missing=str(refused[0]))
        done = [result for result in results if isinstance(result, WrapperContract)]
        if None in given and wrapper.slot is not None:
            done = [_settled(result) for result in done]
        return self.reader.of_wrapper(done, open_kinds)

    def run(self, wrapper: Wrapper, bits: int | None, task: int) -> WrapperContract | CannotRun:
        """The contract for one value of the flags (None: not known)."""
        key = (wrapper.path, wrapper.name, bits, task)
        if key not in self._runs:
            given = Interpretation(wrapper.executor, self.scopes, task)
            result = given.result(wrapper.name, frozenset(), bits, wrapper.slot)
            if not isinstance(result, (WrapperContract, CannotRun)):
                result = CannotRun(wrapper.path, 0, f"{wrapper.name}() returns no memory")
            self._runs[key] = result
        return self._runs[key]


def _settled(run: WrapperContract) -> WrapperContract:
    """A run with unknown flags: what the several masks that are possible decide is not known."""
    if run.mask is not None or len(run.masks) < 2:
        return run
    contract = replace(run.contract, fs_reclaim=None, nolockdep=None, nowarn=None)
    return replace(run, contract=contract, masks=())


def _bits(wrapper: Wrapper, values: Values | None) -> list[int | None]:
    """The flags to run a wrapper with: each known value once, None if one is not known."""
    if wrapper.slot is None or values is None:
        return [None]
    numbers = {value.number for value in values}
    if None in numbers:
        return [None]
    return [*sorted(number for number in numbers if number is not None)]


@dataclass
class ConstantTable:
    """The values of macros and enumerators, from the gfp headers and the directory's files."""

    tree: KernelTree
    gfp: GfpTable
    index: Index
    _known: dict[str, int | None] = field(default_factory=dict)

    def constant(self, path: str, name: str) -> int | None:
        """The value that a name has; a file's own definition is not told from another's."""
        if name in self.gfp.bits:
            return self.gfp.bits[name]
        if name not in self._known:
            self._known[name] = self.looked_up(name)
        return self._known[name]

    @cached_property
    def typedefs(self) -> Mapping[str, CType]:
        """The integer types by name, those of the directory with those of the kernel."""
        found = dict(KERNEL_TYPEDEFS)
        for name in self.index.typedefs:
            kind = self.index.plain(TypeRef(name))
            ctype = found.get(kind.base) or BASIC_TYPES.get(frozenset(kind.base.split()))
            if ctype is not None and not kind.stars:
                found.setdefault(name, ctype)
        return found

    def looked_up(self, name: str) -> int | None:
        found = [d for known in self.gfp.constants.by_name.values() for d in known]
        for path in self.index.constants.get(name, ()):
            try:
                found += definitions(read_source(path, self.tree.read(path)))
            except BrokenSource:
                return None
        try:
            number = Constants(found, self.typedefs).value(name).number
        except NotConstant:
            return None
        return None if number is None else number & UINT.bits
