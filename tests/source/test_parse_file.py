"""The results of parsing a file: items, spans of parts, laziness, refusals."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycparser import c_ast

from convert.source.parse import Item, ParseRefusal, parse_file
from convert.source.text import BrokenSource, read_source
from tests.source.helpers import DIALECT, function, in_function, parse, variant

TEXT = """\
#include "a.h"
/* one */
static u32 *one(struct foo *p, const u32 n[3])
{
	u32 *a = two(n[0], (p)), b = 1, c[2];

	for (u32 i = 0; i < b; i++)
		p->q.r = three(a);
	return a;
}

static int bad(int x)
{
	x y;
}
#define FOUR(x) four(x)
struct foo { u32 q, *s:3; struct { int r; } t; };
EXPORT_SYMBOL(one);
"""


def test_items_and_directives() -> None:
    parsed = parse(TEXT)
    assert [(item.kind, item.name, item.line) for item in parsed.items] == [
        ("function", "one", 3),
        ("macro", "FOUR", 16),
        ("declaration", "foo", 17),
        ("macro-call", "EXPORT_SYMBOL", 18),
    ]
    assert [item.name_span.of(TEXT) for item in parsed.items] == [
        "one", "FOUR", "foo", "EXPORT_SYMBOL",
    ]  # fmt: skip
    assert [(line.name, line.argument, line.line) for line in parsed.directives] == [
        ("include", '"a.h"', 1),
        ("define", "FOUR(x) four(x)", 16),
    ]
    assert parsed.directives[0].argument_span.of(TEXT) == '"a.h"'


def test_a_refusal_names_item_line_and_construct() -> None:
    (refusal,) = parse(TEXT).refusals
    assert refusal == ParseRefusal(
        "fs/toy/a.c", 11 + 1, "bad", refusal.span, "expected ';' at 'y' (line 14)"
    )
    assert refusal.span.of(TEXT).startswith("static int bad")


def test_item_at_finds_items_and_refusals() -> None:
    parsed = parse(TEXT)
    found = parsed.item_at(TEXT.index("three"))
    assert isinstance(found, Item)
    assert found.name == "one"
    refused = parsed.item_at(TEXT.index("x y;"))
    assert isinstance(refused, ParseRefusal)
    assert parsed.item_at(TEXT.index("one */")) is None


def test_declarators_have_exact_parts() -> None:
    parts = [
        (
            item.name,
            item.specifiers.of(TEXT),
            item.span.of(TEXT),
            item.init.of(TEXT) if item.init else None,
            item.is_parameter,
        )
        for item in parse(TEXT).functions[0].variants[0].declarators
    ]
    assert parts == [
        ("one", "static u32", "*one(struct foo *p, const u32 n[3])", None, False),
        ("p", "struct foo", "*p", None, True),
        ("n", "const u32", "n[3]", None, True),
        ("a", "u32", "*a", "two(n[0], (p))", False),
        ("b", "u32", "b", "1", False),
        ("c", "u32", "c[2]", None, False),
        ("i", "u32", "i", "0", False),
    ]
    members = parse(TEXT).declarations[0].variants[0].declarators
    assert [(item.name, item.specifiers.of(TEXT), item.span.of(TEXT)) for item in members] == [
        ("q", "u32", "q"),
        ("s", "u32", "*s"),
        ("r", "int", "r"),
        ("t", "struct { int r; }", "t"),
    ]


def test_slots_hold_parentheses_and_nodes_do_not() -> None:
    found = parse(TEXT).functions[0].variants[0]
    call = found.calls[0]
    assert (call.callee, call.callee_span.of(TEXT)) == ("two", "two")
    assert (TEXT[call.open], TEXT[call.close]) == ("(", ")")
    assert [slot.span.of(TEXT) for slot in call.slots] == ["n[0]", "(p)"]
    node = call.slots[1].node
    assert found.span_of(node).of(TEXT) == "p"
    assert found.parent_of(found.parent_of(node)) is call.node


def test_identifiers_and_statements_by_offset() -> None:
    found = parse(TEXT).functions[0].variants[0]
    offset = TEXT.index("q.r")
    assert found.identifiers[offset].name == "q"
    assert isinstance(found.parent_of(found.identifiers[offset]), c_ast.StructRef)
    statement = found.statement_at(offset)
    assert statement is not None
    assert (statement.kind, statement.span.of(TEXT)) == ("Expression", "p->q.r = three(a);")
    assert found.parent_of(found.root) is None
    assert found.statement_at(0) is None


def test_every_node_has_a_place_inside_the_item() -> None:
    for item in parse(TEXT).items:
        for found in item.variants:
            waiting = [found.root]
            while waiting:
                node = waiting.pop()
                assert found.span_of(node) in item.span
                waiting += [child for _, child in node.children()]


def test_a_switch_keeps_pycparsers_shape() -> None:
    found = variant(in_function("switch (x) { case 1: a(); b(); break; default: c(); }"))
    switch = found.root.body.block_items[0]
    first, last = switch.stmt.block_items
    assert [type(item).__name__ for item in first.stmts] == ["FuncCall", "FuncCall", "Break"]
    assert [type(item).__name__ for item in last.stmts] == ["FuncCall"]
    assert found.parent_of(first) is switch.stmt


@pytest.mark.parametrize(
    ("wanted", "names", "refused"),
    [
        pytest.param({"three"}, ["one"], [], id="one function"),
        pytest.param({"four"}, ["FOUR"], [], id="a macro"),
        pytest.param({"y"}, [], ["bad"], id="the refused one"),
        pytest.param({"foo"}, ["one", "foo"], [], id="two items"),
        pytest.param({"thre"}, [], [], id="whole words only"),
        pytest.param(set(), [], [], id="nothing"),
    ],
)
def test_only_what_is_wanted_is_parsed(
    wanted: set[str], names: list[str], refused: list[str]
) -> None:
    source = read_source("fs/toy/a.c", TEXT.encode())
    parsed = parse_file(source, DIALECT, frozenset(wanted))
    assert [item.name for item in parsed.items] == names
    assert [refusal.name for refusal in parsed.refusals] == refused
    assert len(parsed.directives) == 2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("int f(void)\n{\n\tu32 foo_t = 1;\n\treturn foo_t * 2;\n}\n", id="variable"),
        pytest.param("int f(int foo_t)\n{\n\treturn (foo_t) - 1;\n}\n", id="parameter"),
        pytest.param("int f(void)\n{\n\tint foo_t;\n\n\tfoo_t = 1;\n\treturn 0;\n}\n", id="start"),
    ],
)
def test_a_variable_named_as_a_type_hides_it(text: str) -> None:
    found = variant(text)
    assert any(node.name == "foo_t" for node in found.identifiers.values())
    casts = [item for item in found.statements if isinstance(item.node, c_ast.Cast)]
    assert casts == []


def test_a_local_typedef_is_known_from_there_on() -> None:
    found = variant(in_function("typedef int my_t;\nmy_t *a = 0;\n"))
    assert [item.name for item in found.declarators] == ["f", "my_t", "a"]


def test_a_file_knows_its_own_words() -> None:
    text = "typedef int my_t;\n#define each(x) for (;;)\nint f(void)\n{\n\tmy_t *a;\n"
    text += "\teach(a)\n\t\t*a = 1;\n}\n"
    assert [item.kind for item in function(text).variants[0].statements] == [
        "Compound", "Decl", "MacroLoop", "Expression",
    ]  # fmt: skip


def test_deep_nesting_is_refused() -> None:
    text = in_function("(" * 5000 + "x" + ")" * 5000 + ";") + "int g(void) { }\n"
    parsed = parse(text)
    assert [refusal.construct for refusal in parsed.refusals] == ["nested too deeply to parse"]
    assert [item.name for item in parsed.functions] == ["g"]


_WORDS = st.sampled_from(
    ["(", ")", "{", "}", "[", "]", ";", ",", "*", "=", ":", "?", ".", "...", "->", "if", "else",
     "for", "do", "while", "switch", "case", "default", "return", "goto", "asm", "struct", "union",
     "enum", "typedef", "static", "inline", "const", "sizeof", "typeof", "_Generic", "u32", "a",
     "b", "f", "1", '"s"', "__user", "__aligned", "\n#if X\n", "\n#else\n", "\n#endif\n",
     "\n#define M(x) ", "\n", "_Static_assert", "list_for_each_entry", "do_each_task", "int"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_WORDS, max_size=40))
def test_no_text_makes_the_parser_raise(words: list[str]) -> None:
    text = " ".join(words)
    try:
        source = read_source("fs/toy/a.c", text.encode())
    except BrokenSource:
        return
    parsed = parse_file(source, DIALECT)
    for item in parsed.items:
        assert item.span.end <= len(text)
        for found in item.variants:
            assert all(call.span in item.span for call in found.calls)
            assert all(statement.span in item.span for statement in found.statements)
            assert found.identifiers is not None


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_one_deleted_bracket_is_always_refused(data: st.DataObject) -> None:
    end = TEXT.index("static int bad")
    text = TEXT[:end]
    places = [at for at, char in enumerate(text) if char in "(){}[]"]
    at = data.draw(st.sampled_from(places))
    assert parse(text[:at] + " " + text[at + 1 :]).refusals
