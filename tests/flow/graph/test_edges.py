"""Which calls the graph sees: by name, through macros, members, callbacks and tables."""

from __future__ import annotations

import pytest

from convert.flow.graph.model import Resolution
from tests.flow.graph.programs import edges_of, graph_of, indirect_of, key

OPS = "struct ops { int (*run)(int); int (*stop)(int); };\n"
F = "static int f(int x) { return x; }\n"
G = "static int g(int x) { return x + 1; }\n"


@pytest.mark.parametrize(
    ("text", "edges"),
    [
        pytest.param(f"{F}int t(void) {{ return f(1); }}", {"t -> f"}, id="direct"),
        pytest.param(f"{F}int t(void) {{ return (f)(1); }}", {"t -> f"}, id="in parentheses"),
        pytest.param(f"{F}int t(void) {{ return (*f)(1); }}", {"t -> f"}, id="dereferenced"),
        pytest.param(f"{F}int t(int f_) {{ return f_ ? f(1) : 0; }}", {"t -> f"}, id="ternary"),
        pytest.param("int t(int n) { return n ? t(n - 1) : 0; }", {"t -> t"}, id="recursion"),
        pytest.param(f"{F}#define ALIAS f\nint t(void) {{ return ALIAS(1); }}", {"t -> f"},
                     id="object-like alias"),
        pytest.param(f"{F}#define ONE TWO\n#define TWO f\nint t(void) {{ return ONE(1); }}",
                     {"t -> f"}, id="alias of an alias"),
        pytest.param(f"{F}#define M(x) f(x)\nint t(void) {{ return M(1); }}",
                     {"t -> M", "M -> f"}, id="macro that calls"),
        pytest.param(f"{F}{G}#define M(x) f(x)\nint t(void) {{ return M(g(1)); }}",
                     {"t -> M", "M -> f", "t -> g"}, id="arguments run in the caller"),
        pytest.param(f"{F}#define NOW f(1)\nint t(void) {{ return NOW; }}",
                     {"t -> NOW", "NOW -> f"}, id="object-like macro that calls"),
        pytest.param(f"{F}#define A (B + 1)\n#define B f(1)\nint t(void) {{ return A; }}",
                     {"t -> A", "A -> B", "B -> f"}, id="object-like macros, nested"),
        pytest.param(f"{F}#define f(x) f(x)\nint t(void) {{ return f(1); }}",
                     {"t -> f", "f -> f"}, id="macro of the function's name"),
        pytest.param(f"{F}#define M(n) n(1)\nint t(void) {{ return M(f); }}",
                     {"t -> M", "M -> f"}, id="macro that calls its parameter"),
        pytest.param("static int put_u8(int v) { return v; }\n"
                     "#define PUT(bits, v) put_u##bits(v)\nint t(void) { return PUT(8, 1); }",
                     {"t -> PUT", "PUT -> put_u8"}, id="pasted callee"),
        pytest.param("static int put_u8(int v) { return v; }\n"
                     "#define PUT(bits, v) put_u##bits(v)\n#define P(b) PUT(b, 1)\n"
                     "int t(void) { return P(8); }",
                     {"t -> P", "P -> PUT", "PUT -> put_u8"}, id="pasted through two macros"),
        pytest.param("#define MAKE(n) static inline int has_##n(int x) { return f(x); }\n"
                     f"{F}MAKE(quota)\nint t(void) {{ return has_quota(1); }}",
                     {"has_quota -> f", "t -> has_quota", "MAKE -> f"},
                     id="function made by pasting"),
        pytest.param("struct f { int f; };\n"
                     f"{F}int t(struct f *p) {{ struct f f_; f_.f = p->f; return f(1); }}",
                     {"t -> f"}, id="tag and member of a function's name"),
        pytest.param(f"{F}int t(void) {{ int f_ = 1; {{ int g = 2; f_ = g; }} return f(f_); }}",
                     {"t -> f"}, id="locals are no calls"),
        pytest.param(f"{F}int t(int swap) {{ int f_; f_ = swap; return f(f_); }}\n"
                     "int swap(int f) { return f; }",
                     {"t -> f"}, id="parameter of a function's name"),
        pytest.param(f"{F}#ifdef X\nint t(void) {{ return f(1); }}\n#else\n"
                     f"int t(void) {{ return g(1); }}\n#endif\n{G}",
                     {"t -> f", "t -> g"}, id="two functions under different #if"),
        pytest.param(f"{F}{G}int t(void) {{\n#ifdef X\n\treturn f(1);\n#else\n\treturn g(1);\n"
                     "#endif\n}", {"t -> f", "t -> g"}, id="#if inside a function"),
        pytest.param(f"{F}#if 0\nint t(void) {{ return f(1); }}\n#endif", set(), id="#if 0"),
        pytest.param(f"{F}int t(int n) {{ return sizeof(n); }}", set(), id="nothing called"),
        pytest.param(f"{F}int t(void) {{ return ({{ int a = f(1); a; }}); }}", {"t -> f"},
                     id="statement expression"),
        pytest.param("unsigned t(void) { return memalloc_nofs_save(); }",
                     {"t -> memalloc_nofs_save", "memalloc_nofs_save -> memalloc_flags_save"},
                     id="scope functions of the headers"),
        pytest.param(f"{F}int t(void) {{ DO_ONCE(f, 1); return 0; }}",
                     {"t -> DO_ONCE", "DO_ONCE -> DO_IF", "DO_IF -> f"},
                     id="macro of the headers that calls its argument"),
        pytest.param(f"{F}int t(void) {{ return apply_inline(f, 1); }}",
                     {"t -> apply_inline", "apply_inline -> f"},
                     id="inline of the headers that calls its argument"),
        pytest.param(f"{F}int t(void) {{ return outside_function(f(1)); }}", {"t -> f"},
                     id="argument of a call outside"),
    ],
)  # fmt: skip
def test_calls_by_name(text: str, edges: set[str]) -> None:
    assert edges_of(graph_of(text)) == edges


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        pytest.param(f"static const struct ops o = {{ .run = f }};\n{G}"
                     "int t(struct ops *p) { return p->run(1); }", {"f"}, id="table"),
        pytest.param("static const struct ops o = { f, g };\n"
                     "int t(struct ops *p) { return p->stop(1); }", {"g"}, id="by position"),
        pytest.param("static const struct ops o[] = { g, f };\n"
                     "int t(int i) { return o[i].run(1); }", {"f", "g"},
                     id="inner braces left out"),
        pytest.param("int t(void) {\n\tstruct { int n; int (*run)(int); } o = { 1, f };\n"
                     "\treturn o.run(1);\n}\nstruct with { int run; };", {"f"},
                     id="structure inside a function"),
        pytest.param("static const struct ops o[] = { [2] = { .run = f }, [3].run = g };\n"
                     "int t(int i) { return o[i].run(1); }", {"f", "g"}, id="array of tables"),
        pytest.param("struct outer { struct ops in; };\n"
                     "static struct outer o = { .in.run = f };\n"
                     "int t(struct outer *p) { return p->in.run(1); }", {"f"},
                     id="nested designator"),
        pytest.param("struct outer { struct { int (*act)(int); } ctx; };\n"
                     "int t(struct outer *p) {\n\tstruct outer o = { .ctx.act = f };\n"
                     "\treturn p->ctx.act(1); }", {"f"}, id="member of an unnamed structure"),
        pytest.param("void set(struct ops *p) { p->run = f; }\n"
                     "int t(struct ops *p) { return p->run(1); }", {"f"}, id="assignment"),
        pytest.param("void set(struct ops *p) { *p = (struct ops){ .run = f }; }\n"
                     "int t(struct ops *p) { return p->run(1); }", {"f"}, id="compound literal"),
        pytest.param("void set(struct ops *p, int (*cb)(int)) { p->run = cb; }\n"
                     "void use(struct ops *p) { set(p, f); set(p, &g); }\n"
                     "int t(struct ops *p) { return (*p->run)(1); }", {"f", "g"},
                     id="stored from a parameter"),
        pytest.param("typedef int (*op_t)(int);\nstruct v { op_t run; };\n"
                     "static struct v o = { .run = f };\n"
                     "int t(struct v *p) { return p->run(1); }", {"f"}, id="typedef of a pointer"),
        pytest.param("typedef int op_t(int);\nstruct v { op_t *run; };\n"
                     "static struct v o = { .run = f };\n"
                     "int t(struct v *p) { return p->run(1); }", {"f"}, id="typedef of a function"),
        pytest.param("struct item { int n; struct ops ops; };\n"
                     "void set(struct item *i) { i->ops.run = f; }\n"
                     "int t(struct ops *o) { struct item *i = container_of(o, struct item, ops);\n"
                     "\treturn i->ops.run(1); }", {"f"}, id="container_of"),
        pytest.param("#define T(p) ((struct ops *)(p))\n"
                     "void set(struct ops *p) { p->run = f; }\n"
                     "int t(void *p) { return T(p)->run(1); }", {"f"}, id="macro that casts"),
        pytest.param("#define CALL(p, op) ((p)->op(1))\n"
                     "static struct ops o = { .run = f, .stop = g };\n"
                     "int t(struct ops *p) { return CALL(p, stop); }", {"g"},
                     id="macro's parameter is the member"),
        pytest.param("#define CALL(p, stop) ((p)->stop(1))\n"
                     "static struct ops o = { .run = f, .stop = g };\n"
                     "int t(struct ops *p) { return CALL(p, stop); }", {"g"},
                     id="macro's parameter is called like the member"),
        pytest.param("#define SET(p, fn) ((p)->run = (fn))\n"
                     "void set(struct ops *p) { SET(p, f); }\n"
                     "int t(struct ops *p) { return p->run(1); }", {"f"}, id="macro that stores"),
        pytest.param("#define TABLE(fn) { .run = fn }\nstatic struct ops o = TABLE(f);\n"
                     "int t(struct ops *p) { return p->run(1); }", {"f"},
                     id="macro that initialises"),
        pytest.param("#define TABLE { .run = f }\nstatic struct ops o = TABLE;\n"
                     "int t(struct ops *p) { return p->run(1); }", {"f"},
                     id="object-like macro that initialises"),
        pytest.param("struct show { struct attribute attr; int (*show)(int); };\n"
                     "#define RO(n) static struct show attr_##n = __ATTR_RO(n)\n"
                     "static int level_show(int x) { return x; }\nRO(level);\n"
                     "int t(struct show *p) { return p->show(1); }", {"level_show"},
                     id="attribute made by pasting"),
        pytest.param("struct show { struct attribute attr; int (*show)(int); };\n"
                     "static int level_show(int x) { return x; }\n"
                     "static struct show s = __ATTR_RO(level);\n"
                     "int t(struct show *p) { return p->show(1); }", {"level_show"},
                     id="initialiser macro of the headers that pastes"),
        pytest.param("struct show { struct attribute attr; int (*show)(int); };\n"
                     "static struct show s = __ATTR(level, f);\n"
                     "int t(struct show *p) { return p->show(1); }", {"f"},
                     id="initialiser macro of the headers"),
        pytest.param("#define i_run ops.run\nstruct ino { struct ops ops; };\n"
                     "void set(struct ino *i) { i->ops.run = f; }\n"
                     "int t(struct ino *i) { return i->i_run(1); }", {"f"},
                     id="macro that is a member"),
        pytest.param("int t(void *p) { return unknown_macro(p)->run(1); }\n"
                     "static struct ops o = { .run = f };", {"f"},
                     id="structure that is not known"),
        pytest.param("void set(struct ops *p) { WRITE_ONCE(p->run, f); }\n"
                     "int t(struct ops *p) { return READ_ONCE(p->run)(1); }", {"f"},
                     id="READ_ONCE and WRITE_ONCE"),
    ],
)  # fmt: skip
def test_calls_through_members(text: str, targets: set[str]) -> None:
    graph = graph_of(OPS + F + (G if G not in text else "") + text)
    reached = {edge.split(" -> ")[1] for edge in edges_of(graph)}
    callers = {"t", "CALL"}
    found = set().union(*(one[0] for c in callers for one in indirect_of(graph, c).values()))
    assert found == targets
    assert targets <= reached
    assert not graph.unresolved  # else the signature may have hidden that nothing was followed


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        pytest.param("void set(struct ops *p) { cmpxchg(&p->run, g, f); }\n"
                     "int t(struct ops *p) { return p->run(1); }", {"f", "g"},
                     id="stored by a macro outside"),
        pytest.param("void set(struct ops *p) { PUT(p->run, f); }\n"
                     "int t(struct ops *p) { return p->run(1); }", {"f"},
                     id="stored by a macro of the headers"),
    ],
)  # fmt: skip
def test_members_that_macros_outside_fill(text: str, targets: set[str]) -> None:
    graph = graph_of(OPS + F + G + "int third(long x) { return x; }\n" + text)
    ((found, how, complete),) = indirect_of(graph, "t").values()
    assert targets <= found
    assert (how, complete) == (Resolution.SIGNATURE, False)  # they may have put more there
    assert {f"t -> {name}" for name in targets} <= edges_of(graph)


