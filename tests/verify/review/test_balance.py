"""Scopes out of balance: each way is found on the path where it happens, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.tree.kernel import KernelTree
from convert.verify.review.series import review_series
from tests.verify.review.patches import (
    TOY,
    diff_of,
    mail_of,
    review_change,
    serious,
    told,
    with_files,
)
from tests.verify.review.toys import body, toy

GOOD = """\
	unsigned int nofs;
	int error;

	nofs = memalloc_nofs_save();
	error = toy_work(mp);
	if (error)
		goto out;
	error = toy_read(mp, NULL);
out:
	memalloc_nofs_restore(nofs);
	return error;
"""

IN_A_LOOP = """\
	unsigned int nofs;

	while (toy_work(mp)) {
		nofs = memalloc_nofs_save();
		if (mp->flags)
			continue;
		memalloc_nofs_restore(nofs);
	}
	return 0;
"""
ONCE_A_ROUND = """\
	unsigned int nofs;

	do {
		nofs = memalloc_nofs_save();
		toy_work(mp);
		memalloc_nofs_restore(nofs);
	} while (mp->flags);
	return 0;
"""
ON_ONE_CONDITION = """\
	unsigned int nofs = 0;

	if (mp->flags)
		nofs = memalloc_nofs_save();
	toy_work(mp);
	if (mp->flags)
		memalloc_nofs_restore(nofs);
	return 0;
"""
NESTED = """\
	unsigned int a, b;

	a = memalloc_nofs_save();
	b = memalloc_noio_save();
	toy_work(mp);
	memalloc_noio_restore(b);
	memalloc_nofs_restore(a);
	return 0;
