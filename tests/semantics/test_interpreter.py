"""The C that the interpreter runs, compared with a compiler where there is one; what it refuses."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from convert.semantics.cint import INT, UINT, ULONG, CInt, exact, symbol, unknown
from convert.semantics.interpreter.values import Memory, Null, Opaque
from tests.semantics.running import number, refusal, run, values

# Bodies of `int f(int a, int b)`, each with arguments; a compiler agrees on the result.
SNIPPETS = {
    "arithmetic": ("return a * 3 - b / 2 + a % 3;", (7, 5)),
    "bits": ("return (a & ~b) | (a ^ 5) | (b << 3) | (a >> 1);", (29, 12)),
    "negative-shift": ("return (a - 100) >> 2;", (7, 0)),
    "unsigned-compare": ("unsigned u = a; return -1 < u;", (1, 0)),
    "narrowing": ("unsigned char c = a; return c;", (300, 0)),
    "cast": ("return (unsigned char)(a + b) + (long)a;", (250, 9)),
    "bool": ("_Bool t = a; return t + !b + !!a;", (8, 0)),
    "bool-of-a-pointer": ('_Bool t = "x"; return t * 10 + a;', (1, 0)),
    "comma": ("int c = (a++, b++, a + b); return c * 100 + a;", (3, 4)),
    "pre-post": ("int c = a++ + ++b; c -= a-- - --b; return c * 10 + a - b;", (3, 4)),
    "compound-assignment": ("a += 2; a <<= 1; a |= b; a %= 50; a ^= 3; return a;", (30, 64)),
    "chained-assignment": ("int c, d; c = d = a + 1; return c * d;", (6, 0)),
    "conditional": ("return a > b ? a - b : b - a;", (3, 9)),
    "gnu-conditional": ("return (a ?: b) + (b ?: a);", (0, 9)),
    "short-circuit-and": ("int c = 0; if (a && ++c) b = c; return b * 10 + c;", (0, 4)),
    "short-circuit-or": ("int c = 0; if (a || ++c) b = c; return b * 10 + c;", (0, 4)),
    "nested-logic": ("return (a && (b || a > 3)) + ((a || b) && !(a && b)) * 2;", (2, 0)),
    "if-else-chain": ("if (a == 1) b = 1; else if (a == 2) b = 2; else b = 3; return b;", (2, 0)),
    "while": ("int s = 0; while (a > 0) { s += a; a--; } return s;", (10, 0)),
    "do-while": ("int s = 0; do s += a; while (a-- > 3); return s;", (6, 0)),
    "for": ("int s = 0; for (int i = 0; i < a; i++) s += i; return s;", (7, 0)),
    "for-without-parts": ("for (;;) { if (a-- < b) break; } return a;", (9, 4)),
    "continue": (
        "int s = 0; for (int i = 0; i < a; i++) { if (i & 1) continue; s++; } return s;",
        (9, 0),
    ),
    "nested-loops": (
        "int s = 0; for (int i = 0; i < a; i++) for (int j = 0; j < i; j++) "
        "{ if (j == b) break; s++; } return s;",
        (6, 2),
    ),
    "goto-forward": ("if (a) goto out; b = 5; out: return b;", (1, 2)),
    "goto-backward": ("again: b += a; if (b < 20) goto again; return b;", (3, 0)),
    "goto-into-block": ("int c = 1; if (a) goto in; if (b) { in: c = 7; } return c;", (1, 0)),
    "switch": (
        "switch (a) { case 1: b = 10; break; case 2: b = 20; default: b += 1; } return b;",
        (2, 0),
    ),
    "switch-default-first": (
        "switch (a) { default: b = 1; break; case 3: b = 2; } return b;",
        (3, 0),
    ),
    "switch-no-match": ("switch (a) { case 1: b = 2; } return b;", (5, 4)),
    "switch-in-loop": (
        "int s = 0; for (int i = 0; i < a; i++) switch (i % 3) { case 0: continue; "
        "case 1: s += 1; break; default: s += 10; } return s;",
        (8, 0),
    ),
    "shadowing": ("int c = 1; { int c = 2; b += c; } return b + c;", (0, 3)),
    "pointer-to-local": ("int *p = &a; *p = 9; return a + *p;", (1, 0)),
    "pointer-argument": ("int add(int *p, int n); add(&a, b); return a;", (1, 5)),
    "pointer-to-pointer": ("int *p = &a, **q = &p; **q = 6; return a;", (1, 0)),
    "struct-local": ("struct { int *x; } s; s.x = &a; *s.x = 5; return a;", (1, 0)),
    "array-of-pointers": ("int *v[2]; v[0] = &a; v[1] = &b; *v[1] = 8; return b;", (1, 2)),
    "nested-call": ("int twice(int); return twice(twice(a)) + twice(b);", (3, 4)),
    "recursion": ("int fact(int); return fact(a);", (5, 0)),
    "macro-value": ("return SQUARE(a + 1) + ANSWER;", (3, 0)),
    "macro-statement": (
        "INCREMENT(a); if (b) INCREMENT(a); else INCREMENT(b); return a * 10 + b;",
        (3, 0),
    ),
    "macro-nested": ("return SQUARE(SQUARE(a)) - MAXIMUM(a, b);", (2, 9)),
    "macro-variadic": ("return SUM(a, b, 3) + SUM(a, b) + LAST(a, b);", (5, 6)),
    "variadic-function": ("return first(a, b, 7) + first(b);", (5, 6)),
    "macro-of-a-place": ("PLACE(a) = 9; PLACE(b)++; return a * 10 + PLACE(b);", (1, 2)),
    "alias": ("return double_it(a) + apply(twice, b) + apply(double_it, a);", (5, 6)),
    "statement-expression": ("int c = ({ int d = a; d += b; d * 2; }); return c;", (3, 4)),
    "enum-constant": ("return SECOND * 10 + THIRD;", (0, 0)),
    "void-call": ("int c = a; nothing(); (void)twice(c); return c;", (4, 0)),
    "string-is-true": ('return "x" ? a : b;', (1, 2)),
}

PREAMBLE = """\
enum { FIRST, SECOND, THIRD = 7 };
#define ANSWER 42
#define SQUARE(x) ((x) * (x))
#define INCREMENT(v) do { (v)++; } while (0)
#define MAXIMUM(x, y) ({ int _x = (x); int _y = (y); _x > _y ? _x : _y; })
#define SUM(x, ...) add3(x, __VA_ARGS__, 0)
#define LAST(x, rest...) add3(0, rest, 0)
#define PLACE(v) (*&(v))
#define double_it twice
#define apply(fn, v) fn(v)
static int twice(int n);
static int add3(int a, int b, int c, ...) { return a * 4 + b * 2 + c; }
static int first(int n, ...) { return n; }
static int add(int *p, int n) { *p += n; return *p; }
static int twice(int n) { return 2 * n; }
static int fact(int n) { return n <= 1 ? 1 : n * fact(n - 1); }
static void nothing(void) { }
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What a compiler makes of all snippets."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler to compare with")
    folder: Path = tmp_path_factory.mktemp("snippets")
    lines = ["#include <stdio.h>", PREAMBLE]
    calls = []
    for index, (name, (body, arguments)) in enumerate(SNIPPETS.items()):
        lines.append(f"static int f{index}(int a, int b) {{ {body} }}")
        calls.append(f'printf("{name} %d\\n", f{index}({arguments[0]}, {arguments[1]}));')
    lines.append("int main(void) { " + " ".join(calls) + " return 0; }")
    (folder / "s.c").write_text("\n".join(lines))
    program = str(folder / "s")
    subprocess.run(
        [compiler, "-std=gnu11", "-w", "-fwrapv", "-o", program, str(folder / "s.c")], check=True
    )
    output = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in (line.split() for line in output.splitlines())}