@pytest.mark.parametrize(
    ("text", "caller", "targets"),
    [
        pytest.param("static int t(int (*cb)(int)) { return cb(1); }\n"
                     "void use(void) { t(f); }", "t", {"f"}, id="callback"),
        pytest.param("static int in(int (*cb)(int)) { return cb(1); }\n"
                     "static int mid(int (*cb)(int)) { return in(cb); }\n"
                     "void use(void) { mid(f); mid(g); }", "in", {"f", "g"},
                     id="through several levels"),
        pytest.param("static int t(int n) { int (*cb)(int) = n ? f : g; return cb(1); }",
                     "t", {"f", "g"}, id="local"),
        pytest.param("static int t(int n) { return (n ? f : g)(1); }", "t", {"f", "g"},
                     id="called choice"),
        pytest.param("static int (*const tab[])(int) = { f, g };\n"
                     "static int t(int i) { return tab[i](1); }", "t", {"f", "g"},
                     id="array of functions"),
        pytest.param("typedef int (*op_t)(int);\nstatic op_t pick(int n)\n"
                     "{ return n ? f : g; }\nstatic int t(int n) { return pick(n)(1); }",
                     "t", {"f", "g"}, id="returned"),
        pytest.param("static int (*hook)(int);\nvoid set(void) { hook = f; }\n"
                     "static int t(void) { return hook(1); }", "t", {"f"}, id="variable"),
        pytest.param("static void pick(int (**out)(int)) { *out = f; }\n"
                     "static int t(void) { int (*cb)(int); pick(&cb); return cb(1); }",
                     "t", {"f"}, id="out parameter"),
        pytest.param("static int t(void *data) { int (*cb)(int) = data; return cb(1); }\n"
                     "void use(void) { t(f); }", "t", {"f"}, id="through void *"),
        pytest.param("struct cb { int (*fn)(int); };\n"
                     "static int t(struct cb *c) { return c->fn(1); }\n"
                     "static int run(int (*fn)(int))\n"
                     "{ struct cb c = { .fn = fn }; return t(&c); }\n"
                     "void use(void) { run(f); }", "t", {"f"}, id="packed into a structure"),
        pytest.param("#define MY_FN (f)\nstatic int t(int (*cb)(int)) { return cb(1); }\n"
                     "void use(void) { t(MY_FN); }", "t", {"f"}, id="macro that is a function"),
    ],
)  # fmt: skip
def test_calls_of_values(text: str, caller: str, targets: set[str]) -> None:
    ((found, how, complete),) = indirect_of(graph_of(F + G + text), caller).values()
    assert (found, complete) == (targets, True)
    assert how in (Resolution.VALUE, Resolution.FIELD)


