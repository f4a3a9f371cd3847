"""Scopes around whole functions: workers and phases, as text before and after."""

# ruff: noqa: E101 (kernel text aligns behind tabs)

from __future__ import annotations

import pytest

from convert.flow.placement.model import Anchor, AnchorKind
from convert.rules.placing.edits import scope_edits
from convert.rules.placing.model import NotPlaced, Placed
from tests.rules.placing.run import PATH, around_of, edited, place, read, short

INT = """\
int f(struct s *p)
{
"""
VOID = """\
void f(struct s *p)
{
"""

# Before, after, restores, gotos.
REWRITES = [
    pytest.param(
        VOID
        + """\
	g(p);
}
""",
        VOID
        + """\
	unsigned int nofs;

	SAVE
	g(p);
	RESTORE
}
""",
        1,
        0,
        id="one-way-out",
    ),
    pytest.param(
        VOID
        + """\
	struct s *q = p->q;

	/* Go. */
	g(q);

	h(q);
}
""",
        VOID
        + """\
	struct s *q = p->q;
	unsigned int nofs;

	SAVE

	/* Go. */
	g(q);

	h(q);
	RESTORE
}
""",
        1,
        0,
        id="behind-the-declarations",
    ),
    pytest.param(
        VOID
        + """\
	if (!p)
		return;
	g(p);
}
""",
        VOID
        + """\
	unsigned int nofs;

	SAVE
	if (!p) {
		RESTORE
		return;
	}
	g(p);
	RESTORE
}
""",
        2,
        0,
        id="one-early-return",
    ),
    pytest.param(
        VOID
        + """\
	if (!p)
		return;
	if (g(p))
		return;
	if (h(p)) {
		h(p);
		return;
	}
	g(p);
}
""",
        VOID
        + """\
	unsigned int nofs;

	SAVE
	if (!p)
		goto out_restore;
	if (g(p))
		goto out_restore;
	if (h(p)) {
		h(p);
		goto out_restore;
	}
	g(p);
out_restore:
	RESTORE
}
""",
        1,
        3,
        id="many-early-returns-jump",
    ),
    pytest.param(
        VOID
        + """\
	for (;;) {
		if (g(p))
			return;
	}
}
""",
        VOID
        + """\
	unsigned int nofs;

	SAVE
	for (;;) {
		if (g(p)) {
			RESTORE
			return;
		}
	}
}
""",
        1,
        0,
        id="an-end-that-is-not-reached",
    ),
    pytest.param(
        INT
        + """\
	int err;

	err = g(p);
	if (err)
		return err;
	err = h(p);
	return err;
}
""",
        INT
        + """\
	int err;
	unsigned int nofs;

	SAVE
	err = g(p);
	if (err)
		goto out_restore;
	err = h(p);
out_restore:
	RESTORE
	return err;
}
""",
        1,
        1,
        id="the-variable-that-is-returned",
    ),
    pytest.param(
        INT
        + """\
	int err;

	err = g(p);
	if (err)
		return err;
	err = h(p);
	if (err)
		return err;
	return 0;
}
""",
        INT
        + """\
	int err;
	unsigned int nofs;

	SAVE
	err = g(p);
	if (err)
		goto out_restore;
	err = h(p);
	if (err)
		goto out_restore;
	err = 0;
out_restore:
	RESTORE
	return err;
}
""",
        1,
        2,
        id="a-constant-at-the-end",
    ),
    pytest.param(
        INT
        + """\
	int err;

	err = g(p);
	if (err)
		goto out;
	if (!p->q)
		return err;
	h(p);
out:
	return err;
}
""",
        INT
        + """\
	int err;
	unsigned int nofs;

	SAVE
	err = g(p);
	if (err)
		goto out;
	if (!p->q)
		goto out;
	h(p);
out:
	RESTORE
	return err;
}
""",
        1,
        1,
        id="the-label-that-is-there",
    ),
    pytest.param(
        INT
        + """\
	int err;

	err = g(p);
	if (err)
		return err;
	err = h(p);
	if (err)
		return err;
	if (p->q)
		goto out;
	h(p->q);
out:
	return 0;
}
""",
        INT
        + """\
	int err;
	unsigned int nofs;

	SAVE
	err = g(p);
	if (err)
		goto out_restore;
	err = h(p);
	if (err)
		goto out_restore;
	if (p->q)
		goto out;
	h(p->q);
out:
	err = 0;
out_restore:
	RESTORE
	return err;
}
""",
        1,
        2,
        id="a-label-in-front-of-another-value",
    ),
    pytest.param(
        VOID
        + """\
	return g(p);
}
""",
        VOID
        + """\
	unsigned int nofs;

	SAVE
	g(p);
	RESTORE
}
""",
        1,
        0,
        id="nothing-that-is-returned-by-a-call",
    ),
    pytest.param(
        VOID
        + """\
	if (p)
		return g(p);
	h(p);
}
""",
        VOID
        + """\
	unsigned int nofs;

	SAVE
	if (p) {
		g(p);
		RESTORE
		return;
	}
	h(p);
	RESTORE
}
""",
        2,
        0,
        id="an-early-return-of-nothing-by-a-call",
    ),
    pytest.param(
        VOID
        + """\
	if (p)
		return g(p);
	if (p->q)
		return g(p->q);
	if (h(p))
		return;
	return h(p);
}
""",
        VOID
        + """\
	unsigned int nofs;

	SAVE
	if (p) {
		g(p);
		goto out_restore;
	}
	if (p->q) {
		g(p->q);
		goto out_restore;
	}
	if (h(p))
		goto out_restore;
	h(p);
out_restore:
	RESTORE
}
""",
        1,
        3,
        id="jumps-out-of-nothing",
    ),
    pytest.param(
        INT
        + """\
	if (p) {
		int err = g(p);

		if (err)
			return err;
	}
	if (h(p)) {
		int err = h(p);

		return err;
	}
	return 0;
}
""",
        INT
        + """\
	unsigned int nofs;

	SAVE
	if (p) {
		int err = g(p);

		if (err) {
			RESTORE
			return err;
		}
	}
	if (h(p)) {
		int err = h(p);

		RESTORE
		return err;
	}
	RESTORE
	return 0;
}
""",
        3,
        0,
        id="variables-of-inner-blocks",
    ),
    pytest.param(
        INT
        + """\
	int err;

	guard(p)(p);
	err = g(p);
	if (err)
		return err;
	return err;
}
""",
        INT
        + """\
	int err;
	unsigned int nofs;

	SAVE
	guard(p)(p);
	err = g(p);
	if (err) {
		RESTORE
		return err;
	}
	RESTORE
	return err;
}
""",
        2,
        0,
        id="no-jump-over-a-guard",
    ),
    pytest.param(
        INT
        + """\
	int err;

	err = g(p);
	if (err)
		return err;
	int more = h(p);
	err = h(more);
	return err;
}
""",
        INT
        + """\
	int err;
	unsigned int nofs;

	SAVE
	err = g(p);
	if (err) {
		RESTORE
		return err;
	}
	int more = h(p);
	err = h(more);
	RESTORE
	return err;
}
""",
        2,
        0,
        id="no-jump-over-a-declaration",
    ),
    pytest.param(
        INT
        + """\
	int err, read;

	err = g(p);
	if (err)
		return err;
	read = err;
	if (h(p))
		return err;
	return read;
}
""",
        INT
        + """\
	int err, read;
	unsigned int nofs;

	SAVE
	err = g(p);
	if (err)
		goto out_restore;
	read = err;
	if (h(p))
		goto out_restore;
	err = read;
out_restore:
	RESTORE
	return err;
}
""",
        1,
        2,
        id="an-assignment-that-is-like-a-return",
    ),
    pytest.param(
        INT
        + """\
	int err = 0;

	if (!p)
		return -EINVAL;
	if (g(p))
		return -EIO;
	if (h(p)) {
		return g(h(p));
	}
	err = h(p);
	return err;
}
""",
        INT
        + """\
	int err = 0;
	unsigned int nofs;

	SAVE
	if (!p) {
		err = -EINVAL;
		goto out_restore;
	}
	if (g(p)) {
		err = -EIO;
		goto out_restore;
	}
	if (h(p)) {
		err = g(h(p));
		goto out_restore;
	}
	err = h(p);
out_restore:
	RESTORE
	return err;
}
""",
        1,
        3,
        id="many-values",
    ),
    pytest.param(
        INT
        + """\
	int ret;

	if (!p)
		return -EINVAL;
	ret = g(p);
	h(p);
	return ret;
}
""",
        INT
        + """\
	int ret;
	unsigned int nofs;

	SAVE
	if (!p) {
		RESTORE
		return -EINVAL;
	}
	ret = g(p);
	h(p);
	RESTORE
	return ret;
}
""",
        2,
        0,
        id="one-constant",
    ),
    pytest.param(
        INT
        + """\
	int err;

	err = g(p);
	h(err);
	return g(p->first,
		 p->second);
}
""",
        INT
        + """\
	int err;
	unsigned int nofs;

	SAVE
	err = g(p);
	h(err);
	err = g(p->first,
		p->second);
	RESTORE
	return err;
}
""",
        1,
        0,
        id="a-call-that-is-returned-runs-inside",
    ),
    pytest.param(
        INT
        + """\
	return g(p);
}
""",
        INT
        + """\
	unsigned int nofs;
	int ret;

	SAVE
	ret = g(p);
	RESTORE
	return ret;
}
""",
        1,
        0,
        id="a-new-variable-for-the-result",
    ),
    pytest.param(
        """\
struct s *f(struct s *p)
{
	u32 n = 1;

	h(n);
	return g(p);
}
""",
        """\
struct s *f(struct s *p)
{
	u32 n = 1;
	unsigned int nofs;
	struct s *ret;

	SAVE
	h(n);
	ret = g(p);
	RESTORE
	return ret;
}
""",
        1,
        0,
        id="a-new-pointer-for-the-result",
    ),
    pytest.param(
        """\
STATIC_X int
f(
	struct s	*p)
{
	struct s	*q;
	int		error;

	error = g(p, &q);
	return error;
}
""".replace("STATIC_X", "static"),
        """\
static int
f(
	struct s	*p)
{
	struct s	*q;
	int		error;
	unsigned int	nofs;

	SAVE
	error = g(p, &q);
	RESTORE
	return error;
}
""",
        1,
        0,
        id="names-in-columns",
    ),
    pytest.param(
        VOID
        + """\
	LIST_HEAD(list);

	g(&list);
#ifdef CONFIG_X
	h(p);
#endif
}
""",
        VOID
        + """\
	unsigned int nofs;
	LIST_HEAD(list);

	SAVE
	g(&list);
#ifdef CONFIG_X
	h(p);
#endif
	RESTORE
}
""",
        1,
        0,
        id="a-macro-that-declares",
    ),
]

