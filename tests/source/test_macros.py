"""The bodies of #defines, with offsets into the file."""

from __future__ import annotations

import pytest
from pycparser import c_ast

from convert.source.parse import Item
from tests.source.helpers import parse


def macro(text: str) -> Item:
    """The only macro of a text that must have no refusal."""
    parsed = parse(text)
    assert [refusal.construct for refusal in parsed.refusals] == []
    (item,) = parsed.macros
    return item


@pytest.mark.parametrize(
    ("text", "root"),
    [
        pytest.param("#define A", "EmptyStatement", id="empty"),
        pytest.param("#define A /* b */", "EmptyStatement", id="comment only"),
        pytest.param("#define A __attribute__((packed))", "EmptyStatement", id="annotation only"),
        pytest.param("#define A 1", "Constant", id="constant"),
        pytest.param("#define A (B | \\\n\tC)", "BinaryOp", id="expression over two lines"),
        pytest.param("#define A(x) b(x, 1)", "FuncCall", id="call"),
        pytest.param("#define A(x) ((struct b *)(x))", "Cast", id="cast"),
        pytest.param("#define A(x, type) ((type *)(x))", "Cast", id="cast to a parameter"),
        pytest.param("#define A(type, x) sizeof(type) * (x)", "BinaryOp", id="sizeof a parameter"),
        pytest.param("#define A do { b(); } while (0)", "DoWhile", id="do while"),
        pytest.param("#define A(x) { b(x); c(x); }", "Compound", id="block"),
        pytest.param("#define A b(); c()", "CodeArgument", id="statements, the last unfinished"),
        pytest.param("#define A(x) if (x) b(x); else", "If", id="head of an else"),
        pytest.param("#define A(x) for (x = 0; x; x++)", "For", id="head of a loop"),
        pytest.param("#define A(x) list_for_each_entry(x, b, c)", "FuncCall", id="loop macro"),
        pytest.param("#define A(x) (n) = 0; for_each_thing(x)", "CodeArgument", id="then a loop"),
        pytest.param("#define A(x) ({ int b = (x); b; })", "Compound", id="statement expression"),
        pytest.param("#define A struct b", "Typename", id="type"),
        pytest.param("#define A const u32 *", "Typename", id="pointer type"),
        pytest.param("#define A static inline", "IdentifierType", id="specifiers"),
        pytest.param("#define A { 1, 2 }", "InitList", id="initialiser"),
        pytest.param("#define A { 1, \"b\" }, { 2, \"c\" }", "InitList", id="list items"),
        pytest.param("#define A .b = 1, .c = 2", "InitList", id="designated items"),
        pytest.param("#define A(x) int x(void); int y", "CodeArgument", id="declarations"),
        pytest.param("#define A(n) static int n(void) { return 1; }", "FuncDef", id="function"),
        pytest.param("#define A(x) b_##x##_c(1)", "FuncCall", id="pasted name"),
        pytest.param("#define A(x) #x \"b\"", "Constant", id="stringified"),
        pytest.param("#define A(b, ...) c(b, ##__VA_ARGS__)", "FuncCall", id="variadic"),
        pytest.param("#define A(b, c...) d(b, ## c)", "FuncCall", id="GNU variadic"),
        pytest.param("#define A B C \"d\" E", "StringConcat", id="strings side by side"),
        pytest.param("#define TRACE_INCLUDE_PATH ../../fs/b", "Opaque", id="a path"),
        pytest.param("# define A 1 \\\n\n", "Constant", id="trailing backslash"),
    ],
)  # fmt: skip
def test_bodies(text: str, root: str) -> None:
    item = macro(text + "\n")
    assert item.name == "A" or root == "Opaque"
    (variant,) = item.variants
    assert type(variant.root).__name__ == root


def test_offsets_point_into_the_file() -> None:
    text = "int a;\n#define B(x, ...) \\\n\tc((x), d /* e */, ##__VA_ARGS__)\n"
    item = macro(text)
    assert item.span.of(text) == text[7:-1]
    assert item.name_span.of(text) == "B"
    assert item.line == 2
    (variant,) = item.variants
    (call,) = variant.calls
    assert call.span.of(text) == "c((x), d /* e */, ##__VA_ARGS__)"
    assert [slot.span.of(text) for slot in call.slots] == ["(x)", "d", "##__VA_ARGS__"]
    names = {offset: node.name for offset, node in variant.identifiers.items()}
    assert names[text.index("d /*")] == "d"


def test_an_unfinished_last_statement_ends_with_the_body() -> None:
    text = "#define A(x) b(x); c(x)\n"
    (variant,) = macro(text).variants
    assert [item.span.of(text) for item in variant.statements] == ["b(x);", "c(x)"]


def test_type_names_in_casts_of_macros() -> None:
    text = "#define A(x) ((unknown_t *)(x))\n"
    (variant,) = macro(text).variants
    assert isinstance(variant.root, c_ast.Cast)
    assert variant.span_of(variant.root).of(text) == "(unknown_t *)(x)"


def test_a_define_inside_a_function_is_its_own_item() -> None:
    text = "int f(void)\n{\n#define A a(1)\n\treturn A;\n}\n"
    parsed = parse(text)
    assert [item.name for item in parsed.items] == ["f", "A"]
    found = parsed.item_at(text.index("a(1)"))
    assert isinstance(found, Item)
    assert found.name == "A"


@pytest.mark.parametrize(
    ("text", "construct"),
    [
        pytest.param("#define", "#define without a name", id="no name"),
        pytest.param("#define A (", "macro body: expected an expression at '(' (line 1)",
                     id="open parenthesis"),
        pytest.param("#define A(x) do { b(x);", "macro body: expected '}' at ';' (line 1)",
                     id="open brace"),
        pytest.param("#define A == 1", "macro body: expected an expression at '==' (line 1)",
                     id="half an expression"),
        pytest.param("#define A \\\n b(1 2)", "macro body: expected ')' at '2' (line 2)",
                     id="bad argument"),
    ],
)  # fmt: skip
def test_bodies_that_are_refused(text: str, construct: str) -> None:
    parsed = parse(text + "\n")
    assert parsed.macros == ()
    (refusal,) = parsed.refusals
    assert refusal.construct == construct
    assert refusal.name == ("file" if text == "#define" else "A")
    assert refusal.span.of(text) == text