def test_static_functions_of_one_name_stay_apart() -> None:
    one = "static int f(void) { return 1; }\nint a(void) { return f(); }\n"
    two = "static int f(void) { return 2; }\nint b(void) { return f(); }\n"
    graph = graph_of({"fs/x/a.c": one, "fs/x/b.c": two})
    assert [e.caller.name for e in graph.callers(key("f", "fs/x/a.c"))] == ["a"]
    assert [e.caller.name for e in graph.callers(key("f", "fs/x/b.c"))] == ["b"]


def test_static_comes_before_global() -> None:
    one = "static int f(void) { return 1; }\nint a(void) { return f(); }\n"
    graph = graph_of({"fs/x/a.c": one, "fs/x/b.c": "int f(void) { return 2; }\n"})
    (routine,) = graph.routines[key("a")]
    assert graph.resolve(routine, "f") == key("f", "fs/x/a.c")
    assert not graph.callers(key("f"))
    assert graph.resolve(routine, "nothing") is None


def test_macro_of_a_file_does_not_hide_the_function_in_its_own_body() -> None:
    one = "#define f(x) f(x, 0)\nint a(void) { return f(1); }\n"
    graph = graph_of({"fs/x/a.c": one, "fs/x/b.c": "int f(int x, int y) { return x + y; }\n"})
    assert [e.caller for e in graph.callers(key("f"))] == [key("f", "fs/x/a.c")]


