"""Whether an allocation's result is checked before it is used, idiom by idiom."""

from __future__ import annotations

import pytest

from convert.flow.null_checks import Checked, Escapes, NullCheck, Unchecked, Unknown, null_check
from convert.source.dialect import Dialect
from convert.source.parse import parse_file
from convert.source.text import read_source


def verdict(body: str) -> NullCheck:
    """The verdict for the call of ``alloc`` in a function of this body (line 1 is its first)."""
    text = f"int f(struct s *x, int n) {{\n{body}\n}}\n"
    source = read_source("a.c", text.encode())
    parsed = parse_file(source, Dialect(typedefs=frozenset({"size_t"})))
    assert not parsed.refusals, parsed.refusals
    for variant in parsed.functions[0].variants:
        for call in variant.calls:
            if call.callee == "alloc":
                found = null_check(source, variant, call, frozenset({"kfree"}))
                return _from_body(found)
    raise AssertionError("no call of alloc")


def _from_body(found: NullCheck) -> NullCheck:
    match found:
        case Checked(line):
            return Checked(line - 1)
        case Unchecked(line, how):
            return Unchecked(line - 1, how)
        case Escapes(line, how):
            return Escapes(line - 1, how)
    return found


@pytest.mark.parametrize(
    ("body", "line"),
    [
        pytest.param("p = alloc();\nif (!p)\n\treturn 1;\np->a = 1;", 2, id="if (!p)"),
        pytest.param("p = alloc();\nif (p)\n\tp->a = 1;", 2, id="if (p)"),
        pytest.param("p = alloc();\nif (p == NULL)\n\treturn 1;", 2, id="== NULL"),
        pytest.param("p = alloc();\nif (NULL != p)\n\tp->a = 1;", 2, id="NULL !="),
        pytest.param("p = alloc();\nif (unlikely(!p))\n\treturn 1;", 2, id="unlikely(!p)"),
        pytest.param("p = alloc();\nif (likely(p))\n\tp->a = 1;", 2, id="likely(p)"),
        pytest.param("p = alloc();\nif (IS_ERR_OR_NULL(p))\n\treturn 1;", 2, id="IS_ERR_OR_NULL"),
        pytest.param("p = alloc();\nif (n && !p)\n\treturn 1;", 2, id="one of several"),
        pytest.param("p = alloc();\nq = p ? p->a : 0;", 2, id="?:"),
        pytest.param("if (!(p = alloc()))\n\treturn 1;", 1, id="in the condition"),
        pytest.param("while ((p = alloc()) == NULL)\n\tn++;", 1, id="in a loop's condition"),
        pytest.param("struct s *p = alloc();\n\nif (!p)\n\treturn 1;", 3, id="initialiser"),
        pytest.param("a = b = alloc();\nif (!b)\n\treturn 1;", 2, id="chained"),
        pytest.param("x->p = alloc();\nif (!x->p)\n\treturn 1;", 2, id="field"),
        pytest.param("p = (struct s *)alloc();\nif (!p)\n\treturn 1;", 2, id="cast"),
        pytest.param(
            "if (n)\n\tp = alloc();\nelse\n\tp = other();\nif (!p)\n\treturn 1;", 5, id="else arm"
        ),
        pytest.param("p = alloc();\nkfree(p);\nif (!p)\n\treturn 1;", 3, id="a free is no use"),
        pytest.param("p = alloc();\nn = sizeof(*p);\nif (!p)\n\treturn 1;", 3, id="sizeof"),
    ],
)
def test_checked(body: str, line: int) -> None:
    assert verdict(body) == Checked(line)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            "p = alloc();\np->a = 1;\nif (!p)\n\treturn 1;",
            Unchecked(2, "dereferenced"),
            id="too late",
        ),
        pytest.param("p = alloc();\n*p = 1;", Unchecked(2, "dereferenced"), id="star"),
        pytest.param("p = alloc();\np[n] = 1;", Unchecked(2, "indexed"), id="index"),
        pytest.param(
            "p = alloc();\nmemcpy(p, x, n);", Unchecked(2, "passed to memcpy()"), id="memcpy"
        ),
        pytest.param(
            "p = alloc();\nASSERT(p != NULL);\np->a = 1;",
            Unchecked(3, "dereferenced"),
            id="ASSERT is no check",
        ),
        pytest.param(
            "p = alloc();\nASSERT(n && p);\np->a = 1;",
            Unchecked(3, "dereferenced"),
            id="ASSERT of several",
        ),
        pytest.param("n = alloc()->a;", Unchecked(1, "dereferenced at once"), id="at once"),
        pytest.param("return alloc();", Escapes(1, "returned"), id="returned"),
        pytest.param("use(alloc());", Escapes(1, "passed to a function"), id="passed on"),
        pytest.param("p = alloc();\nreturn p;", Escapes(2, "returned"), id="returned later"),
        pytest.param("p = alloc();\nq = p;", Escapes(2, "copied to another variable"), id="copied"),
        pytest.param(
            "x->p = alloc();\nx->q = 1;",
            Escapes(1, "stored in x->p and not looked at again here"),
            id="left in a field",
        ),
        pytest.param(
            "p = alloc();\np = other();\nif (!p)\n\treturn 1;",
            Unknown("assigned again in line 3 before any check"),
            id="assigned again",
        ),
        pytest.param(
            "p = n ? alloc() : x;\nif (!p)\n\treturn 1;",
            Unknown("the result is one arm of a conditional expression"),
            id="conditional",
        ),
        pytest.param(
            "alloc();", Unknown("the result is not stored in a variable or field"), id="dropped"
        ),
    ],
)
def test_not_checked(body: str, expected: NullCheck) -> None:
    assert verdict(body) == expected
