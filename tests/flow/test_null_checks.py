"""Whether an allocation's result is checked before it is used, idiom by idiom."""

from __future__ import annotations

import pytest

from convert.flow.null_checks import (
    Checked,
    Escapes,
    NullCheck,
    Unchecked,
    Unknown,
    null_check,
    null_check_of_item,
)
from convert.source.dialect import Dialect
from convert.source.parse import Item, parse_file
from convert.source.text import SourceFile, read_source
from convert.source.variants import Call, Variant

FREES = frozenset({"kfree"})
LOOPS = frozenset({"list_for_each_entry"})


def parsed(body: str) -> tuple[SourceFile, Item]:
    """A function of this body (line 2 of the file is its first)."""
    text = f"int f(struct s *x, int n) {{\n{body}\n}}\n"
    source = read_source("a.c", text.encode())
    found = parse_file(source, Dialect(typedefs=frozenset({"size_t"}), loop_macros=LOOPS))
    assert not found.refusals, found.refusals
    return source, found.functions[0]


def first_call(item: Item) -> tuple[Variant, Call]:
    """The first call of ``alloc``."""
    calls = ((v, c) for v in item.variants for c in v.calls if c.callee == "alloc")
    return next(calls)


def verdict(body: str) -> NullCheck:
    """The verdict for the call of ``alloc`` in a function of this body (line 1 is its first)."""
    source, item = parsed(body)
    variant, call = first_call(item)
    return from_body(null_check(source, variant, call, FREES))


def from_body(found: NullCheck) -> NullCheck:
    """The verdict with lines counted from the body's first."""
    match found:
        case Checked(line):
            return Checked(line - 1)
        case Unchecked(line, how, asserted):
            return Unchecked(line - 1, how, None if asserted is None else asserted - 1)
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
        pytest.param("p = alloc();\nif (WARN_ON(!p))\n\treturn 1;\n*p = 1;", 2, id="WARN_ON test"),
        pytest.param("p = alloc();\nif (n && !p)\n\treturn 1;", 2, id="one of several with &&"),
        pytest.param(
            "p = alloc();\nif (!n || !p)\n\treturn 1;\np->a = 1;", 2, id="one of several with ||"
        ),
        pytest.param("p = alloc();\nq = p ? p->a : 0;", 2, id="?:"),
        pytest.param("p = alloc() ?: x;", 1, id="?: without a middle"),
        pytest.param("p = alloc();\nreturn p ? 0 : 1;", 2, id="returned ?:"),
        pytest.param("p = alloc();\nreturn p != NULL;", 2, id="returned test"),
        pytest.param("if (!(p = alloc()))\n\treturn 1;\n*p = 1;", 1, id="in the condition"),
        pytest.param("if ((p = alloc()) != NULL)\n\t*p = 1;", 1, id="compared in the condition"),
        pytest.param("while ((p = alloc()) == NULL)\n\tn++;", 1, id="in a loop's condition"),
        pytest.param("while (!alloc())\n\tn++;", 1, id="only tested"),
        pytest.param("do {\n\tp = alloc();\n} while (!p);\n*p = 1;", 3, id="do … while (!p)"),
        pytest.param("p = alloc();\nwhile (!p)\n\tp = other();\n*p = 1;", 2, id="while (!p)"),
        pytest.param("for (;;) {\n\tp = alloc();\n\tif (p)\n\t\tbreak;\n}\n*p = 1;", 3,
                     id="for (;;) until p"),
        pytest.param("struct s *p = alloc();\n\nif (!p)\n\treturn 1;", 3, id="initialiser"),
        pytest.param("a = b = alloc();\nif (!b)\n\treturn 1;\na->x = 1;", 2, id="chained"),
        pytest.param("a = x->b = alloc();\nif (!a)\n\treturn 1;\nx->b->c = 1;", 2,
                     id="chained with a field"),
        pytest.param("x->p = alloc();\nif (!x->p)\n\treturn 1;", 2, id="field"),
        pytest.param("x->p[n].q = alloc();\nif (!x -> p[ n ].q)\n\treturn 1;", 2,
                     id="field of an element, other white space"),
        pytest.param("x.p = alloc();\nx.n = 3;\nif (!x.p)\n\treturn 1;", 3, id="field of a struct"),
        pytest.param("p = (struct s *)alloc();\nif (!p)\n\treturn 1;", 2, id="cast"),
        pytest.param("*p = alloc();\nif (!*p)\n\treturn 1;\n**p = 1;", 2,
                     id="place behind a pointer"),
        pytest.param("rcu_assign_pointer(x->p, alloc());\nif (!x->p)\n\treturn 1;", 2, id="rcu"),
        pytest.param("x->p = alloc();\nq = rcu_dereference(x->p);\nif (!q)\n\treturn 1;", 3,
                     id="rcu_dereference"),
        pytest.param("p = n ? alloc() : x;\nif (!p)\n\treturn 1;", 2, id="arm of ?:"),
        pytest.param(
            "if (n)\n\tp = alloc();\nelse\n\tp = other();\nif (!p)\n\treturn 1;\n*p = 1;", 5,
            id="else arm",
        ),
        pytest.param("p = alloc();\nq = p;\nif (!q)\n\treturn 1;\n*p = 1;", 3, id="copy checked"),
        pytest.param("p = alloc();\nif (!p)\n\tgoto out;\n*p = 1;\nout:\nreturn 0;", 2, id="goto"),
        pytest.param("p = alloc();\nkfree(p);\nif (!p)\n\treturn 1;", 3, id="a free is no use"),
        pytest.param("p = alloc();\nn = sizeof(*p);\nif (!p)\n\treturn 1;", 3, id="sizeof"),
        pytest.param("p = alloc();\nif (IS_ERR(p))\n\treturn 1;\nif (!p)\n\treturn 1;", 4,
                     id="IS_ERR is neither"),
        pytest.param("p = alloc();\nx->n = 1;\nuse(x);\nif (!p)\n\treturn 1;", 4,
                     id="other things"),
        pytest.param("p = alloc();\nswitch (n) {\ncase 1:\n\tif (!p)\n\t\treturn 1;\n\tbreak;\n"
                     "default:\n\treturn 0;\n}", 4, id="in a switch"),
    ],
)  # fmt: skip
def test_checked(body: str, line: int) -> None:
    assert verdict(body) == Checked(line)


