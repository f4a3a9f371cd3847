"""Products of a number and `sizeof`, and those that stay."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.rules.model import Kept, Refused
from tests.rules.simplify.table import check_left, check_rewrite, file_with, outcome

ARRAY = "\tp = kmalloc_array(n, sizeof(*p), GFP_KERNEL);\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("\tp = kmalloc(n * sizeof(*p), GFP_KERNEL);\n", ARRAY, id="number first"),
        pytest.param("\tp = kmalloc(sizeof(*p) * n, GFP_KERNEL);\n", ARRAY, id="size first"),
        pytest.param("\tp = kmalloc((n * sizeof(*p)), GFP_KERNEL);\n", ARRAY, id="parentheses"),
        pytest.param("\tp = kmalloc((n) * (sizeof(*p)), GFP_KERNEL);\n", ARRAY, id="more of them"),
        pytest.param("\tp = kmalloc(n*sizeof(*p), GFP_KERNEL);\n", ARRAY, id="no blanks"),
        pytest.param(
            "\tp = kzalloc(n * sizeof(int), GFP_NOFS | __GFP_NOFAIL);\n",
            "\tp = kcalloc(n, sizeof(int), GFP_NOFS | __GFP_NOFAIL);\n",
            id="zeroed, the mask stays",
        ),
        pytest.param(
            "\tp = kvmalloc((n + 1) * sizeof(struct item *), GFP_KERNEL);\n",
            "\tp = kvmalloc_array(n + 1, sizeof(struct item *), GFP_KERNEL);\n",
            id="a sum of its own, kvmalloc",
        ),
        pytest.param(
            "\tp = kvzalloc(sizeof(struct item) * (n ? n : 1), GFP_KERNEL);\n",
            "\tp = kvcalloc(n ? n : 1, sizeof(struct item), GFP_KERNEL);\n",
            id="a choice, kvzalloc",
        ),
        pytest.param(
            "\tp = kmalloc((size_t)n * sizeof *p, GFP_KERNEL);\n",
            "\tp = kmalloc_array((size_t)n, sizeof *p, GFP_KERNEL);\n",
            id="a cast, sizeof without parentheses",
        ),
        pytest.param(
            "\tp = kmalloc(g(n) * sizeof(int), GFP_KERNEL);\n",
            "\tp = kmalloc_array(g(n), sizeof(int), GFP_KERNEL);\n",
            id="a number from a call",
        ),
        pytest.param(
            "\tp = kmalloc(x->count * sizeof(x->items[0]), GFP_KERNEL);\n",
            "\tp = kmalloc_array(x->count, sizeof(x->items[0]), GFP_KERNEL);\n",
            id="a member",
        ),
        pytest.param(
            "\tx->items = kmalloc(x->count * sizeof(struct item),\n"
            "\t\t\tGFP_KERNEL | __GFP_NOFAIL);\n",
            "\tx->items = kmalloc_array(x->count, sizeof(struct item),\n"
            "\t\t\tGFP_KERNEL | __GFP_NOFAIL);\n",
            id="continued by tabs",
        ),
        pytest.param(
            "\tx->items = kmalloc(x->count * sizeof(struct item),\n"
            "\t\t\t   GFP_KERNEL | __GFP_NOFAIL);\n",
            "\tx->items = kmalloc_array(x->count, sizeof(struct item),\n"
            "\t\t\t\t GFP_KERNEL | __GFP_NOFAIL);\n",
            id="continued below the parenthesis",
        ),
        pytest.param(
            "\tx->items = kmalloc(x->count * sizeof(struct item), GFP_KERNEL | GFP_X);\n",
            "\tx->items = kmalloc_array(x->count, sizeof(struct item),\n"
            "\t\t\tGFP_KERNEL | GFP_X);\n",
            id="a line that gets too long",
        ),
        pytest.param(
            "\tp = kmalloc((x->count + 1) *\n\t\t\tsizeof(struct item), GFP_KERNEL);\n",
            "\tp = kmalloc_array(x->count + 1,\n\t\t\tsizeof(struct item), GFP_KERNEL);\n",
            id="broken behind the star",
        ),
        pytest.param(
            "\tp = kmalloc(sizeof(struct item)\n\t\t\t* x->count, GFP_KERNEL);\n",
            "\tp = kmalloc_array(x->count,\n\t\t\tsizeof(struct item), GFP_KERNEL);\n",
            id="broken before the star, size first",
        ),
        pytest.param(
            "\tstruct item *p = kzalloc(n * sizeof(*p), GFP_KERNEL);\n",
            "\tstruct item *p = kcalloc(n, sizeof(*p), GFP_KERNEL);\n",
            id="a declaration",
        ),
        pytest.param(
            "\treturn g(kmalloc(n * sizeof(int), GFP_KERNEL));\n",
            "\treturn g(kmalloc_array(n, sizeof(int), GFP_KERNEL));\n",
            id="an argument",
        ),
    ],
)
def test_rewrites(before: str, after: str) -> None:
    check_rewrite("array", before, after)


@pytest.mark.parametrize(
    ("body", "keyword", "kind"),
    [
        pytest.param("\tp = kmalloc(4 * sizeof(int), G);\n", "constant", Kept, id="a literal"),
        pytest.param("\tp = kmalloc(sizeof(int) * MANY, G);\n", "constant", Kept, id="a macro"),
        pytest.param("\tp = kmalloc(LOTS * sizeof(int), G);\n", "constant", Kept, id="two macros"),
        pytest.param(
            "\tp = kmalloc((MANY + 1) * sizeof(int), G);\n", "constant", Kept, id="a sum of them"
        ),
        pytest.param(
            "\tp = kmalloc(ENTRIES * sizeof(int), G);\n", "constant", Kept, id="an enumerator"
        ),
        pytest.param(
            "enum {\n#ifdef A\n\tSLOTS = 2,\n#else\n\tSLOTS = 3,\n#endif\n};\n\n"
            "int f(void)\n{\n\tp = kmalloc(SLOTS * sizeof(int), G);\n}\n", "constant", Kept,
            id="an enumerator that depends on the configuration",
        ),
        pytest.param(
            "\tp = kmalloc(ARRAY_SIZE(x->name) * sizeof(int), G);\n", "constant", Kept,
            id="the length of an array",
        ),
        pytest.param(
            "\tint many = 4;\n\n\tp = kmalloc(many * sizeof(int), G);\n", "constant", Kept,
            id="a variable with one value",
        ),
        pytest.param(
            "\tp = kmalloc(sizeof(int) * sizeof(long), G);\n", "no product", Kept, id="two sizes"
        ),
        pytest.param(
            "\tp = kmalloc(n * x->count * sizeof(int), G);\n", "three factors", Kept,
            id="two numbers",
        ),
        pytest.param(
            "\tp = kmalloc(n * sizeof(int) * x->count, G);\n", "no product of one number", Kept,
            id="a size in the middle",
        ),
        pytest.param(
            "\tp = kmalloc((n = 3) * sizeof(int), G);\n", "assigned", Kept, id="an assignment"
        ),
        pytest.param(
            "\tp = kmalloc(n /* items */ * sizeof(int), G);\n", "comment", Refused,
            id="a comment before the star",
        ),
        pytest.param(
            "\tp = kmalloc(n * /* each */ sizeof(int), G);\n", "comment", Refused,
            id="a comment behind the star",
        ),
        pytest.param(
            "\tp = kmalloc(n * // each\n\t\tsizeof(int), G);\n", "comment", Refused,
            id="a comment to the end of the line",
        ),
        pytest.param(
            "\tp = kmalloc((n +\n\t\t1) * sizeof(int), G);\n", "by hand", Refused,
            id="a number over two lines",
        ),
        pytest.param("\tp = vmalloc(n * sizeof(int));\n", "no vmalloc_array()", Refused,
            id="a tree without the other function",
        ),
        pytest.param(
            "#define NEW(n)	kmalloc((n) * sizeof(int), G)\n", "macro", Refused, id="macro"
        ),
        pytest.param(
            "\tp = kmalloc(n *\n#ifdef A\n\tsizeof(int)\n#else\n\tsizeof(long)\n#endif\n\t, G);\n",
            "preprocessor", Refused, id="#if inside",
        ),
    ],
)  # fmt: skip
def test_refusals(body: str, keyword: str, kind: type[Kept] | type[Refused]) -> None:
    check_left("array", body, keyword, kind)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("\tp = kmalloc(n * x->len, G);\n", id="no sizeof"),
        pytest.param("\tp = kmalloc(n * sizeof(int) + 4, G);\n", id="a sum"),
        pytest.param("\tp = kmalloc(n << 2, G);\n", id="a shift"),
        pytest.param("\tp = kcalloc(n, sizeof(int), G);\n", id="done already"),
        pytest.param("\tp = f2kmalloc(n * sizeof(int), G);\n", id="another function"),
        pytest.param("\tp = g(n * sizeof(int));\n", id="no allocation"),
    ],
)
def test_what_is_no_candidate_has_no_site(body: str) -> None:
    assert not outcome(file_with(body), "array").plan.sites


@pytest.mark.parametrize(
    ("number", "mask", "note"),
    [
        pytest.param("n", "G", "on 32-bit kernels; kcalloc() then returns NULL", id="an int"),
        pytest.param(
            "x->count", "G", "on 32-bit kernels; kcalloc() then returns NULL", id="32 bits"
        ),
        pytest.param(
            "x->len", "G", "on 32-bit and 64-bit kernels; kcalloc() then returns NULL", id="64 bits"
        ),
        pytest.param("x->count", "G | __GFP_NOFAIL", "NULL, also with __GFP_NOFAIL", id="no fail"),
        pytest.param("(u8)n", "G | __GFP_NOFAIL", "", id="8 bits fit"),
        pytest.param("(u16)n", "G", "", id="16 bits fit"),
        pytest.param("min(x->len, 100UL)", "G", "", id="a bounded number fits"),
    ],
)
def test_notes_say_where_the_product_could_wrap_around(number: str, mask: str, note: str) -> None:
    result = outcome(
        file_with(f"\tp = kzalloc({number} * sizeof(struct item), {mask});\n"), "array"
    )
    (converted,) = result.converted
    assert len(converted.notes) == bool(note)
    if note:
        assert note in converted.notes[0]
        assert converted.notes[0].startswith("the plain product could wrap around")


def test_a_negative_number_counts_as_a_huge_one() -> None:
    result = outcome(file_with("\tp = kzalloc(n * sizeof(u16), G);\n"), "array")
    assert "on 32-bit kernels" in result.converted[0].notes[0]


BLANKS = st.sampled_from(["", " ", "  ", "\t"])
NUMBERS = st.sampled_from(["n", "n + 1", "x->count", "(size_t)n", "n ? n : 2", "f(x, n)", "-n"])
SIZES = st.sampled_from(
    ["sizeof(*p)", "sizeof (struct item)", "sizeof(int)", "sizeof(x->items[0])"]
)


@st.composite
def products(draw: st.DrawFn) -> tuple[str, str, str]:
    """The text of a product, its number and its size."""
    number, size, blank = draw(NUMBERS), draw(SIZES), draw(BLANKS)
    inner = f"({number})" if draw(st.booleans()) or not number.isidentifier() else number
    measured = f"({size})" if draw(st.booleans()) else size
    sides = [inner, measured] if draw(st.booleans()) else [measured, inner]
    whole = f"{sides[0]}{blank}*{draw(BLANKS)}{sides[1]}"
    return (f"({whole})" if draw(st.booleans()) else whole), number, size


@settings(max_examples=60, deadline=None)
@given(products())
def test_any_spelling_of_a_product_becomes_the_same_call(case: tuple[str, str, str]) -> None:
    product, number, size = case
    result = outcome(file_with(f"\tp = kvzalloc({product}, GFP_NOFS);\n"), "array")
    assert result.after == file_with(f"\tp = kvcalloc({number}, {size}, GFP_NOFS);\n")