def test_included_c_file_shares_static_names() -> None:
    one = '#include "b.c"\nint a(void) { return f(); }\n'
    graph = graph_of({"fs/x/a.c": one, "fs/x/b.c": "static int f(void) { return 2; }\n"})
    assert [e.caller.name for e in graph.callers(key("f", "fs/x/b.c"))] == ["a"]


def test_a_call_site_has_its_place_and_the_way_it_was_found() -> None:
    graph = graph_of(f"{OPS}{F}static struct ops o = {{ .run = f }};\n"
                     "int t(struct ops *p)\n{\n\treturn p->run(1);\n}\n")  # fmt: skip
    (edge,) = graph.callers(key("f", "fs/x/a.c"))
    assert (str(edge.place), edge.how) == ("fs/x/a.c:6", Resolution.FIELD)


def test_tables_tell_which_member_holds_which_function() -> None:
    graph = graph_of(f"{OPS}{F}{G}static struct ops one = {{ .run = f }};\n"
                     "static struct ops two = { .run = g, .stop = f };\n")  # fmt: skip
    f, g = key("f", "fs/x/a.c"), key("g", "fs/x/a.c")
    assert graph.tables["fs/x/a.c", "one"] == {"run": (f,)}
    assert graph.tables["fs/x/a.c", "two"] == {"run": (g,), "stop": (f,)}
    stored = graph.initialisers["struct ops", "run"]
    assert [(one.key, one.place.line) for one in stored] == [(f, 4), (g, 5)]


