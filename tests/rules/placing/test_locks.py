"""Scopes around locks, as text before and after; refusals name the line and what is missing."""

from __future__ import annotations

import pytest

from convert.rules.placing.model import NotPlaced, Placed
from tests.rules.placing.run import edited, place, short
from tests.rules.placing.table import refusals, rewrites

HEAD = """\
int f(struct s *p)
{
"""
REWRITES = rewrites("locks")


@pytest.mark.parametrize(("before", "after"), REWRITES)
def test_a_scope_goes_behind_the_lock_and_in_front_of_each_release(before: str, after: str) -> None:
    text = f"{HEAD}{before}}}\n"
    result = place(text)
    assert edited(text, result) == f"{HEAD}{short(after)}}}\n"
    assert isinstance(result, Placed)
    assert result.restores == after.count("RESTORE")
    assert result.cookie == "nofs"


@pytest.mark.parametrize(("before", "after"), REWRITES)
def test_a_second_run_finds_the_scope(before: str, after: str) -> None:
    again = place(f"{HEAD}{short(after)}}}\n")
    assert isinstance(again, NotPlaced)
    assert "a scope is open here already" in again.missing


@pytest.mark.parametrize(("body", "reason"), refusals("locks-refused"))
def test_what_cannot_be_shown_is_refused(body: str, reason: str) -> None:
    result = place(f"{HEAD}{body}}}\n#define CHECK(p) do {{ if (g(p)) return 1; }} while (0)\n")
    assert isinstance(result, NotPlaced)
    assert reason in str(result)
    assert str(result).startswith("fs/toy/a.c:")


def test_a_call_that_has_to_be_inside_and_is_not_is_named() -> None:
    text = f"{HEAD}	h(p);\n	lock(p);\n	g(p);\n	unlock(p);\n	return 0;\n}}\n"
    assert isinstance(place(text, inside=("g",)), Placed)
    result = place(text, inside=("h",))
    assert isinstance(result, NotPlaced)
    assert str(result) == "fs/toy/a.c:3: h() does not run with the lock held on every way"


def test_a_second_scope_uses_the_cookie_of_the_first() -> None:
    first = (
        "	unsigned int flags;\n\n	flags = memalloc_nofs_save();\n	h(p);\n"
        "	memalloc_nofs_restore(flags);\n"
    )
    text = f"{HEAD}{first}	lock(p);\n	g(p);\n	unlock(p);\n	return 0;\n}}\n"
    after = edited(text, place(text))
    assert after == (
        f"{HEAD}{first}	lock(p);\n	flags = memalloc_nofs_save();\n	g(p);\n"
        "	memalloc_nofs_restore(flags);\n	unlock(p);\n	return 0;\n}\n"
    )


BESIDE = [
    pytest.param(
        "	unsigned int a = memalloc_nofs_save();\n\n	lock(p);\n	g(p);\n	unlock(p);\n"
        "	memalloc_nofs_restore(a);\n	return 0;\n",
        "5: a scope is open here already: memalloc_nofs_save() is called in line 3",
        id="around-the-lock",
    ),
    pytest.param(
        "	lock(p);\n	p->a = memalloc_nofs_save();\n	unlock(p);\n"
        "	memalloc_nofs_restore(p->a);\n	return 0;\n",
        "4: the scope that this function has keeps its cookie in no plain variable",
        id="in-a-member",
    ),
    pytest.param(
        "	unsigned int a = memalloc_nofs_save();\n\n	h(p);\n	if (p)\n"
        "		memalloc_nofs_restore(a);\n	lock(p);\n	g(p);\n	unlock(p);\n	return 0;\n",
        "is reached inside and outside of the scope",
        id="out-of-balance",
    ),
]


@pytest.mark.parametrize(("body", "reason"), BESIDE)
def test_a_second_scope_is_not_mixed_with_the_first(body: str, reason: str) -> None:
    result = place(f"{HEAD}{body}}}\n")
    assert isinstance(result, NotPlaced)
    assert reason in str(result)
