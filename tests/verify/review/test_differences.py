"""Each rule about a single site: what it finds, how grave it is, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verify.review.patches import review_change, serious, told
from tests.verify.review.toys import body, toy

NODE = "\tstruct toy_node *p;\n\n"
USE = "\tp->value = 1;\n\ttoy_free(p);\n\treturn 0;\n"
CHECK = "\tif (!p)\n\t\treturn -12;\n"

BY_VARIABLE = f"""
	gfp_t mask = %s;
	char *p;

	if (mp->flags)
		mask |= __GFP_NOWARN;
	p = kmalloc(8, mask);
{CHECK}	toy_free(p);
	return 0;
"""


def alloc(call: str, rest: str = USE, declare: str = NODE) -> str:
    return f"{declare}\tp = {call};\n{rest}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            alloc("toy_alloc(sizeof(*p), 0)"),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)"),
            [("never-fail-lost", "error")],
            id="wrapper-to-mask-without-nofail",
        ),
        pytest.param(
            alloc("kzalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL)"),
            alloc("kzalloc(sizeof(*p), GFP_KERNEL)"),
            [("never-fail-lost", "error")],
            id="nofail-dropped",
        ),
        pytest.param(
            alloc("toy_alloc(sizeof(*p), 0)"),
            alloc("toy_alloc(sizeof(*p), TOY_MAYFAIL)"),
            [("never-fail-lost", "error")],
            id="wrapper-flag-added",
        ),
        pytest.param(
            alloc("toy_alloc(sizeof(*p), 0)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            [("never-fail-lost", "warning")],
            id="never-fail-lost-but-checked",
        ),
        pytest.param(
            alloc("toy_alloc(sizeof(*p), 0)"),
            "\tstruct toy_node *p;\n\n\tif (!(p = kmalloc(sizeof(*p), GFP_KERNEL)))\n"
            f"\t\treturn -12;\n{USE}",
            [("never-fail-lost", "warning")],
            id="checked-in-the-condition",
        ),
        pytest.param(
            alloc("toy_alloc(sizeof(*p), 0)", "\tASSERT(p);\n" + USE),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", "\tASSERT(p);\n" + USE),
            [("never-fail-lost", "error")],
            id="an-assertion-is-no-check",
        ),
        pytest.param(
            "\tmp->buffer = toy_alloc(100, 0);\n\treturn 0;",
            "\tmp->buffer = kmalloc(100, GFP_KERNEL);\n\treturn 0;",
            [("never-fail-lost", "error")],
            id="left-in-a-field-unchecked",
        ),
        pytest.param(
            "\treturn toy_read(mp, toy_alloc(100, 0));",
            "\treturn toy_read(mp, kmalloc(100, GFP_KERNEL));",
            [("never-fail-lost", "error")],
            id="passed-on-unchecked",
        ),
        pytest.param(
            alloc("toy_alloc(sizeof(*p), mp->flags & 1 ? TOY_MAYFAIL : 0)"),
            alloc("kmalloc(sizeof(*p), mp->flags & 1 ? GFP_KERNEL : GFP_KERNEL)"),
            [("never-fail-lost", "error")],
            id="lost-in-one-of-two-cases",
        ),
        pytest.param(
            alloc("toy_alloc(sizeof(*p), TOY_NOFS)"),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL)"),
            [("nofs-lost", "error")],
            id="nofs-lost-from-wrapper",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_NOFS)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            [("nofs-lost", "error")],
            id="nofs-lost",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_NOIO)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            [("nofs-lost", "error")],
            id="noio-lost",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_NOFS)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL | __GFP_NOLOCKDEP)", CHECK + USE),
            [("nofs-lost", "warning")],
            id="nofs-becomes-nolockdep",
        ),
        pytest.param(
            BY_VARIABLE % "GFP_NOFS",
            BY_VARIABLE % "GFP_KERNEL",
            [("nofs-lost", "error")],
            id="nofs-lost-in-a-variable",
        ),
        pytest.param(
            alloc("kzalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            [("zeroing-lost", "error")],
            id="zeroing-lost",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL | __GFP_NORETRY)", CHECK + USE),
            [("contradictory-mask", "error")],
            id="nofail-with-noretry",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            alloc(
                "kmalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL | __GFP_RETRY_MAYFAIL)", CHECK + USE
            ),
            [("contradictory-mask", "error")],
            id="nofail-with-retry-mayfail",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_NOWAIT)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_NOWAIT | __GFP_NOFAIL)", CHECK + USE),
            [("contradictory-mask", "error")],
            id="nofail-without-direct-reclaim",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL | GFP_NOFS)", CHECK + USE),
            [("idle-mask", "warning")],
            id="idle-name",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_ATOMIC)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_NOFS)", CHECK + USE),
            [("mask-changed", "warning")],
            id="may-sleep-now",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_ATOMIC)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            [("mask-changed", "warning")],
            id="may-sleep-and-enter-the-filesystem-now",
        ),
        pytest.param(
            "\tINIT_RADIX_TREE(&mp->tree, GFP_NOFS);\n\treturn 0;",
            "\tINIT_RADIX_TREE(&mp->tree, GFP_KERNEL);\n\treturn 0;",
            [("stored-mask", "warning")],
            id="stored-mask",
        ),
        pytest.param(
            "\treturn toy_read(mp, (char *)grab(mp, FGP_LOCK | FGP_NOFS));",
            "\treturn toy_read(mp, (char *)grab(mp, FGP_LOCK));",
            [("stored-mask", "warning")],
            id="page-cache-flag-dropped",
        ),
    ],
)
def test_found(tmp_path: Path, before: str, after: str, expected: list[tuple[str, str]]) -> None:
    assert told(review_change(tmp_path, body(before), body(after))) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            alloc("toy_alloc(sizeof(*p), 0)"),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL)"),
            id="wrapper-to-equal-mask",
        ),
        pytest.param(
            alloc("toy_alloc(sizeof(*p), TOY_NOFS | TOY_MAYFAIL)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_NOFS | __GFP_RETRY_MAYFAIL)", CHECK + USE),
            id="may-fail-stays",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_NOFS)", CHECK + USE),
            id="stricter-reclaim",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            alloc("kzalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            id="zeroed-now",
        ),
        pytest.param(
            alloc("kzalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            alloc(
                "kmalloc(sizeof(*p), GFP_KERNEL)",
                f"{CHECK}\tmemset(p, 0, sizeof(*p));\n{USE}",
            ),
            id="zeroed-by-hand",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_KERNEL | GFP_NOFS)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL)", CHECK + USE),
            id="idle-name-dropped",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL | __GFP_NORETRY)"),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL)"),
            id="contradiction-mended",
        ),
        pytest.param(
            "\tINIT_RADIX_TREE(&mp->tree, GFP_KERNEL);\n\treturn 0;",
            "\tINIT_RADIX_TREE(&mp->tree, GFP_NOFS);\n\treturn 0;",
            id="stored-mask-stricter",
        ),
    ],
)
def test_left_alone(tmp_path: Path, before: str, after: str) -> None:
    assert told(review_change(tmp_path, body(before), body(after))) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        pytest.param(
            alloc("toy_alloc(sizeof(*p), 0)"),
            alloc("kmalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL)"),
            "a failure is now reported",
            id="nowarn-dropped",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_NOFS)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_NOFS | __GFP_NOLOCKDEP)", CHECK + USE),
            "lockdep does not see it any more",
            id="nolockdep-added",
        ),
        pytest.param(
            alloc("kmalloc(sizeof(*p), GFP_NOFS)", CHECK + USE),
            alloc("kmalloc(sizeof(*p), GFP_NOWAIT)", CHECK + USE),
            "does not sleep any more",
            id="does-not-sleep-any-more",
        ),
    ],
)
def test_noted(tmp_path: Path, before: str, after: str, words: str) -> None:
    review = review_change(tmp_path, body(before), body(after))
    assert told(review) == []
    assert any(words in finding.message for finding in review.findings)


def test_a_finding_says_where_and_what(tmp_path: Path) -> None:
    before = body(alloc("toy_alloc(sizeof(*p), TOY_NOFS)"))
    after = body("\tint unused;\n" + alloc("kmalloc(sizeof(*p), GFP_KERNEL | __GFP_NOFAIL)"))
    (finding,) = serious(review_change(tmp_path, before, after))
    assert (finding.file, finding.line, finding.line_before) == ("fs/toyfs/toy.c", 8, 7)
    assert finding.function == "f"
    assert "toy_alloc(sizeof(*p), TOY_NOFS)" in finding.before
    assert "no fs reclaim" in finding.before
    assert "enters fs reclaim" in finding.after


def test_a_mask_that_a_caller_passes_through_is_followed(tmp_path: Path) -> None:
    inner = """
static struct toy_node *make(struct toy_mount *mp, toy_flags_t flags)
{
	struct toy_node *p = toy_alloc(sizeof(*p), flags);

	if (!p)
		return NULL;
	p->value = 1;
	return p;
}
"""
    caller = "\nvoid g(struct toy_mount *mp)\n{{\n\tmp->buffer = (char *)make(mp, {});\n}}\n"
    review = review_change(
        tmp_path, toy(inner + caller.format("TOY_NOFS")), toy(inner + caller.format("0"))
    )
    assert told(review) == [("nofs-lost", "error")]
