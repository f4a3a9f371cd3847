"""Allocation scopes by execution: what ``memalloc_*_save()`` does to later masks.

The tree's own functions are run on a task whose ``current->flags`` is followed bit by bit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from convert.semantics.cint import UINT, CInt, exact, symbol, unknown
from convert.semantics.execution import CannotRun, Executor, cannot_run
from convert.semantics.gfp import GFP_HEADERS, GfpTable, load_gfp
from convert.semantics.interpreter.build import Reading, build_program
from convert.semantics.interpreter.effects import Mode, Schedule
from convert.semantics.interpreter.explore import Outcome
from convert.semantics.interpreter.values import CannotExecute, Where
from convert.semantics.stubs import Stubs, load_stubs
from convert.source.dialect import Dialect, load_dialect
from convert.tree.kernel import KernelTree

_SAVE = re.compile(r"memalloc_(\w+)_save\Z")
_SCOPE_NAME = re.compile(rb"\b(?:memalloc_\w+|current_gfp_context)\b")


class Cookie(Enum):
    """What a save returns, and what its restore does with it."""

    OLD_VALUE = "old value"  # restore makes the bit what it was; restore(0) closes the scope
    NEWLY_SET = "newly set bits"  # restore clears exactly those; restore(0) does nothing
    OTHER = "other"


@dataclass(frozen=True)
class MaskChange:
    """What a scope does to every mask: bits cleared, bits added, all others passed on.

    ``added`` goes to masks that have all bits of ``needs`` and none of ``unless``.
    """

    cleared: int
    added: int
    needs: int = 0
    unless: int = 0

    def apply(self, mask: int) -> int:
        """The mask as the allocator sees it."""
        adds = mask & self.needs == self.needs and not mask & self.unless
        return (mask & ~self.cleared) | (self.added if adds else 0)


@dataclass(frozen=True)
class Scope:
    """One kind of scope of a tree.

    bit: what the save sets in ``current->flags``. change: of masks, None if it depends on the mask
    (use `ScopeTable.effective`) or the tree has no function for it. fs_reclaim, direct_reclaim:
    whether GFP_KERNEL inside the scope enters filesystem reclaim, or direct reclaim at all; None
    if the tree's sources do not tell. lines: executed for all this.
    """

    name: str
    save: str
    restore: str
    bit: int
    cookie: Cookie
    change: MaskChange | None
    fs_reclaim: bool | None
    direct_reclaim: bool | None
    where: Where
    lines: tuple[Where, ...]


@dataclass(frozen=True)
class ScopeTable:
    """All scopes of a tree. refused: what could not be executed, by function name."""

    scopes: Mapping[str, Scope]
    refused: Mapping[str, CannotRun]
    context: str | None
    reclaim: str | None
    executor: Executor

    def bits(self, names: Iterable[str]) -> int:
        """``current->flags`` inside all of the named scopes. Raises KeyError for an unknown one."""
        flags = 0
        for name in names:
            flags |= self.scopes[name].bit
        return flags

    def effective(self, mask: CInt, task_flags: CInt) -> CInt:
        """The mask that the allocator works with; bits that are not decided are unknown.

        Without any function that applies scopes the mask is returned as it is only where no flag is
        set. Raises CannotExecute where the tree's function cannot be run.
        """
        if task_flags.number == 0:
            return mask
        if self.context is None:
            return unknown(UINT)
        schedule = Schedule(Mode.SUCCEED)
        run = self.executor.run(self.context, [mask], task_flags, schedule)
        values = [outcome.value for outcome in run.outcomes]
        first = values[0] if values else None
        if not isinstance(first, CInt) or any(value != first for value in values):
            return unknown(UINT)
        return first

    def inside(self, mask: int, scopes: Iterable[str]) -> int | None:
        """The mask inside the named scopes, or None if that is not decided."""
        flags = exact(self.bits(scopes), UINT)
        return self.effective(exact(mask, UINT), flags).number

    def enters_reclaim(self, mask: int, task_flags: int) -> bool | None:
        """What the tree's own function answers for an effective mask, lockdep's exemption aside."""
        if self.reclaim is None:
            return None
        gfp = self.executor.gfp
        asked = exact(mask & ~gfp.bits.get("__GFP_NOLOCKDEP", 0), UINT)
        outcome, _ = self.executor.only(self.reclaim, [asked], exact(task_flags, UINT))
        return outcome.value.truth if isinstance(outcome.value, CInt) else None


def scope_table(
    tree: KernelTree, dialect: Dialect | None = None, stubs: Stubs | None = None
) -> ScopeTable:
    """Execute the scope functions of a tree. Raises InputError if it has no gfp header."""
    table = stubs if stubs is not None else load_stubs()
    executor = _executor(tree, dialect, table, load_gfp(tree))
    return _Derivation(executor, table).table()


def _executor(tree: KernelTree, dialect: Dialect | None, stubs: Stubs, gfp: GfpTable) -> Executor:
    facts = stubs.scope
    headers = [path for path in facts.headers if tree.exists(path)]
    readings = [Reading(path, own=True) for path in headers]
    if not headers:  # before Linux 4.11 the functions stood in sched.h, which is large
        for path in facts.constants:
            if tree.exists(path):
                names = {name.decode("ascii") for name in _SCOPE_NAME.findall(tree.read(path))}
                readings.append(Reading(path, own=True, wanted=frozenset(names)))
    if tree.exists(facts.reclaim_file):
        readings.append(Reading(facts.reclaim_file, own=True, wanted=frozenset(facts.reclaim)))
    readings += [Reading(path) for path in GFP_HEADERS]
    if dialect is None:
        dialect = load_dialect(tree, ())
    program = build_program(tree, dialect, readings, facts.constants)
    return Executor(program, stubs, gfp)


class _Derivation:
    def __init__(self, executor: Executor, stubs: Stubs) -> None:
        self.executor = executor
        self.refused: dict[str, CannotRun] = {}
        self.context = self.first(stubs.scope.context)
        self.reclaim = self.first(stubs.scope.reclaim)

    def first(self, names: Iterable[str]) -> str | None:
        return next((name for name in names if self.executor.has(name)), None)

    def table(self) -> ScopeTable:
        bare = ScopeTable({}, {}, self.context, self.reclaim, self.executor)
        found: dict[str, Scope] = {}
        program = self.executor.program
        for name in [*program.functions, *program.unreadable]:
            match = _SAVE.match(name)
            restore = f"memalloc_{match.group(1)}_restore" if match else ""
            if not match or not self.executor.has(restore) or self.takes_arguments(name):
                continue
            try:
                found[match.group(1)] = self.scope(match.group(1), name, restore, bare)
            except CannotExecute as error:
                self.refused[name] = cannot_run(error)
        return ScopeTable(found, self.refused, self.context, self.reclaim, self.executor)

    def takes_arguments(self, name: str) -> bool:
        """Whether a save is the general one, which is told what to set."""
        bodies = self.executor.program.functions.get(name, ())
        return any(
            parameter.name
            for body in bodies
            for parameter in (body.node.decl.type.args.params if body.node.decl.type.args else ())
            if getattr(parameter, "name", None)
        )

    def scope(self, name: str, save: str, restore: str, table: ScopeTable) -> Scope:
        opened, run = self.executor.only(save, [], exact(0, UINT))
        bit = _number(opened.task_flags)
        if not bit:
            raise CannotExecute(self.executor.where(save), f"{save}() sets no bit of the task")
        lines = dict.fromkeys(run.lines)
        cookie = self.cookie(save, restore, bit, lines)
        change = self.change(bit, lines)
        fs_reclaim, direct = self.reclaims(bit, table)
        where = self.executor.where(save)
        return Scope(
            name, save, restore, bit, cookie, change, fs_reclaim, direct, where, tuple(lines)
        )

    def cookie(self, save: str, restore: str, bit: int, lines: dict[Where, None]) -> Cookie:
        """Open and close the scope on a task that is outside of it, and on one inside."""
        outside, inside = _task(bit, inside=False), _task(bit, inside=True)
        first = self.one(save, [], outside, lines)
        second = self.one(save, [], inside, lines)
        cookies = (_number(first.value), _number(second.value))
        if any(outcome.task_flags != inside for outcome in (first, second)):
            return Cookie.OTHER
        closed = {
            number: self.one(restore, [exact(number, UINT)], inside, lines).task_flags
            for number in (0, bit)
        }
        if cookies == (0, bit) and closed == {0: outside, bit: inside}:
            return Cookie.OLD_VALUE
        if cookies == (bit, 0) and closed == {0: inside, bit: outside}:
            return Cookie.NEWLY_SET
        return Cookie.OTHER

    def one(
        self, name: str, arguments: list[CInt], task: CInt, lines: dict[Where, None]
    ) -> Outcome:
        outcome, run = self.executor.only(name, arguments, task)
        lines.update(dict.fromkeys(run.lines))
        return outcome

    def change(self, bit: int, lines: dict[Where, None]) -> MaskChange | None:
        """What the scope does to a mask of which nothing is known."""
        if self.context is None:
            return None
        try:
            task = exact(bit, UINT)
            outcome = self.one(self.context, [symbol("mask", UINT)], task, lines)
        except CannotExecute as error:
            found = self.conditional(self.context, bit, lines)
            if found is None:
                self.refused.setdefault(self.context, cannot_run(error))
            return found
        return _change(outcome.value)

    def conditional(self, context: str, bit: int, lines: dict[Where, None]) -> MaskChange | None:
        """A change that depends on bits of the mask: found on one mask, shown for all.

        None if no mask gets a bit, or the condition is not one of bits set and bits clear.
        """
        task, gfp = exact(bit, UINT), self.executor.gfp
        model = gfp.bits["GFP_KERNEL"]

        def added(mask: int) -> int:
            outcome = self.one(context, [exact(mask, UINT)], task, lines)
            number = _number(outcome.value)
            return 0 if number is None else number & ~mask

        def change(value: int, known: int) -> MaskChange | None:
            mask = CInt(UINT, value, known, UINT.bits & ~known, "mask")
            outcome = self.one(context, [mask], task, lines)
            return _change(outcome.value, mask)

        try:
            adds = added(model)
            if not adds:
                return None
            needs = sum(one for one in _ones(model) if not added(model & ~one) & adds)
            others = UINT.bits & ~model & ~adds
            unless = sum(one for one in _ones(others) if not added(model | one) & adds)
            plain = MaskChange(0, 0)
            inside = change(needs, needs | unless)
            outside = [change(0, one) for one in _ones(needs)]
            outside += [change(one, one) for one in _ones(unless)]
        except CannotExecute:
            return None
        shown = inside == MaskChange(0, adds) and all(one == plain for one in outside)
        return MaskChange(0, adds, needs, unless) if shown else None

    def reclaims(self, bit: int, table: ScopeTable) -> tuple[bool | None, bool | None]:
        """Whether GFP_KERNEL in the scope enters filesystem reclaim, and direct reclaim at all."""
        gfp = self.executor.gfp
        try:
            mask = table.effective(exact(gfp.bits["GFP_KERNEL"], UINT), exact(bit, UINT)).number
            if mask is None:
                return None, None
            enters = table.enters_reclaim(mask, bit)
        except CannotExecute as error:
            self.refused.setdefault(self.reclaim or "", cannot_run(error))
            return None, None
        filesystem = gfp.has(mask, "__GFP_FS")
        if enters is None:
            return (None if filesystem else False), None
        if not enters and not filesystem:
            # Before Linux 5.11 the tree's function answered for filesystem reclaim alone.
            return False, None
        return enters and filesystem, enters


def _task(bit: int, *, inside: bool) -> CInt:
    """``current->flags`` with this bit known and all others as they were."""
    return CInt(UINT, bit if inside else 0, bit, UINT.bits & ~bit, "task")


def _change(value: object, mask: CInt | None = None) -> MaskChange | None:
    """What was done to a mask whose other bits than the known ones are not known."""
    if not isinstance(value, CInt) or value.known | value.linked != UINT.bits:
        return None
    had, were = (mask.value, mask.known) if mask is not None else (0, 0)
    cleared = value.known & ~value.value & ~(were & ~had)
    return MaskChange(cleared=cleared, added=value.value & ~had)


def _ones(bits: int) -> list[int]:
    """The single bits of a number."""
    return [1 << number for number in range(UINT.width) if bits >> number & 1]


def _number(value: object) -> int | None:
    return value.number if isinstance(value, CInt) else None


def scopes_text(table: ScopeTable) -> str:
    """The table for people, one scope after the other."""
    gfp, lines = table.executor.gfp, []
    for scope in table.scopes.values():
        lines.append(f"{scope.name}: {scope.save}() at {scope.where} sets {scope.bit:#x}")
        lines.append(f"    cookie: {scope.cookie.value}")
        if scope.change is not None:
            cleared = " | ".join(gfp.bit_names(scope.change.cleared)) or "nothing"
            added = " | ".join(gfp.bit_names(scope.change.added))
            when = _condition(gfp, scope.change)
            more = f", adds {added}{when}" if added else ""
            lines.append(f"    masks: clears {cleared}{more}")
        lines.append(
            f"    GFP_KERNEL enters reclaim: {_answer(scope.direct_reclaim)}, "
            f"of the filesystem: {_answer(scope.fs_reclaim)}"
        )
    lines += [f"{name}(): cannot run: {why}" for name, why in table.refused.items()]
    return "\n".join(lines)


def _condition(gfp: GfpTable, change: MaskChange) -> str:
    """Which masks get the added bits, in words; empty for all."""
    needs = " | ".join(gfp.bit_names(change.needs))
    unless = " or ".join(gfp.bit_names(change.unless))
    return (f" to masks with {needs}" if needs else "") + (
        f" and without {unless}" if unless else ""
    )


def _answer(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "not known"}[value]
