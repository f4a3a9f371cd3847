"""Scopes around single statements; calls that are no statements of their own are refused."""

from __future__ import annotations

import pytest

from convert.rules.placing.model import NotPlaced, Placed
from tests.rules.placing.run import edited, hold, short
from tests.rules.placing.table import refusals, rewrites

HEAD = """\
int f(struct s *p)
{
	struct s *q;
"""


@pytest.mark.parametrize(("before", "after"), rewrites("placeholders"))
def test_a_scope_around_a_statement(before: str, after: str) -> None:
    text = f"{HEAD}{before}}}\n"
    result = hold(text)
    assert edited(text, result) == f"{HEAD}{short(after)}}}\n"
    assert isinstance(result, Placed)
    assert result.restores == after.count("RESTORE")


@pytest.mark.parametrize(("body", "reason"), refusals("placeholders-refused"))
def test_other_places_are_refused(body: str, reason: str) -> None:
    result = hold(f"{HEAD}{body}}}\n")
    assert isinstance(result, NotPlaced)
    assert reason in str(result)
