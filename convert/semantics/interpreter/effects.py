"""What calls of the stub table do to a state: allocations, frees, memset, calls of the unknown."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from convert.semantics.cint import UINT, ULONG, CInt, convert, exact, symbol, unknown
from convert.semantics.gfp import GfpTable
from convert.semantics.interpreter import code as op
from convert.semantics.interpreter.state import Attempt, Frame, FreedBy, State
from convert.semantics.interpreter.values import (
    TASK_FLAGS,
    Allocation,
    CannotExecute,
    Inside,
    Memory,
    Null,
    Opaque,
    Ref,
    Value,
    Where,
    as_type,
)
from convert.semantics.stubs import Primitive


class Mode(Enum):
    """What the primitive allocators do."""

    SUCCEED = "succeed"
    FAIL = "fail"  # the first n attempts (see `Schedule`), or all
    ANY = "any"  # each attempt either way


@dataclass(frozen=True)
class Schedule:
    """The allocators' behaviour; ``failures`` is how many attempts fail first, None for all.

    An attempt whose mask promises success (``__GFP_NOFAIL``, and may sleep) never fails.
    """

    mode: Mode
    failures: int | None = None


@dataclass
class Log:
    """What any path of a run did."""

    ignored: dict[str, None]
    sleeps: dict[Where, None]
    attempts: dict[Attempt, None]


class Effects:
    """The instructions that stand for calls into the allocator or out of the program."""

    def __init__(self, gfp: GfpTable, schedule: Schedule) -> None:
        self.gfp = gfp
        self.schedule = schedule
        self.log = Log({}, {}, {})

    def _Ignore(self, state: State, frame: Frame, step: op.Ignore) -> None:
        for value in popped(frame, step.count):
            if step.harmless:
                continue
            state.check_escape(value, step.where, f"{step.name}() is given the address of a local")
            if isinstance(value, (Memory, Inside)):
                state.set_zeroed(value.allocation, None)
        if not step.harmless:
            self.log.ignored.setdefault(f"{step.name}() at {step.where}")
        frame.stack.append(Opaque())

    def _Sleep(self, state: State, frame: Frame, step: op.Sleep) -> None:
        self.log.sleeps.setdefault(step.where)

    def _Free(self, state: State, frame: Frame, step: op.Free) -> None:
        arguments = popped(frame, step.count)
        frame.stack.append(Opaque())
        if step.deallocator.argument >= len(arguments):
            raise CannotExecute(step.where, f"{step.deallocator.name}() takes other arguments")
        freed = arguments[step.deallocator.argument]
        label = freed.label if isinstance(freed, Opaque) else ""
        if isinstance(freed, Memory):
            state.release(freed.allocation)
        elif not isinstance(freed, Null):
            event = FreedBy(step.deallocator.name, label, step.where)
            state.frees = state.frees | {event}

    def _Fill(self, state: State, frame: Frame, step: op.Fill) -> None:
        size, byte, address = frame.stack.pop(), frame.stack.pop(), frame.stack.pop()
        frame.stack.append(address)
        if isinstance(address, Ref):
            if address.place.frame < 0:
                raise CannotExecute(step.where, "memset() of the running task")
            state.forget(address.place)
        if isinstance(address, (Memory, Inside)):
            self._fill_memory(state, address, byte, size, step.where)

    def _Copy(self, state: State, frame: Frame, step: op.Copy) -> None:
        target = popped(frame, step.count)[0]
        frame.stack.append(target)
        if isinstance(target, Ref):
            if target.place.frame < 0:
                raise CannotExecute(step.where, "a copy over the running task")
            state.forget(target.place)
        elif isinstance(target, (Memory, Inside)) and target.allocation.zeroed:
            state.set_zeroed(target.allocation, None)

    def _CacheSize(self, state: State, frame: Frame, step: op.CacheSize) -> None:
        frame.stack.append(cache_size(popped(frame, step.count)[0]))

    def _fill_memory(
        self, state: State, address: Memory | Inside, byte: Value, size: Value, where: Where
    ) -> None:
        """A memset of allocated memory: zero throughout, still zero, or not known."""
        allocation = address.allocation
        zero = isinstance(byte, CInt) and byte.number == 0
        whole = zero and isinstance(address, Memory) and same_size(allocation.size, size)
        if not whole and zero and isinstance(address, Memory) and isinstance(size, CInt):
            whole = narrowed_size(allocation.size, size)
            if whole:
                state.assumptions |= {f"the size fits into {size.ctype.width} bits ({where})"}
        kept = True if whole or (zero and allocation.zeroed) else None
        state.set_zeroed(allocation, kept)

    def _Allocate(self, state: State, frame: Frame, step: op.Allocate) -> list[State] | None:
        arguments = popped(frame, step.count)
        attempt = self._attempt(state, step, arguments)
        self.log.attempts.setdefault(attempt)
        state.attempts = (*state.attempts, attempt)
        self._reallocated(state, step.primitive, arguments)
        outcomes = self._outcomes(state, attempt.mask)
        if len(outcomes) == 1:
            self._finish(state, step, attempt, arguments, outcomes[0])
            return None
        forks = [state.copy() for _ in outcomes]
        undecided = self.never_fails(attempt.mask) is None and self.schedule.mode is Mode.FAIL
        for fork, success in zip(forks, outcomes, strict=True):
            fork.forks += 1
            if undecided:
                promise = "promises" if success else "does not promise"
                fork.add_condition(f"the mask at {step.where} {promise} success")
            self._finish(fork, step, attempt, arguments, success)
        return forks

    def _attempt(self, state: State, step: op.Allocate, arguments: list[Value]) -> Attempt:
        primitive = step.primitive
        if primitive.gfp is None:
            mask = exact(self.gfp.mask(primitive.mask), UINT)
        elif primitive.gfp >= len(arguments):
            raise CannotExecute(step.where, f"{primitive.name}() takes other arguments")
        else:
            given = as_type(arguments[primitive.gfp], UINT)
            mask = given if isinstance(given, CInt) else unknown(UINT)
        flags = state.load(TASK_FLAGS)
        task_flags = flags if isinstance(flags, CInt) else unknown(UINT)
        return Attempt(primitive.name, primitive.family, mask, task_flags, step.where)

    def _reallocated(self, state: State, primitive: Primitive, arguments: list[Value]) -> None:
        if primitive.reallocates is None or primitive.reallocates >= len(arguments):
            return
        old = arguments[primitive.reallocates]
        if isinstance(old, Memory):
            state.release(old.allocation)

    def _outcomes(self, state: State, mask: CInt) -> list[bool]:
        """Whether the attempt succeeds; both, where the schedule or the mask leave it open."""
        never_fails = self.never_fails(mask)
        if self.schedule.mode is Mode.SUCCEED or never_fails:
            return [True]
        if self.schedule.mode is Mode.ANY or never_fails is None:
            return [True, False]
        limit = self.schedule.failures
        return [limit is not None and state.failures >= limit]

    def never_fails(self, mask: CInt) -> bool | None:
        """Whether a mask promises success; None if its known bits do not decide that."""
        needed = self.gfp.bits.get("__GFP_NOFAIL", 0) | self.gfp.bits[self.gfp.sleeping]
        if "__GFP_NOFAIL" not in self.gfp.bits or mask.known & ~mask.value & needed:
            return False
        return True if mask.value & needed == needed else None

    def _finish(
        self, state: State, step: op.Allocate, attempt: Attempt, arguments: list[Value], ok: bool
    ) -> None:
        """Push what the allocator returns."""
        stack = state.frames[-1].stack
        if not ok:
            if self.schedule.failures is not None:
                state.failures += 1
            stack.append(Null())
            return
        primitive = step.primitive
        size: Value | None = None
        if len(primitive.size) == 1 and primitive.size[0] < len(arguments):
            size = as_type(arguments[primitive.size[0]], ULONG)
        elif primitive.cache is not None and primitive.cache < len(arguments):
            size = cache_size(arguments[primitive.cache])
        zero = self.gfp.bits.get("__GFP_ZERO", 0)
        zeroed: bool | None = primitive.zeroes or bool(attempt.mask.value & zero)
        if not zeroed and zero & ~attempt.mask.known:
            zeroed = None
        if primitive.reallocates is not None and zeroed:
            zeroed = None  # what was there before is kept
        allocation = Allocation(
            allocator=primitive.name,
            family=primitive.family,
            mask=attempt.mask,
            size=size,
            task_flags=attempt.task_flags,
            where=step.where,
            number=state.allocations,
            zeroed=zeroed,
        )
        state.allocations += 1
        stack.append(Memory(allocation))


def popped(frame: Frame, count: int) -> list[Value]:
    """The last ``count`` values of the stack, taken off, in order."""
    if not count:
        return []
    values = frame.stack[-count:]
    del frame.stack[-count:]
    return values


def cache_size(cache: Value) -> CInt:
    """The size of a slab cache's objects; known to be the same for the same parameter only."""
    label = cache.label if isinstance(cache, Opaque) else ""
    return symbol(f"size of {label}", ULONG) if label else unknown(ULONG)


def same_size(whole: Value | None, size: Value) -> bool:
    """Whether a length is known to be the allocation's own size."""
    if not isinstance(whole, CInt) or not isinstance(size, CInt):
        return False
    determined = whole.known | whole.linked == whole.ctype.bits
    return determined and convert(size, whole.ctype) == whole


def narrowed_size(whole: Value | None, size: CInt) -> bool:
    """Whether a length is the allocation's own size, cut to fewer bits."""
    return (
        isinstance(whole, CInt)
        and size.source is not None
        and size.source == whole.source
        and whole.linked == whole.ctype.bits
        and size.linked == size.ctype.bits
    )
