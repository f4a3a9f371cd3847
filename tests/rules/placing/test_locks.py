"""Scopes around locks, as text before and after; refusals name the line and what is missing."""

from __future__ import annotations

import pytest

from convert.rules.placing.model import NotPlaced, Placed
from tests.rules.placing.run import edited, place, short

HEAD = """\
int f(struct s *p)
{
"""

# Bodies: before, after. The declaration ``int err;`` is there already.
REWRITES = [
    pytest.param(
        """\
	int err;

	lock(p);
	err = g(p);
	unlock(p);
	return err;
""",
        """\
	int err;
	unsigned int nofs;

	lock(p);
	SAVE
	err = g(p);
	RESTORE
	unlock(p);
	return err;
""",
        id="a-pair",
    ),
    pytest.param(
        """\
	int err;

	lock(p);
	err = g(p);
	if (err)
		goto out;
	h(p);
out:
	unlock(p);
	return err;
""",
        """\
	int err;
	unsigned int nofs;

	lock(p);
	SAVE
	err = g(p);
	if (err)
		goto out;
	h(p);
out:
	RESTORE
	unlock(p);
	return err;
""",
        id="goto-a-label-in-front-of-the-release",
    ),
    pytest.param(
        """\
	int err;

	lock(p);
	err = g(p);
	if (err) {
		unlock(p);
		return err;
	}
	unlock(p);
	return 0;
""",
        """\
	int err;
	unsigned int nofs;

	lock(p);
	SAVE
	err = g(p);
	if (err) {
		RESTORE
		unlock(p);
		return err;
	}
	RESTORE
	unlock(p);
	return 0;
""",
        id="released-before-an-early-return",
    ),
    pytest.param(
        """\
	int err;

	err = lock_killable(p);
	if (err)
		return err;
	g(p);
	unlock(p);
	return 0;
""",
        """\
	int err;
	unsigned int nofs;

	err = lock_killable(p);
	if (err)
		return err;
	SAVE
	g(p);
	RESTORE
	unlock(p);
	return 0;
""",
        id="behind-the-test-of-the-result",
    ),
    pytest.param(
        """\
	int err = lock_killable(p);

	if (err < 0) {
		h(p);
		return err;
	}
	g(p);
	unlock(p);
	return 0;
""",
        """\
	int err = lock_killable(p);
	unsigned int nofs;

	if (err < 0) {
		h(p);
		return err;
	}
	SAVE
	g(p);
	RESTORE
	unlock(p);
	return 0;
""",
        id="taken-in-a-declaration-and-tested",
    ),
    pytest.param(
        """\
	if (!trylock(p))
		return 0;
	g(p);
	unlock(p);
	return 1;
""",
        """\
	unsigned int nofs;

	if (!trylock(p))
		return 0;
	SAVE
	g(p);
	RESTORE
	unlock(p);
	return 1;
""",
        id="behind-a-trylock-that-failed",
    ),
    pytest.param(
        """\
	if (trylock(p)) {
		g(p);
		unlock(p);
	}
	return 1;
""",
        """\
	unsigned int nofs;

	if (trylock(p)) {
		SAVE
		g(p);
		RESTORE
		unlock(p);
	}
	return 1;
""",
        id="in-the-branch-of-a-trylock",
    ),
    pytest.param(
        """\
	if (!trylock(p)) {
		h(p);
	} else {
		g(p);
		unlock(p);
	}
	return 1;
""",
        """\
	unsigned int nofs;

	if (!trylock(p)) {
		h(p);
	} else {
		SAVE
		g(p);
		RESTORE
		unlock(p);
	}
	return 1;
""",
        id="in-the-other-branch-of-a-trylock",
    ),
    pytest.param(
        """\
	if (trylock(p))
		unlock(p);
	return 1;
""",
        """\
	unsigned int nofs;

	if (trylock(p)) {
		SAVE
		RESTORE
		unlock(p);
	}
	return 1;
""",
        id="a-branch-without-braces",
    ),
    pytest.param(
        """\
	while (!trylock(p))
		h(p);
	g(p);
	unlock(p);
	return 1;
""",
        """\
	unsigned int nofs;

	while (!trylock(p))
		h(p);
	SAVE
	g(p);
	RESTORE
	unlock(p);
	return 1;
""",
        id="behind-a-loop-that-tries",
    ),
    pytest.param(
        """\
	int err;

	lock(p);
	err = g(p);
	if (err)
		unlock(p);
	else
		unlock_read(p);
	return err;
""",
        """\
	int err;
	unsigned int nofs;

	lock(p);
	SAVE
	err = g(p);
	RESTORE
	if (err)
		unlock(p);
	else
		unlock_read(p);
	return err;
""",
        id="one-close-in-front-of-both-releases",
    ),
    pytest.param(
        """\
	int err = 0;

	if (p)
		lock(p);
	else
		lock_read(p);
	g(p);
	unlock(p);
	return err;
""",
        """\
	int err = 0;
	unsigned int nofs;

	if (p)
		lock(p);
	else
		lock_read(p);
	SAVE
	g(p);
	RESTORE
	unlock(p);
	return err;
""",
        id="one-open-behind-both-takings",
    ),
    pytest.param(
        """\
	int err = 0;

	if (p)
		lock(p);
	else if (h(p))
		lock_read(p);
	else
		return 1;
	g(p);
	unlock(p);
	return err;
""",
        """\
	int err = 0;
	unsigned int nofs;

	if (p) {
		lock(p);
		SAVE
	} else if (h(p)) {
		lock_read(p);
		SAVE
	} else {
		return 1;
	}
	g(p);
	RESTORE
	unlock(p);
	return err;
""",
        id="braces-in-a-whole-chain",
    ),
    pytest.param(
        """\
	lock(p);
	if (g(p))
		unlock(p);
	else
		goto bad;
	return 1;
bad:
	unlock(p);
	return 0;
""",
        """\
	unsigned int nofs;

	lock(p);
	SAVE
	if (g(p)) {
		RESTORE
		unlock(p);
	} else {
		goto bad;
	}
	return 1;
bad:
	RESTORE
	unlock(p);
	return 0;
""",
        id="a-release-in-one-branch",
    ),
    pytest.param(
        """\
	while (h(p)) {
		lock(p);
		if (g(p)) {
			unlock(p);
			continue;
		}
		unlock(p);
		if (h(p))
			break;
	}
	return 1;
""",
        """\
	unsigned int nofs;

	while (h(p)) {
		lock(p);
		SAVE
		if (g(p)) {
			RESTORE
			unlock(p);
			continue;
		}
		RESTORE
		unlock(p);
		if (h(p))
			break;
	}
	return 1;
""",
        id="in-a-loop",
    ),
    pytest.param(
        """\
	lock(p);
	switch (g(p)) {
	case 1:
		h(p);
		break;
	case 2:
		unlock(p);
		return 2;
	default:
		goto out;
	}
	g(p);
out:
	unlock(p);
	return 0;
""",
        """\
	unsigned int nofs;

	lock(p);
	SAVE
	switch (g(p)) {
	case 1:
		h(p);
		break;
	case 2:
		RESTORE
		unlock(p);
		return 2;
	default:
		goto out;
	}
	g(p);
out:
	RESTORE
	unlock(p);
	return 0;
""",
        id="a-switch-inside",
    ),
    pytest.param(
        """\
again:
	lock(p);
	if (g(p)) {
		unlock(p);
		goto again;
	}
	unlock(p);
	return 0;
""",
        """\
	unsigned int nofs;

again:
	lock(p);
	SAVE
	if (g(p)) {
		RESTORE
		unlock(p);
		goto again;
	}
	RESTORE
	unlock(p);
	return 0;
""",
        id="taken-again",
    ),
    pytest.param(
        """\
	lock(p);
	if (g(p->out))
		goto out;
	out(p);
out:
	unlock(p);
	return 0;
""",
        """\
	unsigned int nofs;

	lock(p);
	SAVE
	if (g(p->out))
		goto out;
	out(p);
out:
	RESTORE
	unlock(p);
	return 0;
""",
        id="a-label-with-the-name-of-a-function-and-a-member",
    ),
    pytest.param(
        """\
	lock(p);
	g(p);
	unlock(p);
	h(p);
	lock(p);
	g(p);
	unlock(p);
	return 0;
""",
        """\
	unsigned int nofs;

	lock(p);
	SAVE
	g(p);
	RESTORE
	unlock(p);
	h(p);
	lock(p);
	SAVE
	g(p);
	RESTORE
	unlock(p);
	return 0;
""",
        id="twice-in-a-row",
    ),
    pytest.param(
        """\
	lock(p);	/* against h() */
	g(p);

	/* Done. */
	unlock(p);
	return 0;
""",
        """\
	unsigned int nofs;

	lock(p);	/* against h() */
	SAVE
	g(p);

	RESTORE

	/* Done. */
	unlock(p);
	return 0;
""",
        id="comments-stay-with-their-statements",
    ),
    pytest.param(
        """\
	lock(p);
	if (g(p)) {
		/* Too bad. */
		unlock(p);
		return 1;
	}
	unlock(p);
	return 0;
""",
        """\
	unsigned int nofs;

	lock(p);
	SAVE
	if (g(p)) {
		/* Too bad. */
		RESTORE
		unlock(p);
		return 1;
	}
	RESTORE
	unlock(p);
	return 0;
""",
        id="a-comment-about-a-whole-block-stays-first",
    ),
    pytest.param(
        """\
	lock(p);
	if (g(p))
		BUG();
	return unlock(p);
""",
        """\
	unsigned int nofs;

	lock(p);
	SAVE
	if (g(p))
		BUG();
	RESTORE
	return unlock(p);
""",
        id="a-trap-needs-no-release-and-a-return-may-be-one",
    ),
    pytest.param(
        """\
	int err;

	lock(p);
#ifdef CONFIG_X
	g(p);
#endif
	err = unlock(p);
	return err;
""",
        """\
	int err;
	unsigned int nofs;

	lock(p);
	SAVE
#ifdef CONFIG_X
	g(p);
#endif
	RESTORE
	err = unlock(p);
	return err;
""",
        id="a-condition-of-the-preprocessor-inside",
    ),
    pytest.param(
        """\
	int err = lock_killable(p);
	g(p);
	unlock(p);
	return err;
""".replace(
            "int err = lock_killable(p);",
            """\
int err;

	err = lock_killable(p);""",
        ),
        """\
	int err;
	unsigned int nofs;

	err = lock_killable(p);
	SAVE
	g(p);
	RESTORE
	unlock(p);
	return err;
""",
        id="a-result-that-says-something-else",
    ),
]