@pytest.mark.parametrize("name", SNIPPETS)
def test_agrees_with_a_compiler(name: str, compiled: dict[str, int]) -> None:
    body, arguments = SNIPPETS[name]
    text = f"{PREAMBLE}int f(int a, int b) {{ {body} }}\n"
    assert number(text, *arguments) == compiled[name]


def test_an_undecided_branch_takes_both_sides() -> None:
    text = "int f(int a) { if (a) return 1; return 2; }"
    assert values(text, unknown(INT)) == {exact(1), exact(2)}


def test_a_known_bit_decides_a_branch() -> None:
    text = "int f(unsigned a) { a |= 8; if (a & 8) return 1; return 2; }"
    assert values(text, symbol("a", UINT)) == {exact(1)}


def test_globals_and_outside_memory_are_unknown() -> None:
    text = "int f(struct s *p) { p->n = 3; limit = 4; return (p->n == 3) + (limit == 4); }"
    assert values(text, Opaque()) != {exact(2)}


def test_a_failed_assertion_ends_the_path() -> None:
    text = "int f(int a) { BUG_ON(a & ~7); ASSERT(a != 3); return a; }"
    assert values(text, exact(5)) == {exact(5)}
    assert values(text, exact(8)) == {None}
    assert values(text, exact(3)) == {None}