REFUSALS = [
    pytest.param(VOID + "}\n", "3: the function does nothing", id="an-empty-function"),
    pytest.param(
        VOID
        + """\
again:
	if (g(p))
		goto again;
}
""",
        "3: the function does not start with a plain statement",
        id="a-label-at-the-top",
    ),
    pytest.param(
        INT
        + """\
	if (g(p))
		return 1;
}
""",
        "5: the end is reached without a return",
        id="a-value-that-is-missing",
    ),
    pytest.param(
        VOID
        + """\
	g(p);
	RETURN_IF(p);
}
""",
        "4: the macro RETURN_IF() may return or jump",
        id="a-macro-that-returns",
    ),
    pytest.param(
        VOID
        + """\
	int a = memalloc_nofs_save();

	g(p);
	memalloc_nofs_restore(a);
}
""",
        "3: a scope is open here already",
        id="a-scope-is-there",
    ),
    pytest.param(
        VOID
        + """\
	if (p) return;
	g(p);
}
""",
        "3: the statement stands in the line of its `if` or loop",
        id="a-return-in-the-line-of-its-if",
    ),
    pytest.param(
        INT
        + """\
	return
		g(p);
}
""",
        "3: what is returned does not follow `return` in its line",
        id="a-value-in-the-next-line",
    ),
    pytest.param(
        """\
const struct s *f(struct s *p)
{
	return g(p);
}
""",
        "3: the type that the function returns is not plain",
        id="a-type-with-qualifiers",
    ),
    pytest.param(
        VOID
        + """\
#ifdef CONFIG_X
	if (p)
		return;
#endif
	g(p);
}
""",
        "the #if variants of the function do not agree about the edits",
        id="a-return-in-one-variant",
    ),
    pytest.param(
        INT
        + """\
	int retval = 0;

	return retval + g(p->a_rather_long_name_of_a_member, p->another_member);
}
""",
        "1: a line would pass the 80th column: retval = retval + g(",
        id="a-line-at-the-80th-column",
    ),
    pytest.param(
        VOID + "	g(p); }\n",
        "more than one statement stands in the line",
        id="a-brace-in-the-line-of-the-last-statement",
    ),
]


