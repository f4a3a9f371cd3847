"""What can start with no caller of the paths around it."""

from __future__ import annotations

import pytest

from tests.flow.graph.programs import graph_of, key, roots_of

F = "static int f(int x) { return x; }\n"
VOID = "static void f(struct work_struct *w) { }\n"


@pytest.mark.parametrize(
    ("text", "roots"),
    [
        pytest.param("static int f(struct inode *i) { return 0; }\n"
                     "const struct inode_operations o = { .getattr = f };",
                     {"f: TABLE struct inode_operations.getattr"}, id="table of the VFS"),
        pytest.param("static int f(struct inode *i) { return 0; }\n"
                     "const struct inode_operations o[] = { { f }, { .setattr = f } };",
                     {"f: TABLE struct inode_operations.getattr",
                      "f: TABLE struct inode_operations.setattr"}, id="array of tables"),
        pytest.param("struct own { struct inode_operations in; };\n"
                     "static int f(struct inode *i) { return 0; }\n"
                     "struct own o = { .in.getattr = f };",
                     {"f: TABLE struct inode_operations.getattr"}, id="inside an own structure"),
        pytest.param(f"{VOID}void t(struct work_struct *w) {{ INIT_WORK(w, f); }}",
                     {"f: WORK INIT_WORK"}, id="work item"),
        pytest.param(f"{VOID}void t(struct work_struct *w) {{ w->func = f; }}",
                     {"f: WORK struct work_struct.func"}, id="work item by hand"),
        pytest.param(f"{VOID}#define MY_INIT(w, fn) INIT_WORK(w, fn)\n"
                     "void t(struct work_struct *w) { MY_INIT(w, f); }",
                     {"f: WORK INIT_WORK"}, id="work item through a macro"),
        pytest.param(f"{VOID}void init(struct work_struct *w,\n"
                     "\tvoid (*fn)(struct work_struct *)) { INIT_WORK(w, fn); }\n"
                     "void t(struct work_struct *w) { init(w, f); }",
                     {"f: WORK INIT_WORK"}, id="work item through a function"),
        pytest.param("static int f(void *d) { return 0; }\n"
                     "void t(void *d) { kthread_run(f, d, \"x\"); }",
                     {"f: THREAD kthread_run"}, id="thread"),
        pytest.param("static void f(struct bio *b) { }\n"
                     "void t(struct bio *b) { b->bi_end_io = f; }",
                     {"f: COMPLETION struct bio.bi_end_io"}, id="completion"),
        pytest.param("static unsigned long f(struct shrinker *s) { return 0; }\n"
                     "void t(struct shrinker *s) { s->scan_objects = f; }",
                     {"f: SHRINKER struct shrinker.scan_objects"}, id="shrinker"),
        pytest.param("static void f(struct rcu_head *h) { }\n"
                     "void t(struct rcu_head *h) { call_rcu(h, f); }",
                     {"f: TIMER call_rcu"}, id="after a grace period"),
        pytest.param("int f(int x) { return x; }\nEXPORT_SYMBOL_GPL(f);",
                     {"f: EXPORTED EXPORT_SYMBOL_GPL"}, id="exported"),
        pytest.param("static int f(void) { return 0; }\nmodule_init(f);",
                     {"f: MODULE module_init"}, id="module"),
        pytest.param(f"{F}void t(void) {{ sort(0, 0, 0, f); }}", {"f: ADDRESS sort"},
                     id="callback of a function outside"),
        pytest.param(f"{F}void t(struct inode *i) {{ i->i_private = f; }}",
                     {"f: TABLE struct inode.i_private"}, id="void * outside"),
        pytest.param(f"{F}unsigned long t(void) {{ return (unsigned long)f + 1; }}",
                     {"f: ADDRESS kept in result"}, id="in an expression"),
        pytest.param(f"{F}void t(int n, ...);\nvoid t(int n, ...) {{ }}\n"
                     "void u(void) { t(1, f); }",
                     {"f: ADDRESS kept in local"}, id="variable argument"),
        pytest.param(f"{F}static long kept = (long)f;", {"f: ADDRESS kept in kept"},
                     id="kept in an integer"),
        pytest.param("static int x_show(int v) { return v; }\nDEFINE_SHOW_ATTRIBUTE(x);",
                     {"x_show: ADDRESS single_open"}, id="named by a macro of the headers"),
        pytest.param(f"{F}UNKNOWN_MACRO(f);", {"f: ADDRESS UNKNOWN_MACRO"},
                     id="in a macro that is not known"),
        pytest.param(f"{F}int t(void) {{ @ f(1); }}", {"f: UNPARSED t"}, id="unparsed caller"),
        pytest.param(f"{F}#define BAD(x) f(x) @ f\n", {"f: UNPARSED BAD"}, id="unparsed macro"),
        pytest.param(f"{F}MACRO_HEAD(1, int, x)\n{{\n\treturn f(x);\n}}\n",
                     {"f: UNPARSED MACRO_HEAD"}, id="function whose head is a macro"),
        pytest.param(f"{F}#define OPS {{ .x = f }}\nUNKNOWN(OPS);", {"f: ADDRESS an expression"},
                     id="macro that is used in no way we know"),
        pytest.param("TRACE_EVENT(f, TP_PROTO(int x), TP_ARGS(x), TP_fast_assign("
                     "__entry->a = g(x);));\n"
                     f"{F}static int g(int x) {{ return x; }}",
                     {"g: ADDRESS text that is not parsed"}, id="trace event: calls, no names"),
        pytest.param(f"{F}void t(void *p __cleanup(f)) {{ }}", {"f: ADDRESS __cleanup(f)"},
                     id="cleanup attribute"),
    ],
)  # fmt: skip
def test_roots(text: str, roots: set[str]) -> None:
    assert roots_of(graph_of(text)) == roots


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{F}int t(void) {{ return f(1); }}", id="only called"),
        pytest.param(f"{F}struct own {{ int (*run)(int); }};\nstruct own o = {{ .run = f }};",
                     id="own table"),
        pytest.param(f"{F}struct own {{ int (*run)(int); }};\n"
                     "int t(struct own *o) { return o->run == f && o->run != 0; }",
                     id="compared"),
        pytest.param(f"{F}struct own {{ int (*run)(int); }};\n"
                     "void t(struct own *o) { o->run = f; trace_own(o->run, o); }",
                     id="told to a tracepoint"),
        pytest.param(f"{F}int t(int (*cb)(int)) {{ return cb(1); }}\n"
                     "int u(void) { return t(f); }", id="passed to an own function"),
        pytest.param("int never(void) { return 0; }", id="not called by anyone"),
        pytest.param(f"{F}#define ALIAS f\nint t(void) {{ return ALIAS(1); }}", id="alias"),
        pytest.param("struct f { int x; };\nstatic int f(int x) { return x; }\n"
                     "int t(struct f *p) { return p->x; }", id="tag of the same name"),
        pytest.param(f"{F}#if 0\nEXPORT_SYMBOL(f);\n#endif", id="exported under #if 0"),
        pytest.param(f"{F}int t(void *p) {{ kfree(p); return f(1); }}", id="data handed outside"),
    ],
)  # fmt: skip
def test_no_roots(text: str) -> None:
    assert roots_of(graph_of(text)) == set()