REFUSALS = [
    pytest.param(
        """\
	lock(p);
	g(p);
	return 0;
""",
        "1: where the lock is",
        id="never-released",
    ),
    pytest.param(
        """\
	g(p);
	unlock(p);
	return 0;
""",
        "1: where the lock is",
        id="never-taken",
    ),
    pytest.param(
        """\
	lock(p);
	if (g(p))
		return 1;
	unlock(p);
	return 0;
""",
        "5: the lock taken in line 3 is still held on this way out",
        id="an-early-return-with-the-lock",
    ),
    pytest.param(
        """\
	lock(p);
	if (g(p))
		unlock(p);
""",
        "6: the lock taken in line 3 is still held on this way out",
        id="the-end-of-the-function-with-the-lock",
    ),
    pytest.param(
        """\
	if (h(p))
		goto out;
	lock(p);
	g(p);
out:
	unlock(p);
	return 0;
""",
        "8: this line is reached with the lock held and without it",
        id="a-label-shared-with-a-way-without-the-lock",
    ),
    pytest.param(
        """\
	if (h(p))
		lock(p);
	g(p);
	if (h(p))
		unlock(p);
	return 0;
""",
        "5: this line is reached with the lock held and without it",
        id="taken-on-a-condition",
    ),
    pytest.param(
        """\
	lock(p);
	lock_read(p);
	g(p);
	unlock_read(p);
	unlock(p);
	return 0;
""",
        "4: lock_read() takes the lock while it is held already",
        id="taken-twice",
    ),
    pytest.param(
        """\
	while (h(p)) {
		lock(p);
		if (g(p))
			continue;
		unlock(p);
	}
	return 0;
""",
        "3: this line is reached with the lock held and without it",
        id="a-round-of-a-loop-keeps-it",
    ),
    pytest.param(
        """\
	unlock(p);
	g(p);
	lock(p);
	return 0;
""",
        "3: unlock() releases a lock that this function has not taken",
        id="the-caller-s-lock-is-dropped",
    ),
    pytest.param(
        """\
	unlock(p);
	lock(p);
	unlock(p);
	return 0;
""",
        "3: unlock() releases a lock that this function has not taken",
        id="released-twice",
    ),
    pytest.param(
        """\
	int err;

	err = lock_killable(p);
	g(p);
	if (err)
		return err;
	unlock(p);
	return 0;
""",
        "6: whether lock_killable() took the lock is not known here",
        id="a-result-that-is-tested-too-late",
    ),
    pytest.param(
        """\
	int err;

	err = lock_killable(p);
	if (err)
		return err;
	lock(p);
	unlock(p);
	return 0;
""",
        "5: lock_killable() takes the lock, which no way from here releases",
        id="a-lock-that-may-be-taken-and-is-not-released",
    ),
    pytest.param(
        """\
	if (trylock(p) && g(p))
		unlock(p);
	return 0;
""",
        "3: whether trylock() took the lock is not known here",
        id="a-trylock-beside-another-condition",
    ),
    pytest.param(
        """\
	g(lock(p));
	unlock(p);
	return 0;
""",
        "3: lock() takes the lock inside of a larger expression",
        id="taken-in-an-argument",
    ),
    pytest.param(
        """\
	p ? lock(p) : h(p);
	unlock(p);
	return 0;
""",
        "3: whether the call is made depends on the expression around it",
        id="taken-in-a-choice",
    ),
    pytest.param(
        """\
	lock(p);
	return g(unlock(p));
""",
        "4: unlock() releases the lock inside of a larger expression",
        id="released-in-an-argument",
    ),
    pytest.param(
        """\
	lock(p);
	return unlock(g(p));
""",
        "4: the return releases the lock and calls more",
        id="a-return-that-releases-and-calls",
    ),
    pytest.param(
        """\
	lock(p); g(p);
	unlock(p);
	return 0;
""",
        "3: more than one statement stands in the line",
        id="two-statements-in-a-line",
    ),
    pytest.param(
        """\
	lock(p);
	g(p);
out: unlock(p);
	return 0;
""",
        "5: the statement does not start its line",
        id="a-label-in-the-line-of-the-release",
    ),
    pytest.param(
        """\
	lock(p);
	if (g(p)) unlock(p);
	else
		unlock_read(p);
	h(p);
	return 0;
""".replace("if (g(p)) unlock(p)", "if (g(p)) unlock(p)"),
        "4: the statement stands in the line of its `if` or loop",
        id="a-body-in-the-line-of-its-if",
    ),
    pytest.param(
        """\
	unsigned int a;

	lock(p);
	a = memalloc_nofs_save();
	g(p);
	memalloc_nofs_restore(a);
	unlock(p);
	return 0;
""",
        "6: a scope is open here already",
        id="a-scope-is-there",
    ),
    pytest.param(
        """\
	lock(p);
	CHECK(p);
	unlock(p);
	return 0;
""",
        "4: the macro CHECK() may return or jump",
        id="a-macro-that-returns",
    ),
    pytest.param(
        """\
	lock(p);
	h(p, out);
out:
	unlock(p);
	return 0;
""",
        "4: the label out is handed to a macro",
        id="a-label-handed-to-a-macro",
    ),
    pytest.param(
        """\
	lock(p);
	p = ({ if (g(p)) return 1; p; });
	unlock(p);
	return 0;
""",
        "4: a jump or return inside of an expression",
        id="a-return-inside-of-an-expression",
    ),
    pytest.param(
        """\
	void *to = &&out;

	lock(p);
	goto *to;
out:
	unlock(p);
	return 0;
""",
        "6: a computed goto",
        id="a-computed-goto",
    ),
    pytest.param(
        """\
#ifdef CONFIG_X
	lock(p);
#else
	lock_read(p);
#endif
	g(p);
	unlock(p);
	return 0;
""",
        "no call starts there in every #if variant",
        id="variants-take-different-locks",
    ),
    pytest.param(
        """\
	lock(p);
#ifdef CONFIG_X
	if (g(p))
#endif
		unlock(p);
	return 0;
""",
        "8: this line is reached with the lock held and without it",
        id="released-in-one-variant-on-a-condition",
    ),
    pytest.param(
        """\
	lock(p);
	g(p);
#ifdef CONFIG_X
	if (h(p))
		unlock(p);
	else
#endif
		unlock(p);
	return 0;
""",
        "a preprocessor line stands before the statement",
        id="a-branch-in-one-variant",
    ),
    pytest.param(
        """\
	if (g(p))
		while (h(p))
			g(p);
	else
		lock(p);
	unlock(p);
	return 0;
""",
        "8: this line is reached with the lock held and without it",
        id="loops-without-braces-in-a-branch",
    ),
]


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


@pytest.mark.parametrize(("body", "reason"), REFUSALS)
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
