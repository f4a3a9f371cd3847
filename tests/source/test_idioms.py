"""Each idiom of kernel C: what the statements and calls of a body are, to the byte."""

from __future__ import annotations

import pytest

from tests.source.helpers import calls, in_function, refusal, statements

LOOP = "list_for_each_entry(p, &head, list)"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            f"{LOOP}\n *p = 1;",
            [f"MacroLoop|{LOOP}\n *p = 1;", "Expression|*p = 1;"],
            id="loop, then a store through a pointer",
        ),
        pytest.param(
            f"{LOOP} ++i;", [f"MacroLoop|{LOOP} ++i;", "Expression|++i;"], id="loop, then ++i"
        ),
        pytest.param(
            f"{LOOP} --i;", [f"MacroLoop|{LOOP} --i;", "Expression|--i;"], id="loop, then --i"
        ),
        pytest.param(
            f"{LOOP} (void)f();",
            [f"MacroLoop|{LOOP} (void)f();", "Expression|(void)f();"],
            id="loop, then a cast",
        ),
        pytest.param(
            f"{LOOP} (f)(p);",
            [f"MacroLoop|{LOOP} (f)(p);", "Expression|(f)(p);"],
            id="loop, then a parenthesis",
        ),
        pytest.param(
            f"{LOOP} &x;", [f"MacroLoop|{LOOP} &x;", "Expression|&x;"], id="loop, then an address"
        ),
        pytest.param(
            f"{LOOP} -x;", [f"MacroLoop|{LOOP} -x;", "Expression|-x;"], id="loop, then a minus"
        ),
        pytest.param(
            f"{LOOP}\n\tfor_each_thing(q) {{\n\t\tg(q);\n\t}}",
            [
                f"MacroLoop|{LOOP}\n\tfor_each_thing(q) {{\n\t\tg(q);\n\t}}",
                "MacroLoop|for_each_thing(q) {\n\t\tg(q);\n\t}",
                "Compound|{\n\t\tg(q);\n\t}",
                "Expression|g(q);",
            ],
            id="loop in a loop",
        ),
        pytest.param(
            f"{LOOP} ;", [f"MacroLoop|{LOOP} ;", "EmptyStatement|;"], id="loop without a body"
        ),
        pytest.param(
            f"if (x)\n {LOOP}\n  g();\nelse\n h();",
            [
                f"If|if (x)\n {LOOP}\n  g();\nelse\n h();",
                f"MacroLoop|{LOOP}\n  g();",
                "Expression|g();",
                "Expression|h();",
            ],
            id="loop as a branch",
        ),
        pytest.param(
            "do { g(); } while_each_thing(x);",
            ["DoWhile|do { g(); } while_each_thing(x);", "Compound|{ g(); }", "Expression|g();"],
            id="do, ended by a loop macro",
        ),
        pytest.param(
            "do_each_task(t) {\n g(t);\n} while_each_task(t);",
            [
                "MacroBlock|do_each_task(t) {\n g(t);\n} while_each_task(t);",
                "Compound|{\n g(t);\n}",
                "Expression|g(t);",
            ],
            id="a pair of macros that share a brace",
        ),
        pytest.param(
            "switch (x) { case 1 ... 3: case 4: g(); break; default: ; }",
            [
                "Switch|switch (x) { case 1 ... 3: case 4: g(); break; default: ; }",
                "Compound|{ case 1 ... 3: case 4: g(); break; default: ; }",
                "Case|case 1 ... 3: case 4: g();",
                "Case|case 4: g();",
                "Expression|g();",
                "Break|break;",
                "Default|default: ;",
                "EmptyStatement|;",
            ],
            id="case range",
        ),
        pytest.param("out:\n g();", ["Label|out:\n g();", "Expression|g();"], id="label"),
        pytest.param(
            "foo_t:\n g();", ["Label|foo_t:\n g();", "Expression|g();"], id="label named as a type"
        ),
        pytest.param(
            "__label__ a, b;\ngoto *p;\na: b: ;",
            [
                "Decl|__label__ a, b;",
                "ComputedGoto|goto *p;",
                "Label|a: b: ;",
                "Label|b: ;",
                "EmptyStatement|;",
            ],
            id="local labels and computed goto",
        ),
        pytest.param(
            'asm volatile goto ("x %0" : "=r" (a) : [b] "m" (*b), "i" (g(1)) : "memory" : out);',
            [
                'Asm|asm volatile goto ("x %0" : "=r" (a) : [b] "m" (*b), "i" (g(1)) : "memory"'
                " : out);"
            ],
            id="assembler",
        ),
        pytest.param(
            "static DEFINE_MUTEX(m);\nDEFINE_WAIT(w);",
            ["Decl|static DEFINE_MUTEX(m);", "Expression|DEFINE_WAIT(w);"],
            id="declaring macros",
        ),
        pytest.param(
            "const u32 __maybe_unused a = 1, *b __aligned(8) = NULL;",
            ["Decl|const u32 __maybe_unused a = 1, *b __aligned(8) = NULL;"],
            id="annotations in a declaration",
        ),
        pytest.param(
            "if (a) \\\n g();", ["If|if (a) \\\n g();", "Expression|g();"], id="backslash newline"
        ),
        pytest.param("if (a)\r\n\tg();\r\n", ["If|if (a)\r\n\tg();", "Expression|g();"], id="CRLF"),
        pytest.param(
            "g();\f/* \xe9 */ h();", ["Expression|g();", "Expression|h();"], id="odd bytes"
        ),
        pytest.param("fallthrough;", ["Expression|fallthrough;"], id="fallthrough"),
    ],
)
def test_statements(body: str, expected: list[str]) -> None:
    assert statements(body) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("a(b, (c), d[1])", ["a(b|(c)|d[1])"], id="parenthesised argument"),
        pytest.param("a( b /* x */ , c )", ["a(b|c)"], id="white space and comments around"),
        pytest.param("a()", ["a()"], id="no argument"),
        pytest.param("a(struct x, y.z[2])", ["a(struct x|y.z[2])"], id="a type's name"),
        pytest.param("a(const struct x *, u32[3])", ["a(const struct x *|u32[3])"], id="types"),
        pytest.param("a(int (*)(void), b)", ["a(int (*)(void)|b)"], id="a function's type"),
        pytest.param("offsetof(struct x, y[2].z)", ["offsetof(struct x|y[2].z)"], id="offsetof"),
        pytest.param("a(b ?: c(d))", ["a(b ?: c(d))", "c(d)"], id="GNU ?:"),
        pytest.param("a(({ b(c); d; }), e)", ["a(({ b(c); d; })|e)", "b(c)"], id="({ })"),
        pytest.param('a("b" C "d" E(f))', ['a("b" C "d" E(f))', "E(f)"], id="string macros"),
        pytest.param('a(KERN_INFO FMT "x", 1)', ['a(KERN_INFO FMT "x"|1)'], id="macros, string"),
        pytest.param('a(__stringify(b) "\\n")', ['a(__stringify(b) "\\n")', "__stringify(b)"],
                     id="stringify"),
        pytest.param("a(b, ==, c)", ["a(b|==|c)"], id="an operator"),
        pytest.param("a(if (b) c();, d)", ["a(if (b) c();|d)", "c()"], id="a statement"),
        pytest.param("a(if (b) c())", ["a(if (b) c())", "c()"], id="a statement without ;"),
        pytest.param("a(b, { c(); }, d(); e())", ["a(b|{ c(); }|d(); e())", "c()", "d()", "e()"],
                     id="a block"),
        pytest.param("a((struct x){ .y = b(1) })", ["a((struct x){ .y = b(1) })", "b(1)"],
                     id="compound literal"),
        pytest.param("a->b(c)(d)", ["None(d)", "None(c)"], id="call of a call"),
        pytest.param("sizeof(u32) * a(b)", ["a(b)"], id="sizeof a type, times"),
        pytest.param("sizeof a(b)", ["a(b)"], id="sizeof an expression"),
        pytest.param("(u32)(a)", [], id="a cast is no call"),
        pytest.param("(u32)-1", [], id="a cast of a minus"),
        pytest.param("(char __user *)a(b)", ["a(b)"], id="annotation in a cast"),
        pytest.param("(__force typeof(*a))b(c)", ["b(c)"], id="typeof in a cast"),
        pytest.param("p = a = b(c)", ["b(c)"], id="chained assignment"),
        pytest.param("a(x->u32, x.foo_t)", ["a(x->u32|x.foo_t)"], id="members named as types"),
        pytest.param("x = cond ? a(1) : b(2)", ["a(1)", "b(2)"], id="conditional"),
        pytest.param("_Generic(x, u32: a, default: b)(c)", ["None(c)"], id="_Generic"),
        pytest.param("x = foo_t == 1 || g(foo_t)", ["g(foo_t)"], id="a value named as a type"),
        pytest.param("a(__packed, b)", ["a(__packed|b)"], id="an annotation is an argument"),
        pytest.param("a(static_x, b __maybe_unused)", ["a(static_x|b __maybe_unused)"],
                     id="annotation at a slot's end"),
    ],
)  # fmt: skip
def test_calls_and_slots(expression: str, expected: list[str]) -> None:
    assert calls(in_function(f"{expression};")) == expected


