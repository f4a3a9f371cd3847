"""Sums of a struct and the elements of its flexible array."""

from __future__ import annotations

import pytest

from convert.rules.model import Kept, Refused
from tests.rules.simplify.table import (
    HEADERS,
    TYPES,
    check_left,
    check_rewrite,
    file_with,
    outcome,
)

BAG = """\
struct bag {
	u64			id;
	u32			count;
	struct item		items[];
};
typedef struct bag bag_t;
typedef struct item item_t;
"""
DECLARED = "\tstruct bag *b;\n\n"


def with_bag(body: str) -> str:
    """A function that knows struct bag."""
    return f"{BAG}\nint f(struct box *x, int n)\n{{\n{body}}}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            DECLARED + "\tb = kmalloc(sizeof(*b) + n * sizeof(b->items[0]), GFP_KERNEL);\n",
            DECLARED + "\tb = kmalloc(struct_size(b, items, n), GFP_KERNEL);\n",
            id="by the pointer",
        ),
        pytest.param(
            DECLARED + "\tb = kzalloc(sizeof(*b) + sizeof(*b->items) * n, GFP_NOFS);\n",
            DECLARED + "\tb = kzalloc(struct_size(b, items, n), GFP_NOFS);\n",
            id="the first element, size first",
        ),
        pytest.param(
            DECLARED + "\tb = kmalloc(n * sizeof(struct item) + sizeof(struct bag), GFP_NOFS);\n",
            DECLARED + "\tb = kmalloc(struct_size(b, items, n), GFP_NOFS);\n",
            id="by types, the struct last",
        ),
        pytest.param(
            "\tstruct bag *b = kvmalloc(sizeof(*b) + (n + 1) * sizeof(item_t), GFP_KERNEL);\n",
            "\tstruct bag *b = kvmalloc(struct_size(b, items, n + 1), GFP_KERNEL);\n",
            id="a declaration, a typedef of the element",
        ),
        pytest.param(
            "\tbag_t *b;\n\n\tb = kmalloc(sizeof(*b) + n * sizeof(b->items[0]), GFP_KERNEL);\n",
            "\tbag_t *b;\n\n\tb = kmalloc(struct_size(b, items, n), GFP_KERNEL);\n",
            id="a typedef of the struct",
        ),
        pytest.param(
            DECLARED
            + "\tb = kzalloc(sizeof(struct bag) +\n\t\t\tx->count * sizeof(struct item),\n"
            + "\t\t\tGFP_KERNEL | __GFP_NOFAIL);\n",
            DECLARED
            + "\tb = kzalloc(struct_size(b, items, x->count), GFP_KERNEL | __GFP_NOFAIL);\n",
            id="three lines become one",
        ),
        pytest.param(
            DECLARED
            + "\tb = kzalloc(sizeof(struct bag) +\n"
            + "\t\t\tx->count * sizeof(struct item), GFP_KERNEL | __GFP_NOFAIL | __GFP_ACCOUNT);\n",
            DECLARED
            + "\tb = kzalloc(struct_size(b, items, x->count),\n"
            + "\t\t\tGFP_KERNEL | __GFP_NOFAIL | __GFP_ACCOUNT);\n",
            id="and two where one is too long",
        ),
    ],
)  # fmt: skip
def test_rewrites(before: str, after: str) -> None:
    result = check_rewrite("struct-size", with_bag(before), with_bag(after))
    (converted,) = result.converted
    assert converted.notes
    assert "struct_size() then gives a size that no allocation can have" in converted.notes[0]


def in_struct(members: str, body: str) -> str:
    """A struct with these members, and an allocation of it."""
    return f"struct bag {{\n{members}}};\n\nint f(struct box *x, int n)\n{{\n{DECLARED}{body}}}\n"


PLAIN = "\tb = kmalloc(sizeof(*b) + n * sizeof(b->items[0]), GFP_KERNEL);\n"