"""
FAULTS = [
    pytest.param(
        GOOD.replace("		goto out;", "		return error;"),
        "the nofs scope opened in line 8 is not closed on this way out",
        11,
        id="early-return",
    ),
    pytest.param(
        GOOD.replace("	memalloc_nofs_restore(nofs);\n	return error;", "	return error;"),
        "the nofs scope opened in line 8 is not closed on this way out",
        14,
        id="never-closed",
    ),
    pytest.param(
        "	unsigned int nofs = memalloc_nofs_save();\n\n	switch (mp->flags) {\n	case 1:\n"
        "		memalloc_nofs_restore(nofs);\n		return 0;\n	case 2:\n		return 2;\n	}\n"
        "	memalloc_nofs_restore(nofs);\n	return 0;\n",
        "not closed on this way out",
        12,
        id="one-case-of-a-switch",
    ),
    pytest.param(
        IN_A_LOOP,
        "nofs still holds the cookie of the scope opened in line 8",
        8,
        id="continue-in-a-loop",
    ),
    pytest.param(
        "	memalloc_nofs_save();\n	toy_work(mp);\n	return 0;\n",
        "the result of memalloc_nofs_save() is dropped",
        5,
        id="result-dropped",
    ),
    pytest.param(
        "	(void)memalloc_nofs_save();\n	toy_work(mp);\n	return 0;\n",
        "the result of memalloc_nofs_save() is dropped",
        5,
        id="result-cast-away",
    ),
    pytest.param(
        GOOD.replace("restore(nofs)", "restore(0)"),
        "the cookie is the constant 0",
        14,
        id="constant-cookie",
    ),
    pytest.param(
        GOOD.replace("	if (error)\n", "	nofs = 0;\n	if (error)\n"),
        "nofs holds the cookie of the scope opened in line 8",
        10,
        id="cookie-overwritten-by-a-constant",
    ),
    pytest.param(
        GOOD.replace("	nofs = memalloc_nofs_save();\n", ""),
        "nofs was never set",
        13,
        id="cookie-never-set",
    ),
    pytest.param(
        "	unsigned int a, b;\n\n	a = memalloc_nofs_save();\n	b = memalloc_nofs_save();\n"
        "	toy_work(mp);\n	memalloc_nofs_restore(a);\n	memalloc_nofs_restore(b);\n	return 0;\n",
        "the one opened in line 8 is inside of it and still open",
        10,
        id="not-the-innermost",
    ),
    pytest.param(
        "	unsigned int a, b;\n\n	a = memalloc_nofs_save();\n	b = memalloc_noio_save();\n"
        "	toy_work(mp);\n	memalloc_noio_restore(a);\n	memalloc_nofs_restore(b);\n	return 0;\n",
        "the cookie is that of the nofs scope opened in line 7",
        10,
        id="cookie-of-another-kind",
    ),
    pytest.param(
        GOOD.replace("restore(nofs)", "restore(mp->flags)"),
        "closes the scope opened in line 8, whose cookie it is not given",
        14,
        id="cookie-from-elsewhere",
    ),
    pytest.param(
        GOOD.replace(
            "	memalloc_nofs_restore(nofs);\n",
            "	memalloc_nofs_restore(nofs);\n	memalloc_nofs_restore(nofs);\n",
        ),
        "the scope opened in line 8 is closed already",
        15,
        id="closed-twice",
    ),
    pytest.param(
        "	mp->flags = 0;\n	toy_work(mp);\n	memalloc_nofs_restore(mp->flags);\n	return 0;\n",
        "the cookie is the constant 0",
        7,
        id="a-field-that-was-zeroed",
    ),
]


@pytest.mark.parametrize(("after", "words", "line"), FAULTS)
def test_found(tmp_path: Path, after: str, words: str, line: int) -> None:
    before = body("\treturn toy_work(mp) + 1;")
    (finding, *rest) = serious(review_change(tmp_path, before, body(after)))
    assert (finding.rule.value, finding.severity.value) == ("scope-balance", "error")
    assert words in finding.message
    assert finding.line == line
    assert all(other.rule.value == "scope-balance" for other in rest)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(GOOD, id="one-exit"),
        pytest.param(
            ON_ONE_CONDITION,
            id="opened-and-closed-on-the-same-condition",
        ),
        pytest.param(
            NESTED,
            id="nested",
        ),
        pytest.param(
            "	mp->flags = memalloc_nofs_save();\n	return toy_work(mp);\n",
            id="handed-over-in-a-field",
        ),
        pytest.param(
            "	unsigned int nofs = memalloc_nofs_save();\n\n	mp->flags = nofs;\n	return 0;\n",
            id="stored-in-a-field-later",
        ),
        pytest.param("	return memalloc_nofs_save();\n", id="returned-at-once"),
        pytest.param(
            "	unsigned int nofs = memalloc_nofs_save();\n\n	toy_work(mp);\n	return nofs;\n",
            id="returned-later",
        ),
        pytest.param(
            "	memalloc_nofs_restore(mp->flags);\n	return 0;\n", id="closes-what-others-opened"
        ),
        pytest.param(
            ONCE_A_ROUND,
            id="once-a-round",
        ),
        pytest.param(
            "	unsigned int nofs = memalloc_nofs_save();\n\n	if (toy_work(mp))\n		BUG();\n"
            "	memalloc_nofs_restore(nofs);\n	return 0;\n",
            id="a-way-that-never-returns",
        ),
        pytest.param(
            "	unsigned int nofs = memalloc_nofs_save(), copy = nofs;\n\n	toy_work(mp);\n"
            "	memalloc_nofs_restore(copy);\n	return 0;\n",
            id="through-a-copy",
        ),
    ],
)
def test_left_alone(tmp_path: Path, after: str) -> None:
    before = body("\treturn toy_work(mp) + 1;")
    assert told(review_change(tmp_path, before, body(after))) == []


@pytest.mark.parametrize(("code", "words", "line"), FAULTS)
def test_what_was_there_before_is_not_found_again(
    tmp_path: Path, code: str, words: str, line: int
) -> None:
    before, after = body(code), body(code + "\n")
    files = {path: text.replace("toy_work", "toy_task") for path, text in after.items() if text}
    assert told(review_change(tmp_path, before, files)) == []


OUTSIDE = """\
	struct toy_node *p;
	unsigned int nofs;

	nofs = memalloc_nofs_save();
	p = kmalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL);
	toy_read(mp, p->name);
	memalloc_nofs_restore(nofs);
	toy_free(p);
	return 0;
