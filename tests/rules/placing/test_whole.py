"""Scopes around whole functions: workers and phases, as text before and after."""

from __future__ import annotations

import pytest

from convert.flow.placement.model import Anchor, AnchorKind
from convert.rules.placing.edits import scope_edits
from convert.rules.placing.model import NotPlaced, Placed
from tests.rules.placing.run import PATH, around_of, edited, place, read, short
from tests.rules.placing.table import refusals, rewrites

REWRITES = rewrites("whole")


@pytest.mark.parametrize("kind", [AnchorKind.WORKER, AnchorKind.PHASE])
@pytest.mark.parametrize(("before", "after"), REWRITES)
def test_a_scope_around_a_whole_function(kind: AnchorKind, before: str, after: str) -> None:
    result = place(before, kind)
    assert edited(before, result) == short(after)
    assert isinstance(result, Placed)
    gotos = after.count("goto") - before.count("goto")
    assert (result.restores, result.gotos) == (after.count("RESTORE"), gotos)


@pytest.mark.parametrize(("before", "after"), REWRITES)
def test_a_second_run_finds_the_scope(before: str, after: str) -> None:
    again = place(short(after), AnchorKind.WORKER)
    assert isinstance(again, NotPlaced)
    assert "a scope is open here already" in again.missing


@pytest.mark.parametrize(("text", "reason"), refusals("whole-refused"))
def test_what_is_not_plain_is_refused(text: str, reason: str) -> None:
    result = place(f"{text}#define RETURN_IF(p) if (p) return\n", AnchorKind.WORKER)
    assert isinstance(result, NotPlaced)
    assert reason in str(result)


def test_a_call_in_an_initialiser_is_outside() -> None:
    text = """\
void f(struct s *p)
{
	struct s *q = alloc(p);

	g(q);
}
"""
    assert isinstance(place(text, AnchorKind.WORKER, inside=("g",)), Placed)
    result = place(text, AnchorKind.WORKER, inside=("alloc",))
    assert str(result) == "fs/toy/a.c:3: alloc() would run outside of the scope"


def test_a_function_that_cannot_be_read_is_refused() -> None:
    parsed = read("""\
int f(p)
struct s *p;
{
	g(p);
	return 0;
}
""")
    anchor = Anchor(AnchorKind.WORKER, PATH, "f", 0)
    result = scope_edits({PATH: parsed}, anchor, around_of(parsed))
    assert str(result) == "fs/toy/a.c:1: f() could not be read there"


def test_a_file_that_was_not_read_is_refused() -> None:
    anchor = Anchor(AnchorKind.WORKER, PATH, "f", 0)
    result = scope_edits({}, anchor, around_of())
    assert str(result) == "fs/toy/a.c:1: the file was not read"
