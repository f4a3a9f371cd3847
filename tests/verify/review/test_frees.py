"""Memory that may be vmalloc'ed, given to kfree(): by every way that it can get there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.verify.review.patches import TOY_HEADER, Files, review_change, serious, told
from tests.verify.review.toys import HEADER, body, toy

BUFFER = "\tchar *p = kvmalloc(mp->blocksize, GFP_KERNEL);\n\n\tif (!p)\n\t\treturn -12;\n"

THROUGH_FIELD = """
int open_it(struct toy_mount *mp)
{
	mp->buffer = %s(mp->blocksize, GFP_KERNEL);
	return mp->buffer ? 0 : -12;
}

void close_it(struct toy_mount *mp)
{
	%s(mp->buffer);
}
"""

THROUGH_WRAPPER = """
static struct toy_node *take(struct toy_mount *mp)
{
	struct toy_node *p = %s(sizeof(*p) * mp->blocksize);

	p->value = 1;
	return p;
}

void f(struct toy_mount *mp)
{
	struct toy_node *p = take(mp);

	toy_work(mp);
	%s(p);
}
"""

THROUGH_LIST = """
void add(struct toy_mount *mp, struct list_head *all)
{
	struct toy_node *p = toy_large(sizeof(*p));

	list_add(&p->list, all);
}

void drop(struct list_head *all)
{
	struct toy_node *p;

	while (!list_empty(all)) {
		p = list_first_entry(all, struct toy_node, list);
		list_del(&p->list);
		%s(p);
	}
}
"""

THROUGH_LOOP = """
void add(struct toy_mount *mp, struct list_head *all)
{
	struct toy_node *p = toy_large(sizeof(*p));

	list_add(&p->list, all);
}

void drop(struct list_head *all)
{
	struct toy_node *p, *n;

	list_for_each_entry_safe(p, n, all, list)
		%s(p);
}
"""

THROUGH_POINTER = """
static int fill(struct toy_mount *mp, char **where)
{
	char *p = %s(mp->blocksize, GFP_KERNEL);

	if (!p)
		return -12;
	*where = p;
	return 0;
}

int f(struct toy_mount *mp)
{
	char *p;
	int error = fill(mp, &p);

	if (error)
		return error;
	kfree(p);
	return 0;
}
"""

THROUGH_FREEING_FUNCTION = """
static void drop(char *p)
{
	%s(p);
}

int f(struct toy_mount *mp)
{
	char *p = kvmalloc(mp->blocksize, GFP_KERNEL);

	drop(p);
	return 0;
}
"""

THROUGH_COPY = """
int f(struct toy_mount *mp, struct toy_node *node)
{
	char *p = kvmalloc(mp->blocksize, GFP_KERNEL);

	node->name = p;
	return 0;
}

void move(struct toy_mount *mp, struct toy_node *node)
{
	mp->buffer = node->name;
	node->name = NULL;
}

void g(struct toy_mount *mp)
{
	%s(mp->buffer);
}
"""

ELEMENTS = """
	char **all = kmalloc(8 * sizeof(*all), GFP_KERNEL);

	all[0] = %s(mp->blocksize, GFP_KERNEL);
	kvfree(all[0]);
	kfree(all);
	return 0;
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            body(f"{BUFFER}\tkvfree(p);\n\treturn 0;"),
            body(f"{BUFFER}\tkfree(p);\n\treturn 0;"),
            id="local-variable",
        ),
        pytest.param(
            body(f"{BUFFER}\ttoy_free(p);\n\treturn 0;"),
            body(f"{BUFFER}\tkfree(p);\n\treturn 0;"),
            id="private-free-becomes-kfree",
        ),
        pytest.param(
            toy(THROUGH_FIELD % ("kmalloc", "kfree")),
            toy(THROUGH_FIELD % ("kvmalloc", "kfree")),
            id="field-and-a-free-that-is-not-touched",
        ),
        pytest.param(
            toy(THROUGH_FIELD % ("kvmalloc", "kvfree")),
            toy(THROUGH_FIELD % ("kvmalloc", "kfree")),
            id="field-and-the-free-is-changed",
        ),
        pytest.param(
            toy(THROUGH_FIELD % ("__vmalloc", "vfree")),
            toy(THROUGH_FIELD % ("kmalloc", "vfree")),
            id="kmalloc-memory-given-to-vfree",
        ),
        pytest.param(
            toy(THROUGH_WRAPPER % ("toy_large", "toy_free")),
            toy(THROUGH_WRAPPER % ("toy_large", "kfree")),
            id="private-wrapper",
        ),
        pytest.param(
            toy(THROUGH_LIST % "toy_free"), toy(THROUGH_LIST % "kfree"), id="list-of-objects"
        ),
        pytest.param(
            toy(THROUGH_LOOP % "toy_free"), toy(THROUGH_LOOP % "kfree"), id="loop-over-a-list"
        ),
        pytest.param(
            toy(THROUGH_POINTER % "kmalloc"), toy(THROUGH_POINTER % "kvmalloc"), id="out-parameter"
        ),
        pytest.param(
            toy(THROUGH_FREEING_FUNCTION % "kvfree"),
            toy(THROUGH_FREEING_FUNCTION % "kfree"),
            id="a-function-that-frees-its-argument",
        ),
        pytest.param(
            toy(THROUGH_COPY % "kvfree"), toy(THROUGH_COPY % "kfree"), id="copied-between-fields"
        ),
    ],
)
def test_found(tmp_path: Path, before: Files, after: Files) -> None:
    review = review_change(tmp_path, before, after)
    assert told(review) == [("wrong-free", "error")]