@pytest.mark.parametrize("kind", [AnchorKind.WORKER, AnchorKind.PHASE])
@pytest.mark.parametrize(("before", "after", "restores", "gotos"), REWRITES)
def test_a_scope_around_a_whole_function(
    kind: AnchorKind, before: str, after: str, restores: int, gotos: int
) -> None:
    result = place(before, kind)
    assert edited(before, result) == short(after)
    assert isinstance(result, Placed)
    assert (result.restores, result.gotos) == (restores, gotos)


@pytest.mark.parametrize(("before", "after", "restores", "gotos"), REWRITES)
def test_a_second_run_finds_the_scope(before: str, after: str, restores: int, gotos: int) -> None:
    again = place(short(after), AnchorKind.WORKER)
    assert isinstance(again, NotPlaced)
    assert "a scope is open here already" in again.missing


@pytest.mark.parametrize(("text", "reason"), REFUSALS)
def test_what_is_not_plain_is_refused(text: str, reason: str) -> None:
    result = place(f"{text}#define RETURN_IF(p) if (p) return\n", AnchorKind.WORKER)
    assert isinstance(result, NotPlaced)
    assert reason in str(result)


def test_a_call_in_an_initialiser_is_outside() -> None:
    text = (
        VOID
        + """\
	struct s *q = alloc(p);

	g(q);
}
"""
    )
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