def test_a_null_dereference_ends_the_path() -> None:
    (outcome,) = run("int f(void) { int *p = NULL; return *p; }").outcomes
    assert (outcome.trap, outcome.where.line) == ("a null pointer is dereferenced", 1)


def test_stale_addresses_are_worth_nothing() -> None:
    text = """\
int *g(void) { int x = 5; return &x; }
int h(void) { int x = 6; return x; }
int f(void) { int *p = g(); int y = h(); return *p + y; }
"""
    (value,) = values(text)
    assert value == unknown(INT)


def test_an_unknown_index_clobbers_the_array() -> None:
    text = "int f(int i, int a) { int *v[2]; v[0] = &a; v[i] = NULL; return v[0] != NULL; }"
    assert values(text, unknown(INT), exact(0)) != {exact(1)}


def test_static_locals_keep_no_initial_value() -> None:
    assert values("int f(void) { static int warned = 0; return warned; }") == {unknown(INT)}


def test_configurations_are_all_run() -> None:
    text = """\
#ifdef CONFIG_A
static int g(int x) { return x; }
#else
static int g(int y) { return y + 1; }
#endif
int f(void) { return g(4); }
"""
    outcomes = run(text).outcomes
    assert {outcome.value for outcome in outcomes} == {exact(4), exact(5)}
    assert {outcome.conditions for outcome in outcomes} == {
        ("defined(CONFIG_A)",),
        ("!defined(CONFIG_A)",),
    }


def test_a_macro_in_one_configuration_and_a_function_in_another() -> None:
    text = """\
#ifdef CONFIG_A
static int g(int x) { return x; }
#else
#define g(x) ((x) + 1)
#endif
int f(void) { return g(4); }
"""
    assert values(text) == {exact(4), exact(5)}


OUTSIDE = """\
#ifdef CONFIG_A
extern {result} g(int x);
#else
static inline {result} g(int x) {{ {body} }}
#endif
int f(void)
{{
	{call}
}}
"""


def test_a_body_that_some_configurations_keep_elsewhere() -> None:
    unused = OUTSIDE.format(result="void", body="", call="g(1); return 2;")
    assert values(unused) == {exact(2)}
    assert run(unused).ignored == ("g() at a.c:8",)
    used = OUTSIDE.format(result="int", body="return x;", call="return g(1);")
    assert refusal(used) == (8, "the result of g() is used, and its body was not read")


def test_a_prototype_of_the_same_configuration_changes_nothing() -> None:
    text = "int g(int x);\nstatic int g(int x) { return x; }\nint f(void) { return g(1); }"
    assert values(text) == {exact(1)}


def test_members_may_share_bytes() -> None:
    text = "int f(int a) { union { int *x; int *y; } u; u.x = &a; u.y = NULL; return u.x != NULL; }"
    (value,) = values(text, exact(0))
    assert isinstance(value, CInt)
    assert value.number is None


