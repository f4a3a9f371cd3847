"""Top-level items are found, and what is broken stays in its own item."""

from __future__ import annotations

import pytest

from tests.source.helpers import parse

F = "int f(void)\n{\n\treturn 1;\n}\n"
G = "int g(void)\n{\n\treturn 2;\n}\n"


def items(text: str) -> list[str]:
    """All items of a text as ``kind name``, in order."""
    parsed = parse(text)
    assert [refusal.construct for refusal in parsed.refusals] == []
    return [f"{item.kind} {item.name}" for item in parsed.items]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty file"),
        pytest.param("int a", [], id="no end of file newline, no semicolon"),
        pytest.param("int a;", ["declaration a"], id="no final newline"),
        pytest.param("int a, *b;", ["declaration a"], id="two declarators"),
        pytest.param(F + ";" + G, ["function f", "function g"], id="stray semicolon"),
        pytest.param("struct a { int b; };", ["declaration a"], id="struct"),
        pytest.param("struct a { int b; } c = { 1 };", ["declaration c"], id="struct variable"),
        pytest.param("struct __aligned(8) a { int b; } __packed;", ["declaration a"],
                     id="annotated struct"),
        pytest.param("typedef struct { int b; } __packed a_t;", ["declaration a_t"], id="typedef"),
        pytest.param("typedef int (a_t)(int);", ["declaration a_t"], id="typedef of a function"),
        pytest.param("enum { A = 1, B, };", ["declaration decl"], id="enum without a name"),
        pytest.param("union a { struct { int b; }; int c:3, :4; };", ["declaration a"],
                     id="anonymous members, bit-fields"),
        pytest.param("struct a { DECLARE_BITMAP(b, 3); struct_group(c, int d; int e;); };",
                     ["declaration a"], id="member macros"),
        pytest.param("static struct a b[] = { [0] = { .c = 1 }, [1 ... 2] = { d: 2 }, };",
                     ["declaration b"], id="designators"),
        pytest.param("MODULE(\"x\")\nint a;", ["macro-call MODULE", "declaration a"],
                     id="macro call without a semicolon"),
        pytest.param("X(a)\nX(b)\nX(c)", ["macro-call X"] * 3, id="macro calls in a row"),
        pytest.param("EXPORT_SYMBOL(f);", ["macro-call EXPORT_SYMBOL"], id="macro call"),
        pytest.param("static DEFINE_X(a) = { 1 };", ["macro-call DEFINE_X"],
                     id="macro call with an initialiser"),
        pytest.param("SYSCALL_DEFINE1(a, int, b)\n{\n\treturn b;\n}\n",
                     ["function SYSCALL_DEFINE1"], id="macro as a function's head"),
        pytest.param("TRACE_EVENT(a, TP_PROTO(struct b *c), TP_STRUCT__entry(__field(int, d) ), "
                     "TP_fast_assign(__entry->d = c->d;), TP_printk(\"%d\", __entry->d));",
                     ["macro-call TRACE_EVENT"], id="trace event"),
        pytest.param("static inline int __must_check f(int a)\n\t__releases(b)\n{\n}\n",
                     ["function f"], id="annotations everywhere"),
        pytest.param("noinline STATIC int f(int a) __attribute__((cold, aligned(8)));",
                     ["declaration f"], id="attribute"),
        pytest.param("int (*f(int a))(void)\n{\n}\n", ["function f"], id="returns a function"),
        pytest.param("extern int f(int, char *, ...), g;", ["declaration f"], id="prototype"),
        pytest.param("my_t f(other_t *a, const my_t b)\n{\n}\n", ["function f"],
                     id="unknown types outside bodies"),
        pytest.param("asm(\"x\");_Static_assert(1, \"y\");", ["declaration asm",
                     "declaration staticassert"], id="asm and static assertion"),
        pytest.param("#ifdef __cplusplus\nextern \"C\" {\n#endif\nint a;\n"
                     "#ifdef __cplusplus\n}\n#endif\n", ["declaration a"], id="C++ wrapper"),
        pytest.param("#if 0\n}}} not C '\n#endif\nint a;", ["declaration a"], id="if 0"),
    ],
)  # fmt: skip
def test_items(text: str, expected: list[str]) -> None:
    if text == "int a":
        assert [refusal.name for refusal in parse(text).refusals] == ["file"]
    else:
        assert items(text) == expected


@pytest.mark.parametrize(
    ("broken", "name"),
    [
        pytest.param("int h(void)\n{\n\tif (x) {\n\treturn 1;\n}\n\n", "h", id="missing }"),
        pytest.param("int h(void)\n{\n\tif (x)\n\ta();\n\t}\n\treturn 1;\n}\n\n", "h",
                     id="missing {"),
        pytest.param("int h(void)\n{\n\ta(1;\n}\n\n", "h", id="missing )"),
        pytest.param("int h(void)\n{\n\ta 1);\n}\n\n", "h", id="missing ("),
        pytest.param("int h(void)\n{\n\ta[1;\n}\n\n", "h", id="missing ]"),
        pytest.param("int h(int a;\n\n", "h", id="missing ) of a prototype"),
        pytest.param("int h(a, b)\n\tint a, b;\n{\n}\n\n", "h", id="K&R definition"),
        pytest.param("struct h {\n\tint a;\n\n", "h", id="struct without an end"),
        pytest.param("int h(void)\n{\n\t{{{\n}\n\n", "h", id="three braces open"),
        pytest.param("int h(void)\n{\n\ta b;\n}\n\n", "h", id="bad statement"),
        pytest.param("extern \"C\" {\n}\n\n", "file", id="C++"),
        pytest.param("} else {\n}\n\n", "file", id="stray code"),
    ],
)  # fmt: skip
def test_what_is_broken_stays_alone(broken: str, name: str) -> None:
    parsed = parse(F + broken + G)
    names = [item.name for item in parsed.functions]
    assert "g" in names
    assert "h" not in names
    refused = [refusal.name for refusal in parsed.refusals]
    assert refused
    assert set(refused) <= {name, "f", "file"}
    first = min(refusal.span.start for refusal in parsed.refusals)
    last = max(refusal.span.end for refusal in parsed.refusals)
    assert last <= len(F + broken)
    assert first >= 0 if "f" in refused else first >= len(F)


def test_a_stray_brace_refuses_the_function_before_it_too() -> None:
    parsed = parse("int h(void)\n{\n\tif (x)\n\t}\n\treturn 1;\n}\n")
    assert [refusal.name for refusal in parsed.refusals] == ["h"]
    assert parsed.functions == ()


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_line_ends_do_not_matter(newline: str) -> None:
    text = (F + "#define A(x) \\\n\tb(x)\n" + G).replace("\n", newline)
    assert items(text) == ["function f", "macro A", "function g"]