def test_a_free_in_a_file_that_the_patch_does_not_touch(tmp_path: Path) -> None:
    other = '#include "toy.h"\n\nvoid close_it(struct toy_mount *mp)\n{\n\tkfree(mp->buffer);\n}\n'
    code = "int f(struct toy_mount *mp)\n{{\n\tmp->buffer = {}(8, GFP_KERNEL);\n\treturn 0;\n}}\n"
    before = {**toy(code.format("kmalloc")), "fs/toyfs/other.c": other}
    after = {**toy(code.format("kvmalloc")), "fs/toyfs/other.c": other}
    (finding,) = serious(review_change(tmp_path, before, after))
    assert (finding.file, finding.line) == ("fs/toyfs/other.c", 5)
    assert "buffer of struct toy_mount" in finding.message
    assert "does not touch this free" in finding.message


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            body("\tchar *p = kmalloc(8, GFP_KERNEL);\n\n\ttoy_free(p);\n\treturn 0;"),
            body("\tchar *p = kmalloc(8, GFP_KERNEL);\n\n\tkfree(p);\n\treturn 0;"),
            id="kmalloc-memory",
        ),
        pytest.param(
            toy(THROUGH_FIELD % ("kmalloc", "toy_free")),
            toy(THROUGH_FIELD % ("kvmalloc", "kvfree")),
            id="both-sides-changed",
        ),
        pytest.param(
            body(f"{BUFFER}\tkfree(p);\n\treturn 0;"),
            body(f"{BUFFER}\tkfree(p);\n\treturn 1;"),
            id="wrong-before-already",
        ),
        pytest.param(
            body(f"{BUFFER}\tkvfree(p);\n\treturn 0;"),
            body(f"{BUFFER}\tkvfree(p);\n\tp = kmalloc(8, GFP_KERNEL);\n\tkfree(p);\n\treturn 0;"),
            id="the-variable-holds-something-else-by-then",
        ),
        pytest.param(
            body(f"{BUFFER}\tkvfree(p);\n\treturn 0;"),
            body(
                f"{BUFFER}\tif (is_vmalloc_addr(p))\n\t\tvfree(p);\n\telse\n\t\tkfree(p);\n"
                "\treturn 0;"
            ),
            id="told-apart-by-hand",
        ),
        pytest.param(
            body(ELEMENTS % "kmalloc"), body(ELEMENTS % "kvmalloc"), id="an-array-and-its-elements"
        ),
        pytest.param(
            body("\tkvfree(NULL);\n\treturn 0;"), body("\tkfree(NULL);\n\treturn 0;"), id="null"
        ),
    ],
)
def test_left_alone(tmp_path: Path, before: Files, after: Files) -> None:
    assert told(review_change(tmp_path, before, after)) == []


def test_memory_of_both_kinds_is_a_warning(tmp_path: Path) -> None:
    code = """
int f(struct toy_mount *mp)
{
	mp->buffer = kmalloc(8, GFP_KERNEL);
	return mp->buffer ? 0 : -12;
}

int g(struct toy_mount *mp)
{
	mp->buffer = kvmalloc(mp->blocksize, GFP_KERNEL);
	return mp->buffer ? 0 : -12;
}

void h(struct toy_mount *mp)
{
	%s(mp->buffer);
}
"""
    review = review_change(tmp_path, toy(code % "kvfree"), toy(code % "kfree"))
    assert told(review) == [("wrong-free", "warning")]
    assert "memory of the right kind gets there too" in serious(review)[0].message


def test_memory_whose_origin_is_not_found_is_a_warning(tmp_path: Path) -> None:
    code = "void f(void *p)\n{\n\t%s(p);\n}\n"
    review = review_change(tmp_path, toy(code % "toy_free"), toy(code % "kfree"))
    assert told(review) == [("wrong-free", "warning")]
    assert "was not found" in serious(review)[0].message


def test_a_wrapper_that_starts_to_vmalloc(tmp_path: Path) -> None:
    code = "void f(struct toy_mount *mp)\n{\n\tchar *p = toy_alloc(8, 0);\n\n\tkfree(p);\n}\n"
    header = HEADER.replace("p = kmalloc(size, toy_mask", "p = kvmalloc(size, toy_mask")
    assert header != HEADER
    review = review_change(tmp_path, toy(code), toy(code, header))
    assert told(review) == [("wrong-free", "error")]
    assert serious(review)[0].file != TOY_HEADER
