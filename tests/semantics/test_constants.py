"""Constant expressions, the definitions of a header, and their values."""

from __future__ import annotations

import pytest

from convert.semantics.cint import INT, UINT, ULONG, CType
from convert.semantics.constants import Constants
from convert.semantics.constexpr import NotConstant, integer
from convert.semantics.defines import definitions, words_of
from convert.source.text import read_source
from convert.source.tokens import lex_body


def constants(text: str) -> Constants:
    return Constants(definitions(read_source("a.h", text.encode("latin-1"))))


def number(expression: str, text: str = "") -> int | None:
    return constants(text).evaluate(words_of(lex_body(expression))).number


@pytest.mark.parametrize(
    ("text", "value", "ctype"),
    [
        pytest.param("0", 0, INT, id="zero"),
        pytest.param("0x0004u", 4, UINT, id="hex-unsigned"),
        pytest.param("0x80000000", 0x80000000, UINT, id="hex-too-large-for-int"),
        pytest.param("2147483648", 2147483648, CType(64, True), id="decimal-stays-signed"),
        pytest.param("010", 8, INT, id="octal"),
        pytest.param("1ULL", 1, ULONG, id="ull"),
    ],
)
def test_literals(text: str, value: int, ctype: CType) -> None:
    assert (integer(text).number, integer(text).ctype) == (value, ctype)


@pytest.mark.parametrize("text", ["1.5", "09", "0x", "1z", "''", "99999999999999999999"])
def test_literals_refused(text: str) -> None:
    with pytest.raises(NotConstant):
        integer(text)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        pytest.param("1 | 2 << 1 & ~0", 5, id="precedence"),
        pytest.param("((__force gfp_t)0x40u) | (u32)~0u", 0xFFFFFFFF, id="casts"),
        pytest.param("(unsigned char)0x1ff", 0xFF, id="cast-truncates"),
        pytest.param("(1 << 3) - 1", 7, id="parenthesis-is-no-cast"),
        pytest.param("1 ? 2 : 3", 2, id="conditional"),
        pytest.param("0 || !5 && 1", 0, id="logical"),
        pytest.param("-5 % 3", -2, id="remainder"),
        pytest.param("BIT(4) | BIT_ULL(5)", 0x30, id="bit"),
        pytest.param("_AC(1, UL) << 12", 4096, id="ac"),
    ],
)
def test_expressions(expression: str, value: int) -> None:
    assert number(expression) == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        pytest.param("NOWHERE | 1", "NOWHERE is not defined", id="undefined"),
        pytest.param("f(1)", r"f\(\) is not defined", id="undefined-call"),
        pytest.param("1 |", "before the end", id="unfinished"),
        pytest.param("(1", "before the end", id="unclosed"),
        pytest.param("1 2", "'2' is unexpected", id="trailing"),
        pytest.param("1 / 0", "division by zero", id="division-by-zero"),
        pytest.param('"text"', "no integer constant", id="string"),
    ],
)
def test_expressions_refused(expression: str, message: str) -> None:
    with pytest.raises(NotConstant, match=message):
        number(expression)


def test_definition_forms() -> None:
    found = definitions(
        read_source(
            "a.h",
            b"#define A\t(1 | \\\n\t2)  /* why */\n"
            b"#define F(x, y) ((x) + y)\n"
            b"#define G (x)\n"
            b"#define V(x, ...) x\n"
            b"#define W(x, rest...) x\n"
            b"#define N() 1\n"
            b"enum e { P, Q = 7, /* c */ R };\n"
            b"enum e var;\n",
        )
    )
    shapes = {d.name: (d.parameters, " ".join(d.body), d.line) for d in found}
    assert shapes == {
        "A": (None, "( 1 | 2 )", 1),
        "F": (("x", "y"), "( ( x ) + y )", 3),
        "G": (None, "( x )", 4),
        "V": (("x", "..."), "x", 5),
        "W": (("x", "rest..."), "x", 6),
        "N": ((), "1", 7),
        "P": (None, "0", 8),
        "Q": (None, "7", 8),
        "R": (None, "Q + 1", 8),
    }


@pytest.mark.parametrize(
    ("text", "live"),
    [
        pytest.param("#ifdef CONFIG_X\n#define A 1\n#endif", True, id="ifdef"),
        pytest.param("#ifdef CONFIG_X\n#else\n#define A 1\n#endif", False, id="else"),
        pytest.param("#ifndef CONFIG_X\n#define A 1\n#endif", False, id="ifndef"),
        pytest.param("#ifndef GUARD_H\n#define A 1\n#endif", True, id="include-guard"),
        pytest.param(
            "#if defined(CONFIG_X) && !defined CONFIG_Y\n#define A 1\n#endif",
            False,
            id="conjunction",
        ),
        pytest.param("#if 0\n#elif IS_ENABLED(CONFIG_X)\n#define A 1\n#endif", True, id="elif"),
        pytest.param("#if SIZE > 4\n#define A 1\n#endif", True, id="undecided-counts-as-live"),
    ],
)
def test_live(text: str, live: bool) -> None:
    found = [d for d in definitions(read_source("a.h", text.encode())) if d.name == "A"]
    assert [d.live for d in found] == [live]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("#if 0\n#define A 1\n#endif", id="if-0"),
        pytest.param("#ifdef __GENKSYMS__\n#define A 1\n#endif", id="never-defined"),
        pytest.param("/* #define A 1 */", id="comment"),
        pytest.param('char *s = "#define A 1";', id="string"),
    ],
)
def test_dead_definitions(text: str) -> None:
    assert definitions(read_source("a.h", text.encode())) == ()


def test_a_flag_is_taken_where_it_exists() -> None:
    found = constants(
        "#ifdef CONFIG_X\n#define A 8u\n#else\n#define A 0\n#endif\n#define B (A | 1)"
    )
    assert found.value("B").number == 9
    assert found.assumed("B") == {"CONFIG_X"}


def test_a_circle_is_refused() -> None:
    with pytest.raises(NotConstant, match="is defined by itself"):
        constants("#define A B\n#define B (A)").value("A")


def test_configurations_that_disagree_are_refused() -> None:
    text = "#ifdef CONFIG_X\n#define A 8\n#else\n#define A 4\n#endif"
    with pytest.raises(NotConstant, match=r"A has different values at a.h:2 and a.h:4"):
        constants(text).value("A")


def test_function_like_macros_expand() -> None:
    assert number("TWICE(1 + 2)", "#define TWICE(x) (2 * x)") == 6


def test_pasting_is_refused() -> None:
    with pytest.raises(NotConstant, match="cannot be expanded"):
        number("P(1)", "#define P(x) a##x")
