"""Layouts that kernel headers make with attributes, macros among members, options and tags."""

from __future__ import annotations

import pytest

from convert.semantics.sizes import Bounded, Constant, RunTime
from convert.semantics.sizing.kconfig import Options
from tests.semantics.sizing_tree import size_of
from tests.sites.memory_tree import MemoryTree

PACKED = "#define __packed __attribute__((__packed__))\n"
CACHE = (
    "#define SMP_CACHE_BYTES 64\n"
    "#define ____cacheline_aligned __attribute__((__aligned__(SMP_CACHE_BYTES)))\n"
    "#ifdef CONFIG_SMP\n#define ____cacheline_aligned_in_smp ____cacheline_aligned\n"
    "#else\n#define ____cacheline_aligned_in_smp\n#endif\n"
)
BITMAP = (
    "#define DIV_UP(n, d) (((n) + (d) - 1) / (d))\n"
    "#define BITS_TO_LONGS(n) DIV_UP(n, 8 * sizeof(long))\n"
    "#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]\n"
)
GROUP = (
    "#define struct_group(NAME, MEMBERS...) "
    "union { struct { MEMBERS }; struct { MEMBERS } NAME; }\n"
)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param(PACKED + "struct s { char a; int b; } __packed;", 5, id="packed by a macro"),
        pytest.param(PACKED + "struct __packed s { char a; int b; };", 5, id="before the tag"),
        pytest.param("struct s { char a; int b; } __packed;", 5, id="packed, not defined"),
        pytest.param(
            PACKED + "struct s { struct { char a; int b; } __packed in; int c; };", 12,
            id="packed member's type",
        ),
        pytest.param(
            "struct s { struct { char a; int b; } in __attribute__((packed)); char c; };", 9,
            id="packed member",
        ),
        pytest.param(CACHE + "struct s { char a; } ____cacheline_aligned;", 64, id="aligned"),
        pytest.param(
            CACHE + "struct s { char a; char b ____cacheline_aligned; };", 128, id="aligned member"
        ),
        pytest.param(
            CACHE + "struct s { char a; ____cacheline_aligned char b; };", 128,
            id="aligned before the type",
        ),
        pytest.param(
            CACHE + "struct s { char a, b ____cacheline_aligned, c; };", 128,
            id="one of several names aligned",
        ),
        pytest.param(
            "typedef struct { char a; } t __attribute__((aligned(8)));\nstruct s { t a; char b; };",
            8, id="aligned typedef",
        ),
        pytest.param(BITMAP + "struct s { DECLARE_BITMAP(map, 65); };", 16, id="bitmap"),
        pytest.param(GROUP + "struct s { char a; struct_group(g, int b; int c;); };", 12,
                     id="group"),
        pytest.param("struct t { long a; };\n#define s t\n", 8, id="renamed tag"),
        pytest.param("struct s { int a; long rest[]; };", 8, id="flexible array"),
        pytest.param("struct s { int a; long rest[0]; };", 8, id="array of no elements"),
        pytest.param("struct s { enum { A, B } e; char c; };", 8, id="enum"),
        pytest.param("struct s { int (*f)(int a, long b); char c; };", 16, id="function pointer"),
        pytest.param("struct s { struct t *next; struct s *self; };", 16, id="pointers"),
        pytest.param("struct t { int a; };\nstruct s { struct t; char c; };", 1, id="tag only"),
        pytest.param("struct s {\nstruct t { int a; } b; struct t c; };", 8, id="nested tag"),
        pytest.param("typedef unsigned char __u8;\nstruct s { __u8 a[3]; u64 b; };", 16,
                     id="the kernel's types"),
        pytest.param("struct s { int a; }\n\t__attribute__((unused));", 4, id="other attribute"),
    ],
)  # fmt: skip
def test_one_layout(header: str, expected: int) -> None:
    assert size_of("sizeof(struct s)", header) == Constant(expected)


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        pytest.param(CACHE + "struct s { char a; char b ____cacheline_aligned_in_smp; };", 2, 128,
                     id="aligned in some configurations"),
        pytest.param(
            "#define __randomize_layout __attribute__((randomize_layout))\n"
            "struct s { char a; long b; char c; } __randomize_layout;", 16, 24,
            id="members in any order",
        ),
        pytest.param("struct s { enum big { A = 1ULL << 40 } e; };", 4, 8, id="wide enum"),
        pytest.param(
            "#ifdef CONFIG_RT\ntypedef struct { long a[4]; } lock_t;\n#else\n"
            "typedef struct { int a; } lock_t;\n#endif\nstruct s { lock_t l; };", 4, 32,
            id="two typedefs",
        ),
        pytest.param(
            "#ifdef CONFIG_A\nstruct s { char a; };\n#else\nstruct t { long a; };\n#define s t\n"
            "#endif\n", 1, 8, id="tag, or another one",
        ),
    ],
)  # fmt: skip
def test_several_layouts(header: str, low: int, high: int) -> None:
    found = size_of("sizeof(struct s)", header)
    assert isinstance(found, Bounded)
    assert (found.at_least, found.at_most) == (low, high)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        pytest.param("struct s { char a; } ____cacheline_aligned;", "____cacheline_aligned",
                     id="alignment that is not defined"),
        pytest.param("#define ____cacheline_aligned __attribute__((aligned(N)))\n"
                     "struct s { char a; } ____cacheline_aligned;", "`N`",
                     id="alignment that is not known"),
        pytest.param("struct s { MEMBERS(a, b) };", "MEMBERS", id="unknown macro of members"),
        pytest.param("struct s { struct s inner; };", "contains itself", id="itself"),
        pytest.param("struct s { int a:N; };", "the width `N`", id="unknown width"),
        pytest.param("struct s {\nint a\n#ifdef CONFIG_A\n[4]\n#endif\n;\n};", "#if inside",
                     id="#if inside a member"),
        pytest.param("struct s {\n#include \"members.h\"\nint a;\n};", "#include",
                     id="#include inside"),
        pytest.param(
            "struct s {\n#ifdef CONFIG_A\nunion {\n#else\nint z;\n#endif\nint a;\n"
            "#ifdef CONFIG_A\n};\n#endif\n};", "#if", id="#if across braces",
        ),
        pytest.param("struct s { union u u; };", "union u is not defined", id="unknown union"),
        pytest.param("struct s { enum e e; };", "enum e is not defined", id="unknown enum"),
        pytest.param("struct s;", "struct s is not defined", id="only declared"),
    ],
)  # fmt: skip
def test_no_layout(header: str, why: str) -> None:
    found = size_of("sizeof(struct s)", header)
    assert isinstance(found, RunTime)
    assert why in found.why


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        pytest.param('config N\n\tint "Ask"\n\trange 1 9\n\tdefault 3\n', (1, 9), id="range"),
        pytest.param('config N\n\tint "Ask"\n\tdefault 3\n', None, id="no range"),
        pytest.param('config N\n\tint\n\tprompt "Ask"\n\tdefault 3\n', None, id="prompt"),
        pytest.param("config N\n\tint\n\tdefault 5 if A\n\tdefault 3\n", (3, 5), id="defaults"),
        pytest.param('config N\n\tint\n\tdefault "7"\n', (7, 7), id="quoted"),
        pytest.param("config N\n\thex\n\tdefault 0x10\n", (16, 16), id="hex"),
        pytest.param("config N\n\tbool\n\tdefault y\n", None, id="bool"),
        pytest.param("config M\n\tint\n\tdefault 3\n", None, id="another option"),
        pytest.param("config N\n\tint\n\tdefault M\nconfig M\n\tint\n\tdefault 4\n", (4, 4),
                     id="value of another option"),
        pytest.param("config N\n\tint\n\tdefault N\n", None, id="value of itself"),
        pytest.param("config N\n\tint\n\tdefault GONE\n", None, id="value of an unknown option"),
        pytest.param("config N\n\tint\n\tdefault 3\n\thelp\n\t  default 9 would be wrong\n", (3, 3),
                     id="help text"),
        pytest.param("config N\n\tint\n\tdefault 3\nconfig N\n\tint\n\tdefault 8\n", (3, 8),
                     id="two entries"),
    ],
)  # fmt: skip
def test_options(text: str, bounds: tuple[int, int] | None) -> None:
    assert Options(MemoryTree({"arch/x86/Kconfig": text})).bounds("N") == bounds
