"""Sizes of allocations: what is shown, and what is not."""

from __future__ import annotations

import pytest

from convert.semantics.sizes import (
    NEVER_FAIL_LIMIT,
    Bounded,
    Constant,
    Exceeds,
    Fits,
    MayExceed,
    RunTime,
    SizeClass,
    never_fail_consequence,
)
from tests.semantics.sizing_tree import size_of

POINT = "struct point { int x; int y; };\n"


@pytest.mark.parametrize(
    ("argument", "header", "parameters", "before", "expected"),
    [
        pytest.param("64", "", "void", "", 64, id="number"),
        pytest.param("sizeof(struct point)", POINT, "void", "", 8, id="sizeof of a struct"),
        pytest.param("sizeof(*p)", POINT, "struct point *p", "", 8, id="sizeof of *p"),
        pytest.param("sizeof *p", POINT, "struct point *p", "", 8, id="sizeof without parentheses"),
        pytest.param("sizeof(p)", POINT, "struct point *p", "", 8, id="sizeof of a pointer"),
        pytest.param("sizeof(*p)", POINT, "void", "struct point *p;", 8, id="local variable"),
        pytest.param("sizeof(p)", POINT, "void", "struct point p[3];", 24, id="array"),
        pytest.param("sizeof(p[0])", POINT, "void", "struct point *p;", 8, id="element"),
        pytest.param("sizeof(**p)", POINT, "struct point **p", "", 8, id="twice"),
        pytest.param(
            "sizeof(*h->p)", POINT + "struct h { struct point *p; };", "struct h *h", "", 8,
            id="sizeof of what a member points to",
        ),
        pytest.param(
            "sizeof(h.in.y)", "struct h { struct { char x; short y; } in; };", "void",
            "struct h h;", 2, id="member of a member",
        ),
        pytest.param(
            "sizeof(((struct point *)0)->x)", POINT, "void", "", 4, id="member of a null pointer"
        ),
        pytest.param("sizeof_field(struct point, x)", POINT, "void", "", 4, id="sizeof_field"),
        pytest.param("sizeof(typeof(*p))", POINT, "struct point *p", "", 8, id="typeof"),
        pytest.param("4 * sizeof(struct point)", POINT, "void", "", 32, id="product"),
        pytest.param(
            "N * sizeof(struct point)", POINT + "#define N (1 << 3)\n", "void", "", 64, id="macro"
        ),
        pytest.param(
            "N * sizeof(struct point)", POINT + "enum { M = 3, N };\n", "void", "", 32,
            id="enumerator",
        ),
        pytest.param(
            "SIZE(3)", POINT + "#define SIZE(n) ((n) * sizeof(struct point))\n", "void", "", 24,
            id="function-like macro",
        ),
        pytest.param(
            "SIZE(struct point)", POINT + "#define SIZE(t) (2 * sizeof(t))\n", "void", "", 16,
            id="macro of a type",
        ),
        pytest.param(
            "size(3)", "static inline long size(int n) { return n * 8; }\n", "void", "", 24,
            id="inline function",
        ),
        pytest.param("size", "", "void", "int size = 16;", 16, id="local constant"),
        pytest.param(
            "size", "", "void", "unsigned long size;\nsize = 16;", 16, id="one assignment"
        ),
        pytest.param("8 + offsetof(struct point, y)", POINT, "void", "", 12, id="offsetof"),
        pytest.param(
            "offsetof(struct h, a[3])", "struct h { int n; long a[]; };", "void", "", 32,
            id="offsetof of an element",
        ),
        pytest.param(
            "struct_size(p, a, 4)", "struct h { long n; int a[]; };", "struct h *p", "", 24,
            id="struct_size",
        ),
        pytest.param("PAGE_SIZE", "", "void", "", 4096, id="page"),
        pytest.param("roundup(9, 8)", "", "void", "", 16, id="roundup"),
        pytest.param("max(sizeof(int), sizeof(long))", "", "void", "", 8, id="max"),
        pytest.param("1 ? 4 : n", "", "int n", "", 4, id="decided condition"),
        pytest.param("(100 & ~7)", "", "void", "", 96, id="mask"),
        pytest.param("BIT(4)", "#define BIT(n) (1UL << (n))\n", "void", "", 16, id="shift"),
        pytest.param(
            "ARRAY_SIZE(p) * 2", POINT, "void", "struct point p[3];", 6, id="ARRAY_SIZE"
        ),
        pytest.param("ilog2(64) * roundup_pow_of_two(5)", "", "void", "", 48, id="logarithm"),
    ],
)  # fmt: skip
def test_constants(argument: str, header: str, parameters: str, before: str, expected: int) -> None:
    found = size_of(argument, header, parameters=parameters, before=before)
    assert found == Constant(expected)


