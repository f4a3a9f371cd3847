"""The stack machine: one instruction at a time, forking where a condition is undecided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from convert.semantics.cint import CInt
from convert.semantics.gfp import GfpTable
from convert.semantics.interpreter import code as op
from convert.semantics.interpreter.effects import Effects, Schedule, popped
from convert.semantics.interpreter.lower import lower_function
from convert.semantics.interpreter.operations import (
    binary_operation,
    converted,
    unary_operation,
)
from convert.semantics.interpreter.program import Program
from convert.semantics.interpreter.state import (
    ANY_ELEMENT,
    Frame,
    State,
)
from convert.semantics.interpreter.values import (
    TASK_FLAGS,
    CannotExecute,
    Inside,
    Kind,
    Memory,
    Null,
    Opaque,
    Place,
    Ref,
    Value,
    Where,
    as_type,
    truth,
)
from convert.semantics.stubs import Stubs

_MAX_FRAMES = 32
# These carry the line of what stands before them in the text, whether or not that was executed.
_UNSEEN = (op.Merge, op.Jump)


@dataclass(frozen=True)
class Stopped:
    """A path's end: the value returned, or ``None`` and what it was trapped by."""

    value: Value | None
    what: str
    where: Where


class Machine(Effects):
    """Runs code of one program."""

    def __init__(self, program: Program, stubs: Stubs, gfp: GfpTable, schedule: Schedule) -> None:
        super().__init__(gfp, schedule)
        self.program = program
        self.stubs = stubs
        self._codes: dict[str, op.Code] = {}
        self._steps: Mapping[type, Callable[[State, Frame, op.Instruction], object]] = {
            kind: getattr(self, f"_{kind.__name__}") for kind in op.INSTRUCTIONS
        }

    def code(self, name: str) -> op.Code:
        """The code of a function, lowered when first wanted."""
        if name not in self._codes:
            self._codes[name] = lower_function(name, self.program, self.stubs)
        return self._codes[name]

    def step(self, state: State) -> list[State] | Stopped | None:
        """Run one instruction. Returns forked states, the path's end, or None to go on.

        Raises CannotExecute for code that the interpreter does not know.
        """
        frame = state.frames[-1]
        instruction = frame.code.instructions[frame.pc]
        frame.pc += 1
        if instruction.where.line and not isinstance(instruction, _UNSEEN):
            state.lines.setdefault(instruction.where)
        result = self._steps[type(instruction)](state, frame, instruction)
        assert result is None or isinstance(result, (list, Stopped))
        return result

    # -- the stack ---------------------------------------------------------------------------

    def _Push(self, state: State, frame: Frame, step: op.Push) -> None:
        frame.stack.append(step.value)

    def _Local(self, state: State, frame: Frame, step: op.Local) -> None:
        frame.stack.append(Ref(Place(len(state.frames) - 1, step.name)))

    def _Declare(self, state: State, frame: Frame, step: op.Declare) -> None:
        state.forget(Place(len(state.frames) - 1, step.name))

    def _Duplicate(self, state: State, frame: Frame, step: op.Duplicate) -> None:
        frame.stack.append(frame.stack[-1])

    def _Drop(self, state: State, frame: Frame, step: op.Drop) -> None:
        frame.stack.pop()

    def _Under(self, state: State, frame: Frame, step: op.Under) -> None:
        del frame.stack[-2]

    # -- memory ------------------------------------------------------------------------------

    def _Field(self, state: State, frame: Frame, step: op.Field) -> Stopped | None:
        base = frame.stack.pop()
        if isinstance(base, Null):
            return Stopped(None, "a null pointer is dereferenced", step.where)
        if isinstance(base, Ref):
            place = base.place
            base = Ref(Place(place.frame, place.name, (*place.fields, step.name)))
        elif isinstance(base, (Memory, Inside)):
            base = Inside(base.allocation)
        else:
            base = Opaque(nonzero=True)
        frame.stack.append(base)
        return None

    def _Element(self, state: State, frame: Frame, step: op.Element) -> Stopped | None:
        index, base = frame.stack.pop(), frame.stack.pop()
        if isinstance(base, Null):
            return Stopped(None, "a null pointer is dereferenced", step.where)
        if isinstance(base, Ref):
            base = self._element_of(state, base, index, step.where)
        elif isinstance(base, (Memory, Inside)):
            base = Inside(base.allocation)
        else:
            base = Opaque(nonzero=True)
        frame.stack.append(base)
        return None

    def _element_of(self, state: State, base: Ref, index: Value, where: Where) -> Ref:
        number = index.number if isinstance(index, CInt) else None
        place = base.place
        if state.type_at(place) is Kind.ARRAY:
            name = ANY_ELEMENT if number is None else f"[{number}]"
            return Ref(Place(place.frame, place.name, (*place.fields, name)))
        if number == 0:
            return base
        raise CannotExecute(where, "a local that is no array is indexed")

    def _Load(self, state: State, frame: Frame, step: op.Load) -> Stopped | None:
        place = frame.stack.pop()
        if isinstance(place, Null):
            return Stopped(None, "a null pointer is dereferenced", step.where)
        value: Value = Opaque()
        if isinstance(place, Ref) and ANY_ELEMENT not in place.place.fields:
            value = state.load(place.place)
        frame.stack.append(value)
        return None

    def _Store(self, state: State, frame: Frame, step: op.Store) -> Stopped | None:
        value, place = frame.stack.pop(), frame.stack.pop()
        if isinstance(place, Null):
            return Stopped(None, "a null pointer is dereferenced", step.where)
        if isinstance(place, Ref):
            value = converted(value, state.type_at(place.place), step.where)
            state.assign(place.place, value)
        else:
            self._store_outside(state, place, value, step)
            value = as_type(value, Kind.UNKNOWN)
        frame.stack.append(value)
        return None

    def _store_outside(self, state: State, place: Value, value: Value, step: op.Store) -> None:
        """A write to memory that is not followed."""
        state.check_escape(value, step.where, "the address of a local is stored out of sight")
        if isinstance(place, (Memory, Inside)):
            if place.allocation.zeroed:
                state.set_zeroed(place.allocation, None)
        elif step.member == TASK_FLAGS.fields[0]:
            raise CannotExecute(step.where, "->flags of an object that may be the running task")

    # -- operators ---------------------------------------------------------------------------

    def _Unary(self, state: State, frame: Frame, step: op.Unary) -> None:
        frame.stack.append(unary_operation(step.op, frame.stack.pop()))

    def _Binary(self, state: State, frame: Frame, step: op.Binary) -> None:
        right, left = frame.stack.pop(), frame.stack.pop()
        frame.stack.append(binary_operation(step.op, left, right, step.where))

    def _Convert(self, state: State, frame: Frame, step: op.Convert) -> None:
        if step.ctype is Kind.POINTER and isinstance(frame.stack[-1], Ref):
            raise CannotExecute(step.where, "the address of a local is cast")
        frame.stack.append(converted(frame.stack.pop(), step.ctype, step.where))

    # -- control -----------------------------------------------------------------------------

    def _go(self, frame: Frame, label: int, where: Where) -> None:
        target = frame.code.labels[label]
        if target < 0:
            raise CannotExecute(where, "a label that the function lacks")
        frame.pc = target

    def _Jump(self, state: State, frame: Frame, step: op.Jump) -> None:
        self._go(frame, step.target, step.where)

    def _Branch(self, state: State, frame: Frame, step: op.Branch) -> list[State] | None:
        holds = truth(frame.stack.pop())
        if holds is not None:
            if holds == step.when:
                self._go(frame, step.target, step.where)
            return None
        taken = state.copy()
        self._go(taken.frames[-1], step.target, step.where)
        for fork, side in ((taken, step.when), (state, not step.when)):
            fork.forks += 1
            if not step.assertion:
                fork.add_condition(f"{step.where} {'holds' if side else 'does not hold'}")
        return [taken, state]

    def _Choose(self, state: State, frame: Frame, step: op.Choose) -> list[State]:
        forks = []
        for label, target in step.targets:
            fork = state.copy()
            self._go(fork.frames[-1], target, step.where)
            fork.forks += 1
            fork.add_condition(label)
            forks.append(fork)
        return forks

    def _Merge(self, state: State, frame: Frame, step: op.Merge) -> None:
        """The explorer looks at these; the machine goes on."""

    def _Call(self, state: State, frame: Frame, step: op.Call) -> None:
        arguments = popped(frame, step.count)
        if len(state.frames) >= _MAX_FRAMES:
            raise CannotExecute(step.where, f"{step.function}() is called too deep")
        code = self.code(step.function)
        fixed = len(code.parameters)
        if len(arguments) < fixed or (len(arguments) > fixed and not code.variadic):
            raise CannotExecute(step.where, f"{step.function}() takes other arguments")
        for value in arguments[fixed:]:
            state.check_escape(value, step.where, "the address of a local is a variadic argument")
        self.enter(state, code, arguments[:fixed], step.where)

    def enter(self, state: State, code: op.Code, arguments: list[Value], where: Where) -> None:
        """Start a call with these arguments."""
        depth = len(state.frames)
        state.frames.append(Frame(code))
        for name, value in zip(code.parameters, arguments, strict=True):
            state.assign(Place(depth, name), converted(value, code.types[name], where))

    def _Return(self, state: State, frame: Frame, step: op.Return) -> Stopped | None:
        value = converted(frame.stack.pop(), frame.code.result, step.where)
        depth = len(state.frames) - 1
        if isinstance(value, Ref) and value.place.frame == depth:
            value = Opaque(nonzero=True)
        if depth == 0:
            return Stopped(value, "", step.where)
        state.drop_frame()
        state.frames[-1].stack.append(value)
        return None

    def _Trap(self, state: State, frame: Frame, step: op.Trap) -> Stopped:
        return Stopped(None, step.what, step.where)

    def _Stop(self, state: State, frame: Frame, step: op.Stop) -> None:
        raise CannotExecute(step.where, step.what)
