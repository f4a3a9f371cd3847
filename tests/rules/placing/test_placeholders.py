"""Scopes around single statements; calls that are no statements of their own are refused."""

# ruff: noqa: E101 (kernel text aligns behind tabs)

from __future__ import annotations

import pytest

from convert.rules.placing.model import NotPlaced, Placed
from tests.rules.placing.run import edited, hold, short

HEAD = """\
int f(struct s *p)
{
	struct s *q;
"""

REWRITES = [
    pytest.param(
        """\

	q = alloc(p);
	return q;
""",
        """\
	unsigned int nofs;

	SAVE
	q = alloc(p);
	RESTORE
	return q;
""",
        id="a-statement",
    ),
    pytest.param(
        """\

	if (p)
		q = alloc(p);
	return q;
""",
        """\
	unsigned int nofs;

	if (p) {
		SAVE
		q = alloc(p);
		RESTORE
	}
	return q;
""",
        id="a-branch",
    ),
    pytest.param(
        """\

	if (p)
		q = alloc(p);
	else
		q = alloc(q);
	return q;
""",
        """\
	unsigned int nofs;

	if (p) {
		SAVE
		q = alloc(p);
		RESTORE
	} else {
		SAVE
		q = alloc(q);
		RESTORE
	}
	return q;
""",
        id="two-branches",
    ),
    pytest.param(
        """\

	list_for_each_entry(q, p, x)
		add(alloc(q),
		    alloc(p));
	return 0;
""",
        """\
	unsigned int nofs;

	list_for_each_entry(q, p, x) {
		SAVE
		add(alloc(q),
		    alloc(p));
		RESTORE
	}
	return 0;
""",
        id="a-loop-and-two-calls-in-a-statement",
    ),
    pytest.param(
        """\

	h(p);
	/* For later. */
	q = alloc(p); /* may fail */
	if (!q)
		goto out;
	h(q);
out:
	alloc(q);
	return 0;
""",
        """\
	unsigned int nofs;

	h(p);
	SAVE

	/* For later. */
	q = alloc(p); /* may fail */
	RESTORE
	if (!q)
		goto out;
	h(q);
out:
	SAVE
	alloc(q);
	RESTORE
	return 0;
""",
        id="two-statements",
    ),
    pytest.param(
        """\

	switch (p->x) {
	case 1:
		alloc(p);
		break;
	}
	return 0;
""",
        """\
	unsigned int nofs;

	switch (p->x) {
	case 1:
		SAVE
		alloc(p);
		RESTORE
		break;
	}
	return 0;
""",
        id="a-case",
    ),
]

REFUSALS = [
    pytest.param(
        """\
	q = h(p);

	return alloc(p);
""",
        "what a return gives",
        id="a-return",
    ),
    pytest.param(
        """\
	struct s *r = alloc(p);

	return r;
""",
        "the initialiser of",
        id="a-declaration",
    ),
    pytest.param(
        """\

	if (!alloc(p))
		return 1;
	return 0;
""",
        "a condition",
        id="a-condition",
    ),
    pytest.param(
        """\

	while (alloc(p))
		h(p);
	return 0;
""",
        "condition of a loop",
        id="a-while",
    ),
    pytest.param(
        """\

	for (q = alloc(p); q; q++)
		h(p);
	return 0;
""",
        "the head",
        id="a-for",
    ),
    pytest.param(
        """\

	switch (alloc(p)) {
	case 1:
		break;
	}
	return 0;
""",
        "a switch",
        id="switch",
    ),
    pytest.param(
        """\

	list_for_each_entry(q, alloc(p), x)
		h(q);
	return 0;
""",
        "the head of a macro's loop",
        id="a-macro-s-loop",
    ),
    pytest.param(
        """\

	q = ({ h(p); alloc(p); });
	return 0;
""",
        "alloc() is called in statements inside of an expression",
        id="an-expression-with-statements",
    ),
    pytest.param(
        """\

	h(p); alloc(p);
	return 0;
""",
        "the statement does not start its line",
        id="two-statements-in-a-line",
    ),
    pytest.param(
        """\
	unsigned int a = memalloc_nofs_save();

	alloc(p);
	memalloc_nofs_restore(a);
	return 0;
""",
        "a scope is open here already",
        id="a-scope-is-there",
    ),
    pytest.param(
        """\

#ifdef X
	if (p)
#endif
		alloc(p);
	return 0;
""",
        "",
        id="variants-that-differ",
    ),
]


@pytest.mark.parametrize(("before", "after"), REWRITES)
def test_a_scope_around_a_statement(before: str, after: str) -> None:
    text = f"{HEAD}{before}}}\n"
    result = hold(text)
    assert edited(text, result) == f"{HEAD}{short(after)}}}\n"
    assert isinstance(result, Placed)
    assert result.restores == after.count("RESTORE")


@pytest.mark.parametrize(("body", "reason"), REFUSALS)
def test_other_places_are_refused(body: str, reason: str) -> None:
    result = hold(f"{HEAD}{body}}}\n")
    assert isinstance(result, NotPlaced)
    assert reason in str(result)