@pytest.mark.parametrize(
    ("argument", "header", "parameters", "before", "low", "high"),
    [
        pytest.param("n * 8", "", "unsigned char n", "", 0, 255 * 8, id="u8 parameter"),
        pytest.param("h->n * 8", "struct h { unsigned short n; };", "struct h *h", "", 0, 65535 * 8,
                     id="u16 member"),
        pytest.param("h->n * 8", "struct h { unsigned n:4; };", "struct h *h", "", 0, 120,
                     id="bit-field"),
        pytest.param("be16_to_cpu(h->n)", "struct h { unsigned short n; };", "struct h *h", "", 0,
                     65535, id="16-bit value of another byte order"),
        pytest.param("(unsigned char)n", "", "int n", "", 0, 255, id="cast to a narrow type"),
        pytest.param("n & 0xff", "", "unsigned int n", "", 0, 255, id="mask"),
        pytest.param("n % 16", "", "unsigned int n", "", 0, 15, id="remainder"),
        pytest.param("min(n, 100u)", "", "unsigned int n", "", 0, 100, id="min"),
        pytest.param("min_t(unsigned long, n, PAGE_SIZE)", "", "unsigned long n", "", 0, 4096,
                     id="min_t"),
        pytest.param("c ? 16 : 32", "", "int c", "", 16, 32, id="undecided condition"),
        pytest.param("size", "", "int c", "int size = 8;\nif (c)\n\tsize = 24;", 8, 24,
                     id="two assignments"),
        pytest.param("size(c)", "static inline int size(int c) { if (c) return 8; return 16; }",
                     "int c", "", 8, 16, id="function with two returns"),
        pytest.param("sizeof(struct h)", "struct h { int a;\n#ifdef CONFIG_X\nlong b;\n#endif\n};",
                     "void", "", 4, 16, id="#if among members"),
        pytest.param(
            "sizeof(struct h)",
            "#ifdef CONFIG_X\nstruct h { int a; };\n#else\nstruct h { long a[4]; };\n#endif\n",
            "void", "", 4, 32, id="two definitions",
        ),
        pytest.param("N", "#ifdef CONFIG_X\n#define N 3\n#else\n#define N 5\n#endif\n", "void", "",
                     3, 5, id="two values of a macro"),
        pytest.param(
            "N", "#ifdef CONFIG_X\nenum { M, N };\n#else\n#define N 7\n#endif\n", "void", "", 1, 7,
            id="enumerator or macro",
        ),
        pytest.param(
            "N", "enum { A,\n#ifdef CONFIG_X\nB,\n#endif\n#ifdef CONFIG_Y\nC,\n#endif\nN };",
            "void", "", 1, 3, id="enumerator behind #if",
        ),
        pytest.param(
            "f()", "#ifdef CONFIG_X\nstatic inline int f(void) { return 40; }\n#else\n"
            "#define f() 2\n#endif\n", "void", "", 2, 40, id="function or macro",
        ),
        pytest.param(
            "IS_ENABLED(CONFIG_X) * 8", "", "void", "", 0, 8, id="option"
        ),
    ],
)  # fmt: skip
def test_bounds(
    argument: str, header: str, parameters: str, before: str, low: int, high: int
) -> None:
    found = size_of(argument, header, parameters=parameters, before=before)
    assert isinstance(found, Bounded)
    assert (found.at_least, found.at_most) == (low, high)
    assert found.why