@pytest.mark.parametrize(
    ("text", "keyword", "kind"),
    [
        pytest.param(
            in_struct("\tint count;\n\tstruct item items[1];\n", PLAIN), "it has a size", Kept,
            id="an array of one",
        ),
        pytest.param(
            in_struct("\tint count;\n\tstruct item items[0];\n", PLAIN), "it has a size", Kept,
            id="an array of none",
        ),
        pytest.param(
            in_struct("\tint count;\n\tstruct item *items;\n", PLAIN), "no array", Kept,
            id="a pointer",
        ),
        pytest.param(
            in_struct("\tstruct item items[];\n\tint count;\n", PLAIN), "count, is no array", Kept,
            id="not at the end",
        ),
        pytest.param(
            in_struct("\tint count;\n#ifdef A\n\tstruct item items[];\n#endif\n", PLAIN),
            "every configuration", Kept, id="not in every configuration",
        ),
        pytest.param(
            "union bag {\n\tint count;\n\tstruct item items[];\n};\n\nint f(int n)\n{\n"
            "\tunion bag *b;\n\n" + PLAIN + "}\n",
            "no struct", Kept, id="a union",
        ),
        pytest.param(
            with_bag(DECLARED + "\tb = kmalloc(sizeof(*b) + n * sizeof(int), GFP_KERNEL);\n"),
            "something else", Kept, id="other elements",
        ),
        pytest.param(
            with_bag(
                DECLARED + "\tb = kmalloc(sizeof(*b) + n * sizeof(struct item *), GFP_KERNEL);\n"
            ),
            "something else", Kept, id="pointers to elements",
        ),
        pytest.param(
            with_bag(DECLARED + "\tb = kmalloc(sizeof(*b) + n * sizeof(x->items[0]), G);\n"),
            "something else", Kept, id="the array of another struct",
        ),
        pytest.param(
            with_bag(DECLARED + "\tb = kmalloc(sizeof(*b) + 4 * sizeof(b->items[0]), G);\n"),
            "constant", Kept, id="a constant number",
        ),
        pytest.param(
            with_bag("\tvoid *b;\n\n\tb = kmalloc(sizeof(struct bag) + n * sizeof(item_t), G);\n"),
            "another type", Kept, id="a pointer without the type",
        ),
        pytest.param(
            with_bag("\treturn g(kmalloc(sizeof(struct bag) + n * sizeof(item_t), G));\n"),
            "no pointer", Kept, id="no pointer at all",
        ),
        pytest.param(
            with_bag("\tb = kmalloc(sizeof(*b) + n * sizeof(b->items[0]), G);\n"),
            "not known", Refused, id="an unknown pointer",
        ),
        pytest.param(
            with_bag(DECLARED + "\tb = kmalloc(sizeof(*b) + g(n) * sizeof(b->items[0]), G);\n"),
            "a call", Refused, id="a number from a call",
        ),
        pytest.param(
            with_bag(DECLARED + "\tb = kmalloc(sizeof(*b) + /* n */ n * sizeof(*b->items), G);\n"),
            "comment", Refused, id="a comment inside",
        ),
    ],
)  # fmt: skip
def test_refusals(text: str, keyword: str, kind: type[Kept] | type[Refused]) -> None:
    check_left("struct-size", text, keyword, kind)


@pytest.mark.parametrize(
    "size",
    [
        pytest.param("sizeof(*b) + n", id="bytes"),
        pytest.param("sizeof(*b) - n * sizeof(b->items[0])", id="a difference"),
        pytest.param("offsetof(struct bag, items) + n * sizeof(b->items[0])", id="an offset"),
        pytest.param("sizeof(*b) + n * sizeof(b->items[0]) + 8", id="more than that"),
        pytest.param("struct_size(b, items, n)", id="done already"),
        pytest.param("n * sizeof(b->items[0])", id="the array only"),
    ],
)
def test_what_is_no_candidate_has_no_site(size: str) -> None:
    text = file_with(with_bag(f"{DECLARED}\tb = kmalloc({size}, GFP_KERNEL);\n"))
    assert not outcome(text, "struct-size").plan.sites


def test_a_file_that_does_not_see_the_macro_is_left() -> None:
    headers = {**HEADERS, "include/linux/slab.h": "void *kmalloc(size_t size, gfp_t flags);\n"}
    text = file_with(with_bag(DECLARED + PLAIN), "#include <linux/slab.h>\n", TYPES)
    result = outcome(text, "struct-size", headers=headers)
    assert result.after == result.before
    (left,) = result.left
    assert "does not include <linux/overflow.h>" in left.reason
