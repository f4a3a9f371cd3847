"""Exploration: cut paths, endless loops, repeated attempts, schedules."""

from __future__ import annotations

import pytest

from convert.semantics.cint import UINT, ULONG, exact, symbol
from convert.semantics.interpreter.effects import Mode, Schedule
from convert.semantics.interpreter.explore import EXACT_ROUNDS
from convert.semantics.interpreter.values import Memory, Null, Opaque
from tests.semantics.running import ANY, FAIL, SUCCEED, run

LOOP = """\
void *f(size_t n)
{
	int tries = 0;
	void *p;

	do {
		p = kmalloc(n, GFP_KERNEL);
		if (!(++tries % 100))
			complain(tries);
	} while (!p);
	return p;
}
"""
SIZE = symbol("n", ULONG)


def test_an_endless_loop_is_found_by_its_state() -> None:
    found = run(LOOP, [SIZE], FAIL)
    assert found.outcomes == ()
    assert [where.line for where in found.endless] == [6]
    assert [where.line for where in found.repeated] == [7]
    assert found.ignored == ("complain() at a.c:9",)


@pytest.mark.parametrize(
    ("failures", "attempts"),
    [pytest.param(0, 1, id="none"), pytest.param(2, 3, id="two"), pytest.param(7, 8, id="seven")],
)
def test_a_number_of_failures(failures: int, attempts: int) -> None:
    (outcome,) = run(LOOP, [SIZE], Schedule(Mode.FAIL, failures)).outcomes
    assert isinstance(outcome.value, Memory)
    assert len(outcome.attempts) == attempts
    assert outcome.certain


def test_any_schedule_has_every_outcome() -> None:
    text = "void *f(size_t n) { return kmalloc(n, GFP_KERNEL); }"
    kinds = {type(outcome.value) for outcome in run(text, [SIZE], ANY).outcomes}
    assert kinds == {Memory, Null}


def test_a_mask_that_promises_never_fails() -> None:
    text = "void *f(size_t n) { return kmalloc(n, GFP_NOFS | __GFP_NOFAIL); }"
    (outcome,) = run(text, [SIZE], FAIL).outcomes
    assert isinstance(outcome.value, Memory)


def test_a_promise_without_sleep_is_none() -> None:
    text = "void *f(size_t n) { return kmalloc(n, GFP_ATOMIC | __GFP_NOFAIL); }"
    (outcome,) = run(text, [SIZE], FAIL).outcomes
    assert outcome.value == Null()


def test_counted_loops_are_run_exactly() -> None:
    limit = EXACT_ROUNDS - 2
    text = f"int f(void) {{ int i; for (i = 0; i < {limit}; i++) ; return i; }}"
    (outcome,) = run(text).outcomes
    assert outcome.value == exact(limit)
    assert outcome.certain


def test_longer_loops_are_widened_and_say_so() -> None:
    text = f"int f(void) {{ int i; for (i = 0; i < {10 * EXACT_ROUNDS}; i++) ; return i; }}"
    outcomes = run(text).outcomes
    assert outcomes
    assert not any(outcome.certain for outcome in outcomes)


def test_the_tasks_flags_are_followed() -> None:
    text = "void f(void) { current->flags |= 4; current->flags &= ~1; }"
    (outcome,) = run(text, task=3).outcomes
    assert outcome.task_flags == exact(6, UINT)


def test_sleeping_helpers_are_noted() -> None:
    text = "void *f(size_t n) {\n\tcond_resched();\n\treturn kmalloc(n, GFP_ATOMIC);\n}"
    assert [where.line for where in run(text, [SIZE], SUCCEED).sleeps] == [2]


def test_a_path_cut_at_a_merge_keeps_its_lines() -> None:
    text = "int f(struct s *p)\n{\n\tif (p->a)\n\t\tn();\n\tif (p->b)\n\t\tn();\n\treturn 1;\n}"
    found = run(text, [Opaque()])
    assert sorted(where.line for where in found.lines) == [3, 4, 5, 6, 7]
    assert {outcome.value for outcome in found.outcomes} == {exact(1)}