@pytest.mark.parametrize(
    ("files", "rooted"),
    [
        pytest.param({"include/linux/x.h": "int f(int);\n"}, True, id="declared in a header"),
        pytest.param(
            {"fs/y/y.c": "extern int f(int);\nint y(void) { return f(1); }\n"},
            True,
            id="declared by another file",
        ),
        pytest.param(
            {"fs/y/y.c": '#include "../x/x.h"\nint y(void) { return f(1); }\n'},
            True,
            id="with a header of the paths",
        ),
        pytest.param(
            {"fs/y/y.c": "static int f(int x) { return x; }\n"},
            False,
            id="another function of the name",
        ),
        pytest.param({"include/linux/x.h": "int ff(int);\n"}, False, id="part of a name"),
    ],
)
def test_mentions_outside(files: dict[str, str], rooted: bool) -> None:
    own = {"fs/x/a.c": "int f(int x) { return x; }\n", "fs/x/x.h": "int f(int);\n"}
    graph = graph_of({**own, **files})
    assert (key("f") in graph.roots) is rooted


def test_half_a_filesystem_is_called_and_filled_by_the_other_half() -> None:
    header = "struct ops { int (*run)(int); };\nint f(int);\n"
    one = (
        '#include "x.h"\nint f(int x) { return x; }\nstatic int g(int x) { return x; }\n'
        "struct ops o = { .run = g };\nint t(struct ops *p) { return p->run(1); }\n"
    )
    two = '#include "x.h"\nint u(struct ops *p) { p->run = u2; return f(1) + p->run(1); }\n'
    files = {"fs/x/x.h": header, "fs/x/a.c": one, "fs/x/b.c": two}
    half = graph_of(files, "fs/x/a.c", "fs/x/x.h")
    assert roots_of(half) == {
        "f: OUTSIDE named in fs/x/b.c:2", "g: TABLE struct ops.run"
    }  # fmt: skip
    (routine,) = half.routines[key("t")]
    ((_, targets),) = half.calls(routine)
    assert not targets.complete
    assert roots_of(graph_of(files)) == set()


def test_a_file_that_cannot_be_lexed_calls_what_it_names() -> None:
    files = {"fs/x/a.c": "int f(int x) { return x; }\n", "fs/x/b.c": "f(1); /* no end\n"}
    graph = graph_of(files)
    assert roots_of(graph) == {"f: UNPARSED file"}
    assert [refusal.path for refusal in graph.unparsed] == ["fs/x/b.c"]


def test_a_call_of_what_could_not_be_parsed_is_not_complete() -> None:
    graph = graph_of("int bad(int x) { @ }\nint t(void) { return bad(1); }\n")
    (routine,) = graph.routines[key("t")]
    ((_, targets),) = graph.calls(routine)
    assert (targets.outside, targets.complete) == (("bad",), False)
