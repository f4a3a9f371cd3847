"""Calls that cannot be followed reach every function of their signature."""

from __future__ import annotations

import pytest

from convert.flow.graph.model import Resolution
from tests.flow.graph.programs import graph_of, indirect_of

PAIR = (
    "static int one(int x) { return x; }\nstatic int two(int x, int y) { return x + y; }\n"
    "static int pointer(void *p) { return !p; }\n"
    "struct s { int (*a)(int); int (*b)(int, int); int (*c)(void *); };\n"
    "static struct s all = { one, two, pointer };\n"
)


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        pytest.param("int t(void) { int (*cb)(int) = outside(); return cb(1); }", {"one"},
                     id="what a function outside returns"),
        pytest.param("struct q { int (*never)(int); };\n"
                     "int t(struct q *p) { return p->never(1); }", {"one"},
                     id="a member that nothing fills"),
        pytest.param("struct q { int (*never)(int, int); };\n"
                     "int t(struct q *p) { return p->never(1, 2); }", {"two"},
                     id="by the number of parameters"),
        pytest.param("struct q { int (*never)(struct q *); };\n"
                     "int t(struct q *p) { return p->never(p); }", {"pointer"},
                     id="void * takes any pointer"),
        pytest.param("struct q { int (*cb)(int); };\nvoid set(struct q *p) { p->cb = outside(); }\n"
                     "int t(struct q *p) { return p->cb(1); }", {"one"},
                     id="a member that gets what a function outside returns"),
        pytest.param("int t(unsigned long n) { return ((int (*)(int))n)(1); }", {"one"},
                     id="an integer that is called"),
        pytest.param("int t(int (*cb)(int)) { return cb(1); }\nEXPORT_SYMBOL(t);", {"one"},
                     id="parameter of an exported function"),
        pytest.param("int t(int (*cb)(int)) { return cb(1); }\nEXPORT_SYMBOL(t);\n"
                     "static int own(int x) { return x; }\nvoid u(void) { t(own); }",
                     {"one", "own"}, id="parameter of an exported function that is called here"),
        pytest.param("int t(int n, ...) { int (*cb)(int) = va_arg(ap, void *); return cb(1); }",
                     {"one"}, id="variable argument"),
        pytest.param("struct q { int (*never)(int, int, int); };\n"
                     "int t(struct q *p) { return p->never(1, 2, 3); }", set(),
                     id="nothing fits"),
    ],
)  # fmt: skip
def test_unresolved(text: str, targets: set[str]) -> None:
    graph = graph_of(PAIR + text)
    ((found, how, complete),) = indirect_of(graph, "t").values()
    assert (found, how, complete) == (targets, Resolution.SIGNATURE, False)
    (unresolved,) = graph.unresolved
    assert (unresolved.place.path, unresolved.candidates) == ("fs/x/a.c", len(targets))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("int t(struct inode *i) { return i->i_op->getattr(i); }",
                     id="a member of a structure outside"),
        pytest.param("int t(struct s *p) { return p->a(1); }", id="a member that is filled"),
        pytest.param("#define NEVER(cb) cb(1)\nint t(void) { return 0; }",
                     id="a macro that nothing expands"),
    ],
)  # fmt: skip
def test_resolved(text: str) -> None:
    assert graph_of(PAIR + text).unresolved == ()


def test_member_of_a_structure_outside_says_that_others_may_run() -> None:
    graph = graph_of(
        "static int get(struct inode *i) { return !i; }\n"
        "const struct inode_operations o = { .getattr = get };\n"
        "int t(struct inode *i) { return i->i_op->getattr(i); }\n"
    )
    ((found, how, complete),) = indirect_of(graph, "t").values()
    assert (found, how, complete) == ({"get"}, Resolution.FIELD, False)
    (routine,) = next(v for k, v in graph.routines.items() if k.name == "t")
    ((_, targets),) = graph.calls(routine)
    assert targets.outside == ("struct inode_operations.getattr",)