def test_arrays_of_tables_are_told_apart_by_row() -> None:
    graph = graph_of(f"{OPS}{F}{G}enum {{ A, B }};\nstatic const struct ops all[] = {{\n"
                     "\t[A] = { .run = f, .stop = g },\n\t[B] = { .run = g },\n};\n"
                     "static const struct ops plain[] = { { f }, { g } };\n")  # fmt: skip
    f, g = key("f", "fs/x/a.c"), key("g", "fs/x/a.c")
    table = ("fs/x/a.c", "all")
    assert graph.rows(table) == {"A": {"run": (f,), "stop": (g,)}, "B": {"run": (g,)}}
    assert graph.rows(("fs/x/a.c", "plain")) == {"0": {"run": (f,)}, "1": {"run": (g,)}}
    assert graph.rows(("fs/x/a.c", "none")) == {}


def test_a_header_may_name_a_static_function_of_those_who_include_it() -> None:
    header = "static inline int h(void) { return f(); }\n"
    code = '#include "x.h"\nstatic int f(void) { return h(); }\n'
    graph = graph_of({"fs/x/x.h": header, "fs/x/a.c": code})
    assert [e.caller.name for e in graph.callers(key("f", "fs/x/a.c"))] == ["h"]


def test_a_macro_is_worth_the_function_that_its_body_is() -> None:
    text = f"{F}#define PICK(x) f\nint t(void) {{ int (*cb)(int) = PICK(1); return cb(1); }}\n"
    ((found, _, complete),) = indirect_of(graph_of(text), "t").values()
    assert (found, complete) == ({"f"}, True)
