"""Contracts of wrappers by execution: what each combination of flags promises, with evidence.

A wrapper is run on every path with the primitive allocators made to succeed, to fail a few times,
to fail always, and to do either at every attempt. The contract is read off the outcomes; what they
do not agree on stays undecided (None).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from convert.semantics.cint import UINT, CInt, CType, exact, symbol
from convert.semantics.constexpr import NotConstant
from convert.semantics.defines import words_of
from convert.semantics.execution import CannotRun, Executor, cannot_run
from convert.semantics.interpreter.effects import Mode, Schedule
from convert.semantics.interpreter.explore import Outcome, Run
from convert.semantics.interpreter.state import Attempt
from convert.semantics.interpreter.values import (
    Allocation,
    CannotExecute,
    Kind,
    Memory,
    Null,
    Opaque,
    Type,
    Value,
    Where,
)
from convert.semantics.model import Contract
from convert.semantics.scopes import ScopeTable
from convert.semantics.signature import Signature, signature_of
from convert.semantics.stubs import Family
from convert.source.tokens import lex_body

Flags = frozenset[str]
T = TypeVar("T")

_SCHEDULES: Mapping[str, Schedule] = {
    "success": Schedule(Mode.SUCCEED),
    "failure": Schedule(Mode.FAIL),
    "one failure": Schedule(Mode.FAIL, 1),
    "three failures": Schedule(Mode.FAIL, 3),
    "any": Schedule(Mode.ANY),
}


@dataclass(frozen=True)
class WrapperContract:
    """What a wrapper does for one combination of flags.

    contract: its promises, all attempts and scopes of its own taken into account.
    mask: the gfp mask that the returned memory was asked with; None if it is not one known mask
    (``masks`` holds the text of every mask tried, in order; ``mask`` of a wrapper that passes on a
    caller's mask is None too). allocators: the primitives that returned memory; families: theirs.
    retries: an attempt that failed is made again. frees: deallocators that are given one of the
    wrapper's arguments. conditions: what was undecided where NULL came back. ignored: calls whose
    bodies were not read; assumptions: what the result rests on besides. lines: executed, in order.
    """

    wrapper: str
    flags: Flags
    contract: Contract
    mask: int | None
    masks: tuple[str, ...]
    allocators: tuple[str, ...]
    families: tuple[Family, ...]
    retries: bool
    frees: tuple[str, ...]
    conditions: tuple[str, ...]
    ignored: tuple[str, ...]
    assumptions: tuple[str, ...]
    lines: tuple[Where, ...]


@dataclass(frozen=True)
class FreeContract:
    """A wrapper that asks for no memory but frees an argument, by one of ``deallocators``."""

    wrapper: str
    flags: Flags
    parameter: str
    deallocators: tuple[str, ...]
    conditions: tuple[str, ...]
    lines: tuple[Where, ...]


WrapperResult = WrapperContract | FreeContract | CannotRun


@dataclass(frozen=True)
class Interpretation:
    """What a contract is derived with: the program, the tree's scopes, the caller's task flags."""

    executor: Executor
    scopes: ScopeTable
    task_flags: int = 0

    def result(
        self, wrapper: str, flags: Flags, bits: int | None, flags_slot: int | None = None
    ) -> WrapperResult:
        """The contract of ``wrapper`` called with ``flags``, whose union is ``bits``.

        bits None: the flags are a mask of which nothing is known. flags_slot: the position of the
        flags argument, found by name and type if not given.
        """
        try:
            signature = signature_of(self.executor, wrapper, flags_slot)
            if signature.unclear:
                where = signature.where
                return CannotRun(where.path, where.line, f"{wrapper}(): {signature.unclear}")
            return self._derive(wrapper, flags, _arguments(signature, bits), signature)
        except CannotExecute as error:
            return cannot_run(error)

    def call(self, wrapper: str, arguments: Sequence[str]) -> WrapperResult:
        """The contract of one call, its arguments given as C.

        Constants, ``NULL``, ``true`` and ``false`` count; of any other argument nothing is known.
        The ``flags`` of the result are empty.
        """
        try:
            signature = signature_of(self.executor, wrapper)
            if len(arguments) != len(signature.parameters):
                where = signature.where
                return CannotRun(where.path, where.line, f"{wrapper}() takes other arguments")
            values = [
                self._argument(text, name, ctype)
                for text, (name, ctype) in zip(arguments, signature.parameters, strict=True)
            ]
            return self._derive(wrapper, frozenset(), values, signature)
        except CannotExecute as error:
            return cannot_run(error)

    def _argument(self, text: str, name: str, ctype: Type) -> Value:
        words = words_of(lex_body(text))
        fixed: dict[tuple[str, ...], Value] = {
            ("NULL",): Null(), ("true",): exact(1), ("false",): exact(0),
        }  # fmt: skip
        if words in fixed:
            return fixed[words]
        try:
            return self.executor.program.constants.evaluate(words)
        except NotConstant:
            return _unknown(name, ctype)

    def takes_flags(self, wrapper: str, flags_slot: int | None = None) -> bool:
        """Whether a wrapper has flags at all; one that cannot be read has none."""
        try:
            signature = signature_of(self.executor, wrapper, flags_slot)
        except CannotExecute:
            return False
        return signature.slot is not None or bool(signature.unclear)

    def _derive(
        self, wrapper: str, flags: Flags, arguments: list[Value], signature: Signature
    ) -> WrapperResult:
        task = exact(self.task_flags, UINT)
        runs = {
            name: self.executor.run(wrapper, arguments, task, schedule)
            for name, schedule in _SCHEDULES.items()
        }
        if not runs["any"].attempts:
            return _freeing(wrapper, flags, runs["any"], signature)
        return _Reading(self, wrapper, flags, runs, signature).contract()


def _arguments(signature: Signature, bits: int | None) -> list[Value]:
    """The flags as given; everything else a value of which nothing is known."""
    values: list[Value] = []
    for slot, (name, ctype) in enumerate(signature.parameters):
        if slot != signature.slot:
            values.append(_unknown(name, ctype))
            continue
        integer = ctype if isinstance(ctype, CType) else UINT
        values.append(symbol(name, integer) if bits is None else exact(bits, integer))
    return values


def _unknown(name: str, ctype: Type) -> Value:
    """A parameter of which nothing is known but which it is."""
    if isinstance(ctype, CType):
        return symbol(name, ctype)
    return Opaque(label=name if ctype in (Kind.POINTER, Kind.ANY) else "")


def _freeing(wrapper: str, flags: Flags, run: Run, signature: Signature) -> WrapperResult:
    """The contract of a wrapper that made no attempt to allocate."""
    freed = {free for outcome in run.outcomes for free in outcome.frees if free.label}
    labels = {free.label for free in freed}
    if len(labels) != 1:
        where = signature.where
        return CannotRun(
            where.path, where.line, f"{wrapper}() asks no known allocator and frees no one argument"
        )
    conditions = {c for outcome in run.outcomes for c in outcome.conditions}
    return FreeContract(
        wrapper=wrapper,
        flags=flags,
        parameter=labels.pop(),
        deallocators=tuple(sorted({free.deallocator for free in freed})),
        conditions=tuple(sorted(conditions)),
        lines=run.lines,
    )


class _Reading:
    """Reads one contract off the runs."""

    def __init__(
        self,
        given: Interpretation,
        wrapper: str,
        flags: Flags,
        runs: Mapping[str, Run],
        signature: Signature,
    ) -> None:
        self.gfp = given.executor.gfp
        self.scopes = given.scopes
        self.wrapper = wrapper
        self.flags = flags
        self.runs = runs
        self.signature = signature

    def contract(self) -> WrapperContract:
        """The contract. Raises CannotExecute for an outcome that is no allocation."""
        outcomes = [outcome for run in self.runs.values() for outcome in run.outcomes]
        allocations = self.allocations(outcomes)
        attempts = tuple(dict.fromkeys(a for run in self.runs.values() for a in run.attempts))
        may_fail, conditions = self.may_fail()
        masks = {allocation.mask for allocation in allocations}
        return WrapperContract(
            wrapper=self.wrapper,
            flags=self.flags,
            contract=Contract(
                zeroed=_agreed(allocation.zeroed for allocation in allocations),
                may_fail=may_fail,
                fs_reclaim=_any(self.fs_reclaim(attempt) for attempt in attempts),
                nowarn=_all(self.has(a.mask, "__GFP_NOWARN") for a in attempts),
                nolockdep=_all(self.has(a.mask, "__GFP_NOLOCKDEP") for a in attempts),
                sleeps=self.sleeps(attempts),
            ),
            mask=masks.pop().number if len(masks) == 1 else None,
            masks=tuple(dict.fromkeys(self.mask_text(attempt.mask) for attempt in attempts)),
            allocators=tuple(dict.fromkeys(a.allocator for a in allocations)),
            families=tuple(dict.fromkeys(a.family for a in allocations)),
            retries=any(run.repeated for run in self.runs.values()),
            frees=tuple(sorted({f.deallocator for o in outcomes for f in o.frees if f.label})),
            conditions=conditions,
            ignored=_union(run.ignored for run in self.runs.values()),
            assumptions=tuple(sorted({a for o in outcomes for a in o.assumptions})),
            lines=_union(run.lines for run in self.runs.values()),
        )

    def allocations(self, outcomes: Iterable[Outcome]) -> list[Allocation]:
        """What was returned where something was."""
        found: dict[Allocation, None] = {}
        trap: Outcome | None = None
        for outcome in outcomes:
            if isinstance(outcome.value, Memory):
                found.setdefault(outcome.value.allocation)
            elif outcome.value is None:
                trap = outcome
            elif not isinstance(outcome.value, Null):
                raise CannotExecute(outcome.where, "what is returned is no fresh allocation")
        if found:
            return list(found)
        if trap is not None:
            raise CannotExecute(trap.where, f"never returns: {trap.trap}")
        raise CannotExecute(self.signature.where, f"{self.wrapper}() never returns memory")

    def may_fail(self) -> tuple[bool | None, tuple[str, ...]]:
        """Whether NULL can come back, and what was undecided about it."""
        failing = [o for o in self.runs["failure"].outcomes if o.value is not None]
        nulls = [outcome for outcome in failing if isinstance(outcome.value, Null)]
        if any(outcome.certain for outcome in nulls):
            return True, ()
        if nulls and len(nulls) == len(failing) and not self.runs["failure"].endless:
            return True, ()
        any_null = [o for o in self.runs["any"].outcomes if isinstance(o.value, Null)]
        if not any_null and not nulls:
            return False, ()
        undecided = {c for outcome in (*nulls, *any_null) for c in outcome.conditions}
        return None, tuple(sorted(undecided)) or ("a loop whose length is not known",)

    # -- masks -------------------------------------------------------------------------------

    def has(self, mask: CInt, name: str) -> bool | None:
        """Whether a mask has the bit of a name; None if that is not known."""
        bit = self.gfp.bits.get(name, 0)
        if mask.value & bit == bit and bit:
            return True
        return False if mask.known & ~mask.value & bit or not bit else None

    def effective(self, attempt: Attempt) -> CInt:
        """The mask of an attempt under the scopes that the wrapper or its caller opened."""
        return self.scopes.effective(attempt.mask, attempt.task_flags)

    def fs_reclaim(self, attempt: Attempt) -> bool | None:
        """Whether an attempt may enter filesystem reclaim."""
        mask = self.effective(attempt)
        sleeping, filesystem = self.has(mask, self.gfp.sleeping), self.has(mask, "__GFP_FS")
        allowed = _all((sleeping, filesystem))
        flags, number = attempt.task_flags.number, mask.number
        if not allowed or flags == 0:
            return allowed
        if flags is None or number is None:
            return None
        enters = self.scopes.enters_reclaim(number, flags)
        return allowed if enters is None else enters

    def sleeps(self, attempts: Iterable[Attempt]) -> bool | None:
        """Whether an attempt may sleep, or the wrapper itself waits."""
        if any(run.sleeps for run in self.runs.values()):
            return True
        return _any(self.has(attempt.mask, self.gfp.sleeping) for attempt in attempts)

    def mask_text(self, mask: CInt) -> str:
        """A mask in C; one that passes on a parameter names it."""
        if mask.number is not None:
            return self.gfp.names(mask.number).text
        if not mask.source or mask.known | mask.linked != mask.ctype.bits:
            return "not known"
        cleared = self.gfp.bit_names(mask.known & ~mask.value)
        text = mask.source
        if cleared:
            inner = " | ".join(cleared)
            text = f"{text} & ~{inner if len(cleared) == 1 else f'({inner})'}"
        added = self.gfp.bit_names(mask.value)
        if added and cleared:
            text = f"({text})"
        return " | ".join((text, *added))


def _agreed(values: Iterable[bool | None]) -> bool | None:
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _three_valued(values: Iterable[bool | None], decisive: bool) -> bool | None:
    found = set(values)
    if decisive in found:
        return decisive
    return None if None in found else not decisive


def _any(values: Iterable[bool | None]) -> bool | None:
    return _three_valued(values, decisive=True)


def _all(values: Iterable[bool | None]) -> bool | None:
    return _three_valued(values, decisive=False)


def _union(parts: Iterable[Iterable[T]]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(item for part in parts for item in part))
