"""Never-fail requests that may be larger than the page allocator promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.verify.review.declared import Declared, declared_places
from convert.verify.review.model import Severity
from tests.verify.review.patches import Files, review_change, serious, told
from tests.verify.review.toys import HEADER, body, toy

LIMITED = HEADER + "\nstruct toy_big {\n\tchar bytes[10000];\n};\n"


def one(call: str) -> Files:
    return body(f"\tchar *p;\n\n\tp = {call};\n\ttoy_free(p);\n\treturn 0;")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            one("toy_alloc(mp->blocksize, 0)"),
            one("kmalloc(mp->blocksize, GFP_KERNEL | __GFP_NOFAIL)"),
            [("nofail-order", "warning")],
            id="run-time-size-from-a-retry-loop",
        ),
        pytest.param(
            one("kvmalloc(mp->blocksize, GFP_KERNEL | __GFP_NOFAIL)"),
            one("kmalloc(mp->blocksize, GFP_KERNEL | __GFP_NOFAIL)"),
            [("nofail-order", "warning")],
            id="run-time-size-from-kvmalloc",
        ),
        pytest.param(
            one("toy_alloc(16384, 0)"),
            one("kmalloc(16384, GFP_KERNEL | __GFP_NOFAIL)"),
            [("nofail-order", "error")],
            id="constant-too-large",
        ),
        pytest.param(
            toy("void f(void)\n{\n\tkfree(toy_alloc(sizeof(struct toy_big), 0));\n}\n", LIMITED),
            toy(
                "void f(void)\n{\n"
                "\tkfree(kmalloc(sizeof(struct toy_big), GFP_KERNEL | __GFP_NOFAIL));\n}\n",
                LIMITED,
            ),
            [("nofail-order", "error")],
            id="type-too-large",
        ),
        pytest.param(
            one("kmalloc(16, GFP_KERNEL | __GFP_NOFAIL)"),
            one("kmalloc(mp->blocksize, GFP_KERNEL | __GFP_NOFAIL)"),
            [("nofail-order", "warning")],
            id="the-size-changes",
        ),
    ],
)
def test_found(
    tmp_path: Path, before: Files, after: Files, expected: list[tuple[str, str]]
) -> None:
    assert told(review_change(tmp_path, before, after)) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            one("toy_alloc(8192, 0)"),
            one("kmalloc(8192, GFP_KERNEL | __GFP_NOFAIL)"),
            id="two-pages",
        ),
        pytest.param(
            one("toy_alloc(mp->blocksize, 0)"),
            one("kvmalloc(mp->blocksize, GFP_KERNEL | __GFP_NOFAIL)"),
            id="kvmalloc",
        ),
        pytest.param(
            one("toy_alloc(sizeof(struct toy_mount), 0)"),
            one("kmalloc(sizeof(struct toy_mount), GFP_KERNEL | __GFP_NOFAIL)"),
            id="size-of-a-type",
        ),
        pytest.param(
            one("kmalloc(mp->blocksize, GFP_KERNEL | __GFP_NOFAIL)"),
            one("kzalloc(mp->blocksize, GFP_KERNEL | __GFP_NOFAIL)"),
            id="it-was-so-before",
        ),
    ],
)
def test_left_alone(tmp_path: Path, before: Files, after: Files) -> None:
    assert told(review_change(tmp_path, before, after)) == []


DECLARATIONS = [
    pytest.param(
        "Never-fail allocations whose size is known only at run time:\n\n- fs/toyfs/toy.c:7 f\n",
        id="by-line-and-function",
    ),
    pytest.param(
        "Never-fail allocations whose size is\nknown only at run time: fs/toyfs/toy.c:7\n",
        id="in-one-paragraph",
    ),
    pytest.param(
        "To look at in review:\n\n- fs/toyfs/other.c:1 and\n  fs/toyfs/toy.c:7: the size is known\n"
        "  only at run time\n",
        id="as-an-item-of-a-list",
    ),
    pytest.param(
        "To look at:\n\n- fs/toyfs/other.c:1,\n  fs/toyfs/toy.c:7, fs/toyfs/more.c:2\n"
        "  and fs/toyfs/z.c:3: size known only at run time\n",
        id="in-the-middle-of-an-item",
    ),
    pytest.param(
        "Sizes known only at run time: fs/toyfs/other.c:1,\nfs/toyfs/toy.c:7\n",
        id="on-the-next-line",
    ),
    pytest.param(
        "Sizes known only at run time:\n\n  fs/toyfs/toy.c:99 f()\n", id="function-alone-fits"
    ),
]


@pytest.mark.parametrize("message", DECLARATIONS)
def test_declared_sizes_are_notes(tmp_path: Path, message: str) -> None:
    review = review_change(
        tmp_path,
        one("toy_alloc(mp->blocksize, 0)"),
        one("kmalloc(mp->blocksize, GFP_KERNEL | __GFP_NOFAIL)"),
        message,
    )
    assert told(review) == []
    (finding,) = (f for f in review.findings if f.rule.value == "nofail-order")
    assert finding.severity is Severity.NOTE
    assert "the series declares it" in finding.message


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("Sizes known only at run time: fs/toyfs/toy.c:70 g\n", id="another-place"),
        pytest.param("Sizes known only at run time: fs/toyfs/toy.h:7\n", id="another-file"),
        pytest.param("Look at fs/toyfs/toy.c:7 f.\n", id="nothing-said-about-sizes"),
        pytest.param(
            "To look at:\n\n- fs/toyfs/other.c:1: size known only at run time\n"
            "- fs/toyfs/toy.c:7: something else\n",
            id="another-item-of-the-list",
        ),
        pytest.param(
            "Sizes known only at run time: none.\n\nfs/toyfs/toy.c:7 f is new.\n",
            id="in-another-paragraph",
        ),
    ],
)
def test_what_is_not_declared_stays_a_warning(tmp_path: Path, message: str) -> None:
    review = review_change(
        tmp_path,
        one("toy_alloc(mp->blocksize, 0)"),
        one("kmalloc(mp->blocksize, GFP_KERNEL | __GFP_NOFAIL)"),
        message,
    )
    assert told(review) == [("nofail-order", "warning")]


def test_a_declaration_does_not_excuse_a_size_that_is_too_large(tmp_path: Path) -> None:
    review = review_change(
        tmp_path,
        one("toy_alloc(16384, 0)"),
        one("kmalloc(16384, GFP_KERNEL | __GFP_NOFAIL)"),
        "Sizes known only at run time: fs/toyfs/toy.c:7 f\n",
    )
    assert [f.severity for f in serious(review)] == [Severity.ERROR]


def test_several_places_of_one_text() -> None:
    text = (
        "First paragraph about a.c:1.\n\n"
        "Never-fail allocations whose size is known only at run time (lines are\n"
        "those before the series):\n\n"
        "- fs/x/a.c:10 one, fs/x/b.c:20 two\n"
        "- fs/x/lib/c.h:30\n\n"
        "Generated by a tool, see d.c:40.\n"
    )
    assert declared_places([text]) == {
        Declared("fs/x/a.c", 10, "one"),
        Declared("fs/x/b.c", 20, "two"),
        Declared("fs/x/lib/c.h", 30, ""),
    }
