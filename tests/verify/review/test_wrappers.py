"""Wrappers whose body changes, and calls whose contract cannot be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verify.review.patches import TOY_HEADER, review_change, serious, told
from tests.verify.review.toys import HEADER, toy

CALLERS = """
int f(struct toy_mount *mp)
{
	mp->buffer = toy_alloc(8, TOY_NOFS);
	return 0;
}

int g(struct toy_mount *mp)
{
	mp->buffer = toy_alloc(8, TOY_MAYFAIL);
	return mp->buffer ? 0 : -12;
}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "\t} while (1);\n",
            "\t} while (0);\n\treturn NULL;\n",
            [("never-fail-lost", "error")],
            id="the-loop-is-gone",
        ),
        pytest.param(
            "\t\tmask &= ~__GFP_FS;\n",
            "\t\tmask |= __GFP_NOWARN;\n",
            [("nofs-lost", "error")],
            id="a-helper-forgets-nofs",
        ),
        pytest.param("\tvoid *p;\n", "\tvoid *p = NULL;\n", [], id="nothing-that-matters"),
    ],
)
def test_a_changed_wrapper_is_judged_for_all_callers(
    tmp_path: Path, old: str, new: str, expected: list[tuple[str, str]]
) -> None:
    assert old in HEADER
    review = review_change(tmp_path, toy(CALLERS), toy(CALLERS, HEADER.replace(old, new)))
    assert told(review) == expected
    assert all(finding.file == TOY_HEADER for finding in serious(review))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("GFP_NOFS", "GFP_KERNEL", [("nofs-lost", "error")], id="nofs"),
        pytest.param(
            "GFP_KERNEL | __GFP_NOFAIL", "GFP_KERNEL", [("never-fail-lost", "error")], id="nofail"
        ),
        pytest.param("GFP_NOFS", "(GFP_NOFS)", [], id="parentheses"),
        pytest.param("GFP_NOFS", "__GFP_RECLAIM | __GFP_IO", [], id="the-same-bits"),
    ],
)
def test_a_macro_that_names_a_mask(
    tmp_path: Path, old: str, new: str, expected: list[tuple[str, str]]
) -> None:
    code = """
int f(struct toy_mount *mp)
{
	mp->buffer = kmalloc(8, TOY_GFP);
	return mp->buffer ? 0 : -12;
}
"""
    headers = [f"{HEADER}\n#define TOY_GFP\t{mask}\n" for mask in (old, new)]
    review = review_change(tmp_path, toy(code, headers[0]), toy(code, headers[1]))
    assert told(review) == expected


def test_a_wrapper_that_cannot_be_run_is_said_to_be_unknown(tmp_path: Path) -> None:
    odd = HEADER.replace("\tvoid *p;\n\n\tdo {", '\tvoid *p;\n\n\tasm volatile("nop");\n\tdo {')
    assert odd != HEADER
    code = "void f(struct toy_mount *mp)\n{{\n\tmp->buffer = {};\n}}\n"
    review = review_change(
        tmp_path,
        toy(code.format("toy_alloc(8, 0)"), odd),
        toy(code.format("kmalloc(8, GFP_KERNEL | __GFP_NOFAIL)"), odd),
    )
    assert told(review) == [("not-reviewed", "unknown")]
    assert "toy_alloc()" in serious(review)[0].message
    assert review.exit_code == 1
