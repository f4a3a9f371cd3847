"""Functions and macro bodies found from tokens."""

from __future__ import annotations

import pytest

from convert.sites.outline import Owners, code_of, functions_of
from convert.source.text import read_source

G = "int g(void)\n{\n}\n"


def names(text: str) -> list[str]:
    return [one.name for one in functions_of(read_source("f.c", text.encode("latin-1")))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("int f(void)\n{\n}\n", ["f"], id="plain"),
        pytest.param(
            "static int\nf(int a)\n{\n\tif (a) {\n\t}\n}\n", ["f"], id="name in column one"
        ),
        pytest.param("static inline int f(int a) { return a; }", ["f"], id="one line"),
        pytest.param("__printf(1, 2) void f(int a)\n{\n}\n", ["f"], id="annotation before"),
        pytest.param("void f(int a)\n\t__must_hold(a)\n{\n}\n", ["f"], id="annotation after"),
        pytest.param("struct s *__f(int a)\n{\n}\n", ["__f"], id="underscores, returns a struct"),
        pytest.param("struct s {\n\tint (*f)(int);\n};\nint g;\n", [], id="struct"),
        pytest.param("struct __packed s {\n\tint a;\n} x;\n", [], id="struct with annotation"),
        pytest.param("static int a[] = {\n\tF(1),\n};\n", [], id="initialiser"),
        pytest.param("struct s x = {\n\t.f = g(1),\n};\nint f(void)\n{\n}\n", ["f"], id="then one"),
        pytest.param("int f(void);\nint g(int);\n", [], id="declarations"),
        pytest.param("MACRO(x)\nint f(void)\n{\n}\n", ["f"], id="macro without semicolon"),
        pytest.param("MACRO(x, y) {\n\ta;\n}\n", ["MACRO"], id="macro as a header"),
        pytest.param("#define f(x) {\nint g(void)\n{\n}\n", ["g"], id="brace in a macro"),
        pytest.param("int f(void)\n{\n\tg(\"}\"); /* } */\n\th('}');\n}\n", ["f"], id="not code"),
        pytest.param(
            "int f(void)\n{\n#ifdef A\n\tif (a) {\n#else\n\tif (b) {\n#endif\n\t}\n}\n" + G,
            ["f", "g"],
            id="brace in both branches",
        ),
        pytest.param(
            "#ifdef A\nint f(int a)\n{\n#else\nint f(void)\n{\n#endif\n\treturn 0;\n}\n" + G,
            ["f", "f", "g"],
            id="header in both branches",
        ),
        pytest.param(
            "int f(void)\n{\n\tif (a)\n{\n\tb;\n}\n\tc;\n}\n", ["f"], id="block in column one"
        ),
        pytest.param(
            "int f(void)\n{\n\tBEGIN {\n}\n\nint g(void)\n{\n}\n",
            ["f", "g"],
            id="brace that is missing",
        ),
    ],
)
def test_functions(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_an_offset_belongs_to_the_body_that_holds_it() -> None:
    text = "int a;\nint f(void)\n{\n\treturn a;\n}\nint b;\n"
    owners = Owners(functions_of(read_source("f.c", text.encode())))
    assert owners.at(text.index("return")) == "f"
    assert owners.at(text.index("int b")) is None
    assert owners.at(0) is None


def test_code_is_the_file_and_each_macro_body_without_comments() -> None:
    text = (
        "#include <GFP.h>\n#define M(a) \\\n\tf(a, /* c */ GFP_X)\n"
        '#define N GFP_Y\n/* d */ int g = "s";\n'
    )
    found = [(code.macro, code.words) for code in code_of(read_source("f.c", text.encode()))]
    assert found == [
        (None, ("int", "g", "=", '"s"', ";")),
        ("M", ("f", "(", "a", ",", "GFP_X", ")")),
        ("N", ("GFP_Y",)),
    ]


def test_offsets_of_a_macro_body_point_into_the_file() -> None:
    text = "int a;\n# \tdefine M(a)\t\\\n\tf(a)\n"
    for code in code_of(read_source("f.c", text.encode())):
        for word, offset in zip(code.words, code.offsets, strict=True):
            assert text[offset : offset + len(word)] == word