@pytest.mark.parametrize(
    ("argument", "header", "parameters", "before", "why"),
    [
        pytest.param("n", "", "int n", "", "parameter `n`", id="parameter"),
        pytest.param("n * 8", "", "unsigned int n", "", "parameter `n`", id="product"),
        pytest.param("h->n", "struct h { unsigned int n; };", "struct h *h", "", "`h->n`",
                     id="member"),
        pytest.param("n * 8", "", "signed char n", "", "may be negative", id="may be negative"),
        pytest.param("n - 1", "", "unsigned char n", "", "`n - 1`", id="may be below zero"),
        pytest.param("size(n)", "static inline int size(int n) { return 8 + n * 8; }\n", "int n",
                     "", "parameter `n`", id="inline function"),
        pytest.param("size(n)", "int size(int n);\n", "int n", "", "`size(n)`",
                     id="unknown function"),
        pytest.param("f()", "#ifdef CONFIG_X\nextern int f(void);\n#else\n#define f() 2\n#endif\n",
                     "void", "", "`f()`", id="macro stands in for a function"),
        pytest.param("ops->size()", "struct ops { int (*size)(void); };", "struct ops *ops", "",
                     "`ops->size()`", id="function pointer"),
        pytest.param("sizeof(struct gone)", "", "void", "", "struct gone is not defined",
                     id="unknown struct"),
        pytest.param("sizeof(struct h)", "struct h { gone_t a; };", "void", "", "gone_t",
                     id="unknown type of a member"),
        pytest.param("sizeof(struct h)", "struct h { int a[N]; };", "void", "", "`N`",
                     id="unknown dimension"),
        pytest.param("sizeof(struct h)", "struct h { int a[CONFIG_N]; };", "void", "", "CONFIG_N",
                     id="option without a range"),
        pytest.param("CONFIG_N", "#ifndef CONFIG_N\n#define CONFIG_N 1\n#endif\n", "void", "",
                     "CONFIG_N", id="fallback of an option"),
        pytest.param("size", "", "void", "int size = 8;\nsize += 8;", "`size`", id="changed by +="),
        pytest.param("size", "", "void", "int size = 8;\nsize++;", "`size`", id="changed by ++"),
        pytest.param("size", "", "void", "int size = 8;\nread(&size);", "`size`",
                     id="address taken"),
        pytest.param("size", "#define set(x) ((x) = 3)\n", "void", "int size = 8;\nset(size);",
                     "`size`", id="changed by a macro"),
        pytest.param("size", "#define grow() (size = 9000)\n", "void", "int size = 8;\ngrow();",
                     "`size`", id="changed by a macro that names it"),
        pytest.param("size", "", "int n", "int size = 8;\nif (n)\n\tsize = n;", "parameter `n`",
                     id="one assignment unknown"),
        pytest.param("size", "", "void", "static int size = 8;", "`size`", id="static variable"),
        pytest.param("global", "extern int global;\n", "void", "", "`global`", id="global"),
        pytest.param("max(n, 8)", "", "int n", "", "parameter `n`", id="max"),
        pytest.param("sizeof(a)", "", "int n", "int a[n];", "parameter `n`",
                     id="array of variable length"),
        pytest.param("n ? n : 8", "", "int n", "", "parameter `n`", id="conditional"),
        pytest.param("N", "enum {\n#include \"names.h\"\nN };\n", "void", "", "#include",
                     id="#include in an enum"),
        pytest.param(
            "sizeof(struct h)", "struct h { int a; } __attribute__((mode(DI)));", "void", "",
            "mode", id="unreadable attribute",
        ),
        pytest.param("strlen(s)", "", "char *s", "", "`strlen(s)`", id="strlen"),
        pytest.param('"text"', "", "void", "", "no integer", id="string"),
    ],
)  # fmt: skip
def test_not_shown(argument: str, header: str, parameters: str, before: str, why: str) -> None:
    found = size_of(argument, header, parameters=parameters, before=before)
    assert isinstance(found, RunTime)
    assert found.expression == argument
    assert why in found.why


def test_variants_that_the_parser_does_not_combine() -> None:
    header = (
        "struct h {\n#ifdef CONFIG_A\nchar x;\n#else\nlong x[4];\n#endif\n"
        "#ifdef CONFIG_B\nlong y[8];\n#else\nchar y;\n#endif\n};\n"
    )
    assert size_of("sizeof(struct h)", header) == Bounded(
        96, "h (fs/a/a.h:1) depends on the configuration", 2
    )


