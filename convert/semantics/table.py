"""The table of all wrappers and flag combinations of a family, and its text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations as choose
from itertools import groupby

from convert.errors import InputError
from convert.semantics.constexpr import NotConstant
from convert.semantics.contracts import (
    Flags,
    FreeContract,
    Interpretation,
    WrapperContract,
    WrapperResult,
)
from convert.semantics.execution import CannotRun, Executor
from convert.semantics.gfp import GFP_HEADERS, GfpTable, load_gfp
from convert.semantics.interpreter.build import Reading, build_program
from convert.semantics.interpreter.values import Where
from convert.semantics.scopes import ScopeTable, scope_table
from convert.semantics.stubs import Stubs, load_stubs
from convert.source.dialect import Dialect, load_dialect
from convert.tree.kernel import KernelTree

_MOST_FLAGS = 8


@dataclass(frozen=True)
class ContractTable:
    """What each wrapper does for each combination of flags.

    flagless: wrappers without a flags argument, which have one result.
    """

    results: Mapping[tuple[str, Flags], WrapperResult]
    flags: Mapping[str, int]
    gfp: GfpTable
    flagless: frozenset[str]

    def get(self, wrapper: str, flags: Iterable[str] = ()) -> WrapperResult:
        """The result of one combination. Raises KeyError for one that was not asked for.

        A wrapper that could not be run at all has one result for every combination.
        """
        found = self.results.get((wrapper, frozenset(flags)))
        if found is not None:
            return found
        bare = self.results.get((wrapper, frozenset()))
        if isinstance(bare, CannotRun):
            return bare
        raise KeyError((wrapper, frozenset(flags)))

    @property
    def refused(self) -> Mapping[tuple[str, Flags], CannotRun]:
        """What could not be run."""
        return {key: r for key, r in self.results.items() if isinstance(r, CannotRun)}


def subsets(names: Iterable[str]) -> tuple[Flags, ...]:
    """All subsets, smaller ones first."""
    ordered = sorted(names)
    return tuple(frozenset(s) for n in range(len(ordered) + 1) for s in choose(ordered, n))


def wrapper_contracts(
    tree: KernelTree,
    files: Sequence[str],
    names: Iterable[str | tuple[str, int]],
    flags: Mapping[str, int] | Iterable[str],
    *,
    combinations: Iterable[Flags] | None = None,
    task_flags: int = 0,
    dialect: Dialect | None = None,
    stubs: Stubs | None = None,
    scopes: ScopeTable | None = None,
) -> ContractTable:
    """Execute wrappers for every combination of flags.

    files: the sources and headers that define the wrappers. names: the wrappers; a pair also gives
    the position of the flags argument, which is otherwise found by its type or name. flags: their
    bits by name, or names to be evaluated in the tree; empty: the flags argument is an unknown
    mask, and the contract says what becomes of it. combinations: those to run, all by default.
    task_flags: ``current->flags`` of the caller. dialect, stubs, scopes: to share them between
    calls.

    Raises InputError for a file that the tree lacks, for flags without a value, and for more than
    8 flags without ``combinations``.
    """
    table = stubs if stubs is not None else load_stubs()
    if dialect is None:
        dialect = load_dialect(tree, files)
    executor = executor_of(tree, files, table, dialect)
    bits = flag_bits(executor, flags)
    if combinations is None and len(bits) > _MOST_FLAGS:
        raise InputError(f"{len(bits)} flags have too many combinations: name those that occur")
    chosen = tuple(combinations) if combinations is not None else subsets(bits)
    if scopes is None:
        scopes = scope_table(tree, dialect, table)
    given = Interpretation(executor, scopes, task_flags)
    results: dict[tuple[str, Flags], WrapperResult] = {}
    flagless: set[str] = set()
    for name in names:
        wrapper, slot = name if isinstance(name, tuple) else (name, None)
        if not given.takes_flags(wrapper, slot):
            flagless.add(wrapper)
            results[wrapper, frozenset()] = given.result(wrapper, frozenset(), None)
            continue
        for combination in chosen:
            value = _value(bits, combination) if bits else None
            results[wrapper, combination] = given.result(wrapper, combination, value, slot)
    return ContractTable(results, bits, executor.gfp, frozenset(flagless))


def _value(bits: Mapping[str, int], combination: Flags) -> int:
    value = 0
    for name in combination:
        value |= bits[name]
    return value


def executor_of(tree: KernelTree, files: Sequence[str], stubs: Stubs, dialect: Dialect) -> Executor:
    """An executor of the functions of some files, with the tree's scopes and gfp masks.

    Raises InputError for a file that the tree lacks.
    """
    readings = [Reading(path, own=True) for path in files]
    readings += [Reading(path) for path in (*stubs.scope.headers, *GFP_HEADERS)]
    program = build_program(tree, dialect, readings, stubs.scope.constants)
    return Executor(program, stubs, load_gfp(tree))


def flag_bits(executor: Executor, flags: Mapping[str, int] | Iterable[str]) -> Mapping[str, int]:
    """The bits of flags; names are evaluated with the program's constants.

    Raises InputError for a name that has no constant value there.
    """
    if isinstance(flags, Mapping):
        return flags
    found: dict[str, int] = {}
    for name in flags:
        try:
            value = executor.program.constants.value(name).number
        except NotConstant as error:
            raise InputError(f"the flag {name} has no value: {error}") from error
        assert value is not None  # constants are exact
        found[name] = value
    return found


# -- text ------------------------------------------------------------------------------------


def contracts_text(table: ContractTable) -> str:
    """The table for people: promises, mask and evidence of each wrapper and combination."""
    order = list(table.flags)
    blocks = [
        _block(table, wrapper, [name for name in order if name in flags], result)
        for (wrapper, flags), result in table.results.items()
    ]
    return "\n".join(blocks)


def _block(table: ContractTable, wrapper: str, flags: Sequence[str], result: WrapperResult) -> str:
    spelled = " | ".join(flags) or ("0" if table.flags else "any flags")
    head = f"{wrapper}({'' if wrapper in table.flagless else spelled})"
    if isinstance(result, CannotRun):
        return f"{head}: cannot run: {result}"
    if isinstance(result, FreeContract):
        freed = " or ".join(result.deallocators)
        lines = [f"{wrapper}({result.parameter}): {freed}"]
    else:
        lines = [f"{head}: {' or '.join(result.allocators)}({', then '.join(result.masks)})"]
        lines.append(f"    {promises_text(result)}")
        lines += [f"    rests on: {text}" for text in result.assumptions]
        lines += [f"    not looked into: {text}" for text in result.ignored]
    lines += [f"    undecided: {text}" for text in result.conditions]
    lines.append(f"    executed: {lines_text(result.lines)}")
    return "\n".join(lines)


def promises_text(result: WrapperContract) -> str:
    """The contract in words; what is undecided is said to be so."""
    contract = result.contract
    words = {
        "zeroed": (contract.zeroed, "zeroed", "not zeroed"),
        "may_fail": (contract.may_fail, "may fail", "never fails"),
        "fs_reclaim": (contract.fs_reclaim, "enters fs reclaim", "no fs reclaim"),
        "nowarn": (contract.nowarn, "no warning", "warns"),
        "nolockdep": (contract.nolockdep, "hidden from lockdep", "seen by lockdep"),
        "sleeps": (contract.sleeps, "sleeps", "does not sleep"),
    }
    texts = [
        f"{name} undecided" if value is None else yes if value else no
        for name, (value, yes, no) in words.items()
    ]
    return ", ".join([*texts, *(["retries"] if result.retries else [])])


def lines_text(lines: Iterable[Where]) -> str:
    """Lines grouped by file, runs joined: ``a.h:3-5,9 b.c:2``."""
    texts = []
    for path, group in groupby(sorted(set(lines)), key=lambda where: where.path):
        numbers = [where.line for where in group]
        texts.append(f"{path}:{','.join(_ranges(numbers))}")
    return " ".join(texts)


def _ranges(numbers: Sequence[int]) -> list[str]:
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return [str(first) if first == last else f"{first}-{last}" for first, last in spans]
