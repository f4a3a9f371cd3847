"""Refactorings that change nothing: each must be reviewed without an error or a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verify.review.patches import TOY, TOY_HEADER, Files, review_change, told
from tests.verify.review.toys import HEADER, INCLUDE, body, toy

TAKE_NODE = """\
	nofs = memalloc_nofs_save();
	node = kzalloc(sizeof(*node), GFP_KERNEL | __GFP_NOFAIL);
	memalloc_nofs_restore(nofs);
"""
TAKE_NAME = "	name = toy_alloc(mp->blocksize * sizeof(int), TOY_NOFS);\n"
TAKE_BUFFER = """\
	mp->buffer = kvmalloc(mp->blocksize, GFP_NOFS);
	if (!mp->buffer)
		return -12;
"""
ON_ERROR = """\
		toy_free(name);
		toy_free(node);
		return -5;
"""
FREE_ALL = """\
	toy_free(node->name);
	toy_free(node);
"""
PLAIN = f"""
int f(struct toy_mount *mp)
{{
	struct toy_node *node;
	char *name;
	unsigned int nofs;

{TAKE_NODE}{TAKE_NAME}	node->name = name;
	if (toy_work(mp)) {{
{ON_ERROR}	}}
{TAKE_BUFFER}	kvfree(mp->buffer);
{FREE_ALL}	return 0;
}}
"""
HELPER = f"""
static struct toy_node *new_node(struct toy_mount *mp)
{{
	struct toy_node *node;
	unsigned int nofs;

{TAKE_NODE}	return node;
}}
"""
ARRAY = "	int *p = %s;\n\n	kfree(p);\n	return 0;"
OTHER = "fs/toyfs/other.c"


def changed(*replacements: tuple[str, str]) -> str:
    """The plain function with some text replaced; each text must be there."""
    code = PLAIN
    for old, new in replacements:
        assert old in code, old
        code = code.replace(old, new)
    return code


WITHOUT_COOKIE = ("	unsigned int nofs;\n", "")
WITH_HELPER = changed((TAKE_NODE, "	node = new_node(mp);\n"), WITHOUT_COOKIE)


@pytest.mark.parametrize(
    "replacements",
    [
        pytest.param(
            [("node", "item"), ("struct toy_item", "struct toy_node")], id="variable-renamed"
        ),
        pytest.param(
            [("nofs", "cookie"), ("memalloc_cookie", "memalloc_nofs")], id="cookie-renamed"
        ),
        pytest.param([("int f(", "int fetch(")], id="function-renamed"),
        pytest.param([("int), TOY_NOFS", "int),\n\t\t\t TOY_NOFS")], id="line-split"),
        pytest.param([("\t", "        ")], id="white-space"),
        pytest.param([(TAKE_NAME, f"\t/* The name. */\n{TAKE_NAME}")], id="comment"),
        pytest.param([("sizeof(*node)", "sizeof(struct toy_node)")], id="sizeof-of-the-type"),
        pytest.param(
            [(TAKE_NAME, f"{TAKE_NAME}\tif (!name)\n\t\treturn -12;\n")], id="check-added"
        ),
        pytest.param(
            [(TAKE_NODE, ""), (TAKE_NAME, TAKE_NAME + TAKE_NODE)], id="allocations-reordered"
        ),
        pytest.param([("toy_free(", "kvfree(")], id="private-free-to-kvfree"),
        pytest.param(
            [
                (
                    "kzalloc(sizeof(*node), GFP_KERNEL",
                    "kmalloc(sizeof(*node), GFP_KERNEL | __GFP_ZERO",
                )
            ],
            id="zeroing-by-the-mask",
        ),
        pytest.param(
            [("GFP_KERNEL | __GFP_NOFAIL)", "__GFP_NOFAIL | GFP_KERNEL)")], id="mask-reordered"
        ),
        pytest.param(
            [
                ("unsigned int nofs;\n", "unsigned int nofs;\n\tgfp_t mask = GFP_NOFS;\n"),
                ("kvmalloc(mp->blocksize, GFP_NOFS)", "kvmalloc(mp->blocksize, mask)"),
            ],
            id="mask-in-a-variable",
        ),
        pytest.param(
            [
                ("\nint f(", "#define TOY_GFP (GFP_NOFS)\n\nint f("),
                ("blocksize, GFP_NOFS", "blocksize, TOY_GFP"),
            ],
            id="mask-in-a-macro",
        ),
        pytest.param(
            [
                (ON_ERROR, "\t\tgoto out;\n"),
                ("\treturn 0;\n", f"\treturn 0;\nout:\n{ON_ERROR}"),
            ],
            id="error-path-by-goto",
        ),
        pytest.param(
            [(FREE_ALL, "\tname = node->name;\n\ttoy_free(name);\n\ttoy_free(node);\n")],
            id="freed-through-a-variable",
        ),
        pytest.param(
            [("\tnode->name = name;\n", "\tnode->name = name;\n\tnode->value = 3;\n")],
            id="unrelated-statement",
        ),
        pytest.param(
            [("if (toy_work(mp)) {", "if (toy_work(mp) != 0) {")], id="condition-rewritten"
        ),
        pytest.param(
            [
                (
                    TAKE_BUFFER,
                    "\tif (!(mp->buffer = kvmalloc(mp->blocksize, GFP_NOFS)))\n\t\treturn -12;\n",
                )
            ],
            id="assignment-in-the-condition",
        ),
        pytest.param(
            [(TAKE_NAME, f"#ifdef CONFIG_TOY\n\tmp->flags++;\n#endif\n{TAKE_NAME}")],
            id="conditional-text-added",
        ),
    ],
)
def test_an_edit_of_one_function(tmp_path: Path, replacements: list[tuple[str, str]]) -> None:
    assert told(review_change(tmp_path, toy(PLAIN), toy(changed(*replacements)))) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            {**toy(PLAIN), OTHER: INCLUDE},
            {**toy(""), OTHER: INCLUDE + PLAIN},
            id="function-moved-to-another-file",
        ),
        pytest.param(toy(PLAIN + HELPER), toy(HELPER + PLAIN), id="functions-in-another-order"),
        pytest.param(
            toy(PLAIN),
            {TOY: None, OTHER: INCLUDE + PLAIN.lstrip(), TOY_HEADER: HEADER},
            id="file-renamed",
        ),
        pytest.param(toy(PLAIN), toy(HELPER + WITH_HELPER), id="helper-extracted"),
        pytest.param(toy(HELPER + WITH_HELPER), toy(PLAIN), id="helper-inlined"),
        pytest.param(
            body(ARRAY % "kzalloc(mp->blocksize * sizeof(int), GFP_NOFS)"),
            body(ARRAY % "kcalloc(mp->blocksize, sizeof(int), GFP_NOFS)"),
            id="kzalloc-to-kcalloc",
        ),
        pytest.param(
            body(ARRAY % "kmalloc(mp->blocksize * sizeof(int), GFP_NOFS)"),
            body(ARRAY % "kmalloc_array(mp->blocksize, sizeof(int), GFP_NOFS)"),
            id="kmalloc-to-kmalloc-array",
        ),
        pytest.param(
            toy(PLAIN),
            toy(PLAIN, HEADER.replace("struct toy_mount {", "struct toy_mount {\n\tint extra;")),
            id="a-structure-grows",
        ),
    ],
)
def test_an_edit_of_several_functions(tmp_path: Path, before: Files, after: Files) -> None:
    assert told(review_change(tmp_path, before, after)) == []