@pytest.mark.parametrize(
    ("expression", "number_found"),
    [
        pytest.param("p == p", 1, id="same-memory"),
        pytest.param("p != p", 0, id="same-memory-differs"),
        pytest.param("p == q", None, id="two-allocations-are-not-compared"),
        pytest.param("p == NULL", 0, id="memory-is-not-null"),
        pytest.param("NULL == z", 1, id="both-null"),
        pytest.param("&a == &a", 1, id="same-local"),
        pytest.param("!p", 0, id="not"),
        pytest.param("p + 4 != NULL", 1, id="inside-is-not-null"),
        pytest.param("p < q", None, id="order"),
    ],
)
def test_comparing_pointers(expression: str, number_found: int | None) -> None:
    text = f"""\
int f(int a)
{{
	char *p = kmalloc(8, GFP_KERNEL), *q = kmalloc(8, GFP_KERNEL), *z = 0;
	return {expression};
}}
"""
    (value,) = values(text, exact(0))
    assert isinstance(value, CInt)
    assert value.number == number_found


def test_an_assignment_outside_is_worth_nothing_known() -> None:
    text = "int f(struct s *p) { int x = p->small = 0x1ff; return x; }"
    assert values(text, Opaque()) == {unknown(INT)}


def test_conditions_inside_a_body_are_all_run() -> None:
    text = "int f(void) {\n#ifdef CONFIG_A\n\treturn 1;\n#endif\n\treturn 2;\n}\n"
    assert values(text) == {exact(1), exact(2)}


@pytest.mark.parametrize(
    ("body", "zeroed"),
    [
        pytest.param("return kzalloc(n, GFP_KERNEL);", True, id="kzalloc"),
        pytest.param("return kmalloc(n, GFP_KERNEL | __GFP_ZERO);", True, id="zero-flag"),
        pytest.param("return kmalloc(n, GFP_KERNEL);", False, id="not"),
        pytest.param(
            "void *p = kmalloc(n, GFP_KERNEL); memset(p, 0, n); return p;", True, id="memset"
        ),
        pytest.param(
            "void *p = kmalloc(n, GFP_KERNEL); memset(p, 0, n - 1); return p;",
            None,
            id="memset-of-a-part",
        ),
        pytest.param(
            "void *p = kmalloc(n, GFP_KERNEL); memset(p, 1, n); return p;", None, id="memset-to-one"
        ),
        pytest.param(
            "void *p = kmalloc(64, GFP_KERNEL); memset(p, 0, 64); return p;",
            True,
            id="memset-constant",
        ),
        pytest.param(
            "void *p = kmalloc(64, GFP_KERNEL); memset(p, 0, 32); return p;", None, id="memset-half"
        ),
        pytest.param("int *p = kzalloc(n, GFP_KERNEL); *p = 1; return p;", None, id="written"),
        pytest.param(
            "int *p = kzalloc(n, GFP_KERNEL); p[3] = 1; return p;", None, id="element-written"
        ),
        pytest.param(
            "struct s *p = kzalloc(n, GFP_KERNEL); p->x.y = 1; return p;", None, id="member-written"
        ),
        pytest.param("void *p = kzalloc(n, GFP_KERNEL); fill(p); return p;", None, id="given-away"),
        pytest.param(
            "void *p = kzalloc(n, GFP_KERNEL); trace_alloc(p); return p;", True, id="traced"
        ),
        pytest.param(
            "void *p = kzalloc(n, GFP_KERNEL); memset(p, 0, 8); return p;", True, id="zeroed-again"
        ),
        pytest.param("return krealloc(old, n, GFP_KERNEL | __GFP_ZERO);", None, id="krealloc-zero"),
        pytest.param("return krealloc(old, n, GFP_KERNEL);", False, id="krealloc"),
        pytest.param(
            "void *p = kzalloc(n, GFP_KERNEL); memcpy(p, old, 8); return p;", None, id="copied-over"
        ),
        pytest.param(
            "void *p = kmalloc(n, GFP_KERNEL); return memcpy(p, old, n);", False, id="copied"
        ),
        pytest.param(
            "void *p = kmem_cache_alloc(old, GFP_KERNEL); "
            "memset((char *)p, 0, kmem_cache_size(old)); return p;",
            True,
            id="whole-cache-object",
        ),
        pytest.param(
            "void *p = kmem_cache_alloc(old, GFP_NOFS); memset(p, 0, n); return p;",
            None,
            id="another-size",
        ),
    ],
)
def test_zeroed(body: str, zeroed: bool | None) -> None:
    (value,) = values(
        f"void *f(size_t n, void *old) {{ {body} }}", symbol("n", ULONG), Opaque(label="old")
    )
    assert isinstance(value, Memory)
    assert value.allocation.zeroed is zeroed