@pytest.mark.parametrize(
    ("body", "construct"),
    [
        pytest.param("a(b c);", "expected ')' at 'c' (line 3)", id="two names as an argument"),
        pytest.param("a b;", "expected ';' at 'b' (line 3)", id="unknown type"),
        pytest.param("a(b) c;", "expected ';' at 'c' (line 3)", id="unknown annotation"),
        pytest.param("a(b) { c(); }", "expected ';' at '{' (line 3)", id="unknown block macro"),
        pytest.param("unknown_each(p)\n *p = 1;", "assignment to what is no place in memory at '='"
                     " (line 4)", id="unknown loop, then a store"),
        pytest.param("unknown_each(p)\n g();", "expected ';' at 'g' (line 4)", id="unknown loop"),
        pytest.param("a(int b);", "a name in a type name at 'b' (line 3)", id="named declaration"),
        pytest.param("u32 (a);", "a declaration that looks like a call at '(' (line 3)",
                     id="declaration or call"),
        pytest.param("u32 a(b);", "expected a parameter's type (or a parameter list as before "
                     "ANSI C) at 'b' (line 3)", id="K&R declaration or macro"),
        pytest.param("a(, b);", "expected an expression at ',' (line 3)", id="empty argument"),
        pytest.param("u32;", "a declaration that declares nothing at ';' (line 3)", id="no name"),
        pytest.param("int u32 a;", "expected ';' at 'a' (line 3)", id="two types"),
        pytest.param("a + b = c;", "assignment to what is no place in memory at '=' (line 3)",
                     id="assignment to a sum"),
        pytest.param('"a"(b);', "call of a constant at '(' (line 3)", id="call of a string"),
        pytest.param("out: }", "expected a statement at '}' (line 3)", id="label at the end"),
        pytest.param("x = { 1 };", "expected an expression at '{' (line 3)", id="initialiser"),
        pytest.param("do_each_task(t) { }", "no closing macro for do_each_task at '}' (line 4)",
                     id="open pair"),
        pytest.param("a # b;", "expected ';' at '#' (line 3)", id="stray hash"),
        pytest.param("\xe9;", "expected a statement at '\xe9' (line 3)", id="odd byte in code"),
        pytest.param("case 1: else;", "expected a statement at 'else' (line 3)", id="else alone"),
    ],
)  # fmt: skip
def test_strict_in_bodies(body: str, construct: str) -> None:
    assert refusal(in_function(body)) == construct
