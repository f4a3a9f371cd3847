"""`#if` variants: each one consistent, all branches covered, agreement demanded."""

from __future__ import annotations

import pytest

from convert.source.conditionals import Condition, condition_of
from convert.source.parse import Call, Disagreement, agreed_call
from tests.source.helpers import function, in_function, parse


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("ifdef X", Condition("defined(X)", True), id="ifdef"),
        pytest.param("ifndef X /* c */", Condition("defined(X)", False), id="ifndef"),
        pytest.param("if defined X", Condition("defined(X)", True), id="defined without ()"),
        pytest.param("if !defined(X)", Condition("defined(X)", False), id="not defined"),
        pytest.param("if IS_ENABLED(X)", Condition("defined(X)", True), id="IS_ENABLED"),
        pytest.param("if (!IS_ENABLED(X))", Condition("defined(X)", False), id="parenthesised"),
        pytest.param("if !(defined(X))", Condition("defined(X)", False), id="negated group"),
        pytest.param("if A  >\\\n 1", Condition("A>1", True), id="any expression is an atom"),
        pytest.param("if 0", Condition("", False), id="if 0"),
        pytest.param("if 1UL", Condition("", True), id="if 1"),
        pytest.param("ifdef __cplusplus", Condition("", False), id="never C++"),
        pytest.param("ifndef __ASSEMBLY__", Condition("", True), id="never assembler"),
    ],
)
def test_conditions_become_atoms(line: str, expected: Condition) -> None:
    name, argument = line.split(" ", 1)
    assert condition_of(name, argument) == expected


def variants_of(body: str) -> list[str]:
    """The calls of each variant of a body."""
    item = function(in_function(body))
    return sorted(
        " ".join(call.callee or "?" for call in variant.calls) for variant in item.variants
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("a();", ["a"], id="no #if"),
        pytest.param("#ifdef X\na();\n#endif\nb();", ["a b", "b"], id="absent else is a way"),
        pytest.param("#ifdef X\na();\n#else\nb();\n#endif", ["a", "b"], id="else"),
        pytest.param(
            "#if A\na();\n#elif B\nb();\n#else\nc();\n#endif", ["a", "b", "c"], id="elif chain"
        ),
        pytest.param(
            "#ifdef X\na();\n#endif\n#ifndef X\nb();\n#endif", ["a", "b"], id="one atom twice"
        ),
        pytest.param(
            "#ifdef X\na();\n#endif\n#ifdef Y\nb();\n#endif", ["", "a b"], id="two atoms: two ways"
        ),
        pytest.param(
            "#ifdef X\n#ifdef Y\na();\n#else\nb();\n#endif\n#endif",
            ["", "a", "b"],
            id="nested",
        ),
        pytest.param("#if 0\na b c;\n#else\nb();\n#endif", ["b"], id="if 0 is never read"),
        pytest.param(
            "if (x)\n#ifdef X\n a();\nelse\n#endif\n b();", ["a b", "b"], id="dangling else"
        ),
        pytest.param(
            "#ifdef X\nif (x) {\n#endif\na();\n#ifdef X\n}\n#endif", ["a", "a"], id="dangling brace"
        ),
        pytest.param("a(1,\n#ifdef X\n b(),\n#endif\n 2);", ["a", "a b"], id="inside arguments"),
        pytest.param(
            "u32 x[] = {\n#ifdef X\n a(),\n#else\n b(),\n#endif\n};",
            ["a", "b"],
            id="inside an initialiser",
        ),
        pytest.param(
            "switch (x) {\n#ifdef X\ncase 1: a();\n#endif\ndefault: b(); }",
            ["a b", "b"],
            id="inside a switch",
        ),
    ],
)
def test_every_branch_is_in_a_variant(body: str, expected: list[str]) -> None:
    assert variants_of(body) == expected


def test_conditions_around_a_function_hold_inside() -> None:
    text = "#ifdef X\nvoid f(void)\n{\n#ifdef X\n a();\n#else\n b();\n#endif\n}\n#endif\n"
    parsed = parse(text)
    (item,) = parsed.functions
    assert [variant.conditions for variant in item.variants] == [(("defined(X)", True),)]
    assert [span.of(text) for span in parsed.dead_spans] == ["\n b();\n"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param(
            "#ifdef X\nint f(int a)\n#else\nint f(void)\n#endif\n{\n a();\n}\nint g(void) { }\n",
            ["f", "g"],
            id="two headers, one body",
        ),
        pytest.param(
            "#ifdef X\nint f(int a)\n{\n#else\nint f(void)\n{\n#endif\n a();\n}\n",
            ["f"],
            id="two headers with braces",
        ),
        pytest.param(
            "int f(void)\n{\n#ifdef X\n a();\n}\n#else\n b();\n}\n#endif\nint g(void) { }\n",
            ["f", "g"],
            id="two ends",
        ),
        pytest.param(
            "#ifdef X\nstatic\n#endif\nint f(void)\n{\n}\n", ["f"], id="only a storage class"
        ),
        pytest.param(
            "static char *x =\n#ifdef X\n 1;\n#else\n 2;\n#endif\nint f(void) { }\n",
            ["f"],
            id="a declaration with two ends",
        ),
    ],
)
def test_items_that_branches_tie_together(text: str, names: list[str]) -> None:
    parsed = parse(text)
    assert [refusal.construct for refusal in parsed.refusals] == []
    assert [item.name for item in parsed.functions] == names


def test_unmatched_directives_are_refused_by_line() -> None:
    parsed = parse("int a;\n#endif\n#ifdef X\nint b;\n")
    assert [(refusal.line, refusal.construct) for refusal in parsed.refusals] == [
        (2, "#endif without a partner"),
        (3, "#ifdef without a partner"),
    ]
    assert [item.name for item in parsed.declarations] == ["a", "b"]


def call_at(body: str, callee: str) -> Call | Disagreement | None:
    text = in_function(body)
    return agreed_call(function(text), text.index(f"{callee}("))


def test_variants_that_agree_give_the_call() -> None:
    call = call_at("#ifdef X\n b();\n#endif\n a(1, 2);", "a")
    assert isinstance(call, Call)
    assert len(call.slots) == 2


def test_a_call_in_one_branch_only_is_agreed() -> None:
    assert isinstance(call_at("#ifdef X\n b(1);\n#else\n a();\n#endif", "b"), Call)


@pytest.mark.parametrize(
    ("body", "callee"),
    [
        pytest.param("a(1,\n#ifdef X\n 2,\n#endif\n 3);", "a", id="slots differ"),
        pytest.param(
            "#ifdef X\nif (x)\n#else\nfor (;;)\n#endif\n a(1);\n", "x", id="no call at all"
        ),
        pytest.param(
            "b(\n#ifdef X\n a(1)\n#else\n 2\n#endif\n); c(\n#ifdef X\n1\n#endif\n);",
            "b",
            id="a call with a branch inside",
        ),
    ],
)
def test_variants_that_disagree_say_so(body: str, callee: str) -> None:
    found = None if callee == "x" else call_at(body, callee)
    assert found is None if callee == "x" else isinstance(found, Disagreement)


def test_a_call_that_is_a_branch_in_one_variant_disagrees() -> None:
    body = "if (x)\n#ifdef X\n b();\nelse\n#endif\n a(1);"
    assert isinstance(call_at(body, "a"), Call)
    body = "x = y\n#ifdef X\n ; c\n#endif\n + a(1);"
    assert isinstance(call_at(body, "a"), Disagreement)