def test_freed_memory_is_not_returned_as_fresh() -> None:
    text = "void *f(void) { void *p = kmalloc(8, GFP_KERNEL); kfree(p); return p; }"
    assert values(text) == {Opaque(nonzero=True)}


def test_a_pointer_into_memory_is_not_its_start() -> None:
    text = "void *f(void) { char *p = kmalloc(8, GFP_KERNEL); return p + 4; }"
    (value,) = values(text)
    assert not isinstance(value, (Memory, Null))


# -- what cannot be run ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        pytest.param(
            "int f(void) {\n\treturn mystery();\n}",
            2,
            "the result of mystery() is used",
            id="unknown-result",
        ),
        pytest.param(
            "int f(void) {\n\tint x;\n\n\tmystery(&x);\n\treturn x;\n}",
            4,
            "mystery() is given the address of a local",
            id="escaping-local",
        ),
        pytest.param(
            "int f(struct s *p) {\n\tint x;\n\tp->x = &x;\n\treturn x;\n}",
            3,
            "stored out of sight",
            id="local-stored-away",
        ),
        pytest.param(
            "int f(void) {\n\tint x;\n\tlong u = (long)&x;\n\treturn u;\n}",
            3,
            "turned into a number",
            id="address-as-number",
        ),
        pytest.param(
            "int f(void) {\n\tint x[2];\n\tint *p = x;\n\tp++;\n\treturn *p;\n}",
            4,
            "arithmetic on the address of a local",
            id="pointer-arithmetic",
        ),
        pytest.param(
            "int f(int a) {\n\tSWAP(a, 3);\n\treturn a;\n}",
            2,
            "SWAP() is given locals, and its definition was not read",
            id="unknown-macro",
        ),
        pytest.param(
            "int f(struct ops *o) {\n\treturn o->get();\n}",
            2,
            "the result of a call through a pointer is used",
            id="indirect-call",
        ),
        pytest.param(
            "int f(void) {\n\tpoke(current);\n\treturn 0;\n}",
            2,
            "poke() is given the address of a local",
            id="task-given-away",
        ),
        pytest.param(
            "int f(struct t *p) {\n\tp->flags |= 4;\n\treturn 0;\n}",
            2,
            "->flags of an object that may be the running task",
            id="maybe-task-flags",
        ),
        pytest.param(
            "int f(int a) {\n\treturn 1 / (a - a);\n}", 2, "division by zero", id="division-by-zero"
        ),
        pytest.param(
            "int f(int a) {\n\treturn 1 << (a + 40);\n}", 2, "shift by 40", id="shift-too-far"
        ),
        pytest.param(
            "int f(int a) {\n\tlist_for_each_entry(x, y, z)\n\t\ta++;\n\treturn a;\n}",
            2,
            "MacroLoop is not known",
            id="macro-loop",
        ),
        pytest.param(
            'int f(int a) {\n\tasm volatile("nop" : "+r"(a));\n\treturn a;\n}',
            2,
            "Asm is not known",
            id="assembler",
        ),
        pytest.param(
            "int f(int n) {\n\treturn f(n + 1);\n}",
            2,
            "f() is called too deep",
            id="endless-recursion",
        ),
        pytest.param(
            "int g(int a, int b);\nint g(int a, int b) { return a; }\n"
            "int f(int n) {\n\treturn g(n);\n}",
            4,
            "g() takes other arguments",
            id="wrong-arguments",
        ),
        pytest.param(
            "#define ADD(a, b) ((a) + (b))\nint f(int n) {\n\treturn ADD(n);\n}",
            3,
            "ADD() at a.c:1 takes other arguments",
            id="macro-arguments",
        ),
        pytest.param(
            "int g(int n, ...) { return n; }\nint f(int n) {\n\treturn g(1, &n);\n}",
            3,
            "the address of a local is a variadic argument",
            id="variadic-address",
        ),
        pytest.param(
            "int f(int n) {\n\tunsigned char *p = (unsigned char *)&n;\n\treturn *p;\n}",
            2,
            "the address of a local is cast",
            id="cast-address",
        ),
        pytest.param(
            "#define MAKE(n) make_##n()\nint f(int n) {\n\tMAKE(it);\n\treturn 1;\n}",
            3,
            "MAKE() at a.c:1 cannot be read: its body pastes tokens",
            id="token-pasting",
        ),
        pytest.param(
            "#define FEW(a, ...) (a)\nint f(int n) {\n\treturn FEW();\n}",
            3,
            "FEW() at a.c:1 takes other arguments",
            id="variadic-macro-without-arguments",
        ),
        pytest.param(
            "#define ME(x) ME((x) + 1)\nint f(int n) {\n\treturn ME(n);\n}",
            1,
            "ME() expands to itself",
            id="macro-circle",
        ),
        pytest.param(
            "int f(int a) {\n\tswitch (a) {\n\tcase 1 ... 3:\n\t\treturn 1;\n\t}\n\treturn 0;\n}",
            3,
            "Range is not known",
            id="case-range",
        ),
        pytest.param(
            "int f(int a) {\n\tgoto nowhere;\n\treturn a;\n}",
            2,
            "a label that the function lacks",
            id="missing-label",
        ),
    ],
)
def test_refused_at_the_line(text: str, line: int, what: str) -> None:
    parameters = text.split("int f(")[1].split(")")[0]
    arguments = [] if parameters == "void" else [exact(0) if "int" in parameters else Opaque()]
    found = refusal(text, *arguments)
    assert found is not None
    assert found[0] == line
    assert what in found[1]