def test_values_in_different_branches_are_combined() -> None:
    before = (
        "#ifdef CONFIG_A\nint n = 4;\n#else\nint n = 8;\n#endif\n"
        "#ifdef CONFIG_B\nint m = 2;\n#else\nint m = 1;\n#endif\n"
    )
    found = size_of("n * m", before=before)
    assert isinstance(found, Bounded)
    assert (found.at_least, found.at_most) == (4, 16)


def test_conditions_that_x86_64_decides() -> None:
    header = (
        "#ifdef CONFIG_64BIT\n#define N 8\n#else\n#define N 4\n#endif\n"
        "struct h {\n#if BITS_PER_LONG == 32\nlong pad[8];\n#endif\nint a;\n};\n"
    )
    assert size_of("N * sizeof(struct h)", header) == Constant(32)


def test_a_file_may_redefine_a_macro_before_it_includes_a_header() -> None:
    header = "#ifndef N\n#define N 2\n#endif\nstruct h { char a[N]; };\n"
    found = size_of("sizeof(struct h)", header, file="#define N 5\n")
    assert isinstance(found, Bounded)
    assert (found.at_least, found.at_most) == (2, 5)


def test_the_files_own_struct_wins() -> None:
    found = size_of("sizeof(struct h)", "struct h { long a[9]; };", file="struct h { int a; };")
    assert found == Constant(4)


def test_headers_are_followed() -> None:
    tree = {
        "include/linux/list.h": "struct list_head { struct list_head *next, *prev; };\n",
        "include/linux/top.h": "#include <linux/list.h>\n#include <asm/arch.h>\n",
        "arch/x86/include/asm/arch.h": "typedef struct { int lock; } arch_t;\n",
        "include/linux/unrelated.h": "struct list_head { char other; };\n",
    }
    header = "#include <linux/top.h>\nstruct h { struct list_head l; arch_t a; };\n"
    assert size_of("sizeof(struct h)", header, tree=tree) == Constant(24)


def test_ranges_of_options() -> None:
    tree = {"arch/x86/Kconfig": 'config N\n\tint "How many"\n\trange 2 8\n\tdefault 4\n'}
    found = size_of("CONFIG_N * 8", tree=tree)
    assert found == Bounded(64, "CONFIG_N is at most 8", 16)


def test_a_bound_names_what_it_bounds() -> None:
    found = size_of("min(n, 100u)", parameters="unsigned int n")
    assert found == Bounded(100, "the parameter `n` is unsigned int")


def test_product_of_two_arguments() -> None:
    assert size_of("3, sizeof(long), 0", positions=(0, 1)) == Constant(24)
    found = size_of("n, sizeof(long), 0", parameters="int n", positions=(0, 1))
    assert found == RunTime("n * sizeof(long)", "the parameter `n` is int")


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        pytest.param(Constant(NEVER_FAIL_LIMIT), Fits, id="two pages"),
        pytest.param(Constant(NEVER_FAIL_LIMIT + 1), Exceeds, id="more than two pages"),
        pytest.param(Bounded(NEVER_FAIL_LIMIT, "why"), Fits, id="bounded by two pages"),
        pytest.param(Bounded(65535, "why"), MayExceed, id="bounded by more"),
        pytest.param(Bounded(65535, "why", 9000), Exceeds, id="at least more than two pages"),
        pytest.param(RunTime("n", "why"), MayExceed, id="run time"),
    ],
)
def test_consequences(size: SizeClass, kind: type) -> None:
    found = never_fail_consequence(size)
    assert type(found) is kind
    assert ("kvmalloc" in found.text) == (kind is not Fits)


def test_consequence_names_the_limit_of_the_tree() -> None:
    assert "order 1 (8192 bytes)" in never_fail_consequence(RunTime("n", "w")).text
    assert "order 3 (32768 bytes)" in never_fail_consequence(RunTime("n", "w"), 32768).text
    assert isinstance(never_fail_consequence(Constant(9000), 32768), Fits)
