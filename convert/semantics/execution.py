"""Running the tree's own functions: what all parts of the semantics share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from convert.semantics.cint import CInt
from convert.semantics.gfp import GfpTable
from convert.semantics.interpreter.effects import Mode, Schedule
from convert.semantics.interpreter.explore import Outcome, Run, explore
from convert.semantics.interpreter.machine import Machine
from convert.semantics.interpreter.program import Program
from convert.semantics.interpreter.values import CannotExecute, Value, Where
from convert.semantics.stubs import Stubs


@dataclass(frozen=True)
class CannotRun:
    """A function that could not be executed: what stands at ``path``:``line`` is not known.

    ``path`` is empty for a function that none of the files read defines.
    """

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}" if self.path else self.what


def cannot_run(error: CannotExecute) -> CannotRun:
    """The result that stands for an interpreter's refusal."""
    return CannotRun(error.where.path, error.where.line, error.what)


@dataclass(frozen=True)
class Executor:
    """A program and what its runs rest on."""

    program: Program
    stubs: Stubs
    gfp: GfpTable

    def has(self, name: str) -> bool:
        """Whether the program has a function of that name, readable or not."""
        return name in self.program.functions or name in self.program.unreadable

    def where(self, name: str) -> Where:
        """Where a function of the program is defined."""
        if name in self.program.unreadable:
            return self.program.unreadable[name][0]
        return self.program.functions[name][0].where

    def run(
        self, name: str, arguments: Sequence[Value], task_flags: CInt, schedule: Schedule
    ) -> Run:
        """All outcomes of a function. Raises CannotExecute."""
        if name in self.program.unreadable:
            where, what = self.program.unreadable[name]
            raise CannotExecute(where, what)
        if name in self.program.elsewhere:
            where = self.program.elsewhere[name]
            raise CannotExecute(
                where, f"{name}() has no body in the configurations that declare it"
            )
        machine = Machine(self.program, self.stubs, self.gfp, schedule)
        return explore(machine, name, arguments, task_flags)

    def only(self, name: str, arguments: Sequence[Value], task_flags: CInt) -> tuple[Outcome, Run]:
        """The one outcome of a function that neither allocates nor branches on the unknown.

        Raises CannotExecute if there is another number of outcomes.
        """
        run = self.run(name, arguments, task_flags, Schedule(Mode.SUCCEED))
        returned = [outcome for outcome in run.outcomes if outcome.value is not None]
        if len(returned) != 1:
            what = f"{name}() has {len(returned)} outcomes where one was expected"
            raise CannotExecute(self.where(name), what)
        return returned[0], run