def test_an_unknown_macro_may_have_what_is_no_local() -> None:
    text = "int f(struct s *p) { INIT_LIST_HEAD(&p->list); return 1; }"
    assert values(text, Opaque()) == {exact(1)}


def test_unknown_code_that_is_not_reached_does_not_matter() -> None:
    text = "int f(int a) { if (a) return mystery(a); return 2; }"
    assert refusal(text, exact(0)) is None
    assert refusal(text, exact(1)) is not None
    assert refusal(text, unknown(INT)) is not None


def test_independent_conditions_are_refused_if_not_all_combined() -> None:
    text = """\
int f(int a)
{
#ifdef CONFIG_A
	a++;
#endif
#ifdef CONFIG_B
	a += 2;
#endif
	return a;
}
"""
    assert refusal(text, exact(0)) == (
        1,
        "its #if conditions were not all combined with each other",
    )


def test_an_unreadable_definition_is_refused_even_next_to_a_readable_one() -> None:
    text = """\
#ifdef CONFIG_A
static int g(int x) { return x +; }
#else
static int g(int x) { return x; }
#endif
int f(int a)
{
	return g(a);
}
"""
    found = refusal(text, exact(0))
    assert found is not None
    assert found[0] == 8
    assert "g() at a.c:2 cannot be read" in found[1]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }\n"
            "int f(struct s *p) { return fib(28); }",
            id="steps",
        ),
        pytest.param(
            "int f(struct s *p) { int x = 0;"
            + "".join(f"if (p->m{bit}) x += {1 << bit};" for bit in range(20))
            + "return x; }",
            id="states",
        ),
    ],
)
def test_the_budget_is_kept(text: str) -> None:
    found = refusal(text, Opaque())
    assert found is not None
    assert "more than 400000 steps or 20000 states" in found[1]