@pytest.mark.parametrize(
    ("body", "line", "how"),
    [
        pytest.param("p = alloc();\np->a = 1;\nif (!p)\n\treturn 1;", 2, "dereferenced",
                     id="too late"),
        pytest.param("p = alloc();\n*p = 1;", 2, "dereferenced", id="star"),
        pytest.param("p = alloc();\np[n] = 1;", 2, "indexed", id="index"),
        pytest.param("*p = alloc();\n(*p)->a = 1;", 2, "dereferenced", id="place behind a pointer"),
        pytest.param("p = alloc();\nrcu_assign_pointer(x->p, p);\nx->p->a = 1;", 3, "dereferenced",
                     id="rcu"),
        pytest.param("p = alloc();\nq = &p->list;", 2, "dereferenced", id="address of a member"),
        pytest.param("p = alloc();\nq = (struct t *)(p + 1);", 2, "used in arithmetic",
                     id="arithmetic"),
        pytest.param("p = alloc();\np++;", 2, "used in arithmetic", id="++"),
        pytest.param("p = alloc();\np();", 2, "called", id="called"),
        pytest.param("p = alloc();\nmemcpy(p, x, n);", 2, "passed to memcpy()", id="memcpy"),
        pytest.param("p = alloc();\nx->f(p);", 2, "passed to a function()", id="function pointer"),
        pytest.param("x->p = alloc();\nx->p->a = 1;", 2, "dereferenced", id="field"),
        pytest.param("p = x->p = alloc();\np->a = 1;", 2, "dereferenced", id="chained"),
        pytest.param("p = alloc();\nx->q = p;\nx->q->a = 1;", 3, "dereferenced", id="copy"),
        pytest.param("p = alloc();\nstruct s *q = p;\nq->a = 1;", 3, "dereferenced",
                     id="copy in a declaration"),
        pytest.param("n = alloc()->a;", 1, "dereferenced at once", id="at once"),
        pytest.param("use(alloc());", 1, "passed to use() at once", id="passed on"),
        pytest.param("(p = alloc())->a = 1;", 1, "dereferenced at once", id="assigned and used"),
        pytest.param("p = alloc();\nif (IS_ERR(p))\n\treturn 1;\n*p = 1;", 4, "dereferenced",
                     id="IS_ERR is no check"),
        pytest.param("p = alloc();\nif (n) {\n\tif (!p)\n\t\treturn 1;\n}\n*p = 1;", 6,
                     "dereferenced", id="checked on one path only"),
        pytest.param("p = alloc();\nif (n && !p)\n\treturn 1;\n*p = 1;", 4, "dereferenced",
                     id="check behind &&"),
        pytest.param("p = alloc();\nif (n)\n\tgoto use;\nif (!p)\n\treturn 1;\nuse:\n*p = 1;", 7,
                     "dereferenced", id="goto around the check"),
        pytest.param("p = alloc();\nswitch (n) {\ncase 1:\n\tif (!p)\n\t\treturn 1;\n}\n*p = 1;",
                     7, "dereferenced", id="switch without a default"),
        pytest.param("while (n) {\n\tif (p)\n\t\tp->a = n;\n\tp = alloc();\n\tp->b = 1;\n}", 5,
                     "dereferenced", id="in a loop"),
        pytest.param("p = alloc();\nif (p == x)\n\treturn 1;\n*p = 1;", 4, "dereferenced",
                     id="compared with another pointer"),
        pytest.param("p = alloc();\nlist_for_each_entry(q, &p->list, l)\n\tn++;", 2, "dereferenced",
                     id="head of a loop"),
    ],
)  # fmt: skip
def test_unchecked(body: str, line: int, how: str) -> None:
    assert verdict(body) == Unchecked(line, how)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("p = alloc();\nASSERT(p != NULL);\np->a = 1;",
                     Unchecked(3, "dereferenced", 2), id="ASSERT"),
        pytest.param("p = alloc();\nASSERT(p);\np->a = 1;",
                     Unchecked(3, "dereferenced", 2), id="ASSERT(p)"),
        pytest.param("p = alloc();\nASSERT(n && p);\np->a = 1;",
                     Unchecked(3, "dereferenced", 2), id="ASSERT of several"),
        pytest.param("p = alloc();\nBUG_ON(!p);\np->a = 1;",
                     Unchecked(3, "dereferenced", 2), id="BUG_ON"),
        pytest.param("p = alloc();\nWARN_ON(!p);\np->a = 1;",
                     Unchecked(3, "dereferenced", 2), id="WARN_ON without a test"),
        pytest.param("p = alloc();\nASSERT(p);\nif (!p)\n\treturn 1;", Checked(3),
                     id="ASSERT, then a check"),
    ],
)  # fmt: skip
def test_assertions_are_no_checks(body: str, expected: NullCheck) -> None:
    assert verdict(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("return alloc();", Escapes(1, "returned"), id="returned"),
        pytest.param("p = alloc();\nreturn p;", Escapes(2, "returned"), id="returned later"),
        pytest.param("p = alloc();\nx->p = &p;", Escapes(2, "handed out by its address"),
                     id="address taken"),
        pytest.param("p = alloc();\nq = p;",
                     Escapes(1, "stored in p and not looked at again here"), id="copied"),
        pytest.param("x->p = alloc();\nx->q = 1;",
                     Escapes(1, "stored in x->p and not looked at again here"),
                     id="left in a field"),
        pytest.param("x->p = alloc();\nuse(x);",
                     Escapes(1, "stored in x->p and not looked at again here"),
                     id="holder passed on"),
        pytest.param("struct t t = { .p = alloc() };", Escapes(1, "stored in an initialiser"),
                     id="initialiser list"),
        pytest.param("p = alloc();\np = other();\nif (!p)\n\treturn 1;",
                     Unknown("assigned again in line 3 before any check"), id="assigned again"),
        pytest.param("x->p = alloc();\nx = x->next;\nif (!x->p)\n\treturn 1;",
                     Unknown("assigned again in line 3 before any check"), id="holder assigned"),
        pytest.param("*p = alloc();\np++;\nif (!*p)\n\treturn 1;",
                     Unknown("assigned again in line 3 before any check"), id="pointer moved"),
        pytest.param("x->p = alloc();\nrcu_assign_pointer(x->p, q);\nif (!x->p)\n\treturn 1;",
                     Unknown("assigned again in line 3 before any check"), id="rcu, again"),
        pytest.param("x->a[n] = alloc();\nn++;\nif (!x->a[n])\n\treturn 1;",
                     Unknown("assigned again in line 3 before any check"), id="index changed"),
        pytest.param("p = alloc();\nlist_for_each_entry(p, x, l)\n\tp->n++;",
                     Unknown("assigned again in line 3 before any check"), id="cursor of a loop"),
        pytest.param("p = ({ n++; alloc(); });\nif (!p)\n\treturn 1;",
                     Unknown("the result is not stored in a variable or field"),
                     id="statement expression"),
        pytest.param("alloc();", Unknown("the result is not stored in a variable or field"),
                     id="dropped"),
    ],
)  # fmt: skip
def test_neither(body: str, expected: NullCheck) -> None:
    assert verdict(body) == expected


def test_the_worst_variant_counts() -> None:
    source, item = parsed("p = alloc();\n#ifdef CONFIG_X\nif (!p)\n\treturn 1;\n#endif\n*p = 1;")
    _, call = first_call(item)
    assert null_check_of_item(source, item, call, FREES) == Unchecked(7, "dereferenced")


def test_a_call_in_a_macro_is_in_no_function() -> None:
    source = read_source("a.c", b"#define get() alloc()\n")
    (item,) = parse_file(source, Dialect()).macros
    variant, call = first_call(item)
    assert null_check(source, variant, call, FREES) == Unknown("the call is in no function")
