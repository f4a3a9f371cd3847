"""Running C snippets in the tests."""

from __future__ import annotations

from collections.abc import Sequence

from convert.semantics.cint import INT, UINT, CInt, CType, exact
from convert.semantics.execution import Executor
from convert.semantics.gfp import GFP_HEADERS, load_gfp
from convert.semantics.interpreter.build import Reading, build_program
from convert.semantics.interpreter.effects import Mode, Schedule
from convert.semantics.interpreter.explore import Run
from convert.semantics.interpreter.values import CannotExecute, Value
from convert.semantics.stubs import load_stubs
from tests.semantics.sources import DIALECT, tree

STUBS = load_stubs()
SUCCEED = Schedule(Mode.SUCCEED)
FAIL = Schedule(Mode.FAIL)
ANY = Schedule(Mode.ANY)


def executor(text: str) -> Executor:
    """An executor of the functions of one file, ``a.c``."""
    files = tree({"a.c": text})
    readings = [Reading("a.c", own=True), *(Reading(path) for path in GFP_HEADERS)]
    readings += [Reading("include/linux/sched/mm.h")]
    program = build_program(files, DIALECT, readings, ["include/linux/sched.h"])
    return Executor(program, STUBS, load_gfp(files))


def run(
    text: str, arguments: Sequence[Value] = (), schedule: Schedule = SUCCEED, task: int = 0
) -> Run:
    """All outcomes of the function ``f`` of a text."""
    return executor(text).run("f", arguments, exact(task, UINT), schedule)


def values(text: str, *arguments: Value) -> set[Value | None]:
    """Everything that ``f`` can return; None for a trap."""
    return {outcome.value for outcome in run(text, arguments).outcomes}


def number(text: str, *arguments: int, ctype: CType = INT) -> int | None:
    """What ``f`` returns, which must be one known integer."""
    (value,) = values(text, *(exact(argument, ctype) for argument in arguments))
    assert isinstance(value, CInt)
    return value.number


def refusal(text: str, *arguments: Value) -> tuple[int, str] | None:
    """Line and reason for which ``f`` cannot be run, or None if it can."""
    try:
        run(text, arguments)
    except CannotExecute as error:
        assert error.where.path == "a.c"
        return error.where.line, error.what
    return None