"""


def test_nofs_lost_because_the_scope_is_gone(tmp_path: Path) -> None:
    after = "\n".join(line for line in OUTSIDE.split("\n") if "nofs" not in line)
    review = review_change(tmp_path, body(OUTSIDE), body(after))
    assert told(review) == [("nofs-lost", "error"), ("scope-removed", "warning")]
    assert "the nofs scope around it is gone" in serious(review)[0].message
    assert "toy_read()" in serious(review)[1].message


def test_nofs_lost_because_the_call_left_the_scope(tmp_path: Path) -> None:
    call = "	p = kmalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL);\n"
    opened = "	nofs = memalloc_nofs_save();\n"
    after = OUTSIDE.replace(call, "").replace(opened, call + opened)
    assert told(review_change(tmp_path, body(OUTSIDE), body(after))) == [("nofs-lost", "error")]


def test_a_mask_becomes_a_scope(tmp_path: Path) -> None:
    before = (
        OUTSIDE.replace("	nofs = memalloc_nofs_save();\n", "")
        .replace("	memalloc_nofs_restore(nofs);\n", "")
        .replace("	unsigned int nofs;\n", "")
        .replace("GFP_KERNEL", "GFP_NOFS")
    )
    assert told(review_change(tmp_path, body(before), body(OUTSIDE))) == []


def test_a_scope_on_one_branch_only_does_not_cover(tmp_path: Path) -> None:
    before = "	char *p = kmalloc(8, GFP_NOFS | __GFP_NOFAIL);\n\n	kfree(p);\n	return 0;\n"
    after = (
        "	unsigned int nofs = 0;\n	char *p;\n\n	if (mp->flags)\n"
        "		nofs = memalloc_nofs_save();\n	p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL);\n"
        "	if (mp->flags)\n		memalloc_nofs_restore(nofs);\n	kfree(p);\n	return 0;\n"
    )
    assert told(review_change(tmp_path, body(before), body(after))) == [("nofs-lost", "error")]


def test_a_noio_scope_covers_nofs(tmp_path: Path) -> None:
    before = "	char *p = kmalloc(8, GFP_NOFS | __GFP_NOFAIL);\n\n	kfree(p);\n	return 0;\n"
    after = (
        "	unsigned int noio = memalloc_noio_save();\n"
        "	char *p = kmalloc(8, GFP_KERNEL | __GFP_NOFAIL);\n\n"
        "	memalloc_noio_restore(noio);\n	kfree(p);\n	return 0;\n"
    )
    assert told(review_change(tmp_path, body(before), body(after))) == []


CALLEE = """
static char *take(void)
{
	return kmalloc(8, %s | __GFP_NOFAIL);
}
"""
CALLER = """
void first(struct toy_mount *mp)
{
	unsigned int nofs = memalloc_nofs_save();

	mp->buffer = take();
	memalloc_nofs_restore(nofs);
}
"""
MIDDLE = "static char *middle(void)\n{\n\treturn take();\n}\n"
OUTSIDE_CALLER = """
void second(struct toy_mount *mp)
{
	mp->buffer = take();
}
"""


@pytest.mark.parametrize(
    ("callers", "expected"),
    [
        pytest.param(CALLER, [], id="all-callers-open-a-scope"),
        pytest.param(CALLER + OUTSIDE_CALLER, [("nofs-lost", "error")], id="one-does-not"),
        pytest.param(
            CALLER + "char *(*pointer)(void) = take;\n",
            [("nofs-lost", "error")],
            id="its-address-is-taken",
        ),
        pytest.param("", [("nofs-lost", "error")], id="no-caller"),
        pytest.param(
            "static char *middle(void)\n{\n\treturn take();\n}\n"
            + CALLER.replace("take", "middle"),
            [],
            id="through-another-function",
        ),
    ],
)
def test_scopes_of_callers(tmp_path: Path, callers: str, expected: list[tuple[str, str]]) -> None:
    before, after = (toy(CALLEE % mask + callers) for mask in ("GFP_NOFS", "GFP_KERNEL"))
    assert told(review_change(tmp_path, before, after)) == expected


def test_a_proof_from_outside_makes_a_lost_nofs_a_note(tmp_path: Path) -> None:
    before, after = (toy(CALLEE % mask) for mask in ("GFP_NOFS", "GFP_KERNEL"))
    patch = tmp_path / "one.patch"
    patch.write_text(mail_of(diff_of(before, after)))
    asked = []

    def proof(
        tree: KernelTree, path: str, function: str, line: int, scope: str = "nofs"
    ) -> str | None:
        asked.append((path, function, line, scope))
        return "proven elsewhere"

    review = review_series(str(patch), with_files(before), proof=proof)
    assert told(review) == []
    assert asked == [(TOY, "take", 5, "nofs")]
    assert any("proven elsewhere" in finding.message for finding in review.findings)
